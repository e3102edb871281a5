import { isMergePart, type OSDMap, splitBits } from '../../maps/index.ts';
import type { PgId } from '../../wire/index.ts';
import type { PgView } from '../pg/intervals.ts';
import type { HashRange } from './hash-range.ts';

/** A PG as one map sees it. */
export function viewOf(map: OSDMap, pgid: PgId): PgView {
  const { up, upPrimary, acting, actingPrimary } = map.pgToUpActing(pgid);
  const pool = map.pool(pgid.pool);
  const pgCount = pool?.pgNum ?? 0;
  return {
    epoch: map.epoch,
    up,
    upPrimary,
    acting,
    primary: actingPrimary,
    size: pool?.size ?? 0,
    minSize: pool?.minSize ?? 0,
    pgCount,
    bits: splitBits(pgid.seed, pgCount),
    isMerging: pool !== undefined && isMergePart(pool, pgid.seed),
    upFrom: acting.map((osd) => map.data.osdInfo.at(osd)?.upFrom ?? 0),
    upThru: actingPrimary < 0 ? 0 : (map.data.osdInfo.at(actingPrimary)?.upThru ?? 0),
  };
}

/** What is in a PG as a map has it. */
export function rangeIn(map: OSDMap, pgid: PgId): HashRange {
  return { pgid, bits: splitBits(pgid.seed, map.pool(pgid.pool)?.pgNum ?? 0) };
}
