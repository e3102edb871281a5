import { CephError } from '../errors/index.ts';
import { itemWeights, parentsOf, refill } from './bucket.ts';
import { BUCKET_ALG, type ChooseArg, type CrushBucket, type CrushMap } from './types.ts';

/**
 * Weights of items in their buckets, kept consistent upwards: a bucket's weight is the sum of its items' and stands in
 * every bucket that holds it. Weight sets (choose_args) follow. Source: adjust_item_weight_in_bucket and its kin in
 * crush/CrushWrapper.cc, release 16.2.
 */

/** A 16.16 weight from a number as people write it. */
export function weightOf(value: number): number {
  // Ceph holds the number as a float before it multiplies.
  return Math.trunc(Math.fround(value) * 0x10000);
}

/** Adds an item at the end of a bucket and tells the buckets above. */
export function addToBucket(map: CrushMap, bucketId: number, item: number, weight: number): void {
  const b = map.buckets.get(bucketId)!;
  refill(map, b, [...b.items, item], [...itemWeights(b), weight]);
  eachArg(map, bucketId, (arg) => {
    for (const set of arg.weightSets) set.push(weight);
    if (arg.ids.length > 0) arg.ids.push(item);
  });
  propagate(map, bucketId);
}

/** Takes an item out of a bucket and tells the buckets above. */
export function removeFromBucket(map: CrushMap, bucketId: number, item: number): void {
  const b = map.buckets.get(bucketId)!;
  const at = b.items.indexOf(item);
  if (at < 0) return;
  refill(map, b, b.items.toSpliced(at, 1), itemWeights(b).toSpliced(at, 1));
  eachArg(map, bucketId, (arg) => {
    for (const set of arg.weightSets) set.splice(at, 1);
    if (arg.ids.length > 0) arg.ids.splice(at, 1);
  });
  propagate(map, bucketId);
}

/**
 * Sets an item's weight in one bucket and tells the buckets above. In a uniform bucket all items change.
 * @param weightSets whether the weight sets take the new weight too, or keep what was set there
 */
export function setWeightInBucket(
  map: CrushMap,
  bucketId: number,
  item: number,
  weight: number,
  weightSets = true,
): void {
  const b = map.buckets.get(bucketId)!;
  setWeights(map, b, item, weight);
  if (weightSets) {
    const at = b.items.indexOf(item);
    eachArg(map, bucketId, (arg) => {
      for (const set of arg.weightSets) set[at] = weight;
    });
  }
  propagate(map, bucketId);
}

function setWeights(map: CrushMap, b: CrushBucket, item: number, weight: number): void {
  const weights = itemWeights(b).map((w, i) =>
    b.items[i] === item || b.alg === BUCKET_ALG.UNIFORM ? weight : w,
  );
  refill(map, b, b.items, weights);
}

/**
 * Sets an item's weight wherever it is, shadow trees included.
 * @throws CephError ENOENT when no bucket holds it
 */
export function setItemWeight(map: CrushMap, item: number, weight: number): void {
  const parents = parentsOf(map, item);
  if (parents.length === 0) throw new CephError('ENOENT', `item ${item} is in no bucket`);
  for (const parent of parents) setWeightInBucket(map, parent, item, weight);
}

/** Carries a bucket's weight, and its sums per weight set, into the buckets that hold it. */
function propagate(map: CrushMap, bucketId: number): void {
  const { weight } = map.buckets.get(bucketId)!;
  for (const parentId of parentsOf(map, bucketId)) {
    const parent = map.buckets.get(parentId)!;
    const at = parent.items.indexOf(bucketId);
    setWeights(map, parent, bucketId, weight);
    for (const args of map.chooseArgs.values()) {
      const below = args.get(bucketId)?.weightSets;
      const above = args.get(parentId)?.weightSets ?? [];
      above.forEach((set, position) => {
        const source = below?.[Math.min(position, below.length - 1)];
        set[at] = source ? source.reduce((sum, w) => sum + w, 0) : weight;
      });
    }
    propagate(map, parentId);
  }
}

function eachArg(map: CrushMap, bucketId: number, change: (arg: ChooseArg) => void): void {
  for (const args of map.chooseArgs.values()) {
    const arg = args.get(bucketId);
    if (arg) change(arg);
  }
}
