import { general } from '../../codec/index.ts';
import { WEIGHT_MAX } from '../bucket.ts';
import { BUCKET_ALG, type BucketAlg } from '../types.ts';
import { CrushTextError } from './errors.ts';
import type { BucketStatement } from './grammar.ts';

/** Largest weights that a text may give, 16.16. Source: crush/crush.h, release 16.2. */
const DEVICE_WEIGHT_MAX = 100 * 0x10000;
const BUCKET_WEIGHT_MAX = 65535 * 0x10000;

/** What was said of items before. */
export interface KnownItems {
  ids: ReadonlyMap<string, number>;
  /** Weights of the buckets: what an item weighs that says nothing itself. */
  bucketWeights: ReadonlyMap<number, number>;
}

/**
 * The items of a bucket at their places: those with a `pos` there, the others in the gaps.
 * @throws CrushTextError for items that are not known, weights too large, places taken or out of range
 */
export function placeItems(
  bucket: BucketStatement,
  alg: BucketAlg,
  known: KnownItems,
): { items: number[]; weights: number[] } {
  const taken = takenPositions(bucket);
  let size = bucket.items.length;
  for (const position of taken) size = Math.max(size, position);
  const items: number[] = [];
  const weights: number[] = [];
  let next = 0;
  let total = 0;
  let first: number | undefined;
  for (const item of bucket.items) {
    const where = `item '${item.name}' in bucket '${bucket.name}'`;
    const id = known.ids.get(item.name);
    if (id === undefined) throw new CrushTextError([`${where} is not defined`]);
    if (item.weight !== undefined) checkWeight(id, item.weight);
    const weight = item.weight ?? known.bucketWeights.get(id) ?? 0x10000;
    first ??= weight;
    if (alg === BUCKET_ALG.UNIFORM && weight !== first) {
      throw new CrushTextError([
        `item '${item.name}' in uniform bucket '${bucket.name}' has weight ${weight} but previous item(s) have weight ${general(Math.fround(first) / 0x10000)}; uniform bucket items must all have identical weights.`,
      ]);
    }
    let position = item.position ?? -1;
    if (position >= size) {
      throw new CrushTextError([`${where} has pos ${position} >= size ${size}`]);
    }
    if (position < 0) {
      while (taken.has(next)) next++;
      position = next++;
    }
    items[position] = id;
    weights[position] = weight;
    total += weight;
    if (total > WEIGHT_MAX) {
      throw new CrushTextError([
        'oh no! our bucket weights are overflowing all over the place, better lower the item weights',
      ]);
    }
  }
  return { items, weights };
}

function takenPositions(bucket: BucketStatement): Set<number> {
  const taken = new Set<number>();
  for (const { name, position } of bucket.items) {
    if (position === undefined) continue;
    if (taken.has(position)) {
      throw new CrushTextError([
        `item '${name}' in bucket '${bucket.name}' has explicit pos ${position}, which is occupied`,
      ]);
    }
    taken.add(position);
  }
  return taken;
}

function checkWeight(id: number, weight: number): void {
  if (id >= 0 && weight > DEVICE_WEIGHT_MAX) {
    throw new CrushTextError([`device weight limited to ${DEVICE_WEIGHT_MAX / 0x10000}`]);
  }
  if (id < 0 && weight > BUCKET_WEIGHT_MAX) {
    throw new CrushTextError([
      `bucket weight limited to ${BUCKET_WEIGHT_MAX / 0x10000} to prevent overflow`,
    ]);
  }
}
