import type { CrushBucket, CrushMap } from '../../crush/index.ts';

// Walking and naming the CRUSH hierarchy as Ceph's dumpers do. Source: crush/CrushTreeDumper.h and CrushWrapper.cc,
// release 16.2.

/** A bucket that holds the devices of one class only has its class after a tilde. */
function isShadow(crush: CrushMap, id: number): boolean {
  return crush.itemNames.get(id)?.includes('~') ?? false;
}

export function childrenOf(crush: CrushMap, id: number): readonly number[] {
  return crush.buckets.get(id)?.items ?? [];
}

/** Buckets that no bucket holds, by ascending id. */
export function rootsOf(crush: CrushMap, shadows: boolean): number[] {
  const held = new Set([...crush.buckets.values()].flatMap((b) => b.items));
  return [...crush.buckets.keys()]
    .filter((id) => !held.has(id) && (shadows || !isShadow(crush, id)))
    .sort((a, b) => a - b);
}

/** The ordinary bucket that holds an item. */
export function parentOf(crush: CrushMap, item: number): number | undefined {
  for (const [id, bucket] of crush.buckets) {
    if (!isShadow(crush, id) && bucket.items.includes(item)) return id;
  }
  return undefined;
}

/** Type and name of every bucket above an item, from the root down. */
export function fullLocation(crush: CrushMap, item: number): [type: string, name: string][] {
  const path: [string, string][] = [];
  for (let at = parentOf(crush, item); at !== undefined; at = parentOf(crush, at)) {
    path.unshift([typeNameOf(crush, at), crush.itemNames.get(at) ?? '']);
  }
  return path;
}

export function typeNameOf(crush: CrushMap, item: number): string {
  const type = item < 0 ? (crush.buckets.get(item)?.type ?? 0) : 0;
  return crush.typeNames.get(type) ?? '';
}

export function classOf(crush: CrushMap, item: number): string | undefined {
  const id = crush.classMap.get(item);
  return id === undefined ? undefined : crush.classNames.get(id);
}

/** Devices below an item, each once, ascending. */
export function devicesBelow(crush: CrushMap, item: number): number[] {
  const found = new Set<number>();
  const visit = (id: number): void => {
    if (id >= 0) found.add(id);
    else for (const child of childrenOf(crush, id)) visit(child);
  };
  visit(item);
  return [...found].sort((a, b) => a - b);
}

/** Weight of the item at a position of its bucket, 1.0 for a whole one. */
export function itemWeight(bucket: CrushBucket, position: number): number {
  switch (bucket.alg) {
    case 1:
      return bucket.itemWeight / 0x10000;
    case 3:
      return (bucket.nodeWeights[2 * position + 1] ?? 0) / 0x10000;
    default:
      return (bucket.itemWeights[position] ?? 0) / 0x10000;
  }
}

/** One line of a tree. */
export interface TreeItem {
  readonly id: number;
  readonly depth: number;
  readonly weight: number;
  /** In reverse order of the lines, as Ceph lists them. */
  readonly children: readonly number[];
}

/**
 * The hierarchy, depth first, siblings by class and name.
 * @param keep decides for devices; a bucket is shown if any device below it is, or if `empty` allows it
 * @param start only the tree from this bucket, instead of all roots
 */
export function walkTree(
  crush: CrushMap,
  options: { shadows?: boolean; keep?: (osd: number) => boolean; start?: number } = {},
): TreeItem[] {
  const { keep, start } = options;
  const shown = (id: number): boolean => {
    if (!keep) return true;
    return id >= 0 ? keep(id) : childrenOf(crush, id).some(shown);
  };
  const out: TreeItem[] = [];
  const visit = (id: number, depth: number, weight: number): void => {
    const bucket = crush.buckets.get(id);
    const children: { id: number; weight: number; order: string }[] = [];
    bucket?.items.forEach((child, i) => {
      if (!shown(child)) return;
      children.push({ id: child, weight: itemWeight(bucket, i), order: orderOf(crush, child) });
    });
    children.sort((a, b) => (a.order < b.order ? -1 : 1));
    out.push({ id, depth, weight, children: children.map((c) => c.id).reverse() });
    for (const child of children) visit(child.id, depth + 1, child.weight);
  };
  const roots = start === undefined ? rootsOf(crush, options.shadows ?? false) : [start];
  for (const root of roots) {
    if (shown(root)) visit(root, 0, (crush.buckets.get(root)?.weight ?? 0) / 0x10000);
  }
  return out;
}

function orderOf(crush: CrushMap, id: number): string {
  if (id < 0) return `_${crush.itemNames.get(id) ?? ''}`;
  return `${classOf(crush, id) ?? ''}_osd.${String(id).padStart(8, '0')}`;
}
