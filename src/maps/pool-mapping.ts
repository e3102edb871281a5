import { CRUSH_ITEM_NONE } from '../crush/index.ts';
import type { OSDMap } from './osdmap.ts';

/**
 * Where every PG of one pool lives, in flat arrays. The set of PG `seed` begins at `seed * width` and holds as many ids
 * as its count says; the rest of its places are CRUSH_ITEM_NONE, so two mappings of one shape are equal when their
 * arrays are. Erasure-coded sets also hold CRUSH_ITEM_NONE where a shard has no OSD. Not to be changed.
 */
export interface PoolMapping {
  readonly poolId: number;
  readonly pgNum: number;
  /** Places per PG: the pool's size, or more where an override is longer. */
  readonly width: number;
  /** What CRUSH alone chooses, of the OSDs that exist: {@link OSDMap.pgToRaw}. */
  readonly raw: Int32Array;
  readonly rawCounts: Uint16Array;
  /** See {@link UpActing}. */
  readonly up: Int32Array;
  readonly upCounts: Uint16Array;
  /** -1: none. */
  readonly upPrimary: Int32Array;
  readonly acting: Int32Array;
  readonly actingCounts: Uint16Array;
  readonly actingPrimary: Int32Array;
}

/**
 * Maps all PGs of a pool, each as {@link OSDMap.pgToUpActing} does, without allocating for each.
 * @returns undefined when the pool does not exist
 */
export function mapPool(map: OSDMap, poolId: number): PoolMapping | undefined {
  const pool = map.pool(poolId);
  if (!pool) return undefined;
  const { pgNum } = pool;
  const pgs = Array.from({ length: pgNum }, (_, seed) => {
    const pgid = { pool: poolId, seed };
    return { raw: map.pgToRaw(pgid), ...map.pgToUpActing(pgid) };
  });
  const longest = (n: number, { raw, up, acting }: (typeof pgs)[number]): number =>
    Math.max(n, raw.length, up.length, acting.length);
  const width = pgs.reduce(longest, pool.size);
  const flat = (pick: (pg: (typeof pgs)[number]) => readonly number[]): Int32Array => {
    const ids = new Int32Array(pgNum * width).fill(CRUSH_ITEM_NONE);
    pgs.forEach((pg, seed) => {
      ids.set(pick(pg), seed * width);
    });
    return ids;
  };
  return {
    poolId,
    pgNum,
    width,
    raw: flat((pg) => pg.raw),
    rawCounts: Uint16Array.from(pgs, (pg) => pg.raw.length),
    up: flat((pg) => pg.up),
    upCounts: Uint16Array.from(pgs, (pg) => pg.up.length),
    upPrimary: Int32Array.from(pgs, (pg) => pg.upPrimary),
    acting: flat((pg) => pg.acting),
    actingCounts: Uint16Array.from(pgs, (pg) => pg.acting.length),
    actingPrimary: Int32Array.from(pgs, (pg) => pg.actingPrimary),
  };
}

/** Maps every pool, by ascending id. */
export function mapAllPools(map: OSDMap): Map<number, PoolMapping> {
  const ids = [...map.data.pools.keys()].sort((a, b) => a - b);
  return new Map(ids.map((id) => [id, mapPool(map, id)!]));
}
