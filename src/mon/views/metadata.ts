import type { Json } from '../../codec/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, type ReadCommand, readCommand, refuse } from '../command.ts';
import type { MonState } from '../state.ts';
import { groupBy } from './pg-view.ts';
import { valueReply } from './reply.ts';

// What daemons said of themselves. Source: mon/Monitor.cc, mon/OSDMonitor.cc, mon/MgrMonitor.cc, release 16.2.

type Meta = ReadonlyMap<string, string>;
type Kind = 'mon' | 'mgr' | 'osd' | 'mds';

/** Names and metadata of the daemons of a kind. */
function daemonsOf(state: MonState, kind: Kind): [name: string, meta: Meta][] {
  switch (kind) {
    case 'mon':
      return [[state.name, state.monMetadata]];
    case 'mgr':
      return state.mgr.available ? [[state.mgr.name, state.mgrMetadata]] : [];
    case 'osd':
      return state.osdmap.osds().flatMap((osd): [string, Meta][] => {
        const meta = state.osdMetadata.get(osd);
        return meta ? [[String(osd), meta]] : [];
      });
    case 'mds':
      return [];
  }
}

/** Counts leave out OSDs that are down. */
function runningOf(state: MonState, kind: Kind): [name: string, meta: Meta][] {
  const daemons = daemonsOf(state, kind);
  return kind === 'osd' ? daemons.filter(([osd]) => state.osdmap.isUp(Number(osd))) : daemons;
}

const sorted = (meta: Meta): [string, string][] => [...meta].sort((a, b) => (a[0] < b[0] ? -1 : 1));

/** How many daemons say the same of one property. */
function countBy(daemons: readonly [string, Meta][], property: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, meta] of daemons) {
    const value = meta.get(property) ?? 'unknown';
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return new Map([...counts].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

function versions(state: MonState, args: CommandArgs): CommandReply {
  const kinds: Kind[] = ['mon', 'mgr', 'osd', 'mds'];
  const all = kinds.flatMap((kind) => runningOf(state, kind));
  const value = kinds.map((kind): [string, Json] => [
    kind,
    countBy(runningOf(state, kind), 'ceph_version'),
  ]);
  value.push(['overall', countBy(all, 'ceph_version')]);
  return valueReply(args, new Map(value));
}

function metadata(
  kind: 'mon' | 'mgr',
  wanted: string | undefined,
  state: MonState,
  args: CommandArgs,
): CommandReply {
  const end = kind === 'mon' ? 'newline' : 'bare';
  const daemons = daemonsOf(state, kind);
  if (wanted === undefined) {
    const list = daemons.map(([name, meta]): Json => new Map([['name', name], ...sorted(meta)]));
    return valueReply(args, list, { end });
  }
  const found = daemons.find(([name]) => name === wanted);
  if (!found) return refuse('ENOENT', kind === 'mon' ? 'requested mon not found' : '');
  const [name, meta] = found;
  const named: [string, string][] = kind === 'mgr' ? [['name', name]] : [];
  return valueReply(args, new Map([...named, ...sorted(meta)]), { end });
}

function osdMetadata(state: MonState, args: CommandArgs): CommandReply {
  const dump = (osd: number): Json =>
    new Map<string, Json>([['id', osd], ...sorted(state.osdMetadata.get(osd) ?? new Map())]);
  const osd = args.number('id');
  if (osd === undefined) return valueReply(args, state.osdmap.osds().map(dump));
  if (!state.osdmap.exists(osd)) return refuse('ENOENT', `osd.${osd} does not exist`);
  return valueReply(args, dump(osd));
}

/** Daemons by the host that they run on. */
function nodeLs(state: MonState, args: CommandArgs): CommandReply {
  const hosts = (kind: Kind): Json => {
    const byHost = groupBy(daemonsOf(state, kind), ([, meta]) => meta.get('hostname') ?? 'unknown');
    return new Map(
      [...byHost]
        .sort((a, b) => (a[0] < b[0] ? -1 : 1))
        .map(([host, list]): [string, Json] => [
          host,
          list.map(([name]) => (kind === 'osd' ? Number(name) : name)),
        ]),
    );
  };
  const type = args.text('type') ?? 'all';
  if (type === 'mon' || type === 'osd' || type === 'mds' || type === 'mgr') {
    return valueReply(args, hosts(type), { end: 'newline' });
  }
  return valueReply(
    args,
    { mon: hosts('mon'), osd: hosts('osd'), mgr: hosts('mgr') },
    { end: 'newline' },
  );
}

/** `X versions` and `X count-metadata` of one kind. */
function countCommands(kind: Kind): ReadCommand[] {
  const end = kind === 'mon' || kind === 'mds' ? 'newline' : 'bare';
  return [
    readCommand(
      kind,
      `${kind} versions`,
      `Count the running versions of ${kind} daemons`,
      (state, args) => valueReply(args, countBy(runningOf(state, kind), 'ceph_version'), { end }),
    ),
    readCommand(
      kind,
      `${kind} count-metadata name=property,type=CephString`,
      `Count ${kind} daemons by a property of their metadata`,
      (state, args) =>
        valueReply(args, countBy(runningOf(state, kind), args.needText('property')), { end }),
    ),
  ];
}

export const metadataCommands: ReadCommand[] = [
  readCommand('mon', 'versions', 'Count the running versions of all daemons', versions),
  ...(['mon', 'mgr', 'osd', 'mds'] as const).flatMap(countCommands),
  readCommand(
    'mon',
    'mon metadata name=id,type=CephString,req=false',
    'Show what monitors say of themselves',
    (state, args) => metadata('mon', args.text('id'), state, args),
  ),
  readCommand(
    'mgr',
    'mgr metadata name=who,type=CephString,req=false',
    'Show what managers say of themselves',
    (state, args) => metadata('mgr', args.text('who'), state, args),
  ),
  readCommand(
    'osd',
    'osd metadata name=id,type=CephOsdName,req=false',
    'Show what OSDs say of themselves',
    osdMetadata,
  ),
  readCommand(
    'mon',
    'node ls name=type,type=CephChoices,strings=all|osd|mon|mds|mgr,req=false',
    'List daemons by host',
    nodeLs,
  ),
];
