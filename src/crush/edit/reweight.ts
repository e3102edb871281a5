import { CephError } from '../../errors/index.ts';
import { WEIGHT_MAX, weighItem } from '../bucket.ts';
import { noteWeight, rootsOf } from '../lookup.ts';
import { BUCKET_ALG, type ChooseArg, type CrushBucket, type CrushMap } from '../types.ts';
import { rebuildShadows } from './shadows.ts';
import { settleWeightSets, weighEverywhere, weighInBucket } from './weights.ts';

/** Weights of devices that are in place. Source: crush/CrushWrapper.cc and crush/builder.c, release 16.2. */

/** Sets an item's weight everywhere, in shadow trees too. @throws CephError ENOENT when no bucket holds it */
export function reweightItem(map: CrushMap, item: number, weight: number): void {
  weighEverywhere(map, item, weight);
}

/**
 * Sets the weight of every device below a bucket.
 * @returns how many places of devices there are
 * @throws CephError ENOENT
 */
export function reweightSubtree(map: CrushMap, bucketId: number, weight: number): number {
  if (!map.buckets.has(bucketId)) throw new CephError('ENOENT', `no bucket ${bucketId}`);
  let places = 0;
  const pending = [bucketId];
  for (let id = pending.shift(); id !== undefined; id = pending.shift()) {
    for (const item of map.buckets.get(id)?.items ?? []) {
      if (item < 0) {
        pending.push(item);
        continue;
      }
      weighInBucket(map, id, item, weight, true);
      places++;
    }
  }
  settleWeightSets(map);
  rebuildShadows(map);
  return places;
}

/** Makes every bucket weigh what its devices weigh together, from the bottom up. */
export function reweightAll(map: CrushMap): void {
  for (const root of rootsOf(map, { shadow: false })) {
    const bucket = map.buckets.get(root)!;
    sumUp(map, bucket);
    for (const args of map.chooseArgs.values()) sumUpSets(map, bucket, args);
  }
  rebuildShadows(map);
}

/** Lists and trees keep their inner sums, as in Ceph. */
function sumUp(map: CrushMap, b: CrushBucket): void {
  noteWeight(map, b.id);
  if (b.alg === BUCKET_ALG.UNIFORM) return sumUpUniform(map, b);
  let total = 0;
  b.items.forEach((item, at) => {
    const below = item < 0 ? map.buckets.get(item) : undefined;
    if (below) sumUp(map, below);
    if (b.alg === BUCKET_ALG.TREE) {
      if (below) b.nodeWeights[2 * at + 1] = below.weight;
      total += b.nodeWeights[2 * at + 1]!;
    } else {
      if (below) b.itemWeights[at] = below.weight;
      total += b.itemWeights[at]!;
    }
  });
  if (total > WEIGHT_MAX) throw new CephError('ERANGE', `weight of bucket ${b.id} overflows`);
  b.weight = total;
  // Setting any weight anew measures the straws of all.
  if (b.alg === BUCKET_ALG.STRAW && b.items.length > 0) {
    weighItem(b, 0, b.itemWeights[0]!, map.tunables.strawCalcVersion);
  }
}

/** The items of a uniform bucket get the average of those that are buckets, if these are more than the devices. */
function sumUpUniform(map: CrushMap, b: CrushBucket & { alg: typeof BUCKET_ALG.UNIFORM }): void {
  let sum = 0;
  let count = 0;
  for (const item of b.items) {
    const below = item < 0 ? map.buckets.get(item) : undefined;
    if (!below) continue;
    sumUp(map, below);
    sum += below.weight;
    count++;
  }
  if (count > b.items.length - count) b.itemWeight = Math.floor(sum / count);
  b.weight = b.itemWeight * b.items.length;
}

/**
 * The same for one weight set, as Ceph does it: from and into the weights of the first position alone.
 * @returns what the bucket weighs, per position
 */
function sumUpSets(map: CrushMap, b: CrushBucket, args: ReadonlyMap<number, ChooseArg>): number[] {
  const sets = args.get(b.id)?.weightSets ?? [];
  const total: number[] = sets.map(() => 0);
  b.items.forEach((item, at) => {
    const below = item < 0 ? map.buckets.get(item) : undefined;
    const sums = below && sumUpSets(map, below, args);
    sets.forEach((_, position) => {
      if (sums) sets[0]![at] = sums[position] ?? 0;
      const weight = sets[0]![at]!;
      total[position] = (total[position]! + weight) % (WEIGHT_MAX + 1);
    });
  });
  return total;
}
