import { currentWeight } from '../../crush/index.ts';
import { WEIGHT_ONE } from '../../maps/index.ts';
import type { MonState } from '../state.ts';
import { allPgs, countedOsds } from '../views/pg-view.ts';

/** How override weights are to follow what OSDs hold. */
export interface ReweightRules {
  /** Percent of the average from which on an OSD holds too much; above 100. */
  readonly overload: number;
  /** Most that a weight changes. */
  readonly maxChange: number;
  readonly maxOsds: number;
  /** What counts: copies of PGs by weight, or bytes used by size. */
  readonly by: 'pg' | 'utilization';
  /** Whose PGs count; undefined: all. */
  readonly pools: ReadonlySet<number> | undefined;
  /** OSDs that hold too little keep their weights. */
  readonly noIncreasing: boolean;
}

/** A new override weight, as 16.16. */
export interface Reweight {
  readonly osd: number;
  readonly from: number;
  readonly to: number;
}

export interface ReweightPlan {
  readonly average: number;
  readonly overload: number;
  readonly changes: readonly Reweight[];
}

const f32 = Math.fround;

/**
 * Override weights that take data off OSDs that hold too much, and give it to those that hold too little. Source:
 * reweight::by_utilization of src/mon/PGMap.cc, release 16.2, down to the rounding of its floats.
 * @returns the reason in words when there is too little to go by
 */
export function planReweight(state: MonState, rules: ReweightRules): ReweightPlan | string {
  const use = rules.by === 'pg' ? useByPgs(state, rules.pools) : useByBytes(state);
  if (typeof use === 'string') return use;
  const { average, perOsd } = use;
  const overload = (average * rules.overload) / 100;
  const maxChange = Math.trunc(rules.maxChange * WEIGHT_ONE);
  const byDeviation = [...perOsd].sort(
    (a, b) => Math.abs(b[1] - average) - Math.abs(a[1] - average),
  );
  const changes: Reweight[] = [];
  for (const [osd, used] of byDeviation) {
    if (changes.length >= rules.maxOsds) break;
    const from = state.osdmap.data.osdWeight[osd] ?? 0;
    if (from === 0) continue;
    // An OSD that holds nothing has no share to go by.
    const fitting = used > 0 ? Math.trunc((average / used) * f32(from)) : 0;
    if (used >= overload) {
      const to = from > maxChange ? Math.max(fitting, from - maxChange) : fitting;
      changes.push({ osd, from, to });
    } else if (!rules.noIncreasing && used <= average) {
      const to = Math.min(fitting, from + maxChange, WEIGHT_ONE);
      if (to > from) changes.push({ osd, from, to });
    }
  }
  return { average, overload, changes };
}

interface Use {
  readonly average: number;
  readonly perOsd: readonly (readonly [number, number])[];
}

function useByPgs(state: MonState, pools: ReadonlySet<number> | undefined): Use | string {
  const crush = state.osdmap.crushMap;
  const weight = (osd: number): number => f32((currentWeight(crush, osd) ?? 0) / WEIGHT_ONE);
  const counts = new Map<number, number>();
  let weights = 0;
  let copies = 0;
  for (const pg of allPgs(state)) {
    if (pools && !pools.has(pg.pgid.pool)) continue;
    for (const osd of pg.acting) {
      if (!state.osdmap.exists(osd)) continue;
      if (!counts.has(osd)) {
        if (weight(osd) <= 0) continue;
        weights += weight(osd);
      }
      counts.set(osd, (counts.get(osd) ?? 0) + 1);
      copies++;
    }
  }
  const least = Number(state.option('mon_reweight_min_pgs_per_osd'));
  if (counts.size === 0 || Math.trunc(copies / counts.size) < least) {
    return `Refusing to reweight: we only have ${copies} PGs across ${counts.size} osds!\n`;
  }
  const perOsd = countedOsds(state).flatMap(([osd]) => {
    const count = counts.get(osd);
    return count === undefined ? [] : [[osd, f32(count / weight(osd))] as const];
  });
  return { average: copies / weights, perOsd };
}

function useByBytes(state: MonState): Use | string {
  const osds = countedOsds(state);
  let total = 0;
  let used = 0;
  for (const [, s] of osds) {
    total += s.totalBytes;
    used += s.usedBytes;
  }
  const least = Number(state.option('mon_reweight_min_bytes_per_osd'));
  const count = Math.max(1, osds.length);
  const kib = (bytes: number): number => Math.floor(bytes / 1024);
  if (Math.trunc(total / count) < least) {
    return `Refusing to reweight: we only have ${kib(total)} kb across all osds!\n`;
  }
  if (Math.trunc(used / count) < least) {
    return `Refusing to reweight: we only have ${kib(used)} kb used across all osds!\n`;
  }
  const perOsd = osds.map(([osd, s]) => [osd, f32(s.usedBytes / s.totalBytes)] as const);
  return { average: used / total, perOsd };
}
