import { CephError } from '../../errors/index.ts';
import { algForNewBuckets, allocateBucketId, makeBucket, makeSlot } from '../bucket.ts';
import { itemByName, putBucket, setItemName, typeByName } from '../lookup.ts';
import type { BucketAlg, CrushMap } from '../types.ts';
import { weightSetPositions } from './weights.ts';

/** Whether a bucket may have this name. */
export function isValidCrushName(name: string): boolean {
  return /^[A-Za-z0-9_.-]+$/.test(name);
}

/**
 * Makes an empty bucket outside every tree.
 * @throws CephError EEXIST, or EINVAL for a bad name or type
 */
export function addBucket(map: CrushMap, name: string, typeName: string): number {
  const type = typeByName(map, typeName);
  if (type === undefined || type === 0) {
    throw new CephError('EINVAL', `type '${typeName}' is no type of bucket`);
  }
  return addBucketOf(map, { name, type }, [], []);
}

export interface NewBucket {
  name: string;
  /** Number of its type, 1 or more. */
  type: number;
  /** Default: the best that the tunables allow. */
  alg?: BucketAlg;
  /** Default: the free id nearest to -1. */
  id?: number;
}

/**
 * Makes a bucket that holds these items, which need not be told apart from those of other buckets. Shadow trees follow
 * at the next edit.
 * @throws CephError EEXIST for the name or id; EINVAL for a bad name, or items the algorithm cannot hold; ERANGE
 */
export function addBucketOf(
  map: CrushMap,
  bucket: NewBucket,
  items: number[],
  weights: number[],
): number {
  const { name, type, alg = algForNewBuckets(map.tunables) } = bucket;
  if (!isValidCrushName(name)) throw new CephError('EINVAL', `invalid bucket name '${name}'`);
  if (itemByName(map, name) !== undefined) {
    throw new CephError('EEXIST', `bucket '${name}' already exists`);
  }
  const id = bucket.id ?? allocateBucketId(map);
  if (map.buckets.has(id)) throw new CephError('EEXIST', `bucket ${id} already exists`);
  makeSlot(map, id);
  putBucket(map, makeBucket({ id, type, alg, hash: 0 }, items, weights, strawVersion(map)));
  setItemName(map, id, name);
  if (items.length === 0) return id;
  // A map with weight sets has them for every bucket with items.
  for (const args of map.chooseArgs.values()) {
    const positions = weightSetPositions(args);
    args.set(id, { weightSets: Array.from({ length: positions }, () => [...weights]), ids: [] });
  }
  return id;
}

const strawVersion = (map: CrushMap): number => map.tunables.strawCalcVersion;
