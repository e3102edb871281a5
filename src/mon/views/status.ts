import { fixed, type Json } from '../../codec/index.ts';
import { releaseName } from '../../maps/index.ts';
import { stampOfMs } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import type { CommandReply, ReadCommand } from '../command.ts';
import type { MonState } from '../state.ts';
import { healthJson, healthOf } from './health.ts';
import { hinderingFlags, inCount, inSince, osdCounts, upCount, upSince } from './osd-stat.ts';
import { allPgs, countByState, remappedCount, sumPgs } from './pg-view.ts';
import { progressText } from './progress-text.ts';
import { clientIo, missing, recoveryIo } from './rates.ts';
import { textOrValue } from './reply.ts';
import { spaceOf } from './totals.ts';
import { bytes, count, span } from './units.ts';

// Source: Monitor::get_cluster_status, mon/Monitor.cc, and PGMapDigest::print_summary, mon/PGMap.cc, release 16.2.

/** Lines of a section: a title, then entries; sections are parted by a line of one blank. */
function section(title: string, lines: readonly string[]): string {
  return [`  ${title}:`, ...lines.map((line) => `    ${line}`), ' ', ''].join('\n');
}

function statusText(state: MonState): string {
  const health = healthOf(state);
  const notes = health.shown.map((c) => c.summary);
  if (health.mutedText) notes.push(health.mutedText);
  const age = span(state.nowMs - state.startedMs);
  const names = state.monmap.ranks;
  const sections = [
    section('cluster', [
      `id:     ${state.fsid}`,
      `health: ${health.status}`,
      ...notes.map((note) => `        ${note}`),
    ]),
    section('services', [
      `mon: ${names.length} daemons, quorum ${names.join(',')} (age ${age})`,
      `mgr: ${mgrLine(state)}`,
      `osd: ${osdLine(state)}`,
      ...hinderingFlags(state).map((flags) => `     flags ${flags}`),
    ]),
    section('data', dataLines(state)),
  ];
  const io = [];
  const client = clientIo(state.totalRates).text;
  const recovery = recoveryIo(state.totalRates).text;
  if (client) io.push(`client:   ${client}`);
  if (recovery) io.push(`recovery: ${recovery}`);
  if (io.length > 0) sections.push(section('io', io));
  if (state.progress.length > 0) {
    const lines = state.progress.flatMap((e) => progressText(e, state.nowMs, 2).split('\n'));
    sections.push(section('progress', lines));
  }
  return sections.join('');
}

function mgrLine(state: MonState): string {
  if (!state.mgr.available) return 'no daemons active';
  return `${state.mgr.name}(active, since ${span(state.nowMs - state.mgr.startedMs)})`;
}

function osdLine(state: MonState): string {
  const total = state.osdmap.osds().length;
  const since = (ms: number): string => (ms > 0 ? ` (since ${span(state.nowMs - ms)})` : '');
  const up = `${upCount(state.osdmap)} up${since(upSince(state.osdmap))}`;
  const osdsIn = `${inCount(state.osdmap)} in${since(inSince(state.osdmap))}`;
  const remapped = remappedCount(state);
  return `${total} osds: ${up}, ${osdsIn}${remapped > 0 ? `; ${remapped} remapped pgs` : ''}`;
}

/** How many PGs nobody reported, and how many do not serve. */
function unusable(state: MonState): { unknown: number; inactive: number; total: number } {
  let unknown = 0;
  let inactive = 0;
  for (const { state: bits } of allPgs(state)) {
    if (bits === 0n) unknown++;
    else if ((bits & ACTIVE) === 0n) inactive++;
  }
  return { unknown, inactive, total: allPgs(state).length };
}
const ACTIVE = 2n;

function dataLines(state: MonState): string[] {
  const pgs = allPgs(state);
  const { stat } = sumPgs(pgs);
  const space = spaceOf(state);
  const { unknown, inactive, total } = unusable(state);
  const lines: string[] = [];
  const share = (n: number): string => fixed(Math.fround(n / total) * 100, 3);
  if (unknown > 0) lines.push(`${share(unknown)}% pgs unknown`);
  if (inactive > 0) lines.push(`${share(inactive)}% pgs not active`);
  lines.push(...missing(stat).lines);
  const states = countByState(pgs);
  const width = Math.max(0, ...states.map((s) => String(s.count).length));
  lines.push(...states.map((s) => `${String(s.count).padEnd(width)} ${s.name}`));
  const [first = '', ...rest] = lines;
  return [
    `pools:   ${state.osdmap.data.pools.size} pools, ${total} pgs`,
    `objects: ${count(stat.numObjects)} objects, ${bytes(stat.numBytes)}`,
    `usage:   ${bytes(space.used)} used, ${bytes(space.available)} / ${bytes(space.total)} avail`,
    `pgs:     ${first}`,
    ...rest.map((line) => `         ${line}`),
  ];
}

function pgMapJson(state: MonState): Json {
  const pgs = allPgs(state);
  const { stat } = sumPgs(pgs);
  const space = spaceOf(state);
  const { unknown, inactive, total } = unusable(state);
  return {
    pgs_by_state: countByState(pgs).map((s) => ({ state_name: s.name, count: s.count })),
    num_pgs: total,
    num_pools: state.osdmap.data.pools.size,
    num_objects: stat.numObjects,
    data_bytes: stat.numBytes,
    bytes_used: space.used,
    bytes_avail: space.available,
    bytes_total: space.total,
    unknown_pgs_ratio: unknown > 0 ? Math.fround(unknown / total) : undefined,
    inactive_pgs_ratio: inactive > 0 ? Math.fround(inactive / total) : undefined,
    ...missing(stat).json,
    ...recoveryIo(state.totalRates).json,
    ...clientIo(state.totalRates).json,
  };
}

function statusJson(state: MonState): Json {
  return {
    fsid: state.fsid,
    health: healthJson(state, false),
    election_epoch: state.electionEpoch,
    quorum: state.monmap.ranks.map((_, rank) => rank),
    quorum_names: state.monmap.ranks,
    quorum_age: Math.floor((state.nowMs - state.startedMs) / 1000),
    monmap: {
      epoch: state.monmap.epoch,
      min_mon_release_name: releaseName(state.monmap.minMonRelease),
      num_mons: state.monmap.ranks.length,
    },
    osdmap: osdCounts(state),
    pgmap: pgMapJson(state),
    fsmap: { epoch: state.fsMapEpoch, by_rank: [], 'up:standby': 0 },
    mgrmap: { available: state.mgr.available, num_standbys: 0, modules: [], services: {} },
    servicemap: {
      epoch: state.serviceMap.epoch,
      modified: stampOfMs(state.serviceMap.modifiedMs),
      services: {},
    },
    progress_events: new Map(
      state.progress.map((e) => [
        e.id,
        { message: progressText(e, state.nowMs, 6), progress: e.progress, add_to_ceph_s: true },
      ]),
    ),
  };
}

function status(state: MonState, args: CommandArgs): CommandReply {
  return textOrValue(
    args,
    () => statusText(state),
    () => statusJson(state),
    { end: 'newline' },
  );
}

export const statusCommands: ReadCommand[] = [
  { sig: 'status', help: 'Show the cluster at a glance', module: 'mon', perm: 'r', run: status },
];
