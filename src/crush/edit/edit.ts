import { CephError } from '../../errors/index.ts';
import { itemWeightAt } from '../bucket.ts';
import { parentOf } from '../location.ts';
import {
  forgetItemName,
  isHeld,
  itemByName,
  parentsOf,
  setItemName,
  subtreeContains,
} from '../lookup.ts';
import type { CrushMap } from '../types.ts';
import { addBucketOf, isValidCrushName } from './new-bucket.ts';
import { rebuildShadows } from './shadows.ts';
import {
  addToBucket,
  carriedWeight,
  removeFromBucket,
  settleWeightSets,
  weighInBucket,
} from './weights.ts';

/**
 * The edits that put things in the tree. Each leaves weights, weight sets and shadow trees consistent, and the map as
 * Ceph's would be, byte for byte. They change the map in place and may throw halfway: edit a copy. Weights are 16.16.
 * Source: crush/CrushWrapper.cc, release 16.2.
 */

/** A place in the tree as commands name it: type name to bucket name, as in `{ host: 'a', root: 'default' }`. */
export type CrushLocation = Readonly<Record<string, string>>;

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
  return bucket && at >= 0 ? itemWeightAt(bucket, at) : undefined;
}

/**
 * Puts an item under a location, making the buckets that are missing. It may lie elsewhere too.
 * @param name the item's name; given to an item that has none
 * @throws CephError EEXIST when another item has the name; EINVAL when the location makes no sense or already holds it;
 *   ELOOP when it is below the item
 */
export function insertItem(
  map: CrushMap,
  item: number,
  weight: number,
  name: string,
  loc: CrushLocation,
): void {
  checkNames(name, loc);
  const holder = itemByName(map, name);
  if (holder !== undefined && holder !== item) {
    throw new CephError('EEXIST', `name '${name}' is taken by item ${holder}`);
  }
  if (holder === undefined) setItemName(map, item, name);
  attach(map, item, loc);
  // Everything is linked without weight; the real weight follows, and is carried up.
  if (!weighAt(map, item, weight, loc, item >= 0)) {
    throw new CephError('EINVAL', `no bucket for item ${item} in location ${JSON.stringify(loc)}`);
  }
  map.maxDevices = Math.max(map.maxDevices, item + 1);
  rebuildShadows(map);
}

function checkNames(name: string, loc: CrushLocation): void {
  for (const word of [name, ...Object.entries(loc).flat()]) {
    if (!isValidCrushName(word)) throw new CephError('EINVAL', `invalid name '${word}'`);
  }
}

/** Links an item into the location's lowest bucket that exists, through new buckets where lower ones are missing. */
function attach(map: CrushMap, item: number, loc: CrushLocation): void {
  let child = item;
  for (const { type, name } of levels(map, loc)) {
    const id = itemByName(map, name);
    if (id === undefined) {
      child = addBucketOf(map, { name, type }, [child], [0]);
      continue;
    }
    const bucket = map.buckets.get(id);
    if (!bucket) throw new CephError('EINVAL', `'${name}' is not a bucket`);
    if (subtreeContains(map, id, child)) {
      throw new CephError('EINVAL', `item ${child} is already below '${name}'`);
    }
    if (bucket.type !== type) throw new CephError('EINVAL', `'${name}' is of another type`);
    if (subtreeContains(map, child, id)) {
      throw new CephError('ELOOP', `'${name}' is below item ${child}`);
    }
    addToBucket(map, id, child, 0);
    return;
  }
}

/** Sets an item's weight in those buckets of a location that hold it. @returns whether any does */
function weighAt(
  map: CrushMap,
  item: number,
  weight: number,
  loc: CrushLocation,
  weightSets: boolean,
): boolean {
  let found = false;
  for (const typeName of Object.keys(loc).sort()) {
    const id = itemByName(map, loc[typeName]!) ?? 0;
    if (weighInBucket(map, id, item, weight, weightSets)) found = true;
  }
  if (found) settleWeightSets(map);
  return found;
}

/**
 * What a booting OSD asks for: be at a location. One that is already there, or elsewhere, keeps the weight it has.
 * @returns whether the map changed
 * @throws as {@link insertItem}
 */
export function createOrMoveItem(
  map: CrushMap,
  item: number,
  weight: number,
  name: string,
  loc: CrushLocation,
): boolean {
  if (!isValidCrushName(name)) throw new CephError('EINVAL', `invalid item name '${name}'`);
  if (weightAt(map, item, loc) !== undefined) return false;
  const current = currentWeight(map, item);
  if (current !== undefined) unlinkItem(map, item);
  insertItem(map, item, current === undefined ? weight : carriedWeight(current), name, loc);
  return true;
}

/**
 * Puts an item at a location with this weight, wherever it was.
 * @returns whether the map changed
 * @throws as {@link insertItem}
 */
export function setItem(
  map: CrushMap,
  item: number,
  weight: number,
  name: string,
  loc: CrushLocation,
): boolean {
  checkNames(name, loc);
  const current = weightAt(map, item, loc);
  if (current === undefined) {
    if (map.itemNames.has(item)) unlinkItem(map, item);
    insertItem(map, item, weight, name, loc);
    return true;
  }
  let isChanged = false;
  if (current !== weight) {
    reweightItemAt(map, item, weight, loc);
    isChanged = true;
  }
  if (map.itemNames.get(item) !== name) {
    setItemName(map, item, name);
    isChanged = true;
  }
  return isChanged;
}

/** Sets an item's weight in the buckets of a location. @throws CephError ENOENT when none of them holds it */
export function reweightItemAt(
  map: CrushMap,
  item: number,
  weight: number,
  loc: CrushLocation,
): void {
  if (!weighAt(map, item, weight, loc, true)) {
    throw new CephError('ENOENT', `item ${item} is not at ${JSON.stringify(loc)}`);
  }
  rebuildShadows(map);
}

/**
 * Moves a bucket, with all below it, from the first bucket that holds it.
 * @throws CephError ENOENT, EINVAL for a device, and as {@link insertItem}
 */
export function moveBucket(map: CrushMap, bucketId: number, loc: CrushLocation): void {
  const { name, weight } = linkable(map, bucketId);
  const parent = parentOf(map, bucketId);
  if (parent !== undefined) {
    removeFromBucket(map, parent, map.buckets.get(parent)!.items.indexOf(bucketId));
  }
  insertItem(map, bucketId, carriedWeight(weight), name, loc);
}

/** Puts a bucket at one more place. @throws as {@link moveBucket} */
export function linkBucket(map: CrushMap, bucketId: number, loc: CrushLocation): void {
  const { name, weight } = linkable(map, bucketId);
  insertItem(map, bucketId, carriedWeight(weight), name, loc);
}

function linkable(map: CrushMap, bucketId: number) {
  if (bucketId >= 0) throw new CephError('EINVAL', `item ${bucketId} is not a bucket`);
  const name = map.itemNames.get(bucketId);
  const bucket = map.buckets.get(bucketId);
  if (name === undefined || !bucket) throw new CephError('ENOENT', `no bucket ${bucketId}`);
  return { name, weight: bucket.weight };
}

/** Weight of an item in the first bucket that holds it. */
export function currentWeight(map: CrushMap, item: number): number | undefined {
  const parent = map.buckets.get(parentsOf(map, item)[0] ?? 0);
  return parent && itemWeightAt(parent, parent.items.indexOf(item));
}

/**
 * Takes an item out of all buckets. A device loses its name, as in Ceph, and gets it back where it is put again; its
 * class stays.
 */
function unlinkItem(map: CrushMap, item: number): void {
  takeOut(map, item);
  if (item >= 0) forgetItemName(map, item);
  rebuildShadows(map);
}

/** Takes an item out of every bucket and leaves the rest to the caller. @returns whether it was in any */
export function takeOut(map: CrushMap, item: number): boolean {
  if (!isHeld(map, item)) return false;
  for (const parent of parentsOf(map, item)) {
    removeFromBucket(map, parent, map.buckets.get(parent)!.items.indexOf(item));
  }
  return true;
}
