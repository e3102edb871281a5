import { BUCKET_ALG, CHOOSE_ARGS_DEFAULT, type ChooseArg, type CrushMap } from './types.ts';

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
  /** Where a bucket's items begin in `items`, `weights` and `sums`. */
  readonly start: Int32Array;
  readonly items: Int32Array;
  /** straw2, list: item weights. straw: straw lengths. */
  readonly weights: Float64Array;
  /** list: weight of this and all earlier items. */
  readonly sums: Float64Array;
  /** tree: where a bucket's nodes begin in `nodes`, and how many there are. */
  readonly nodeStart: Int32Array;
  readonly nodeCount: Int32Array;
  readonly nodes: Float64Array;
  /** Size of the largest bucket. */
  readonly sizeMax: number;
}

/** Arranges the buckets of `map`, of which nothing is kept: later edits of it change nothing here. */
export function layOut(map: CrushMap): Layout {
  const count = map.maxBuckets;
  let itemCount = 0;
  let nodeTotal = 0;
  let sizeMax = 0;
  for (const b of map.buckets.values()) {
    itemCount += b.items.length;
    sizeMax = Math.max(sizeMax, b.items.length);
    if (b.alg === BUCKET_ALG.TREE) nodeTotal += b.nodeWeights.length;
  }
  const layout: Layout = {
    count,
    maxDevices: map.maxDevices,
    alg: new Uint8Array(count),
    type: new Int32Array(count),
    size: new Int32Array(count),
    start: new Int32Array(count),
    items: new Int32Array(itemCount),
    weights: new Float64Array(itemCount),
    sums: new Float64Array(itemCount),
    nodeStart: new Int32Array(count),
    nodeCount: new Int32Array(count),
    nodes: new Float64Array(nodeTotal),
    sizeMax,
  };
  let start = 0;
  let nodeStart = 0;
  for (const b of map.buckets.values()) {
    const index = -1 - b.id;
    layout.alg[index] = b.alg;
    layout.type[index] = b.type;
    layout.size[index] = b.items.length;
    layout.start[index] = start;
    layout.items.set(b.items, start);
    switch (b.alg) {
      case BUCKET_ALG.UNIFORM:
        break;
      case BUCKET_ALG.LIST:
        layout.weights.set(b.itemWeights, start);
        layout.sums.set(b.sums, start);
        break;
      case BUCKET_ALG.TREE:
        layout.nodeStart[index] = nodeStart;
        layout.nodeCount[index] = b.nodeWeights.length;
        layout.nodes.set(b.nodeWeights, nodeStart);
        nodeStart += b.nodeWeights.length;
        break;
      case BUCKET_ALG.STRAW:
        layout.weights.set(b.straws, start);
        break;
      case BUCKET_ALG.STRAW2:
        layout.weights.set(b.itemWeights, start);
        break;
    }
    start += b.items.length;
  }
  return layout;
}

/** One choose_args set, indexed by bucket index like {@link Layout}. */
export interface ArgsLayout {
  /** Weight sets of a bucket; 0 when its own weights hold. */
  readonly positions: Int32Array;
  /** Where a bucket's weight sets begin in `weights`; each is as long as the bucket. */
  readonly weightStart: Int32Array;
  readonly weights: Float64Array;
  /** Where a bucket's ids begin in `ids`; -1 when its own items are hashed. */
  readonly idStart: Int32Array;
  readonly ids: Int32Array;
}

/**
 * Arranges every choose_args set of `map`. A replacement whose length is not the bucket's is left out: placement must
 * not read beyond it, and `checkCrushMap` reports it.
 */
export function layOutChooseArgs(map: CrushMap): Map<number, ArgsLayout> {
  const out = new Map<number, ArgsLayout>();
  for (const [key, args] of map.chooseArgs) out.set(key, layOutArgs(map, args));
  return out;
}

function layOutArgs(map: CrushMap, args: ReadonlyMap<number, ChooseArg>): ArgsLayout {
  const positions = new Int32Array(map.maxBuckets);
  const weightStart = new Int32Array(map.maxBuckets);
  const idStart = new Int32Array(map.maxBuckets).fill(-1);
  const weights: number[] = [];
  const ids: number[] = [];
  for (const [bucketId, arg] of args) {
    const size = map.buckets.get(bucketId)?.items.length;
    if (size === undefined) continue;
    const index = -1 - bucketId;
    if (arg.weightSets.every((set) => set.length === size)) {
      positions[index] = arg.weightSets.length;
      weightStart[index] = weights.length;
      for (const set of arg.weightSets) weights.push(...set);
    }
    if (arg.ids.length === size) {
      idStart[index] = ids.length;
      ids.push(...arg.ids);
    }
  }
  return {
    positions,
    weightStart,
    idStart,
    weights: Float64Array.from(weights),
    ids: Int32Array.from(ids),
  };
}

/** The set that holds for a key: its own, else the default one, else none. */
export function argsFor(
  sets: ReadonlyMap<number, ArgsLayout>,
  key: number | undefined,
): ArgsLayout | undefined {
  if (key === undefined) return undefined;
  return sets.get(key) ?? sets.get(CHOOSE_ARGS_DEFAULT);
}
