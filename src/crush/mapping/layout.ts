import {
  BUCKET_ALG,
  CHOOSE_ARGS_DEFAULT,
  type ChooseArg,
  type CrushBucket,
  type CrushMap,
} from '../types.ts';
import { type Straw2Engine, straw2Draw } from './straw2.ts';
import { isEven, type Straw2Draw } from './straw2-draw.ts';

/**
 * A map's buckets as typed arrays, indexed by bucket index (-1 - id). Items of all buckets lie in one array; what an
 * algorithm needs per item lies beside it at the same place. Weights are Float64: every u32 and every product with a
 * 16-bit hash is exact in a double, and V8 computes with them without allocating.
 */
export interface Layout {
  /** Number of bucket slots. */
  readonly count: number;
  readonly maxDevices: number;
  /** BUCKET_ALG per bucket; 0 for an empty slot. */
  readonly alg: Uint8Array;
  readonly type: Int32Array;
  readonly size: Int32Array;
  /** Where a bucket's items begin in `items`, `weights` and `sums`; a multiple of four. */
  readonly start: Int32Array;
  /** Draws from `items` and `weights`, which are its arrays, and from those of choose_args behind them. */
  readonly straw2: Straw2Draw;
  readonly items: Int32Array;
  /** straw2, list: item weights. straw: straw lengths. */
  readonly weights: Float64Array;
  /** By where straw2 weights begin, divided by four: 1 when {@link isEven} holds for them. */
  readonly even: Uint8Array;
  /** list: weight of this and all earlier items. */
  readonly sums: Float64Array;
  /** tree: where a bucket's nodes begin in `nodes`, and how many there are. */
  readonly nodeStart: Int32Array;
  readonly nodeCount: Int32Array;
  readonly nodes: Float64Array;
  /** By CHOOSE_ARGS_DEFAULT or pool id. */
  readonly args: ReadonlyMap<number, ArgsLayout>;
}

/** One choose_args set, indexed by bucket index like {@link Layout}. */
export interface ArgsLayout {
  /** Weight sets of a bucket; 0 when its own weights hold. */
  readonly positions: Int32Array;
  /** Where a bucket's weight sets begin in the weights; they follow each other at multiples of four. */
  readonly weightStart: Int32Array;
  /** Where a bucket's ids begin in the items; -1 when its own items are hashed. */
  readonly idStart: Int32Array;
}

/** Lists that will lie in one array, each from a multiple of four on, as {@link Straw2Draw} wants them. */
class Blocks {
  length = 0;
  readonly lists: { readonly at: number; readonly numbers: readonly number[] }[] = [];

  /** @returns where the list begins */
  add(numbers: readonly number[], places = numbers.length): number {
    const at = this.length;
    this.lists.push({ at, numbers });
    this.length += padded(places);
    return at;
  }

  writeTo(array: Int32Array | Float64Array): void {
    for (const { at, numbers } of this.lists) array.set(numbers, at);
  }
}

/** Places that a list takes. */
export const padded = (length: number): number => (length + 3) & ~3;

/**
 * Arranges the buckets and the choose_args of `map`, of which nothing is kept: later edits of it change nothing here.
 * @param engine see {@link straw2Draw}
 */
export function layOut(map: CrushMap, engine?: Straw2Engine): Layout {
  const count = map.maxBuckets;
  const alg = new Uint8Array(count);
  const type = new Int32Array(count);
  const size = new Int32Array(count);
  const start = new Int32Array(count);
  const nodeStart = new Int32Array(count);
  const nodeCount = new Int32Array(count);
  const items = new Blocks();
  const weights = new Blocks();
  const sums = new Blocks();
  const nodes = new Blocks();
  for (const b of map.buckets.values()) {
    const index = -1 - b.id;
    alg[index] = b.alg;
    type[index] = b.type;
    size[index] = b.items.length;
    start[index] = items.add(b.items);
    weights.add(drawWeights(b), b.items.length);
    sums.add(b.alg === BUCKET_ALG.LIST ? b.sums : [], b.items.length);
    if (b.alg === BUCKET_ALG.TREE) {
      nodeStart[index] = nodes.add(b.nodeWeights);
      nodeCount[index] = b.nodeWeights.length;
    }
  }
  const args = new Map<number, ArgsLayout>();
  for (const [key, set] of map.chooseArgs) args.set(key, layOutArgs(map, set, items, weights));

  const straw2 = straw2Draw(items.length, weights.length, engine);
  items.writeTo(straw2.ids);
  weights.writeTo(straw2.weights);
  const even = new Uint8Array(weights.length >> 2);
  for (const { at, numbers } of weights.lists) if (isEven(numbers)) even[at >> 2] = 1;
  const sumArray = new Float64Array(sums.length);
  sums.writeTo(sumArray);
  const nodeArray = new Float64Array(nodes.length);
  nodes.writeTo(nodeArray);
  return {
    ...{ count, maxDevices: map.maxDevices, alg, type, size, start, straw2, even, args },
    ...{ items: straw2.ids, weights: straw2.weights, sums: sumArray },
    ...{ nodeStart, nodeCount, nodes: nodeArray },
  };
}

/** What a bucket's algorithm compares items by, of what lies beside them. */
function drawWeights(bucket: CrushBucket): readonly number[] {
  if (bucket.alg === BUCKET_ALG.STRAW) return bucket.straws;
  return bucket.alg === BUCKET_ALG.LIST || bucket.alg === BUCKET_ALG.STRAW2
    ? bucket.itemWeights
    : [];
}

/**
 * A replacement whose length is not the bucket's is left out: placement must not read beyond it, and `checkCrushMap`
 * reports it.
 */
function layOutArgs(
  map: CrushMap,
  args: ReadonlyMap<number, ChooseArg>,
  items: Blocks,
  weights: Blocks,
): ArgsLayout {
  const positions = new Int32Array(map.maxBuckets);
  const weightStart = new Int32Array(map.maxBuckets);
  const idStart = new Int32Array(map.maxBuckets).fill(-1);
  for (const [bucketId, arg] of args) {
    const size = map.buckets.get(bucketId)?.items.length;
    if (size === undefined) continue;
    const index = -1 - bucketId;
    if (arg.weightSets.every((set) => set.length === size)) {
      positions[index] = arg.weightSets.length;
      weightStart[index] = weights.length;
      for (const set of arg.weightSets) weights.add(set);
    }
    if (arg.ids.length === size) idStart[index] = items.add(arg.ids);
  }
  return { positions, weightStart, idStart };
}

/** The set that holds for a key: its own, else the default one, else none. */
export function argsFor(
  sets: ReadonlyMap<number, ArgsLayout>,
  key: number | undefined,
): ArgsLayout | undefined {
  if (key === undefined) return undefined;
  return sets.get(key) ?? sets.get(CHOOSE_ARGS_DEFAULT);
}
