import { itemWeights } from './bucket.ts';
import { weightNumber } from './dump.ts';
import { classOf } from './edit/classes.ts';
import { rootsOf } from './lookup.ts';
import { CHOOSE_ARGS_DEFAULT, type CrushBucket, type CrushMap } from './types.ts';

/** One line of `ceph osd tree`: a bucket or device, at one of the places where it hangs. */
export interface CrushTreeNode {
  id: number;
  name: string;
  /** Name and number of the type. */
  type: string;
  typeId: number;
  deviceClass: string | undefined;
  /** Weight in the bucket above, or of a root itself, as people write it. */
  crushWeight: number;
  /** 0 for a root. */
  depth: number;
  /** A bucket's items, in the order of the JSON output: the reverse of the order in which they follow as nodes. */
  children: number[] | undefined;
  /** Weights of this item in the weight sets, by the set's name. */
  poolWeights: Record<string, number[]> | undefined;
}

export interface CrushTreeOptions {
  /** Shadow trees too, as with `--show-shadow`. */
  shadow?: boolean;
  /** Only the tree from this bucket down. */
  start?: number;
  /** Whether a device is shown; a bucket is shown if something below it is. Default: all. */
  keep?: (device: number) => boolean;
  /** Name of a pool's weight set; the pool's name. */
  weightSetName?: (poolId: number) => string | undefined;
}

/**
 * The trees from their roots down, each bucket before its items. Source: CrushTreeDumper in crush/CrushTreeDumper.h,
 * release 16.2.
 */
export function crushTree(map: CrushMap, options: CrushTreeOptions = {}): CrushTreeNode[] {
  const out: CrushTreeNode[] = [];
  const { start, shadow = false } = options;
  for (const root of start === undefined ? rootsOf(map, { shadow }) : [start]) {
    if (!isShown(map, options, root)) continue;
    visit(map, options, out, root, undefined, map.buckets.get(root)?.weight ?? 0, 0);
  }
  return out;
}

/** Devices that have a name but no place in the trees shown, as far as they are to be shown. */
export function strayDevices(map: CrushMap, nodes: readonly CrushTreeNode[]): CrushTreeNode[] {
  const shown = new Set(nodes.map(({ id }) => id));
  return [...map.itemNames.keys()]
    .filter((id) => id >= 0 && !shown.has(id))
    .sort((a, b) => a - b)
    .map((id) => strayTreeNode(map, id));
}

/** The line of a device that is in no bucket. */
export function strayTreeNode(map: CrushMap, device: number): CrushTreeNode {
  return nodeOf(map, device, 0, 0);
}

function isShown(map: CrushMap, options: CrushTreeOptions, id: number): boolean {
  const { keep } = options;
  if (!keep) return true;
  if (id >= 0) return keep(id);
  return map.buckets.get(id)?.items.some((item) => isShown(map, options, item)) ?? false;
}

function visit(
  map: CrushMap,
  options: CrushTreeOptions,
  out: CrushTreeNode[],
  id: number,
  parent: number | undefined,
  weight: number,
  depth: number,
): void {
  const bucket = map.buckets.get(id);
  const below = bucket
    ? sortedItems(map, bucket).filter((item) => isShown(map, options, item.id))
    : [];
  out.push({
    ...nodeOf(map, id, weight, depth),
    children: bucket && below.map((item) => item.id).reverse(),
    poolWeights: parent === undefined ? undefined : poolWeights(map, options, parent, id),
  });
  for (const item of below) visit(map, options, out, item.id, id, item.weight, depth + 1);
}

function nodeOf(map: CrushMap, id: number, weight: number, depth: number): CrushTreeNode {
  const typeId = map.buckets.get(id)?.type ?? 0;
  return {
    id,
    name: id >= 0 ? `osd.${id}` : (map.itemNames.get(id) ?? ''),
    type: map.typeNames.get(typeId) ?? '',
    typeId,
    deviceClass: classOf(map, id),
    crushWeight: weightNumber(weight),
    depth,
    children: undefined,
    poolWeights: undefined,
  };
}

/** Buckets by name, then devices by class and id. */
function sortedItems(map: CrushMap, bucket: CrushBucket) {
  const weights = itemWeights(bucket);
  const sortKey = (id: number): string =>
    id >= 0
      ? `${classOf(map, id) ?? ''}_osd.${String(id).padStart(8, '0')}`
      : `_${map.itemNames.get(id) ?? ''}`;
  return bucket.items
    .map((id, i) => ({ id, weight: weights[i]!, key: sortKey(id) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function poolWeights(map: CrushMap, options: CrushTreeOptions, parent: number, id: number) {
  const at = map.buckets.get(parent)!.items.indexOf(id);
  const out: Record<string, number[]> = {};
  for (const [key, name] of weightSetNames(map, options)) {
    const sets = map.chooseArgs.get(key)?.get(parent)?.weightSets ?? [];
    out[name] = sets.map((set) => weightNumber(set[at] ?? 0));
  }
  return out;
}

/** The weight sets of a map and how a tree calls them, in their order there. */
export function weightSetNames(map: CrushMap, options: CrushTreeOptions): Map<number, string> {
  const keys = [...map.chooseArgs.keys()].sort((a, b) => a - b);
  return new Map(
    keys.map((key) => [
      key,
      key === CHOOSE_ARGS_DEFAULT ? '(compat)' : (options.weightSetName?.(key) ?? String(key)),
    ]),
  );
}

/** A node as the JSON of `ceph osd tree` and `osd df tree` begins it; `children` come after what those add. */
export function crushTreeNodeFields(node: CrushTreeNode) {
  const { id, deviceClass, name, type, typeId, poolWeights } = node;
  return {
    id,
    ...(deviceClass === undefined ? {} : { device_class: deviceClass }),
    name,
    type,
    type_id: typeId,
    ...(id >= 0 ? { crush_weight: node.crushWeight, depth: node.depth } : {}),
    ...(poolWeights === undefined ? {} : { pool_weights: poolWeights }),
  };
}
