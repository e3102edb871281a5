import { type Column, type Json, table, weightText } from '../../codec/index.ts';
import {
  type CrushTreeNode,
  type CrushTreeOptions,
  crushTree,
  crushTreeNodeFields,
  itemByName,
  rootsOf,
  strayTreeNode,
} from '../../crush/index.ts';
import { OSD_STATE, type OSDMap, WEIGHT_ONE } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandReply, type ReadCommand, refuse } from '../command.ts';
import { devicesBelow } from './crush-location.ts';
import { mapFor } from './epoch.ts';
import { textOrValue } from './reply.ts';

// Source: OSDMap::print_tree, osd/OSDMap.cc, release 16.2.

/** `host vm` or `osd.0`, indented by its depth. */
export function treeName({ id, type, name, depth }: CrushTreeNode): string {
  return '    '.repeat(depth) + (id >= 0 ? name : `${type} ${name}`);
}

/** The lines of the map's tree; weight sets have the names of their pools. */
export function treeOf(map: OSDMap, options: CrushTreeOptions = {}): CrushTreeNode[] {
  return crushTree(map.crushMap, { ...options, weightSetName: (pool) => map.poolName(pool) });
}

/** The lines of the OSDs that no ordinary bucket holds. */
export function strayNodes(map: OSDMap): CrushTreeNode[] {
  const placed = new Set(
    rootsOf(map.crushMap, { shadow: false }).flatMap((root) => devicesBelow(map.crushMap, root)),
  );
  const strays = map.osds().filter((osd) => !placed.has(osd));
  return strays.map((osd) => strayTreeNode(map.crushMap, osd));
}

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
  const keep = filterOf(map, args.list('states'));
  const nodes = treeOf(map, { ...(keep && { keep }), ...(start !== undefined && { start }) });
  const strays = start === undefined ? strayNodes(map).filter(({ id }) => keep?.(id) ?? true) : [];
  const affinity = (osd: number): number =>
    (map.data.primaryAffinity[osd] ?? WEIGHT_ONE) / WEIGHT_ONE;
  const reweight = (osd: number): number => (map.data.osdWeight[osd] ?? 0) / WEIGHT_ONE;
  const row = (node: CrushTreeNode): string[] => {
    const { id } = node;
    if (id < 0) return [...placeCells(node), '', '', ''];
    if (!map.exists(id)) return [...placeCells(node), 'DNE', '0', ''];
    const status = statusWord(map, id);
    return [...placeCells(node), status, weightText(reweight(id)), weightText(affinity(id))];
  };
  const json = (node: CrushTreeNode): Json => {
    const { id } = node;
    if (id < 0) return { ...crushTreeNodeFields(node), children: node.children };
    return {
      ...crushTreeNodeFields(node),
      exists: map.exists(id) ? 1 : 0,
      status: statusWord(map, id) === 'DNE' ? 'down' : statusWord(map, id),
      reweight: reweight(id),
      primary_affinity: affinity(id),
    };
  };
  return textOrValue(
    args,
    () => table(COLUMNS, [...nodes, ...strays].map(row)),
    () => ({ nodes: nodes.map(json), stray: strays.map(json) }),
    { end: 'newline' },
  );
}

/** The cells that say where an item is. */
const placeCells = (node: CrushTreeNode): string[] => [
  String(node.id),
  node.deviceClass ?? '',
  weightText(node.crushWeight),
  treeName(node),
];

function treeFrom(map: OSDMap, args: CommandArgs): CommandReply {
  const name = args.needText('bucket');
  const id = itemByName(map.crushMap, name);
  if (id === undefined) return refuse('ENOENT', `bucket '${name}' does not exist`);
  if (id >= 0) return refuse('EINVAL', `"${name}" is not a bucket`);
  return osdTree(map, args, id);
}

function placementTree(map: OSDMap, args: CommandArgs): CommandReply {
  const nodes = treeOf(map, { shadow: args.text('shadow') === '--show-shadow' });
  return textOrValue(
    args,
    () => table(COLUMNS.slice(0, 4), nodes.map(placeCells)),
    () => ({
      nodes: nodes.map((node) => ({ ...crushTreeNodeFields(node), children: node.children })),
      stray: [],
    }),
  );
}

function lsTree(map: OSDMap, args: CommandArgs): CommandReply {
  const name = args.needText('name');
  const id = itemByName(map.crushMap, name);
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
    run: (state, args) => placementTree(state.osdmap, args),
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
      const id = itemByName(crush, node);
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
