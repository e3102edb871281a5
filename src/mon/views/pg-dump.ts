import { formatValue, table } from '../../codec/index.ts';
import { osdList, setList } from '../../maps/index.ts';
import {
  formatEVersion,
  formatPgId,
  formatPgState,
  type PgStat,
  stamp,
  stampOfMs,
} from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, ok, type ReadCommand } from '../command.ts';
import type { MonState } from '../state.ts';
import { dumpJson, osdsDown, poolIds } from './pg-dump-json.ts';
import { allPgs, type PgSums, pgsPerOsd, sumOfPool, sumPgs } from './pg-view.ts';
import { textOrValue } from './reply.ts';
import { statColumns } from './stat-columns.ts';
import { spaceOf } from './totals.ts';
import { bytes } from './units.ts';

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
