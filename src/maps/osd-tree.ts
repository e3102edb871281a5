import { type Column, type Json, table, weightText } from '../codec/index.ts';
import {
  type CrushTreeNode,
  type CrushTreeOptions,
  crushTree,
  crushTreeName,
  crushTreeNodeFields,
  crushTreeText,
  strayDevices,
  strayTreeNode,
} from '../crush/index.ts';
import type { OSDMap } from './osdmap.ts';
import { OSD_STATE, WEIGHT_ONE } from './osdmap-data.ts';
import { affinityOf } from './osdmap-print.ts';

// Source: OSDMap::print_tree, osd/OSDMap.cc, release 16.2.

/** Which part of the tree, and which OSDs. */
export type OsdTreeOptions = Pick<CrushTreeOptions, 'start' | 'keep'>;

/** The lines of the map's tree; weight sets have the names of their pools. */
export function treeOf(map: OSDMap, options: CrushTreeOptions = {}): CrushTreeNode[] {
  return crushTree(map.crushMap, { ...options, weightSetName: (pool) => map.poolName(pool) });
}

/** The lines of the OSDs that no ordinary bucket holds. */
export function strayNodes(map: OSDMap): CrushTreeNode[] {
  const placed = new Set(crushTree(map.crushMap).map(({ id }) => id));
  const strays = map.osds().filter((osd) => !placed.has(osd));
  return strays.map((osd) => strayTreeNode(map.crushMap, osd));
}

/** Was its data given up for good? */
export const isDestroyed = (map: OSDMap, osd: number): boolean =>
  ((map.data.osdState[osd] ?? 0) & OSD_STATE.destroyed) !== 0;

const statusWord = (map: OSDMap, osd: number): string =>
  map.isUp(osd) ? 'up' : isDestroyed(map, osd) ? 'destroyed' : 'down';
const reweightOf = (map: OSDMap, osd: number): number =>
  (map.data.osdWeight[osd] ?? 0) / WEIGHT_ONE;

const OSD_COLUMNS: readonly Column[] = [
  ['ID', 'l', 'r'],
  ['CLASS', 'l', 'r'],
  ['WEIGHT', 'l', 'r'],
  ['TYPE NAME', 'l', 'l'],
  ['STATUS', 'l', 'r'],
  ['REWEIGHT', 'l', 'r'],
  ['PRI-AFF', 'l', 'r'],
];

/** The cells that say where an item is. */
const placeCells = (node: CrushTreeNode): string[] => [
  String(node.id),
  node.deviceClass ?? '',
  weightText(node.crushWeight),
  crushTreeName(node),
];

function shown(map: OSDMap, { start, keep }: OsdTreeOptions) {
  const options = { ...(keep && { keep }), ...(start !== undefined && { start }) };
  const strays = start === undefined ? strayNodes(map).filter(({ id }) => keep?.(id) ?? true) : [];
  return { nodes: treeOf(map, options), strays };
}

/** What `osd tree` and `osdmaptool --tree` print. */
export function osdTreeText(map: OSDMap, options: OsdTreeOptions = {}): string {
  const row = (node: CrushTreeNode): string[] => {
    const { id } = node;
    if (id < 0) return [...placeCells(node), '', '', ''];
    if (!map.exists(id)) return [...placeCells(node), 'DNE', '0', ''];
    const affinity = weightText(affinityOf(map, id));
    return [...placeCells(node), statusWord(map, id), weightText(reweightOf(map, id)), affinity];
  };
  const { nodes, strays } = shown(map, options);
  return table(OSD_COLUMNS, [...nodes, ...strays].map(row));
}

/** The same as a value. */
export function osdTreeJson(map: OSDMap, options: OsdTreeOptions = {}): Json {
  const json = (node: CrushTreeNode): Json => {
    const { id } = node;
    if (id < 0) return placeJson(node);
    return {
      ...crushTreeNodeFields(node),
      exists: map.exists(id) ? 1 : 0,
      status: statusWord(map, id),
      reweight: reweightOf(map, id),
      primary_affinity: affinityOf(map, id),
    };
  };
  const { nodes, strays } = shown(map, options);
  return { nodes: nodes.map(json), stray: strays.map(json) };
}

const placeJson = (node: CrushTreeNode): { [key: string]: Json | undefined } => ({
  ...crushTreeNodeFields(node),
  children: node.children,
});

/** What `osd crush tree` prints: places without the state of the OSDs. */
export function placementTreeText(map: OSDMap, shadow: boolean): string {
  return crushTreeText(map.crushMap, { shadow, weightSetName: (pool) => map.poolName(pool) });
}

/** The same as a value. */
export function placementTreeJson(map: OSDMap, shadow: boolean): Json {
  const nodes = treeOf(map, { shadow });
  const strays = strayDevices(map.crushMap, nodes);
  return { nodes: nodes.map(placeJson), stray: strays.map(placeJson) };
}
