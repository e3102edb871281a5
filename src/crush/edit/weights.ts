import { CephError } from '../../errors/index.ts';
import { appendItem, dropItem, itemWeightAt, WEIGHT_MAX, weighItem } from '../bucket.ts';
import { noteFreed, noteHeld, noteWeight, parentsOf } from '../lookup.ts';
import type { ChooseArg, CrushMap } from '../types.ts';

/**
 * Weights of items in their buckets, kept consistent upwards: a bucket's weight is the sum of its items' and stands in
 * every bucket that holds it. Source: adjust_item_weight_in_bucket and its kin in crush/CrushWrapper.cc, release 16.2.
 */

/** Largest weight of an item, 16.16: that of a signed number. */
const ITEM_WEIGHT_MAX = 0x7fffffff;

/**
 * A 16.16 weight from a number as people write it.
 * @throws CephError EOVERFLOW from 32768 on, or for a negative one
 */
export function weightOf(value: number): number {
  // Ceph holds the number as a float before it multiplies.
  return checkedItemWeight(Math.trunc(Math.fround(value) * 0x10000));
}

/** What is left of a bucket's weight where Ceph carries it as a float. @throws CephError EOVERFLOW */
export function carriedWeight(weight: number): number {
  return checkedItemWeight(Math.fround(weight));
}

function checkedItemWeight(weight: number): number {
  if (weight >= 0 && weight <= ITEM_WEIGHT_MAX) return weight;
  throw new CephError('EOVERFLOW', `weight ${weight / 0x10000} is out of range`);
}

/** Adds an item at the end of a bucket, without telling the buckets above. */
export function addToBucket(map: CrushMap, bucketId: number, item: number, weight: number): void {
  appendItem(map.buckets.get(bucketId)!, item, weight, map.tunables.strawCalcVersion);
  noteHeld(map, bucketId, item);
  eachArg(map, bucketId, (arg) => {
    for (const set of arg.weightSets) set.push(weight);
    if (arg.ids.length > 0) arg.ids.push(item);
  });
}

/** Takes the item at a position out of a bucket, without telling the buckets above. */
export function dropFromBucket(map: CrushMap, bucketId: number, at: number): void {
  const b = map.buckets.get(bucketId)!;
  const item = b.items[at]!;
  dropItem(b, at, map.tunables.strawCalcVersion);
  noteFreed(map, bucketId, item);
  eachArg(map, bucketId, (arg) => {
    for (const set of arg.weightSets) set.splice(at, 1);
    if (arg.ids.length > 0) arg.ids.splice(at, 1);
  });
}

/** Makes the item at a position weightless, tells the buckets above, and takes it out. */
export function removeFromBucket(map: CrushMap, bucketId: number, at: number): void {
  weighInBucket(map, bucketId, map.buckets.get(bucketId)!.items[at]!, 0, true);
  settleWeightSets(map);
  dropFromBucket(map, bucketId, at);
}

/**
 * Sets an item's weight in one bucket and tells the buckets above. In a uniform bucket all items change. Weight sets
 * are left for {@link settleWeightSets}.
 * @param weightSets whether the weight sets take the new weight too, or keep what was set there
 * @returns whether the bucket holds the item
 */
export function weighInBucket(
  map: CrushMap,
  bucketId: number,
  item: number,
  weight: number,
  weightSets: boolean,
): boolean {
  const b = map.buckets.get(bucketId);
  const at = b?.items.indexOf(item) ?? -1;
  if (!b || at < 0) return false;
  if (weightSets) {
    eachArg(map, bucketId, (arg) => {
      for (const set of arg.weightSets) set[at] = weight;
    });
  }
  weighItem(b, at, weight, map.tunables.strawCalcVersion);
  noteWeight(map, bucketId);
  for (const parent of parentsOf(map, bucketId)) {
    weighInBucket(map, parent, bucketId, b.weight, false);
  }
  return true;
}

/**
 * Sets an item's weight wherever it is, shadow trees included.
 * @throws CephError ENOENT when no bucket holds it
 */
export function weighEverywhere(map: CrushMap, item: number, weight: number): void {
  const parents = parentsOf(map, item);
  if (parents.length === 0) throw new CephError('ENOENT', `item ${item} is in no bucket`);
  for (const parent of parents) weighInBucket(map, parent, item, weight, true);
  settleWeightSets(map);
}

/** Number of positions that a map's weight sets have: that of the first bucket with any. */
export function weightSetPositions(args: ReadonlyMap<number, ChooseArg>): number {
  let first: number | undefined;
  for (const [id, arg] of args) {
    if (arg.weightSets.length > 0 && (first === undefined || id > first)) first = id;
  }
  return first === undefined ? 1 : args.get(first)!.weightSets.length;
}

/**
 * Makes every weight set whole and true: each bucket has one, and a bucket stands in another with the sum of its
 * own, for every position.
 */
export function settleWeightSets(map: CrushMap): void {
  for (const args of map.chooseArgs.values()) settleArgs(map, args);
}

/**
 * Gives every bucket without a weight set one, with the weights that hold. Those of buckets that draw otherwise than
 * straw2 serve to add up, and go when the map is read again.
 * @returns the buckets that had none
 */
export function completeArgs(map: CrushMap, args: Map<number, ChooseArg>): number[] {
  const positions = weightSetPositions(args);
  const made: number[] = [];
  for (const b of map.buckets.values()) {
    const arg = args.get(b.id);
    if (arg && arg.weightSets.length > 0) continue;
    const weights = b.items.map((_, i) => itemWeightAt(b, i));
    const weightSets = Array.from({ length: positions }, () => [...weights]);
    args.set(b.id, { weightSets, ids: arg?.ids ?? [] });
    made.push(b.id);
  }
  return made;
}

/** Carries the sums of a bucket's weight set into the buckets above. */
export function carryUp(
  map: CrushMap,
  args: ReadonlyMap<number, ChooseArg>,
  bucketId: number,
): void {
  const sums = args.get(bucketId)?.weightSets.map(sumOf) ?? [];
  for (const parent of parentsOf(map, bucketId)) {
    const sets = args.get(parent)?.weightSets ?? [];
    if (sets.length !== sums.length) continue;
    const at = map.buckets.get(parent)!.items.indexOf(bucketId);
    sets.forEach((set, position) => {
      set[at] = sums[position]!;
    });
    carryUp(map, args, parent);
  }
}

function settleArgs(map: CrushMap, args: Map<number, ChooseArg>): void {
  if (![...args.values()].some((arg) => arg.weightSets.length > 0)) return;
  completeArgs(map, args);
  const settled = new Set<number>();
  const settle = (id: number): void => {
    settled.add(id);
    const sets = args.get(id)?.weightSets ?? [];
    map.buckets.get(id)!.items.forEach((item, at) => {
      if (item >= 0 || !map.buckets.has(item)) return;
      if (!settled.has(item)) settle(item);
      const below = args.get(item)?.weightSets ?? [];
      if (below.length !== sets.length) return;
      sets.forEach((set, position) => {
        set[at] = sumOf(below[position]!);
      });
    });
  };
  for (const id of map.buckets.keys()) if (!settled.has(id)) settle(id);
}

/** Sum of weights, as 32 bits hold it. */
export function sumOf(weights: readonly number[]): number {
  return weights.reduce((sum, w) => sum + w, 0) % (WEIGHT_MAX + 1);
}

function eachArg(map: CrushMap, bucketId: number, change: (arg: ChooseArg) => void): void {
  for (const args of map.chooseArgs.values()) {
    const arg = args.get(bucketId);
    if (arg) change(arg);
  }
}
