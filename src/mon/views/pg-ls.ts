import { type Json, table } from '../../codec/index.ts';
import { osdList, setList } from '../../maps/index.ts';
import {
  formatEVersion,
  formatPgId,
  formatPgState,
  msOfUtime,
  type PgStat,
  parsePgId,
  parsePgState,
  pgState,
  stamp,
  type UTime,
} from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import {
  CommandFailure,
  type CommandReply,
  ok,
  type ReadCommand,
  readCommand,
  refuse,
} from '../command.ts';
import type { MonState } from '../state.ts';
import { briefTable, OMAP_NOTE } from './pg-dump.ts';
import { pgJson } from './pg-json.ts';
import { allPgs, countByState, sumPgs } from './pg-view.ts';
import { clientIoShort, missing, recoveryIo } from './rates.ts';
import { textOrValue, valueReply } from './reply.ts';
import { statColumns } from './stat-columns.ts';
import { spaceOf } from './totals.ts';
import { bytes, span } from './units.ts';

// Source: process_pg_map_command and PGMap::dump_filtered_pg_stats, mon/PGMap.cc, release 16.2.

const TITLES = [
  'PG',
  'OBJECTS',
  'DEGRADED',
  'MISPLACED',
  'UNFOUND',
  'BYTES',
  'OMAP_BYTES*',
  'OMAP_KEYS*',
  'LOG',
  'STATE',
  'SINCE',
  'VERSION',
  'REPORTED',
  'UP',
  'ACTING',
  'SCRUB_STAMP',
  'DEEP_SCRUB_STAMP',
];

/** `[1,NONE,0]p1`. */
const setText = (osds: readonly number[], primary: number): string => `${setList(osds)}p${primary}`;

function lsTable(state: MonState, pgs: readonly PgStat[]): string {
  const rows = pgs.map((pg) => {
    const s = pg.statsSum;
    return [
      formatPgId(pg.pgid),
      ...[
        s.numObjects,
        s.numObjectsDegraded,
        s.numObjectsMisplaced,
        s.numObjectsUnfound,
        s.numBytes,
        s.numOmapBytes,
        s.numOmapKeys,
        pg.logSize,
      ].map(String),
      formatPgState(pg.state),
      span(state.nowMs - msOfUtime(pg.lastChange)),
      formatEVersion(pg.version),
      `${pg.reportedEpoch}:${pg.reportedSeq}`,
      setText(pg.up, pg.upPrimary),
      setText(pg.acting, pg.actingPrimary),
      stamp(pg.lastScrubStamp),
      stamp(pg.lastDeepScrubStamp),
    ];
  });
  return rows.length > 0 ? table(statColumns(TITLES), rows) + OMAP_NOTE : '';
}

const CHOICES =
  'stale+creating+active+activating+clean+recovery_wait+recovery_toofull+recovering+forced_recovery+down+recovery_unfound+backfill_unfound+undersized+degraded+remapped+premerge+scrubbing+deep+inconsistent+peering+repair+backfill_wait+backfilling+forced_backfill+backfill_toofull+incomplete+peered+snaptrim+snaptrim_wait+snaptrim_error';

/** Lists the PGs that pass `keep` and have all bits of any of the states asked for. */
function pgLs(state: MonState, args: CommandArgs, keep: (pg: PgStat) => boolean): CommandReply {
  const wanted = args.list('states').filter((word) => word !== 'all');
  const masks = wanted.map((word) => {
    const mask = parsePgState(word);
    if (mask === undefined) {
      throw new CommandFailure(
        'EINVAL',
        `'${word}' is not a valid pg state, available choices: ${CHOICES}`,
      );
    }
    return mask;
  });
  const matches = (pg: PgStat): boolean =>
    masks.length === 0 || masks.some((m) => (m === 0n ? pg.state === 0n : (pg.state & m) === m));
  const pgs = allPgs(state).filter((pg) => keep(pg) && matches(pg));
  return textOrValue(
    args,
    () => lsTable(state, pgs),
    () => ({ pg_ready: true, pg_stats: pgs.length > 0 ? pgs.map(pgJson) : undefined }),
  );
}

/** The `pool` argument of the listings, checked. */
function inPool(state: MonState, args: CommandArgs): (pg: PgStat) => boolean {
  const pool = args.number('pool') ?? -1;
  if (pool < 0) return () => true;
  if (!state.osdmap.pool(pool)) throw new CommandFailure('ENOENT', `pool ${pool} does not exist`);
  return (pg) => pg.pgid.pool === pool;
}

function ofOsd(state: MonState, args: CommandArgs, primaryOnly: boolean): (pg: PgStat) => boolean {
  const osd = args.needNumber('osd');
  if (!state.osdmap.isUp(osd)) throw new CommandFailure('EAGAIN', `osd ${osd} is not up`);
  const pool = inPool(state, args);
  return (pg) =>
    pool(pg) &&
    (primaryOnly ? pg.actingPrimary === osd : pg.acting.includes(osd) || pg.up.includes(osd));
}

function lsByPool(state: MonState, args: CommandArgs): CommandReply {
  const name = args.needText('poolstr');
  const pool = state.osdmap.poolByName(name);
  if (!pool) return refuse('ENOENT', `pool ${name} does not exist`);
  return pgLs(state, args, (pg) => pg.pgid.pool === pool.id);
}

interface Stuck {
  readonly is: (pg: PgStat) => boolean;
  readonly since: (pg: PgStat) => UTime;
}
const having = (name: Parameters<typeof pgState>[0]) => (pg: PgStat) =>
  (pg.state & pgState(name)) !== 0n;
const lacking = (name: Parameters<typeof pgState>[0]) => (pg: PgStat) =>
  (pg.state & pgState(name)) === 0n;
const STUCK: Readonly<Record<string, Stuck>> = {
  inactive: { is: lacking('active'), since: (pg) => pg.lastActive },
  unclean: { is: lacking('clean'), since: (pg) => pg.lastClean },
  stale: { is: having('stale'), since: (pg) => pg.lastUnstale },
  undersized: { is: having('undersized'), since: (pg) => pg.lastFullsized },
  degraded: { is: having('degraded'), since: (pg) => pg.lastUndegraded },
};

function dumpStuck(state: MonState, args: CommandArgs): CommandReply {
  const words = args.list('stuckops');
  const threshold = args.number('threshold') ?? Number(state.option('mon_pg_stuck_threshold'));
  const cutoffMs = state.nowMs - threshold * 1000;
  const stuck = (words.length > 0 ? words : ['unclean']).map((word) => {
    const rule = STUCK[word];
    if (!rule) throw new CommandFailure('EINVAL', `Unknown type: ${word}`);
    return rule;
  });
  const pgs = allPgs(state).filter((pg) =>
    stuck.some((s) => s.is(pg) && msOfUtime(s.since(pg)) < cutoffMs),
  );
  return textOrValue(
    args,
    () => (pgs.length > 0 ? briefTable(pgs) : ''),
    () => ({ pg_ready: true, stuck_pg_stats: pgs.map(pgJson) }),
    { status: 'ok', wrapped: true },
  );
}

function statText(state: MonState): string {
  const pgs = allPgs(state);
  const { stat } = sumPgs(pgs);
  const space = spaceOf(state);
  const states = countByState(pgs).map((s) => `${s.count} ${s.name}`);
  const parts = [
    `${pgs.length} pgs: ${states.join(', ')}`,
    `${bytes(stat.numBytes)} data, ${bytes(space.used)} used, ${bytes(space.available)} / ${bytes(space.total)} avail`,
  ];
  const client = clientIoShort(state.totalRates).text;
  if (client) parts.push(client);
  parts.push(...missing(stat).lines);
  const recovery = recoveryIo(state.totalRates).text;
  if (recovery) parts.push(`${recovery} recovering`);
  return `${parts.join('; ')}\n`;
}

function statJson(state: MonState): Json {
  const pgs = allPgs(state);
  const { stat } = sumPgs(pgs);
  const space = spaceOf(state);
  return {
    pg_ready: true,
    pg_summary: {
      num_pg_by_state: countByState(pgs).map((s) => ({ name: s.name, num: s.count })),
      num_pgs: pgs.length,
      num_bytes: stat.numBytes,
      total_bytes: space.total,
      total_avail_bytes: space.available,
      total_used_bytes: space.used,
      total_used_raw_bytes: space.total - space.available,
      ...clientIoShort(state.totalRates).json,
      ...missing(stat).json,
      ...recoveryIo(state.totalRates).json,
    },
  };
}

function pgMap(state: MonState, args: CommandArgs): CommandReply {
  const text = args.needText('pgid');
  const raw = parsePgId(text);
  if (!raw) return refuse('EINVAL', `invalid pgid '${text}'`);
  const map = state.osdmap;
  const pgid = map.rawPgToPg(raw.pool, raw.seed);
  if (!pgid) return refuse('ENOENT', `pg '${text}' does not exist`);
  const { up, acting } = map.pgToUpActing(pgid);
  const names = [formatPgId(raw), formatPgId(pgid)] as const;
  return textOrValue(
    args,
    () =>
      `osdmap e${map.epoch} pg ${names[0]} (${names[1]}) -> up ${osdList(up)} acting ${osdList(acting)}\n`,
    () => ({ epoch: map.epoch, raw_pgid: names[0], pgid: names[1], up, acting }),
  );
}

/** The answer as a word, and then the wrapper that Ceph's manager puts behind any JSON. */
function pgDebug(state: MonState, args: CommandArgs): CommandReply {
  const op = args.needText('debugop');
  const { stat } = sumPgs(allPgs(state));
  const n = op === 'unfound_objects_exist' ? stat.numObjectsUnfound : stat.numObjectsDegraded;
  const word = n > 0 ? 'TRUE\n' : 'FALSE\n';
  if (!args.json) return ok(word);
  const reply = valueReply(args, { pg_ready: true });
  return ok(word + String(reply.output));
}

const STATES = 'name=states,type=CephString,n=N,req=false';
const POOL = 'name=pool,type=CephInt,req=false';
export const pgLsCommands: ReadCommand[] = [
  readCommand('pg', 'pg stat', 'Count the placement groups by state', (state, args) =>
    textOrValue(
      args,
      () => statText(state),
      () => statJson(state),
      { wrapped: true },
    ),
  ),
  readCommand('pg', `pg ls ${POOL} ${STATES}`, 'List placement groups', (state, args) =>
    pgLs(state, args, inPool(state, args)),
  ),
  readCommand(
    'pg',
    `pg ls-by-pool name=poolstr,type=CephString ${STATES}`,
    'List the placement groups of a pool',
    lsByPool,
  ),
  readCommand(
    'pg',
    `pg ls-by-primary name=osd,type=CephOsdName ${POOL} ${STATES}`,
    'List placement groups by their primary',
    (state, args) => pgLs(state, args, ofOsd(state, args, true)),
  ),
  readCommand(
    'pg',
    `pg ls-by-osd name=osd,type=CephOsdName ${POOL} ${STATES}`,
    'List the placement groups of an OSD',
    (state, args) => pgLs(state, args, ofOsd(state, args, false)),
  ),
  readCommand(
    'pg',
    'pg dump_stuck name=stuckops,type=CephChoices,strings=inactive|unclean|stale|undersized|degraded,n=N,req=false ' +
      'name=threshold,type=CephInt,req=false',
    'List placement groups that make no progress',
    dumpStuck,
  ),
  readCommand(
    'pg',
    'pg map name=pgid,type=CephPgid',
    'Show which OSDs a placement group maps to',
    pgMap,
  ),
  readCommand(
    'pg',
    'pg debug name=debugop,type=CephChoices,strings=unfound_objects_exist|degraded_pgs_exist',
    'Say whether objects are unfound, or PGs degraded',
    pgDebug,
  ),
];
