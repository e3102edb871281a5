import type { CrushBucket, CrushMap } from './types.ts';

/**
 * Who is called what, and who holds whom. A lookup scans the map, which takes well under a millisecond with 10,000
 * devices; while many edits follow each other ({@link editMany}), an index answers instead. All that changes names or
 * what buckets hold goes through the functions here, which keep that index true.
 */

interface EditIndex {
  /** Item to the buckets that hold it, in any order. */
  readonly parents: Map<number, number[]>;
  readonly ids: Map<string, number>;
  /** What shadow trees have to follow since they were last made. */
  changes: ShadowChanges;
}

/** Everything, or buckets whose contents or name changed, and the classes that there were. */
export interface ShadowChanges {
  all: boolean;
  readonly buckets: Set<number>;
  classes: string;
}
const indexes = new WeakMap<CrushMap, EditIndex>();

/**
 * Runs many edits with an index of names and parents, so that each costs what it touches. Meanwhile the map may be
 * changed by the edits of this folder only. Without this every edit works as well, and looks things up by scanning.
 */
export function editMany<T>(map: CrushMap, run: () => T): T {
  if (indexes.has(map)) return run();
  const changes = { all: true, buckets: new Set<number>(), classes: '' };
  const index: EditIndex = { parents: new Map(), ids: new Map(), changes };
  for (const b of map.buckets.values()) for (const item of b.items) link(index, item, b.id);
  for (const [id, name] of map.itemNames) {
    const other = index.ids.get(name);
    if (other === undefined || id > other) index.ids.set(name, id);
  }
  indexes.set(map, index);
  try {
    return run();
  } finally {
    indexes.delete(map);
  }
}

function link({ parents }: EditIndex, item: number, bucketId: number): void {
  const list = parents.get(item);
  if (list === undefined) parents.set(item, [bucketId]);
  else if (!list.includes(bucketId)) list.push(bucketId);
}

function unlink({ parents }: EditIndex, item: number, bucketId: number): void {
  const list = parents.get(item);
  const at = list?.indexOf(bucketId) ?? -1;
  if (at >= 0) list!.splice(at, 1);
}

/** Notes that a bucket now holds an item. */
export function noteHeld(map: CrushMap, bucketId: number, item: number): void {
  const index = indexes.get(map);
  if (!index) return;
  link(index, item, bucketId);
  index.changes.buckets.add(bucketId);
}

/** Notes that a bucket no longer holds an item. */
export function noteFreed(map: CrushMap, bucketId: number, item: number): void {
  const index = indexes.get(map);
  if (!index) return;
  unlink(index, item, bucketId);
  index.changes.buckets.add(bucketId);
}

/** Notes that weights in a bucket changed. */
export function noteWeight(map: CrushMap, bucketId: number): void {
  indexes.get(map)?.changes.buckets.add(bucketId);
}

/** Notes that a device's class changed. */
export function noteClass(map: CrushMap, device: number): void {
  const index = indexes.get(map);
  for (const parent of index?.parents.get(device) ?? []) index!.changes.buckets.add(parent);
}

/** What shadow trees have to follow, while many edits follow each other. */
export function shadowChanges(map: CrushMap): ShadowChanges | undefined {
  return indexes.get(map)?.changes;
}

/** Puts a bucket in its slot, in place of the one that was there. */
export function putBucket(map: CrushMap, bucket: CrushBucket): void {
  const index = indexes.get(map);
  if (index) {
    for (const item of map.buckets.get(bucket.id)?.items ?? []) unlink(index, item, bucket.id);
    for (const item of bucket.items) link(index, item, bucket.id);
    index.changes.buckets.add(bucket.id);
  }
  map.buckets.set(bucket.id, bucket);
}

/** Empties a bucket's slot. Names, classes and what holds it are the caller's. */
export function takeBucket(map: CrushMap, id: number): void {
  const index = indexes.get(map);
  if (index) {
    for (const item of map.buckets.get(id)?.items ?? []) unlink(index, item, id);
    index.changes.all = true;
  }
  map.buckets.delete(id);
}

/** Names an item, or renames it. */
export function setItemName(map: CrushMap, id: number, name: string): void {
  forgetItemName(map, id);
  map.itemNames.set(id, name);
  const index = indexes.get(map);
  if (!index) return;
  const other = index.ids.get(name);
  if (other === undefined || id > other) index.ids.set(name, id);
  if (id < 0) index.changes.buckets.add(id);
}

/** Leaves an item without a name. */
export function forgetItemName(map: CrushMap, id: number): void {
  const name = map.itemNames.get(id);
  if (name === undefined) return;
  map.itemNames.delete(id);
  const index = indexes.get(map);
  if (index?.ids.get(name) !== id) return;
  // Two items may share a name in a map that was read so: then the other one has it now.
  const other = keyOf(map.itemNames, name);
  if (other === undefined) index.ids.delete(name);
  else index.ids.set(name, other);
}

/** Id of the bucket or device of this name; the largest if several have it, as in Ceph. */
export function itemByName(map: CrushMap, name: string): number | undefined {
  const index = indexes.get(map);
  return index ? index.ids.get(name) : keyOf(map.itemNames, name);
}

/** Number of the type of this name. */
export function typeByName(map: CrushMap, name: string): number | undefined {
  return keyOf(map.typeNames, name);
}

/** The largest key that `name` stands under: Ceph turns the table round in ascending order, so that the last one stays. */
export function keyOf(names: ReadonlyMap<number, string>, name: string): number | undefined {
  let found: number | undefined;
  for (const [key, value] of names) {
    if (value === name && (found === undefined || key > found)) found = key;
  }
  return found;
}

/** Whether `id` names a shadow bucket: the part of another bucket that holds devices of one class. */
export function isShadow(map: CrushMap, id: number): boolean {
  return id < 0 && (map.itemNames.get(id)?.includes('~') ?? false);
}

/** Ids of the buckets that hold `item` directly, shadow buckets included, in slot order. */
export function parentsOf(map: CrushMap, item: number): number[] {
  const index = indexes.get(map);
  if (index) return (index.parents.get(item) ?? []).toSorted((a, b) => b - a);
  const out: number[] = [];
  for (const b of map.buckets.values()) if (b.items.includes(item)) out.push(b.id);
  return out.sort((a, b) => b - a);
}

/** Whether any bucket holds `item`. */
export function isHeld(map: CrushMap, item: number): boolean {
  const index = indexes.get(map);
  if (index) return (index.parents.get(item)?.length ?? 0) > 0;
  for (const b of map.buckets.values()) if (b.items.includes(item)) return true;
  return false;
}

/** Buckets that no other bucket holds, in ascending order of id. */
export function rootsOf(map: CrushMap, options: { shadow: boolean }): number[] {
  const index = indexes.get(map);
  const held = new Set<number>();
  if (!index) {
    for (const b of map.buckets.values()) for (const i of b.items) if (i < 0) held.add(i);
  }
  const isRoot = (id: number): boolean => (index ? !isHeld(map, id) : !held.has(id));
  return [...map.buckets.keys()]
    .filter((id) => isRoot(id) && (options.shadow || !isShadow(map, id)))
    .sort((a, b) => a - b);
}

/** Whether `item` is `root` or below it. */
export function subtreeContains(map: CrushMap, root: number, item: number): boolean {
  if (root === item) return true;
  if (root >= 0) return false;
  const index = indexes.get(map);
  // Upwards there are few buckets, downwards there may be all devices.
  const next = index
    ? (id: number): readonly number[] => index.parents.get(id) ?? []
    : (id: number): readonly number[] => map.buckets.get(id)?.items ?? [];
  const [from, to] = index ? [item, root] : [root, item];
  const seen = new Set<number>();
  const pending = [from];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const other of next(id)) {
      if (other === to) return true;
      // Only buckets lead further.
      if (other >= 0 || seen.has(other)) continue;
      seen.add(other);
      pending.push(other);
    }
  }
  return false;
}
