import { CRUSH_ITEM_NONE } from '../crush/index.ts';
import type { UpActing } from './placement.ts';
import type { OsdSet, PoolPlacement } from './pool-placement.ts';

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

/** Maps all PGs of a pool, without allocating for each. */
export function mapPgs(placement: PoolPlacement, poolId: number, pgNum: number): PoolMapping {
  const { width, raw, up, acting } = placement;
  const ids = (): Int32Array => new Int32Array(pgNum * width).fill(CRUSH_ITEM_NONE);
  const out = {
    ...{ poolId, pgNum, width },
    ...{ raw: ids(), rawCounts: new Uint16Array(pgNum) },
    ...{ up: ids(), upCounts: new Uint16Array(pgNum), upPrimary: new Int32Array(pgNum) },
    ...{
      acting: ids(),
      actingCounts: new Uint16Array(pgNum),
      actingPrimary: new Int32Array(pgNum),
    },
  };
  for (let seed = 0; seed < pgNum; seed++) {
    placement.place(seed);
    copyRow(raw, out.raw, seed * width);
    copyRow(up, out.up, seed * width);
    copyRow(acting, out.acting, seed * width);
    out.rawCounts[seed] = raw.count;
    out.upCounts[seed] = up.count;
    out.actingCounts[seed] = acting.count;
    out.upPrimary[seed] = placement.upPrimary;
    out.actingPrimary[seed] = placement.actingPrimary;
  }
  return out;
}

function copyRow({ ids, count }: OsdSet, to: Int32Array, at: number): void {
  for (let i = 0; i < count; i++) to[at + i] = ids[i]!;
}

/** The ids of one row of a mapping. */
function row(ids: Int32Array, width: number, seed: number, count: number): number[] {
  return Array.from(ids.subarray(seed * width, seed * width + count));
}

/** What the mapping says of one PG. */
export function upActingOf(m: PoolMapping, seed: number): UpActing {
  return {
    up: row(m.up, m.width, seed, m.upCounts[seed]!),
    upPrimary: m.upPrimary[seed]!,
    acting: row(m.acting, m.width, seed, m.actingCounts[seed]!),
    actingPrimary: m.actingPrimary[seed]!,
  };
}

/** Is the OSD in the up or the acting set of the PG? */
export function holds(m: PoolMapping, seed: number, osd: number): boolean {
  const start = seed * m.width;
  for (let i = start; i < start + m.width; i++) {
    if (m.up[i] === osd || m.acting[i] === osd) return true;
  }
  return false;
}
