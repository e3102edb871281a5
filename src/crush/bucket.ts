import { CephError } from '../errors/index.ts';
import { strawLengths } from './straw-lengths.ts';
import {
  BUCKET_ALG,
  type BucketAlg,
  type CrushBucket,
  type CrushMap,
  type CrushTunables,
} from './types.ts';

/** Largest weight, 16.16. */
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
  const weight = weights.reduce((sum, w) => sum + w, 0);
  if (weight > WEIGHT_MAX) throw new CephError('ERANGE', `weight of bucket ${head.id} overflows`);
  const base = { id: head.id, type: head.type, hash: head.hash, weight, items };
  switch (head.alg) {
    case BUCKET_ALG.UNIFORM: {
      const itemWeight = weights[0] ?? 0;
      if (weights.some((w) => w !== itemWeight)) {
        throw new CephError('EINVAL', `uniform bucket ${head.id} takes items of one weight only`);
      }
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

/** Replaces a bucket's contents, keeping its identity and algorithm. */
export function refill(map: CrushMap, b: CrushBucket, items: number[], weights: number[]): void {
  map.buckets.set(b.id, makeBucket(b, items, weights, map.tunables.strawCalcVersion));
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

/** Id of the bucket or device of this name. */
export function itemByName(map: CrushMap, name: string): number | undefined {
  return keyOf(map.itemNames, name);
}

/** Number of the type of this name. */
export function typeByName(map: CrushMap, name: string): number | undefined {
  return keyOf(map.typeNames, name);
}

/** The smallest key that `name` stands under. */
export function keyOf(names: ReadonlyMap<number, string>, name: string): number | undefined {
  let found: number | undefined;
  for (const [key, value] of names) {
    if (value === name && (found === undefined || key < found)) found = key;
  }
  return found;
}

/** Whether `id` names a shadow bucket: the part of another bucket that holds devices of one class. */
export function isShadow(map: CrushMap, id: number): boolean {
  return id < 0 && (map.itemNames.get(id)?.includes('~') ?? false);
}

/** Ids of the buckets that hold `item` directly, shadow buckets included, in slot order. */
export function parentsOf(map: CrushMap, item: number): number[] {
  const out: number[] = [];
  for (const b of map.buckets.values()) if (b.items.includes(item)) out.push(b.id);
  return out.sort((a, b) => b - a);
}

/** Buckets that no other bucket holds, in ascending order of id. */
export function rootsOf(map: CrushMap, options: { shadow: boolean }): number[] {
  const held = new Set<number>();
  for (const b of map.buckets.values()) for (const item of b.items) held.add(item);
  return [...map.buckets.keys()]
    .filter((id) => !held.has(id) && (options.shadow || !isShadow(map, id)))
    .sort((a, b) => a - b);
}

/** Whether `item` is `root` or below it. */
export function subtreeContains(map: CrushMap, root: number, item: number): boolean {
  const seen = new Set<number>();
  const pending = [root];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (id === item) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    pending.push(...(map.buckets.get(id)?.items ?? []));
  }
  return false;
}
