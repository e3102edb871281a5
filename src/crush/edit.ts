import { CephError } from '../errors/index.ts';
import {
  algForNewBuckets,
  allocateBucketId,
  deviceLimit,
  itemByName,
  itemWeights,
  makeBucket,
  parentsOf,
  subtreeContains,
  typeByName,
} from './bucket.ts';
import { dropBucket, rebuildShadows } from './classes.ts';
import { type BucketAlg, type CrushMap, RULE_OP } from './types.ts';
import { addToBucket, removeFromBucket, setItemWeight, setWeightInBucket } from './weights.ts';

/**
 * The edits a monitor makes to the tree. Each leaves weights, weight sets and shadow trees consistent. They change the
 * map in place and may throw halfway: edit a copy. Weights are 16.16. Source: crush/CrushWrapper.cc, release 16.2.
 */

/** A place in the tree as commands name it: type name to bucket name, as in `{ host: 'a', root: 'default' }`. */
export type CrushLocation = Readonly<Record<string, string>>;

/** Whether a bucket may have this name. */
export function isValidCrushName(name: string): boolean {
  return /^[A-Za-z0-9_.-]+$/.test(name);
}

/**
 * Makes an empty bucket outside every tree.
 * @throws CephError EEXIST, or EINVAL for a bad name or type
 */
export function addBucket(map: CrushMap, name: string, typeName: string): number {
  if (itemByName(map, name) !== undefined) {
    throw new CephError('EEXIST', `bucket '${name}' already exists`);
  }
  const type = typeByName(map, typeName);
  if (type === undefined || type === 0) {
    throw new CephError('EINVAL', `type '${typeName}' is no type of bucket`);
  }
  return makeNamedBucket(map, name, type, algForNewBuckets(map.tunables), [], []);
}

function makeNamedBucket(
  map: CrushMap,
  name: string,
  type: number,
  alg: BucketAlg,
  items: number[],
  weights: number[],
): number {
  if (!isValidCrushName(name)) throw new CephError('EINVAL', `invalid bucket name '${name}'`);
  const id = allocateBucketId(map);
  const version = map.tunables.strawCalcVersion;
  map.buckets.set(id, makeBucket({ id, type, alg, hash: 0 }, items, weights, version));
  map.itemNames.set(id, name);
  if (items.length === 0) return id;
  // A map with weight sets has them for every bucket with items.
  for (const args of map.chooseArgs.values()) {
    let positions = 1;
    for (const arg of args.values()) positions = Math.max(positions, arg.weightSets.length);
    args.set(id, { weightSets: Array.from({ length: positions }, () => [...weights]), ids: [] });
  }
  return id;
}

/** The location's buckets from the lowest type up, skipping types that do not exist. */
function levels(map: CrushMap, loc: CrushLocation): { type: number; name: string }[] {
  return [...map.typeNames]
    .filter(([type, typeName]) => type !== 0 && loc[typeName] !== undefined)
    .sort((a, b) => a[0] - b[0])
    .map(([type, typeName]) => ({ type, name: loc[typeName]! }));
}

/** Whether `item` lies directly in the lowest bucket of `loc`. @returns its weight there */
export function weightAt(map: CrushMap, item: number, loc: CrushLocation): number | undefined {
  const lowest = levels(map, loc)[0];
  if (!lowest) return undefined;
  const bucket = map.buckets.get(itemByName(map, lowest.name) ?? 0);
  const at = bucket?.items.indexOf(item) ?? -1;
  return bucket && at >= 0 ? itemWeights(bucket)[at] : undefined;
}

/**
 * Puts an item under a location, making the buckets that are missing.
 * @param name the item's name; given to a device that has none
 * @throws CephError EEXIST when another item has the name; EINVAL when the location makes no sense or already holds it
 */
function insertItem(
  map: CrushMap,
  item: number,
  weight: number,
  name: string,
  loc: CrushLocation,
): void {
  const holder = itemByName(map, name);
  if (holder !== undefined && holder !== item) {
    throw new CephError('EEXIST', `name '${name}' is taken by item ${holder}`);
  }
  if (!isValidCrushName(name)) throw new CephError('EINVAL', `invalid item name '${name}'`);
  const target = attachPoint(map, item, loc);
  map.itemNames.set(item, name);
  let child = item;
  for (const level of target.missing) {
    // Every bucket starts with a child that weighs nothing; the real weight follows once all are linked.
    const alg = algForNewBuckets(map.tunables);
    child = makeNamedBucket(map, level.name, level.type, alg, [child], [0]);
  }
  if (target.existing !== undefined) {
    addToBucket(map, target.existing, child, child === item ? weight : 0);
  }
  for (const parent of parentsOf(map, item)) {
    const name = map.itemNames.get(parent);
    const inLocation = target.levels.some((level) => level.name === name);
    if (inLocation) setWeightInBucket(map, parent, item, weight);
  }
  map.maxDevices = deviceLimit(map);
  rebuildShadows(map);
}

/** Where in the tree an insertion ends: the buckets to make, lowest first, and the one that takes the topmost. */
function attachPoint(map: CrushMap, item: number, loc: CrushLocation) {
  const all = levels(map, loc);
  const where = JSON.stringify(loc);
  if (all.length === 0) throw new CephError('EINVAL', `no bucket type in location ${where}`);
  const missing: typeof all = [];
  for (const level of all) {
    const id = itemByName(map, level.name);
    if (id === undefined) {
      missing.push(level);
      continue;
    }
    const bucket = map.buckets.get(id);
    if (!bucket || bucket.type !== level.type) {
      throw new CephError('EINVAL', `'${level.name}' is not what ${where} says it is`);
    }
    if (subtreeContains(map, id, item) || subtreeContains(map, item, id)) {
      throw new CephError('EINVAL', `item ${item} already under '${level.name}', or above it`);
    }
    return { levels: all, missing, existing: id };
  }
  return { levels: all, missing, existing: undefined };
}

/**
 * What a booting OSD asks for: be at a location. One that is already there, or elsewhere, keeps the weight it has.
 * @returns whether the map changed
 */
export function createOrMoveItem(
  map: CrushMap,
  item: number,
  weight: number,
  name: string,
  loc: CrushLocation,
): boolean {
  if (weightAt(map, item, loc) !== undefined) return false;
  const current = currentWeight(map, item);
  if (current !== undefined) unlinkDevice(map, item);
  insertItem(map, item, current ?? weight, name, loc);
  return true;
}

/** Puts an item at a location with this weight, wherever it was. @returns whether the map changed */
export function setItem(
  map: CrushMap,
  item: number,
  weight: number,
  name: string,
  loc: CrushLocation,
): boolean {
  const current = weightAt(map, item, loc);
  if (current === weight && map.itemNames.get(item) === name) return false;
  if (current !== undefined) {
    map.itemNames.set(item, name);
    setItemWeight(map, item, weight);
    rebuildShadows(map);
    return true;
  }
  if (map.itemNames.has(item)) unlinkDevice(map, item);
  insertItem(map, item, weight, name, loc);
  return true;
}

/** Moves a bucket with all below it. @returns whether the map changed @throws CephError ENOENT, EINVAL */
export function moveBucket(map: CrushMap, bucketId: number, loc: CrushLocation): boolean {
  const bucket = map.buckets.get(bucketId);
  const name = map.itemNames.get(bucketId);
  if (!bucket || name === undefined) throw new CephError('ENOENT', `no bucket ${bucketId}`);
  if (weightAt(map, bucketId, loc) !== undefined) return false;
  unlink(map, bucketId);
  insertItem(map, bucketId, bucket.weight, name, loc);
  return true;
}

/** Weight of an item in the first bucket that holds it. */
export function currentWeight(map: CrushMap, item: number): number | undefined {
  const parent = map.buckets.get(parentsOf(map, item)[0] ?? 0);
  return parent && itemWeights(parent)[parent.items.indexOf(item)];
}

/** Sets an item's weight everywhere. @throws CephError ENOENT when no bucket holds it */
export function reweightItem(map: CrushMap, item: number, weight: number): void {
  setItemWeight(map, item, weight);
  rebuildShadows(map);
}

/** Ceph makes the shadows anew between taking a device out and putting it back, and ids follow from that. */
function unlinkDevice(map: CrushMap, device: number): void {
  unlink(map, device);
  rebuildShadows(map);
}

function unlink(map: CrushMap, item: number): void {
  for (const parent of parentsOf(map, item)) {
    setWeightInBucket(map, parent, item, 0);
    removeFromBucket(map, parent, item);
  }
}

/**
 * Removes a device, with its name and class, or an empty bucket.
 * @throws CephError ENOENT; ENOTEMPTY for a bucket with items; EBUSY for one that a rule takes
 */
export function removeItem(map: CrushMap, item: number): void {
  const name = map.itemNames.get(item);
  const bucket = map.buckets.get(item);
  if (name === undefined || (item < 0 && !bucket)) {
    throw new CephError('ENOENT', `no item ${item}`);
  }
  if (bucket && bucket.items.length > 0) {
    throw new CephError('ENOTEMPTY', `bucket '${name}' is not empty`);
  }
  const shadows = [item, ...(map.classBuckets.get(item)?.values() ?? [])];
  const taken = map.rules.some((rule) =>
    rule?.steps.some((step) => step.op === RULE_OP.TAKE && shadows.includes(step.arg1)),
  );
  if (item < 0 && taken) throw new CephError('EBUSY', `bucket '${name}' is in use by a rule`);
  unlink(map, item);
  dropBucket(map, item);
  rebuildShadows(map);
  map.maxDevices = deviceLimit(map);
}

/** Gives a bucket another name. @throws CephError ENOENT, EEXIST, EINVAL */
export function renameBucket(map: CrushMap, from: string, to: string): void {
  const id = itemByName(map, from);
  if (id === undefined || id >= 0) throw new CephError('ENOENT', `bucket '${from}' does not exist`);
  if (itemByName(map, to) !== undefined) throw new CephError('EEXIST', `name '${to}' is taken`);
  if (!isValidCrushName(to)) throw new CephError('EINVAL', `invalid bucket name '${to}'`);
  map.itemNames.set(id, to);
  rebuildShadows(map);
}
