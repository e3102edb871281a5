import type { Intervals } from '../wire/index.ts';

// Sets of snapshot ids as sorted, disjoint, non-touching intervals: interval_set of include/interval_set.h.

/** All ids of either set. */
export function unionIntervals(a: Intervals, b: Intervals): Intervals {
  const all = [...a, ...b].sort((x, y) => (x.start < y.start ? -1 : x.start > y.start ? 1 : 0));
  const out: Intervals = [];
  for (const { start, length } of all) {
    const last = out[out.length - 1];
    if (!last || start > last.start + last.length) {
      out.push({ start, length });
    } else if (start + length > last.start + last.length) {
      last.length = start + length - last.start;
    }
  }
  return out;
}

/** The ids of `a` that are not in `b`. */
export function subtractIntervals(a: Intervals, b: Intervals): Intervals {
  const out: Intervals = [];
  for (const { start, length } of a) {
    const end = start + length;
    let from = start;
    for (const cut of b) {
      const cutEnd = cut.start + cut.length;
      if (cutEnd <= from || cut.start >= end) continue;
      if (cut.start > from) out.push({ start: from, length: cut.start - from });
      from = cutEnd;
      if (from >= end) break;
    }
    if (from < end) out.push({ start: from, length: end - from });
  }
  return out;
}
