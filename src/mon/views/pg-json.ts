import type { Json } from '../../codec/index.ts';
import {
  ctime,
  formatPgId,
  formatPgState,
  type OsdStat,
  type PgStat,
  type PingSpans,
  type PingTimes,
  pingSpansJson,
  type StoreStatfs,
} from '../../wire/index.ts';

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

export type Latencies = Pick<OsdStat, 'commitLatencyNs' | 'applyLatencyNs'>;

/** Source: objectstore_perf_stat_t::dump, osd/osd_types.cc, 16.2. */
export function perfJson({ commitLatencyNs, applyLatencyNs }: Latencies): { [key: string]: Json } {
  return {
    commit_latency_ms: Math.floor(commitLatencyNs / 1e6),
    apply_latency_ms: Math.floor(applyLatencyNs / 1e6),
    commit_latency_ns: commitLatencyNs,
    apply_latency_ns: applyLatencyNs,
  };
}

/** Source: osd_stat_t::dump_ping_time, osd/osd_types.cc, 16.2. */
export function pingTimesJson({ osd, updatedSec, back, front }: PingTimes): Json {
  const side = (name: string, s: PingSpans): Json => ({ interface: name, ...pingSpansJson(s) });
  return {
    osd,
    'last update': ctime(updatedSec),
    interfaces: [side('back', back), ...(front.average[0] === 0 ? [] : [side('front', front)])],
  };
}
