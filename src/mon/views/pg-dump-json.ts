import type { Json } from '../../codec/index.ts';
import { type OsdStat, stampOfMs, sumCompressed } from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import {
  type Latencies,
  NO_STATFS,
  perfJson,
  pgBriefJson,
  pgJson,
  pingTimesJson,
  statfsJson,
  statSumJson,
} from './pg-json.ts';
import { allPgs, countedOsds, listedOsds, type PgSums, sumOfPool, sumPgs } from './pg-view.ts';
import { type Compressed, compressedOf, poolStats, spaceOf } from './totals.ts';

// The parts of `pg dump` as values. Source: PGMap::dump*, mon/PGMap.cc, release 16.2.

/** Pools in the order in which dumps list them. */
export const poolIds = (state: MonState): number[] =>
  [...state.osdmap.data.pools.keys()].sort((a, b) => b - a);
/** OSDs likewise. */
export const osdsDown = (state: MonState): [number, OsdStat][] => listedOsds(state).reverse();

const NO_OSD = {
  snap_trim_queue_len: 0,
  num_snap_trimming: 0,
  num_shards_repaired: 0,
  op_queue_age_hist: { histogram: [], upper_bound: 1 },
} as const;
const kib = (n: number): number => Math.floor(n / 1024);

interface OsdSpace {
  readonly total: number;
  readonly used: number;
  readonly available: number;
  readonly data: number;
  readonly omap: number;
  readonly metadata: number;
}
function osdBody(
  s: OsdSpace,
  c: Compressed,
  osds: number,
  peers: readonly number[],
  latencies: Latencies,
  pings: Json,
): { [key: string]: Json } {
  return {
    num_osds: osds,
    num_per_pool_osds: osds,
    num_per_pool_omap_osds: osds,
    kb: kib(s.total),
    kb_used: kib(s.used),
    kb_used_data: kib(s.data),
    kb_used_omap: kib(s.omap),
    kb_used_meta: kib(s.metadata),
    kb_avail: kib(s.available),
    statfs: statfsJson({
      ...NO_STATFS,
      total: s.total,
      available: s.available,
      allocated: Math.max(0, s.data - c.original + c.allocated),
      dataStored: s.data,
      dataCompressed: c.compressed,
      dataCompressedAllocated: c.allocated,
      dataCompressedOriginal: c.original,
      omapAllocated: s.omap,
      internalMetadata: s.metadata,
    }),
    hb_peers: peers,
    ...NO_OSD,
    perf_stat: perfJson(latencies),
    alerts: [],
    network_ping_times: pings,
  };
}

function osdsJson(state: MonState): { [key: string]: Json } {
  return {
    osd_stats: osdsDown(state).map(([osd, s]) => ({
      osd,
      up_from: s.upFrom,
      seq: 0,
      num_pgs: s.numPgs,
      ...osdBody(
        {
          total: s.totalBytes,
          used: s.usedBytes,
          available: s.availableBytes,
          data: s.dataBytes,
          omap: s.omapBytes,
          metadata: s.metadataBytes,
        },
        sumCompressed(s.compressed),
        state.osdmap.isIn(osd) ? 1 : 0,
        s.heartbeatPeers,
        s,
        s.pingTimes.map(pingTimesJson),
      ),
    })),
    pool_statfs: [],
  };
}

function sumsJson(sums: PgSums): { [key: string]: Json } {
  return {
    stat_sum: statSumJson(sums.stat),
    store_stats: statfsJson(NO_STATFS),
    log_size: sums.logSize,
    ondisk_log_size: sums.ondiskLogSize,
    up: sums.up,
    acting: sums.acting,
    num_store_stats: 0,
  };
}

function basicJson(state: MonState): { [key: string]: Json } {
  const space = spaceOf(state);
  const osds = countedOsds(state);
  const numPgs = osds.reduce((n, [, s]) => n + s.numPgs, 0);
  const latencies: Latencies = {
    commitLatencyNs: osds.reduce((n, [, s]) => n + s.commitLatencyNs, 0),
    applyLatencyNs: osds.reduce((n, [, s]) => n + s.applyLatencyNs, 0),
  };
  return {
    version: state.pgMapVersion,
    stamp: stampOfMs(state.pgMapStampMs),
    last_osdmap_epoch: 0,
    last_pg_scan: 0,
    pg_stats_sum: sumsJson(sumPgs(allPgs(state))),
    osd_stats_sum: {
      up_from: 0,
      seq: 0,
      num_pgs: numPgs,
      ...osdBody(space, compressedOf(state), space.osds, [], latencies, []),
    },
    ...deltaJson(),
  };
}
/** The change over the last seconds is kept as rates, so this is always nothing. */
function deltaJson(): { [key: string]: Json } {
  return { pg_stats_delta: { ...sumsJson(sumPgs([])), stamp_delta: '0.000000' } };
}

function poolsJson(state: MonState): Json {
  const stats = poolStats(state);
  return poolIds(state).map((id) => {
    const sums = sumOfPool(state, id);
    const store = stats.get(state.osdmap.poolName(id) ?? '');
    return {
      poolid: id,
      num_pg: sums.pgs,
      ...sumsJson(sums),
      store_stats: statfsJson(store?.storeStats ?? NO_STATFS),
      num_store_stats: store?.numStoreStats ?? 0,
    };
  });
}

/** `pg dump` as a value; `what` names its parts. */
export function dumpJson(state: MonState, what: ReadonlySet<string>): Json {
  const pgs = allPgs(state);
  if (what.has('all')) {
    return {
      pg_ready: true,
      pg_map: {
        ...basicJson(state),
        pg_stats: pgs.map(pgJson),
        pool_stats: poolsJson(state),
        ...osdsJson(state),
      },
    };
  }
  if (what.has('summary') || what.has('sum')) return { pg_ready: true, pg_map: basicJson(state) };
  return {
    pg_ready: true,
    ...(what.has('pools') && { pool_stats: poolsJson(state) }),
    ...(what.has('osds') && osdsJson(state)),
    ...(what.has('pgs') && { pg_stats: pgs.map(pgJson) }),
    ...(what.has('pgs_brief') && { pg_stats: pgs.map(pgBriefJson) }),
    ...(what.has('delta') && { delta: deltaJson() }),
  };
}
