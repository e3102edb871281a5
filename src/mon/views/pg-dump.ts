import {
  formatEVersion,
  formatPgId,
  formatPgState,
  type OsdStat,
  type PgStat,
} from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, ok, type ReadCommand } from '../command.ts';
import type { MonState } from '../state.ts';
import { formatValue, type Json } from './json.ts';
import { NO_STATFS, pgBriefJson, pgJson, statfsJson, statSumJson } from './pg-json.ts';
import {
  allPgs,
  countedOsds,
  listedOsds,
  osdList,
  type PgSums,
  pgsPerOsd,
  setList,
  sumOfPool,
  sumPgs,
} from './pg-view.ts';
import { textOrValue } from './reply.ts';
import { statColumns, table } from './text-table.ts';
import { poolStats, spaceOf } from './totals.ts';
import { bytes, stamp, stampOfMs } from './units.ts';

// Source: PGMap::dump* and process_pg_map_command, mon/PGMap.cc, release 16.2. Ceph lists PGs, pools and OSDs in the
// order of its hash tables; here PGs ascend, and pools and OSDs descend, as they do there in small clusters.

/** Every table of PGs ends with it. */
export const OMAP_NOTE =
  '\n* NOTE: Omap statistics are gathered during deep scrub and may be inaccurate soon afterwards depending on utilization. See http://docs.ceph.com/en/latest/dev/placement-group/#omap-statistics for further details.\n';

const SUM_TITLES = [
  'OBJECTS',
  'MISSING_ON_PRIMARY',
  'DEGRADED',
  'MISPLACED',
  'UNFOUND',
  'BYTES',
  'OMAP_BYTES*',
  'OMAP_KEYS*',
  'LOG',
  'DISK_LOG',
];
const PG_TITLES = [
  ...SUM_TITLES,
  'STATE',
  'STATE_STAMP',
  'VERSION',
  'REPORTED',
  'UP',
  'UP_PRIMARY',
  'ACTING',
  'ACTING_PRIMARY',
  'LAST_SCRUB',
  'SCRUB_STAMP',
  'LAST_DEEP_SCRUB',
  'DEEP_SCRUB_STAMP',
  'SNAPTRIMQ_LEN',
];

function sumCells(s: Pick<PgSums, 'stat' | 'logSize' | 'ondiskLogSize'>): string[] {
  const { stat } = s;
  return [
    stat.numObjects,
    stat.numObjectsMissingOnPrimary,
    stat.numObjectsDegraded,
    stat.numObjectsMisplaced,
    stat.numObjectsUnfound,
    stat.numBytes,
    stat.numOmapBytes,
    stat.numOmapKeys,
    s.logSize,
    s.ondiskLogSize,
  ].map(String);
}

function pgTable(pgs: readonly PgStat[]): string {
  const rows = pgs.map((pg) => [
    formatPgId(pg.pgid),
    ...sumCells({ stat: pg.statsSum, logSize: pg.logSize, ondiskLogSize: pg.ondiskLogSize }),
    formatPgState(pg.state),
    stamp(pg.lastChange),
    formatEVersion(pg.version),
    `${pg.reportedEpoch}:${pg.reportedSeq}`,
    setList(pg.up),
    String(pg.upPrimary),
    setList(pg.acting),
    String(pg.actingPrimary),
    formatEVersion(pg.lastScrub),
    stamp(pg.lastScrubStamp),
    formatEVersion(pg.lastDeepScrub),
    stamp(pg.lastDeepScrubStamp),
    '0',
  ]);
  return table(statColumns(['PG_STAT', ...PG_TITLES]), rows);
}

/** What a PG is and where: `pgs_brief` and `dump_stuck`. */
export function briefTable(pgs: readonly PgStat[]): string {
  const titles = ['PG_STAT', 'STATE', 'UP', 'UP_PRIMARY', 'ACTING', 'ACTING_PRIMARY'];
  const rows = pgs.map((pg) => [
    formatPgId(pg.pgid),
    formatPgState(pg.state),
    osdList(pg.up),
    String(pg.upPrimary),
    osdList(pg.acting),
    String(pg.actingPrimary),
  ]);
  return table(statColumns(titles), rows);
}

const poolIds = (state: MonState): number[] =>
  [...state.osdmap.data.pools.keys()].sort((a, b) => b - a);

/** Inside a full dump the headings are left out, but not their line. */
function poolTable(state: MonState, headings: boolean): string {
  const titles = headings ? ['POOLID', ...SUM_TITLES] : ['', ...SUM_TITLES.map(() => '')];
  const rows = poolIds(state).map((id) => [String(id), ...sumCells(sumOfPool(state, id))]);
  return table(statColumns(titles), rows);
}
function sumTable(state: MonState, headings: boolean): string {
  const titles = headings ? ['PG_STAT', ...SUM_TITLES] : ['', ...SUM_TITLES.map(() => '')];
  return table(statColumns(titles), [['sum', ...sumCells(sumPgs(allPgs(state)))]]);
}

const osdsDown = (state: MonState): [number, OsdStat][] => listedOsds(state).reverse();
const SPACE_TITLES = ['OSD_STAT', 'USED', 'AVAIL', 'USED_RAW', 'TOTAL'];

function spaceSum(state: MonState): string[] {
  const s = spaceOf(state);
  return ['sum', bytes(s.used), bytes(s.available), bytes(s.total - s.available), bytes(s.total)];
}
function osdTable(state: MonState): string {
  const perOsd = pgsPerOsd(state);
  const rows = osdsDown(state).map(([osd, s]) => [
    String(osd),
    bytes(s.usedBytes),
    bytes(s.availableBytes),
    bytes(s.totalBytes - s.availableBytes),
    bytes(s.totalBytes),
    osdList(s.heartbeatPeers),
    String(perOsd.get(osd)?.acting ?? 0),
    String(perOsd.get(osd)?.primary ?? 0),
  ]);
  const titles = [...SPACE_TITLES, 'HB_PEERS', 'PG_SUM', 'PRIMARY_PG_SUM'];
  return table(statColumns(titles), [...rows, [...spaceSum(state), '', '', '']]);
}

function basicText(state: MonState): string {
  const stamp = stampOfMs(state.pgMapStampMs);
  return `version ${state.pgMapVersion}\nstamp ${stamp}\nlast_osdmap_epoch 0\nlast_pg_scan 0\n`;
}

function dumpText(state: MonState, what: ReadonlySet<string>): string {
  const pgs = allPgs(state);
  if (what.has('all')) {
    return (
      basicText(state) +
      pgTable(pgs) +
      poolTable(state, false) +
      sumTable(state, false) +
      osdTable(state) +
      OMAP_NOTE
    );
  }
  if (what.has('summary') || what.has('sum')) {
    const space = table(statColumns(SPACE_TITLES), [spaceSum(state)]);
    return basicText(state) + sumTable(state, true) + space + OMAP_NOTE;
  }
  let text = '';
  if (what.has('pgs_brief')) text += briefTable(pgs);
  if (what.has('pgs')) text += pgTable(pgs);
  if (what.has('pools')) text += poolTable(state, !what.has('pgs'));
  if (what.has('osds')) text += osdTable(state);
  return what.has('pgs') || what.has('pools') ? text + OMAP_NOTE : text;
}

const NO_OSD = {
  snap_trim_queue_len: 0,
  num_snap_trimming: 0,
  num_shards_repaired: 0,
  op_queue_age_hist: { histogram: [], upper_bound: 1 },
  perf_stat: {
    commit_latency_ms: 0,
    apply_latency_ms: 0,
    commit_latency_ns: 0,
    apply_latency_ns: 0,
  },
  alerts: [],
  network_ping_times: [],
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
function osdBody(s: OsdSpace, osds: number, peers: readonly number[]): { [key: string]: Json } {
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
      allocated: s.data,
      dataStored: s.data,
      omapAllocated: s.omap,
      internalMetadata: s.metadata,
    }),
    hb_peers: peers,
    ...NO_OSD,
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
        state.osdmap.isIn(osd) ? 1 : 0,
        s.heartbeatPeers,
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
  const numPgs = countedOsds(state).reduce((n, [, s]) => n + s.numPgs, 0);
  return {
    version: state.pgMapVersion,
    stamp: stampOfMs(state.pgMapStampMs),
    last_osdmap_epoch: 0,
    last_pg_scan: 0,
    pg_stats_sum: sumsJson(sumPgs(allPgs(state))),
    osd_stats_sum: { up_from: 0, seq: 0, num_pgs: numPgs, ...osdBody(space, space.osds, []) },
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

function dumpJson(state: MonState, what: ReadonlySet<string>): Json {
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

function pgDump(state: MonState, args: CommandArgs): CommandReply {
  const given = args.list('dumpcontents');
  const what = new Set(given.length > 0 ? given : ['all']);
  const status = `dumped ${[...what].sort().join(',')}`;
  return textOrValue(
    args,
    () => dumpText(state, what),
    () => dumpJson(state, what),
    { status },
  );
}

const CONTENTS = 'all|summary|sum|delta|pools|osds|pgs|pgs_brief';
export const pgDumpCommands: ReadCommand[] = [
  {
    sig: `pg dump name=dumpcontents,type=CephChoices,strings=${CONTENTS},n=N,req=false`,
    help: 'Print the state of the placement groups',
    module: 'pg',
    perm: 'r',
    run: pgDump,
  },
  {
    sig: 'pg dump_json name=dumpcontents,type=CephChoices,strings=all|summary|sum|pools|osds|pgs,n=N,req=false',
    help: 'Print the state of the placement groups as JSON',
    module: 'pg',
    perm: 'r',
    run: (state) => ok(formatValue(dumpJson(state, new Set(['all'])), false), 'dumped all'),
  },
  {
    sig: 'pg dump_pools_json',
    help: 'Print the sums over each pool as JSON',
    module: 'pg',
    perm: 'r',
    run: (state) => ok(formatValue(dumpJson(state, new Set(['pools'])), false), 'dumped pools'),
  },
];
