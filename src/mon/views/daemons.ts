import { encodeToBytes, type Json } from '../../codec/index.ts';
import {
  MonMap,
  monAddrs,
  monFeatureNames,
  monMapJson,
  monMapText,
  releaseName,
} from '../../maps/index.ts';
import { addrVecJson, legacyAddr, stampOfMs } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, ok, type ReadCommand, readCommand, refuse } from '../command.ts';
import type { MonState } from '../state.ts';
import { ENTITY_TYPES } from './entity-types.ts';
import { textOrValue, valueReply } from './reply.ts';

// Monitors and the manager. Source: mon/MonmapMonitor.cc, mon/MonMap.cc, mon/MgrMonitor.cc, release 16.2.

const ranksOf = (state: MonState): number[] => state.monmap.ranks.map((_, rank) => rank);

/** Only the newest epoch is kept: a lone monitor's map never changes. */
function atNewest(state: MonState, args: CommandArgs): CommandReply | undefined {
  const epoch = args.number('epoch') ?? 0;
  if (epoch === 0 || epoch === state.monmap.epoch) return undefined;
  return refuse('ENOENT', `there is no map for epoch ${epoch}`);
}

function monDump(state: MonState, args: CommandArgs): CommandReply {
  const m = state.monmap;
  return (
    atNewest(state, args) ??
    textOrValue(
      args,
      () => monMapText(m),
      () => ({ ...monMapJson(m), quorum: ranksOf(state) }),
      { status: `dumped monmap epoch ${m.epoch}`, end: 'newline' },
    )
  );
}

function monStat(state: MonState, args: CommandArgs): CommandReply {
  const m = state.monmap;
  const mons = m.ranks.map((name) => `${name}=${monAddrs(m, name)}`).join(',');
  const removed = `{${[...m.removedRanks].join(',')}}`;
  return textOrValue(
    args,
    () =>
      `e${m.epoch}: ${m.ranks.length} mons at {${mons}} removed_ranks: ${removed}, election epoch ` +
      `${state.electionEpoch}, leader 0 ${m.ranks[0]}, quorum ${ranksOf(state).join(',')} ${m.ranks.join(',')}\n`,
    () => ({
      epoch: m.epoch,
      min_mon_release_name: releaseName(m.minMonRelease),
      num_mons: m.ranks.length,
      leader: m.ranks[0] ?? '',
      quorum: m.ranks.map((name, rank) => ({ rank, name })),
    }),
    { end: 'newline' },
  );
}

function quorumStatus(state: MonState, args: CommandArgs): CommandReply {
  const m = state.monmap;
  const value: Json = {
    election_epoch: state.electionEpoch,
    quorum: ranksOf(state),
    quorum_names: m.ranks,
    quorum_leader_name: m.ranks[0] ?? '',
    quorum_age: Math.floor((state.nowMs - state.startedMs) / 1000),
    features: {
      quorum_con: String(0x3f01cfbdfffdffffn),
      quorum_mon: monFeatureNames(m.persistentFeatures.bits),
    },
    monmap: monMapJson(m),
  };
  // Unlike its neighbours it is compact unless json-pretty is asked for.
  return valueReply(args, value, { end: 'newline', compactByDefault: true });
}

function monFeatures(state: MonState, args: CommandArgs): CommandReply {
  const m = state.monmap;
  const withValue = args.text('with_value') === '--with-value';
  const all = monFeatureNames(0xffn, withValue);
  const persistent = monFeatureNames(m.persistentFeatures.bits, withValue);
  const required = monFeatureNames(m.persistentFeatures.bits | m.optionalFeatures.bits, withValue);
  const list = (names: string[]): string => `[${names.join(',')}]`;
  return textOrValue(
    args,
    () =>
      `all features\n\tsupported: ${list(all)}\n\tpersistent: ${list(all)}\n` +
      `on current monmap (epoch ${m.epoch})\n\tpersistent: ${list(persistent)}\n\trequired: ${list(required)}\n`,
    () => ({
      all: { supported: all, persistent: all },
      monmap: { persistent, optional: [], required },
    }),
    { end: 'newline' },
  );
}

/** What the manager's map says: the manager lives in the monitor's process and has no modules of its own. */
function mgrDump(state: MonState, args: CommandArgs): CommandReply {
  const { mgr } = state;
  return valueReply(args, {
    epoch: mgr.epoch,
    active_gid: mgr.globalId,
    active_name: mgr.name,
    active_addrs: addrVecJson(mgr.addrs),
    active_addr: mgr.addrs.length > 0 ? legacyAddr(mgr.addrs) : '-',
    active_change: stampOfMs(mgr.startedMs),
    active_mgr_features: 0x3f01cfbdfffdffffn,
    available: mgr.available,
    standbys: [],
    modules: [],
    available_modules: [],
    services: {},
    always_on_modules: {},
    last_failure_osd_epoch: 0,
    active_clients: [],
  });
}

/** Sessions by kind of peer and by what they can do. */
function features(state: MonState, args: CommandArgs): CommandReply {
  const kinds = new Map<string, Map<bigint, number>>();
  const add = (kind: string, bits: bigint): void => {
    const counts = kinds.get(kind) ?? new Map<bigint, number>();
    counts.set(bits, (counts.get(bits) ?? 0) + 1);
    kinds.set(kind, counts);
  };
  for (const _ of state.monmap.ranks) add('mon', 0x3f01cfbdfffdffffn);
  for (const s of state.sessions) add(ENTITY_TYPES.get(s.entity.type) ?? 'unknown', s.features);
  // The manager lives in the monitor's process and needs no session.
  if (state.mgr.available && !kinds.has('mgr')) add('mgr', 0x3f01cfbdfffdffffn);
  const order = ['mon', 'mds', 'osd', 'client', 'mgr'].filter((kind) => kinds.has(kind));
  const value = order.map((kind): [string, Json] => [
    kind,
    [...kinds.get(kind)!].map(([bits, num]) => ({
      features: `0x${bits.toString(16)}`,
      release: 'luminous',
      num,
    })),
  ]);
  return valueReply(args, new Map(value));
}

const EPOCH = 'name=epoch,type=CephInt,range=0,req=false';
export const daemonCommands: ReadCommand[] = [
  readCommand('mon', 'fsid', "Print the cluster's id", (state, args) =>
    textOrValue(
      args,
      () => `${state.fsid}\n`,
      () => ({ fsid: state.fsid }),
    ),
  ),
  readCommand('mon', 'quorum_status', 'Show which monitors work together', quorumStatus),
  readCommand('mon', `mon dump ${EPOCH}`, 'Print the monitor map', monDump),
  readCommand('mon', 'mon stat', 'Show the monitors in one line', monStat),
  readCommand(
    'mon',
    `mon getmap ${EPOCH}`,
    'Get the encoded monitor map',
    (state, args) =>
      atNewest(state, args) ??
      ok(encodeToBytes(MonMap, state.monmap), `got monmap epoch ${state.monmap.epoch}`),
  ),
  readCommand(
    'mon',
    'mon feature ls name=with_value,type=CephChoices,strings=--with-value,req=false',
    'List the features that monitors agreed on',
    monFeatures,
  ),
  readCommand('mon', 'features', 'Count connected daemons and clients by feature bits', features),
  readCommand(
    'mon',
    'time-sync-status',
    'Show how well the clocks of monitors agree',
    (state, args) =>
      valueReply(args, {
        timechecks: { epoch: state.electionEpoch, round: 0, round_status: 'finished' },
      }),
  ),
  readCommand('mgr', `mgr dump ${EPOCH}`, 'Print the manager map', mgrDump),
  readCommand('mgr', 'mgr stat', 'Show whether the manager works', (state, args) =>
    valueReply(args, {
      epoch: state.mgr.epoch,
      available: state.mgr.available,
      active_name: state.mgr.name,
      num_standby: 0,
    }),
  ),
  readCommand('mgr', 'mgr services', 'List the addresses of the manager services', (_, args) =>
    valueReply(args, {}),
  ),
  readCommand('mgr', 'mgr module ls', 'List the modules of the manager', (_, args) =>
    valueReply(args, { always_on_modules: [], enabled_modules: [], disabled_modules: [] }),
  ),
];
