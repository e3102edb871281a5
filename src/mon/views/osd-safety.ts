import { formatValue, type Json } from '../../codec/index.ts';
import { devicesBelow, parentOf } from '../../crush/index.ts';
import { ERRNO, type ErrnoName } from '../../errors/index.ts';
import { formatPgId, type PgStat, pgState } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, ok, type ReadCommand, readCommand, refuse } from '../command.ts';
import { byWord, parseOsdIds } from '../commands/osd-ids.ts';
import type { MonState } from '../state.ts';
import { allPgs } from './pg-view.ts';
import { valueReply } from './reply.ts';
import { unsurePgs } from './unsure-pgs.ts';

// Whether OSDs can be given up or stopped. Source: DaemonServer::_handle_command and _check_offlines_pgs of
// src/mgr/DaemonServer.cc, release 16.2.

const ACTIVE = pgState('active');
const CLEAN = pgState('active', 'clean');
const DEGRADED = pgState('degraded');

const ascending = (a: number, b: number): number => a - b;

/** What speaks against giving OSDs up. */
export interface DestroySafety {
  readonly safe: readonly number[];
  /** They are to hold PGs. */
  readonly active: readonly number[];
  /** Nobody knows what they hold, and not everything is clean. */
  readonly missingStats: readonly number[];
  /** They hold something, and not everything is clean. */
  readonly storedPgs: readonly number[];
  /** Why not; undefined when nothing speaks against it. */
  readonly refusal: { readonly errno: ErrnoName; readonly text: string } | undefined;
}

export function destroySafety(state: MonState, osds: readonly number[]): DestroySafety {
  const { osdmap, osdStats } = state;
  const pgs = allPgs(state);
  const unknown = unsurePgs(state).length;
  const isAllClean = pgs.every((pg) => (pg.state & CLEAN) === CLEAN);
  const safe: number[] = [];
  const active: number[] = [];
  const missingStats: number[] = [];
  const storedPgs: number[] = [];
  let affected = 0;
  if (unknown > 0) {
    const text = `${unknown} pgs have unknown state; cannot draw any conclusions`;
    return { safe, active, missingStats, storedPgs, refusal: { errno: 'EAGAIN', text } };
  }
  for (const osd of osds) {
    const mapped = pgs.filter((pg) => pg.acting.includes(osd) || pg.up.includes(osd)).length;
    const stat = osdStats.get(osd);
    if (!osdmap.exists(osd)) safe.push(osd);
    else if (mapped > 0) {
      active.push(osd);
      affected += mapped;
    } else if (isAllClean) safe.push(osd);
    else if (!stat || !osdmap.isUp(osd)) missingStats.push(osd);
    else if (stat.numPgs > 0) storedPgs.push(osd);
    else safe.push(osd);
  }
  const found = { safe, active, missingStats, storedPgs };
  if (safe.length === osds.length) return { ...found, refusal: undefined };
  let text = '';
  if (safe.length > 0) {
    text += `OSD(s) ${safe} are safe to destroy without reducing data durability. `;
  }
  if (active.length > 0) text += `OSD(s) ${active} have ${affected} pgs currently mapped to them. `;
  if (missingStats.length > 0) {
    text += `OSD(s) ${missingStats} have no reported stats, and not all PGs are active+clean; we cannot draw any conclusions. `;
  }
  if (storedPgs.length > 0) {
    text += `OSD(s) ${storedPgs} last reported they still store some PG data, and not all PGs are active+clean; we cannot be sure they aren't still needed.`;
  }
  const errno = active.length + storedPgs.length > 0 ? 'EBUSY' : 'EAGAIN';
  return { ...found, refusal: { errno, text } };
}

function idsOf(state: MonState, args: CommandArgs): number[] {
  const ids = parseOsdIds(args.list('ids'), () => state.osdmap.osds(), byWord);
  return [...new Set(ids)].sort(ascending);
}

function safeToDestroy(state: MonState, args: CommandArgs): CommandReply {
  const osds = idsOf(state, args);
  if (osds.length === 0) return refuse('EINVAL', 'must specify one or more OSDs');
  const { safe, active, missingStats, storedPgs, refusal } = destroySafety(state, osds);
  const isUnknown = safe.length + active.length + missingStats.length + storedPgs.length === 0;
  if (refusal && (isUnknown || !args.json)) return refuse(refusal.errno, refusal.text);
  if (args.json) {
    return valueReply(args, {
      safe_to_destroy: safe,
      active,
      missing_stats: missingStats,
      stored_pgs: storedPgs,
    });
  }
  return ok('', `OSD(s) ${osds} are safe to destroy without reducing data durability.`);
}

/** What becomes of PGs when OSDs stop. */
interface StopReport {
  readonly osds: readonly number[];
  readonly isOk: boolean;
  readonly unknown: readonly string[];
  readonly notOk: number;
  readonly json: Json;
}

function stopReport(state: MonState, osds: ReadonlySet<number>): StopReport {
  const unknown: string[] = [];
  const lists = new Map<string, string[]>();
  const note = (list: string, pg: PgStat): void => {
    lists.set(list, [...(lists.get(list) ?? []), formatPgId(pg.pgid)]);
  };
  let good = 0;
  let bad = 0;
  const unsure = new Set(unsurePgs(state));
  const isAny = (members: readonly number[]): boolean => members.some((osd) => osds.has(osd));
  for (const pg of allPgs(state)) {
    const holders = holdersOf(pg);
    const isConcerned = isAny(holders) || isAny(state.osdmap.pgToUpActing(pg.pgid).acting);
    if (pg.state === 0n || (unsure.has(pg) && isConcerned)) {
      unknown.push(formatPgId(pg.pgid));
      continue;
    }
    if (!isAny(holders)) continue;
    const left = holders.filter((osd) => osd >= 0 && !osds.has(osd)).length;
    const isInactive = (pg.state & ACTIVE) === 0n;
    const becomesInactive = left < state.osdmap.pool(pg.pgid.pool)!.minSize;
    if (isInactive) note('bad_already_inactive', pg);
    if (becomesInactive) note('bad_become_inactive', pg);
    if (isInactive || becomesInactive) bad++;
    else {
      good++;
      const isDegraded = (pg.state & DEGRADED) !== 0n;
      note(isDegraded ? 'ok_become_more_degraded' : 'ok_become_degraded', pg);
    }
  }
  const isOk = bad === 0 && unknown.length === 0;
  const inOrder = [
    'bad_already_inactive',
    'bad_become_inactive',
    'ok_become_degraded',
    'ok_become_more_degraded',
  ].flatMap((name): [string, Json][] => {
    const list = lists.get(name);
    return list ? [[name, list]] : [];
  });
  const list = [...osds].sort(ascending);
  const json = new Map<string, Json>([
    ['ok_to_stop', isOk],
    ['osds', list],
    ['num_ok_pgs', good],
    ['num_not_ok_pgs', bad],
    ...(unknown.length > 0 ? [['unknown_pgs', unknown] as [string, Json]] : []),
    ...inOrder,
  ]);
  return { osds: list, isOk, unknown, notOk: bad, json };
}

/** Who can serve a PG: all of its members, or those that have all of it where not all do. */
function holdersOf({ state, acting, availNoMissing }: PgStat): readonly number[] {
  const isServing = (state & ACTIVE) !== 0n;
  return isServing && (state & CLEAN) !== CLEAN ? availNoMissing : acting;
}

/** As many as `max` that can stop together, from the first one's surroundings outwards. */
function widened(state: MonState, first: StopReport, max: number): StopReport {
  const { osdmap } = state;
  let best = first;
  const osds = new Set(first.osds);
  let hasFailed = false;
  for (let at = first.osds[0]; at !== undefined && !hasFailed; ) {
    const parent = parentOf(osdmap.crushMap, at);
    if (parent === undefined) break;
    for (const osd of devicesBelow(osdmap.crushMap, parent)) {
      if (osds.size >= max) return best;
      if (osds.has(osd) || !osdmap.isUp(osd)) continue;
      const report = stopReport(state, new Set([...osds, osd]));
      if (report.isOk) {
        osds.add(osd);
        best = report;
      } else hasFailed = true;
    }
    at = parent;
  }
  return best;
}

function okToStop(state: MonState, args: CommandArgs): CommandReply {
  const osds = idsOf(state, args);
  if (osds.length === 0) return refuse('EINVAL', 'must specify one or more OSDs');
  let report = stopReport(state, new Set(osds));
  if (report.isOk) report = widened(state, report, args.number('max') ?? 1);
  const output = `${formatValue(report.json, args.format === 'json-pretty')}\n`;
  const answer = (errno: ErrnoName, status: string) => ({ result: -ERRNO[errno], status, output });
  if (report.unknown.length > 0) {
    return answer(
      'EAGAIN',
      `${report.unknown.length} pgs have unknown state; cannot draw any conclusions`,
    );
  }
  if (report.isOk) return ok(output);
  return answer(
    'EBUSY',
    `unsafe to stop osd(s) at this time (${report.notOk} PGs are or would become offline)`,
  );
}

export const osdSafetyCommands: ReadCommand[] = [
  readCommand(
    'osd',
    'osd safe-to-destroy name=ids,type=CephString,n=N',
    'Say whether OSDs can be destroyed without reducing how often data is kept',
    safeToDestroy,
  ),
  readCommand(
    'osd',
    'osd ok-to-stop name=ids,type=CephString,n=N name=max,type=CephInt,req=false',
    'Say whether OSDs can be stopped without making data unavailable',
    okToStop,
  ),
];
