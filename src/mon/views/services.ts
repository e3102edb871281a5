import type { Json } from '../../codec/index.ts';
import { addrVecJson, stampOfMs } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, type ReadCommand, readCommand, refuse } from '../command.ts';
import type { ClusterLogEntry, MonState } from '../state.ts';
import { ENTITY_TYPES } from './entity-types.ts';
import { textOrValue, valueReply } from './reply.ts';

// File systems (there are none in this release), registered services, and the cluster log. Source: mds/FSMap.cc,
// mon/MDSMonitor.cc, mgr/DaemonServer.cc, mon/LogMonitor.cc, release 16.2.

/** Features that any metadata server has to know, by number. */
const INCOMPAT = new Map<number, string>([
  [1, 'base v0.20'],
  [2, 'client writeable ranges'],
  [3, 'default file layouts on dirs'],
  [4, 'dir inode in separate object'],
  [5, 'mds uses versioned encoding'],
  [6, 'dirfrag is stored in omap'],
  [8, 'no anchor table'],
  [9, 'file layout v2'],
  [10, 'snaprealm v2'],
]);

function fsMapText(state: MonState): string {
  const incompat = [...INCOMPAT].map(([n, name]) => `${n}=${name}`).join(',');
  return (
    `e${state.fsMapEpoch}\nenable_multiple, ever_enabled_multiple: 1,1\n` +
    `default compat: compat={},rocompat={},incompat={${incompat}}\n` +
    'legacy client fscid: -1\n \nNo filesystems configured\n'
  );
}
function fsMapJson(state: MonState): { [key: string]: Json } {
  const incompat = new Map([...INCOMPAT].map(([n, name]) => [`feature_${n}`, name]));
  return {
    epoch: state.fsMapEpoch,
    default_fscid: -1,
    compat: { compat: {}, ro_compat: {}, incompat },
    feature_flags: { enable_multiple: true, ever_enabled_multiple: true },
    standbys: [],
    filesystems: [],
  };
}

const LEVELS = ['[DBG]', '[INF]', '[SEC]', '[WRN]', '[ERR]'];
const rankOf = (e: ClusterLogEntry): string =>
  `${ENTITY_TYPES.get(e.entity.type) ?? 'unknown'}.${e.entity.num}`;

function logLine(e: ClusterLogEntry): string {
  const stamp = stampOfMs(e.stampMs);
  return `${stamp} ${e.who} (${rankOf(e)}) ${e.seq} : ${e.channel} ${LEVELS[e.priority] ?? '[???]'} ${e.text}\n`;
}
function logJson(e: ClusterLogEntry): Json {
  return {
    name: e.who,
    rank: rankOf(e),
    addrs: addrVecJson(e.addrs),
    stamp: stampOfMs(e.stampMs),
    seq: e.seq,
    channel: e.channel,
    priority: LEVELS[e.priority] ?? '[???]',
    message: e.text,
  };
}

const LEVEL_WORDS = ['debug', 'info', 'sec', 'warn', 'error'];
const LINES = 20;

function logLast(state: MonState, args: CommandArgs): CommandReply {
  const level = Math.max(0, LEVEL_WORDS.indexOf(args.text('level') ?? 'info'));
  const channel = args.text('channel') ?? '*';
  const entries = state.log
    .filter((e) => e.priority >= level && (channel === '*' || e.channel === channel))
    .slice(-Math.max(1, args.number('num') ?? LINES));
  return textOrValue(
    args,
    () => entries.map(logLine).join(''),
    () => entries.map(logJson),
  );
}

export const serviceCommands: ReadCommand[] = [
  readCommand('fs', 'fs ls', 'List the file systems', (_, args) =>
    textOrValue(
      args,
      () => 'No filesystems enabled\n',
      () => [],
      { end: 'newline' },
    ),
  ),
  readCommand(
    'mgr',
    'fs status name=fs,type=CephString,req=false',
    'Show the state of file systems',
    (_, args) =>
      textOrValue(
        args,
        () => '',
        () => ({}),
        { end: 'newline' },
      ),
  ),
  readCommand(
    'mds',
    'fs dump name=epoch,type=CephInt,range=0,req=false',
    'Print the map of file systems',
    (state, args) =>
      textOrValue(
        args,
        () => fsMapText(state),
        () => fsMapJson(state),
        {
          status: `dumped fsmap epoch ${state.fsMapEpoch}`,
          end: 'newline',
        },
      ),
  ),
  readCommand('fs', 'fs get name=fs_name,type=CephString', 'Show one file system', (_, args) =>
    refuse('ENOENT', `filesystem '${args.needText('fs_name')}' not found`),
  ),
  {
    ...readCommand('mds', 'mds stat', 'Show metadata servers in one line', (state, args) =>
      textOrValue(
        args,
        () => '',
        () => ({
          fsmap: fsMapJson(state),
          mdsmap_first_committed: 1,
          mdsmap_last_committed: state.fsMapEpoch,
        }),
        { end: 'newline' },
      ),
    ),
    flags: 32,
  },
  readCommand(
    'mds',
    'mds metadata name=who,type=CephString,req=false',
    'Show what metadata servers say of themselves',
    (_, args) => valueReply(args, [], { end: 'newline' }),
  ),
  readCommand('service', 'service dump', 'Print the map of registered services', (state, args) =>
    valueReply(args, {
      epoch: state.serviceMap.epoch,
      modified: stampOfMs(state.serviceMap.modifiedMs),
      services: {},
    }),
  ),
  readCommand('service', 'service status', 'Show the state of registered services', (_, args) =>
    valueReply(args, {}),
  ),
  readCommand(
    'mon',
    'log last name=num,type=CephInt,range=1,req=false ' +
      'name=level,type=CephChoices,strings=debug|info|sec|warn|error,req=false ' +
      'name=channel,type=CephChoices,strings=*|cluster|audit|cephadm,req=false',
    'Print the newest lines of the cluster log',
    logLast,
  ),
];
