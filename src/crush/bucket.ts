import { CephError } from '../errors/index.ts';
import { strawLengths } from './straw-lengths.ts';
import {
  BUCKET_ALG,
  type BucketAlg,
  type CrushBucket,
  type CrushMap,
  type CrushTunables,
} from './types.ts';

/**
 * One bucket: made from its items, and changed item by item. Changes are by difference, as in Ceph, so that a map whose
 * sums were not true stays as it would there. Source: crush/builder.c, release 16.2.
 */

/** Largest weight of a bucket, 16.16. */
export const WEIGHT_MAX = 0xffffffff;
/** A tree's node count is one byte and a power of two. */
const TREE_ITEMS_MAX = 64;

/** Weights of a bucket's items, 16.16. */
export function itemWeights(b: CrushBucket): number[] {
  switch (b.alg) {
    case BUCKET_ALG.UNIFORM:
      return b.items.map(() => b.itemWeight);
    case BUCKET_ALG.TREE:
      return b.items.map((_, i) => b.nodeWeights[2 * i + 1]!);
    default:
      return [...b.itemWeights];
  }
}

/** Weight of the item at a position. */
export function itemWeightAt(b: CrushBucket, at: number): number {
  switch (b.alg) {
    case BUCKET_ALG.UNIFORM:
      return b.itemWeight;
    case BUCKET_ALG.TREE:
      return b.nodeWeights[2 * at + 1]!;
    default:
      return b.itemWeights[at]!;
  }
}

/**
 * A bucket with all that its algorithm derives from the weights.
 * @throws CephError ERANGE when the weights do not add up to 32 bits; EINVAL when the algorithm cannot hold the items
 */
export function makeBucket(
  head: { id: number; type: number; alg: BucketAlg; hash: number },
  items: number[],
  weights: number[],
  strawCalcVersion: number,
): CrushBucket {
  const weight = checkedWeight(
    head.id,
    weights.reduce((sum, w) => sum + w, 0),
  );
  const base = { id: head.id, type: head.type, hash: head.hash, weight, items };
  switch (head.alg) {
    case BUCKET_ALG.UNIFORM: {
      const itemWeight = weights[0] ?? 0;
      if (weights.some((w) => w !== itemWeight)) throw oneWeightOnly(head.id);
      return { ...base, alg: head.alg, itemWeight };
    }
    case BUCKET_ALG.LIST: {
      let sum = 0;
      const sums = weights.map((w) => {
        sum += w;
        return sum;
      });
      return { ...base, alg: head.alg, itemWeights: weights, sums };
    }
    case BUCKET_ALG.TREE:
      return { ...base, alg: head.alg, nodeWeights: treeNodes(head.id, weights) };
    case BUCKET_ALG.STRAW: {
      const straws = strawLengths(weights, strawCalcVersion);
      return { ...base, alg: head.alg, itemWeights: weights, straws };
    }
    case BUCKET_ALG.STRAW2:
      return { ...base, alg: head.alg, itemWeights: weights };
  }
}

function checkedWeight(id: number, weight: number): number {
  if (weight < 0 || weight > WEIGHT_MAX) {
    throw new CephError('ERANGE', `weight of bucket ${id} overflows`);
  }
  return weight;
}

function oneWeightOnly(id: number): CephError {
  return new CephError('EINVAL', `uniform bucket ${id} takes items of one weight only`);
}

function treeNodes(id: number, weights: number[]): number[] {
  if (weights.length === 0) return [];
  if (weights.length > TREE_ITEMS_MAX) {
    throw new CephError('EINVAL', `tree bucket ${id} holds at most ${TREE_ITEMS_MAX} items`);
  }
  let count = 2;
  while (count < 2 * weights.length) count *= 2;
  const nodes: number[] = new Array(count).fill(0);
  weights.forEach((w, i) => {
    nodes[2 * i + 1] = w;
  });
  // A node's height is its number of trailing zero bits; its children lie half that step to either side.
  for (let step = 2; step < count; step *= 2) {
    for (let n = step; n < count; n += 2 * step) {
      nodes[n] = nodes[n - step / 2]! + nodes[n + step / 2]!;
    }
  }
  return nodes;
}

/**
 * Adds an item at the end of a bucket.
 * @throws CephError ERANGE; EINVAL when the algorithm cannot hold the item
 */
export function appendItem(b: CrushBucket, item: number, weight: number, version: number): void {
  const total = checkedWeight(b.id, b.weight + weight);
  switch (b.alg) {
    case BUCKET_ALG.UNIFORM:
      if (b.items.length > 0 && b.itemWeight !== weight) throw oneWeightOnly(b.id);
      b.itemWeight = weight;
      break;
    case BUCKET_ALG.LIST:
      b.sums.push((b.sums.at(-1) ?? 0) + weight);
      b.itemWeights.push(weight);
      break;
    case BUCKET_ALG.TREE:
      b.nodeWeights = treeNodes(b.id, [...itemWeights(b), weight]);
      break;
    case BUCKET_ALG.STRAW:
      b.itemWeights.push(weight);
      b.straws = strawLengths(b.itemWeights, version);
      break;
    case BUCKET_ALG.STRAW2:
      b.itemWeights.push(weight);
      break;
  }
  b.items.push(item);
  b.weight = total;
}

/**
 * Takes the item at a position out of a bucket; those behind it move up. (Ceph leaves device 0 in place of an item of a
 * `tree` bucket; here such buckets close the gap as well.)
 */
export function dropItem(b: CrushBucket, at: number, version: number): void {
  const weight = itemWeightAt(b, at);
  b.weight = weight < b.weight ? b.weight - weight : 0;
  switch (b.alg) {
    case BUCKET_ALG.UNIFORM:
      break;
    case BUCKET_ALG.LIST:
      b.itemWeights.splice(at, 1);
      b.sums.splice(at, 1);
      for (let i = at; i < b.sums.length; i++) b.sums[i] = (b.sums[i]! - weight) >>> 0;
      break;
    case BUCKET_ALG.TREE:
      b.nodeWeights = treeNodes(b.id, itemWeights(b).toSpliced(at, 1));
      break;
    case BUCKET_ALG.STRAW:
      b.itemWeights.splice(at, 1);
      b.straws = strawLengths(b.itemWeights, version);
      break;
    case BUCKET_ALG.STRAW2:
      b.itemWeights.splice(at, 1);
      break;
  }
  b.items.splice(at, 1);
}

/** Sets the weight of the item at a position; in a uniform bucket of all items. @throws CephError ERANGE */
export function weighItem(b: CrushBucket, at: number, weight: number, version: number): void {
  const step = weight - itemWeightAt(b, at);
  const added = b.alg === BUCKET_ALG.UNIFORM ? weight * b.items.length - b.weight : step;
  const total = checkedWeight(b.id, b.weight + added);
  switch (b.alg) {
    case BUCKET_ALG.UNIFORM:
      b.itemWeight = weight;
      break;
    case BUCKET_ALG.LIST:
      b.itemWeights[at] = weight;
      for (let i = at; i < b.sums.length; i++) b.sums[i] = (b.sums[i]! + step) >>> 0;
      break;
    case BUCKET_ALG.TREE: {
      const weights = itemWeights(b);
      weights[at] = weight;
      b.nodeWeights = treeNodes(b.id, weights);
      break;
    }
    case BUCKET_ALG.STRAW:
      b.itemWeights[at] = weight;
      b.straws = strawLengths(b.itemWeights, version);
      break;
    case BUCKET_ALG.STRAW2:
      b.itemWeights[at] = weight;
      break;
  }
  b.weight = total;
}

/** The best algorithm the tunables allow for new buckets. */
export function algForNewBuckets(t: CrushTunables): BucketAlg {
  const preference = [BUCKET_ALG.STRAW2, BUCKET_ALG.STRAW, BUCKET_ALG.TREE, BUCKET_ALG.LIST];
  return preference.find((alg) => t.allowedBucketAlgs & (1 << alg)) ?? BUCKET_ALG.UNIFORM;
}

/** 1 + the largest device that is in a bucket or has a name: what `maxDevices` has to be. */
export function deviceLimit(map: Pick<CrushMap, 'buckets' | 'itemNames'>): number {
  let limit = 0;
  for (const bucket of map.buckets.values()) {
    for (const item of bucket.items) if (item >= limit) limit = item + 1;
  }
  for (const item of map.itemNames.keys()) if (item >= limit) limit = item + 1;
  return limit;
}

/** The free bucket id nearest to -1 that is not `reserved` either; grows the slots by doubling, as Ceph does. */
export function allocateBucketId(map: CrushMap, reserved?: ReadonlySet<number>): number {
  let id = -1;
  while (map.buckets.has(id) || reserved?.has(id)) id--;
  makeSlot(map, id);
  return id;
}

/** Grows the slots until `id` has one. */
export function makeSlot(map: CrushMap, id: number): void {
  while (-id > map.maxBuckets) map.maxBuckets = map.maxBuckets === 0 ? 8 : map.maxBuckets * 2;
}
