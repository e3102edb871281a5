import { crushHash2 } from '../crush/index.ts';
import type { OSDMap, PgKey, UpmapItem } from '../maps/index.ts';
import { Evenness } from './evenness.ts';
import { pgKey } from './overrides.ts';
import { PoolSpread } from './spread.ts';

export interface UpmapOptions {
  /** Shards by which a device may miss its target. Default 5; 1 or more. */
  readonly maxDeviation?: number;
  /** How many PGs may be given other items. Default 10. */
  readonly maxChanges?: number;
  /** Pool ids. Default: all. */
  readonly pools?: Iterable<number>;
  /** Chooses among what is equally good. Default 0. */
  readonly seed?: number;
}

/** What to set for one PG. */
export interface UpmapChange {
  readonly pgid: PgKey;
  /** All its pg-upmap-items from now on; none: `ceph osd rm-pg-upmap-items`. */
  readonly items: readonly UpmapItem[];
}

/** Moves that are looked at before the search gives up on a map that cannot be made even. */
const CHECKS_MAX = 40_000_000;

/**
 * Upmaps that even out the shards per device: first each pool by itself, then, where that leaves room, all of them
 * together. Weights, reweights, failure domains and device classes are kept to; upmaps that are there already are
 * removed where that helps as much as a new one. Equal map and options give equal changes.
 * @returns in the order of pool and seed; none when every device is within the deviation, or nothing helps
 */
export function calcPgUpmaps(map: OSDMap, options: UpmapOptions = {}): UpmapChange[] {
  const { seed = 0, maxDeviation = 5, maxChanges = 10 } = options;
  const ids = [...(options.pools ?? map.data.pools.keys())];
  const rank = (id: number): number => crushHash2(seed, id) >>> 0;
  ids.sort((a, b) => rank(a) - rank(b) || a - b);
  const spreads = ids.map((id) => PoolSpread.of(map, id, seed)).filter((s) => s !== undefined);
  const search = new Evenness(spreads, {
    deviation: Math.max(1, maxDeviation),
    changes: maxChanges,
    checks: CHECKS_MAX,
  });
  for (const spread of spreads) search.even([spread], spread.deviation);
  if (spreads.length > 1) search.even(spreads, search.total);
  return changesOf(map, spreads);
}

function changesOf(map: OSDMap, spreads: readonly PoolSpread[]): UpmapChange[] {
  const out: UpmapChange[] = [];
  for (const spread of spreads.toSorted((a, b) => a.poolId - b.poolId)) {
    for (const pg of spread.changedPgs()) {
      const pgid = pgKey(spread.poolId, pg);
      const items = spread.itemsOf(pg);
      if (items.length > 0 || map.data.pgUpmapItems.has(pgid)) out.push({ pgid, items });
    }
  }
  return out;
}
