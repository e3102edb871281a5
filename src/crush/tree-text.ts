import { type Column, table, weightText } from '../codec/index.ts';
import { type CrushTreeNode, type CrushTreeOptions, crushTree, weightSetNames } from './tree.ts';
import type { CrushMap } from './types.ts';

/** `host vm` or `osd.0`, indented by its depth. */
export function crushTreeName({ id, type, name, depth }: CrushTreeNode): string {
  return '    '.repeat(depth) + (id >= 0 ? name : `${type} ${name}`);
}

/**
 * The table of `ceph osd crush tree` and `crushtool --tree`: one column more per weight set, with the weights of its
 * first position. Source: CrushTreePlainDumper in crush/CrushWrapper.cc, release 16.2.
 */
export function crushTreeText(map: CrushMap, options: CrushTreeOptions = {}): string {
  const sets = [...weightSetNames(map, options).values()];
  const columns: Column[] = [
    ['ID', 'l', 'r'],
    ['CLASS', 'l', 'r'],
    ['WEIGHT', 'l', 'r'],
    ...sets.map((name): Column => [name, 'l', 'r']),
    ['TYPE NAME', 'l', 'l'],
  ];
  const rows = crushTree(map, options).map((node) => [
    String(node.id),
    node.deviceClass ?? '',
    weightText(node.crushWeight),
    ...sets.map((name) => {
      const weight = node.poolWeights?.[name]?.[0];
      return weight === undefined ? '' : weightText(weight);
    }),
    crushTreeName(node),
  ]);
  return table(columns, rows);
}
