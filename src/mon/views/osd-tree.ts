import type { CrushMap } from '../../crush/index.ts';
import { OSD_STATE, type OSDMap, WEIGHT_ONE } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandReply, type ReadCommand, refuse } from '../command.ts';
import {
  classOf,
  devicesBelow,
  rootsOf,
  type TreeItem,
  typeNameOf,
  walkTree,
} from './crush-tree.ts';
import { mapFor } from './epoch.ts';
import type { Json } from './json.ts';
import { textOrValue } from './reply.ts';
import { type Column, table } from './text-table.ts';
import { weight } from './units.ts';

// Source: OSDMap::print_tree, osd/OSDMap.cc, and crush/CrushTreeDumper.h, release 16.2.

/** `host vm` or `osd.0`, indented by its depth. */
export function treeName(crush: CrushMap, item: TreeItem): string {
  const name =
    item.id >= 0
      ? `osd.${item.id}`
      : `${typeNameOf(crush, item.id)} ${crush.itemNames.get(item.id)}`;
  return '    '.repeat(item.depth) + name;
}

/** The members that all dumps of the tree begin an item with. */
export function itemJson(
  crush: CrushMap,
  item: TreeItem,
  stray = false,
): { [key: string]: Json | undefined } {
  const isDevice = item.id >= 0;
  return {
    id: item.id,
    device_class: classOf(crush, item.id),
    name: isDevice ? `osd.${item.id}` : (crush.itemNames.get(item.id) ?? ''),
    type: typeNameOf(crush, item.id),
    type_id: isDevice ? 0 : (crush.buckets.get(item.id)?.type ?? 0),
    crush_weight: isDevice ? item.weight : undefined,
    depth: isDevice ? item.depth : undefined,
    pool_weights: item.depth > 0 && !stray ? {} : undefined,
  };
}

/** OSDs of the map that no ordinary bucket holds. */
export function strayOsds(map: OSDMap): number[] {
  const placed = new Set(
    rootsOf(map.crushMap, false).flatMap((root) => devicesBelow(map.crushMap, root)),
  );
  return map.osds().filter((osd) => !placed.has(osd));
}
export const strayItem = (id: number): TreeItem => ({ id, depth: 0, weight: 0, children: [] });

const STATE_WORDS = ['up', 'down', 'in', 'out', 'destroyed'];

/** The test that `states` names: any of them. */
function filterOf(map: OSDMap, states: readonly string[]): ((osd: number) => boolean) | undefined {
  if (states.length === 0) return undefined;
  for (const s of states) {
    if (!STATE_WORDS.includes(s)) throw new CommandFailure('EINVAL', `unrecognized state '${s}'`);
  }
  const wants = (s: string): boolean => states.includes(s);
  if (wants('in') && wants('out'))
    throw new CommandFailure('EINVAL', "cannot specify both 'in' and 'out'");
  if (wants('up') && wants('down'))
    throw new CommandFailure('EINVAL', "cannot specify both 'up' and 'down'");
  return (osd) =>
    (wants('up') && map.isUp(osd)) ||
    (wants('down') && map.exists(osd) && !map.isUp(osd)) ||
    (wants('in') && map.isIn(osd)) ||
    (wants('out') && map.exists(osd) && !map.isIn(osd)) ||
    (wants('destroyed') && isDestroyed(map, osd));
}
const isDestroyed = (map: OSDMap, osd: number): boolean =>
  ((map.data.osdState[osd] ?? 0) & OSD_STATE.destroyed) !== 0;

function statusWord(map: OSDMap, osd: number): string {
  if (!map.exists(osd)) return 'DNE';
  if (map.isUp(osd)) return 'up';
  return isDestroyed(map, osd) ? 'destroyed' : 'down';
}

const COLUMNS: Column[] = [
  ['ID', 'l', 'r'],
  ['CLASS', 'l', 'r'],
  ['WEIGHT', 'l', 'r'],
  ['TYPE NAME', 'l', 'l'],
  ['STATUS', 'l', 'r'],
  ['REWEIGHT', 'l', 'r'],
  ['PRI-AFF', 'l', 'r'],
];

function osdTree(map: OSDMap, args: CommandArgs, start?: number): CommandReply {
  const crush = map.crushMap;
  const keep = filterOf(map, args.list('states'));
  const items = walkTree(crush, { ...(keep && { keep }), ...(start !== undefined && { start }) });
  const strays = start === undefined ? strayOsds(map).filter((osd) => keep?.(osd) ?? true) : [];
  const affinity = (osd: number): number =>
    (map.data.primaryAffinity[osd] ?? WEIGHT_ONE) / WEIGHT_ONE;
  const reweight = (osd: number): number => (map.data.osdWeight[osd] ?? 0) / WEIGHT_ONE;
  const row = (item: TreeItem): string[] => {
    const head = [
      String(item.id),
      classOf(crush, item.id) ?? '',
      weight(item.weight),
      treeName(crush, item),
    ];
    if (item.id < 0) return [...head, '', '', ''];
    if (!map.exists(item.id)) return [...head, 'DNE', '0', ''];
    return [
      ...head,
      statusWord(map, item.id),
      weight(reweight(item.id)),
      weight(affinity(item.id)),
    ];
  };
  const json = (item: TreeItem, stray = false): Json =>
    item.id < 0
      ? { ...itemJson(crush, item), children: item.children }
      : {
          ...itemJson(crush, item, stray),
          exists: map.exists(item.id) ? 1 : 0,
          status: statusWord(map, item.id) === 'DNE' ? 'down' : statusWord(map, item.id),
          reweight: reweight(item.id),
          primary_affinity: affinity(item.id),
        };
  return textOrValue(
    args,
    () => table(COLUMNS, [...items, ...strays.map(strayItem)].map(row)),
    () => ({
      nodes: items.map((item) => json(item)),
      stray: strays.map((osd) => json(strayItem(osd), true)),
    }),
    { end: 'newline' },
  );
}

function treeFrom(map: OSDMap, args: CommandArgs): CommandReply {
  const name = args.needText('bucket');
  const id = idOf(map.crushMap, name);
  if (id === undefined) return refuse('ENOENT', `bucket '${name}' does not exist`);
  if (id >= 0) return refuse('EINVAL', `"${name}" is not a bucket`);
  return osdTree(map, args, id);
}

/** The item of a name. */
export function idOf(crush: CrushMap, name: string): number | undefined {
  for (const [id, known] of crush.itemNames) if (known === name) return id;
  return undefined;
}

function crushTree(map: OSDMap, args: CommandArgs): CommandReply {
  const crush = map.crushMap;
  const items = walkTree(crush, { shadows: args.text('shadow') === '--show-shadow' });
  const row = (item: TreeItem): string[] => [
    String(item.id),
    classOf(crush, item.id) ?? '',
    weight(item.weight),
    treeName(crush, item),
  ];
  return textOrValue(
    args,
    () => table(COLUMNS.slice(0, 4), items.map(row)),
    () => ({
      nodes: items.map((item) => ({
        ...itemJson(crush, item),
        children: item.id < 0 ? item.children : undefined,
      })),
      stray: [],
    }),
  );
}

function lsTree(map: OSDMap, args: CommandArgs): CommandReply {
  const name = args.needText('name');
  const id = idOf(map.crushMap, name);
  if (id === undefined) return refuse('ENOENT', `"${name}" does not exist`);
  const osds = devicesBelow(map.crushMap, id).filter((osd) => map.exists(osd));
  return textOrValue(
    args,
    () => osds.map((osd) => `${osd}\n`).join(''),
    () => osds,
    { end: 'newline' },
  );
}

function osdLs(map: OSDMap, args: CommandArgs): CommandReply {
  const osds = map.osds();
  return textOrValue(
    args,
    () => osds.map((osd) => `${osd}\n`).join(''),
    () => osds,
    { end: 'newline' },
  );
}

const EPOCH = 'name=epoch,type=CephInt,range=0,req=false';
const STATES = `name=states,type=CephChoices,strings=${STATE_WORDS.join('|')},n=N,req=false`;

export const osdTreeCommands: ReadCommand[] = [
  {
    sig: `osd tree ${EPOCH} ${STATES}`,
    help: 'Print the hierarchy of the OSDs with their state',
    module: 'osd',
    perm: 'r',
    run: (state, args) => osdTree(mapFor(state, args), args),
  },
  {
    sig: `osd tree-from ${EPOCH} name=bucket,type=CephString ${STATES}`,
    help: 'Print the hierarchy below one bucket',
    module: 'osd',
    perm: 'r',
    run: (state, args) => treeFrom(mapFor(state, args), args),
  },
  {
    sig: 'osd crush tree name=shadow,type=CephChoices,strings=--show-shadow,req=false',
    help: 'Print the CRUSH hierarchy with its weights',
    module: 'osd',
    perm: 'r',
    run: (state, args) => crushTree(state.osdmap, args),
  },
  {
    sig: `osd ls ${EPOCH}`,
    help: 'List the ids of all OSDs',
    module: 'osd',
    perm: 'r',
    run: (state, args) => osdLs(mapFor(state, args), args),
  },
  {
    sig: `osd ls-tree ${EPOCH} name=name,type=CephString,req=true`,
    help: 'List the ids of the OSDs below a bucket',
    module: 'osd',
    perm: 'r',
    run: (state, args) => lsTree(mapFor(state, args), args),
  },
  {
    sig: 'osd crush ls name=node,type=CephString,goodchars=[A-Za-z0-9-_.]',
    help: 'List what a bucket holds',
    module: 'osd',
    perm: 'r',
    run: (state, args) => {
      const crush = state.osdmap.crushMap;
      const node = args.needText('node');
      const id = idOf(crush, node);
      if (id === undefined) return refuse('ENOENT', `node '${node}' does not exist`);
      const held = id < 0 ? (crush.buckets.get(id)?.items ?? []) : [id];
      const names = held.map((child) => crush.itemNames.get(child) ?? `osd.${child}`);
      return textOrValue(
        args,
        () => names.map((n) => `${n}\n`).join(''),
        () => names,
      );
    },
  },
];
