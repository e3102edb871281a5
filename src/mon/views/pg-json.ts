import type { Json } from '../../codec/index.ts';
import { formatPgId, formatPgState, type PgStat, type StoreStatfs } from '../../wire/index.ts';

export { pgJson, statSumJson } from '../../wire/index.ts';

export function statfsJson(s: StoreStatfs): { [key: string]: Json } {
  return {
    total: s.total,
    available: s.available,
    internally_reserved: s.internallyReserved,
    allocated: s.allocated,
    data_stored: s.dataStored,
    data_compressed: s.dataCompressed,
    data_compressed_allocated: s.dataCompressedAllocated,
    data_compressed_original: s.dataCompressedOriginal,
    omap_allocated: s.omapAllocated,
    internal_metadata: s.internalMetadata,
  };
}
export const NO_STATFS: StoreStatfs = {
  total: 0,
  available: 0,
  internallyReserved: 0,
  allocated: 0,
  dataStored: 0,
  dataCompressed: 0,
  dataCompressedAllocated: 0,
  dataCompressedOriginal: 0,
  omapAllocated: 0,
  internalMetadata: 0,
};

/** What `pgs_brief` and `dump_stuck` in text show of a PG. */
export function pgBriefJson(pg: PgStat): Json {
  return {
    pgid: formatPgId(pg.pgid),
    state: formatPgState(pg.state),
    up: pg.up,
    acting: pg.acting,
    up_primary: pg.upPrimary,
    acting_primary: pg.actingPrimary,
  };
}
