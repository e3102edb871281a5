/**
 * Lengths of the straws of a `straw` bucket, 16.16: drawn with them, items come up in proportion to their weights.
 * Source: crush_calc_straw in crush/builder.c, release 16.2.
 *
 * Items are taken from the lightest to the heaviest; a straw is as much longer than the one before as makes up for the
 * share of all draws that the lighter items already hold.
 * @param version `straw_calc_version`: 0 counts the items that are left wrongly when weights are equal or zero, which
 *   old maps rely on
 */
export function strawLengths(weights: readonly number[], version: number): number[] {
  const straws: number[] = new Array(weights.length).fill(0);
  const order = weights.map((_, i) => i).sort((a, b) => weights[a]! - weights[b]! || a - b);
  let left = weights.length;
  let straw = 1;
  let below = 0;
  let settled = 0;
  for (let i = 0; i < order.length; i++) {
    const weight = weights[order[i]!]!;
    if (weight === 0) {
      if (version > 0) left--;
      continue;
    }
    // A length beyond 32 bits wraps, as the same conversion does in Ceph on x86.
    straws[order[i]!] = (straw * 0x10000) >>> 0;
    const following = order[i + 1];
    if (following === undefined) break;
    const next = weights[following]!;
    if (version === 0) {
      if (next === weight) continue;
      below += (weight - settled) * left;
      for (let j = i + 1; j < order.length && weights[order[j]!] === next; j++) left--;
    } else {
      below += (weight - settled) * left;
      left--;
    }
    const step = left * (next - weight);
    straw *= (1 / (below / (below + step))) ** (1 / left);
    settled = weight;
  }
  return straws;
}
