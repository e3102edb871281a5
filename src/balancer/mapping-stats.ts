import { CRUSH_ITEM_NONE } from '../crush/index.ts';
import { type OSDMap, POOL_TYPE } from '../maps/index.ts';

/** How many copies of PGs OSDs have, before a change of the map and after it. Figures are rounded as Ceph's floats. */
export interface MappingStats {
  readonly moved: number;
  readonly total: number;
  readonly average: number;
  readonly deviation: number;
  readonly newDeviation: number;
  /** What chance would give. */
  readonly expected: number;
  readonly min: Extreme | undefined;
  readonly max: Extreme | undefined;
}

/** The OSD with the fewest or most copies before the change. */
interface Extreme {
  readonly osd: number;
  readonly before: number;
  readonly after: number;
}

const f32 = Math.fround;

/**
 * Counts where PGs are up in two maps. Source: OSDMap::summarize_mapping_stats, release 16.2.
 * @returns undefined when no OSD is up and in
 */
export function mappingStats(
  map: OSDMap,
  newMap: OSDMap,
  pools: Iterable<number> = map.data.pools.keys(),
): MappingStats | undefined {
  const before = new Int32Array(map.data.maxOsd);
  const after = new Int32Array(map.data.maxOsd);
  let moved = 0;
  let total = 0;
  for (const id of pools) {
    const pool = map.pool(id)!;
    const [a, b] = [map.poolMapping(id)!, newMap.poolMapping(id)!];
    total += pool.pgNum * pool.size;
    for (const osd of a.up) if (osd !== CRUSH_ITEM_NONE) before[osd]!++;
    for (const osd of b.up) if (osd !== CRUSH_ITEM_NONE) after[osd]!++;
    for (let seed = 0; seed < pool.pgNum; seed++) {
      const row = a.up.subarray(seed * a.width, seed * a.width + a.upCounts[seed]!);
      const newRow = b.up.subarray(seed * b.width, seed * b.width + b.upCounts[seed]!);
      const isErasure = pool.type === POOL_TYPE.erasure;
      row.forEach((osd, i) => {
        if (isErasure ? osd !== newRow[i] : !newRow.includes(osd)) moved++;
      });
    }
  }
  const counted = map.osds().filter((osd) => map.isUp(osd) && map.isIn(osd));
  if (counted.length === 0) return undefined;
  const average = f32(f32(total) / f32(counted.length));
  let squares = 0;
  let newSquares = 0;
  let min: Extreme | undefined;
  let max: Extreme | undefined;
  for (const osd of counted) {
    const here = { osd, before: before[osd]!, after: after[osd]! };
    squares = f32(squares + f32(f32(here.before - average) ** 2));
    newSquares = f32(newSquares + f32(f32(here.after - average) ** 2));
    if (!min || here.before < min.before) min = here;
    if (!max || here.before > max.before) max = here;
  }
  return {
    moved,
    total,
    average,
    deviation: f32(Math.sqrt(f32(squares / counted.length))),
    newDeviation: f32(Math.sqrt(f32(newSquares / counted.length))),
    expected: f32(Math.sqrt(average * (1 - 1 / counted.length))),
    min,
    max,
  };
}
