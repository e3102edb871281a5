import {
  BUCKET_ALG,
  CHOOSE_ARGS_DEFAULT,
  type ChooseArg,
  CRUSH_ITEM_NONE,
  type CrushMap,
  CrushMapper,
} from '../crush/index.ts';
import { type OSDMap, placementSeed, ruleOf } from '../maps/index.ts';
import { shardTargets } from './quality.ts';

export interface WeightSetOptions {
  /** Pool ids. Default: all. The set holds for every pool all the same. */
  readonly pools?: Iterable<number>;
  /** How often all PGs are mapped anew. Default 25. */
  readonly rounds?: number;
}

/** A compat weight set, and what it is worth. */
export interface WeightSet {
  /** Bucket id to replacement, for `CrushMap.chooseArgs` under CHOOSE_ARGS_DEFAULT. */
  readonly args: Map<number, ChooseArg>;
  /** Weight of each device in the set, 16.16; of those whose weight is another than in the tree. */
  readonly devices: ReadonlyMap<number, number>;
  /** Standard deviation of shards less target, before and after. */
  readonly before: number;
  readonly after: number;
}

/** How much of a device's error one round corrects, at first; halved when a round makes it worse. */
const STEP = 0.5;
const STEP_MIN = 0.02;
/** A weight stays within these factors of the device's own. */
const FACTOR = { min: 0.3, max: 3 } as const;

/**
 * Weights for the draws alone, such that devices hold what their real weights say: what the balancer's crush-compat
 * mode is for, when clients do not know upmaps. Each round maps all PGs and leans every device's weight towards its
 * target; the best round wins. A bucket's weight is the sum of its items', as `ceph osd crush weight-set
 * reweight-compat` keeps it. Pg-upmaps are not looked at.
 * @returns undefined when a bucket is not straw2, which alone knows weight sets, or no pool can be judged
 */
export function calcWeightSet(map: OSDMap, options: WeightSetOptions = {}): WeightSet | undefined {
  const { rounds = 25 } = options;
  const pools = [...(options.pools ?? map.data.pools.keys())];
  const targets = targetsOf(map, pools);
  for (const b of map.crushMap.buckets.values()) if (b.alg !== BUCKET_ALG.STRAW2) return undefined;
  if (!targets) return undefined;
  const crush: CrushMap = { ...map.crushMap, chooseArgs: new Map(map.crushMap.chooseArgs) };
  const own = deviceWeights(crush);
  let weights = startingWeights(crush, own);
  let counts = countShards(map, crush, argsOf(crush, weights), pools);
  const before = deviationOf(counts, targets);
  let best = { weights, deviation: before };
  let step = STEP;
  for (let round = 0; round < rounds && step >= STEP_MIN; round++) {
    weights = leaned(best.weights, own, counts, targets, step);
    const next = countShards(map, crush, argsOf(crush, weights), pools);
    const deviation = deviationOf(next, targets);
    if (deviation < best.deviation) {
      best = { weights, deviation };
      counts = next;
    } else {
      step /= 2;
    }
  }
  const devices = new Map([...best.weights].filter(([osd, weight]) => weight !== own.get(osd)));
  return { args: argsOf(crush, best.weights), devices, before, after: best.deviation };
}

/** The map's CRUSH map with this compat weight set. */
export function withWeightSet(crush: CrushMap, set: WeightSet): CrushMap {
  return {
    ...crush,
    chooseArgs: new Map(crush.chooseArgs).set(CHOOSE_ARGS_DEFAULT, set.args),
  };
}

function targetsOf(map: OSDMap, pools: readonly number[]): Float64Array | undefined {
  let sum: Float64Array | undefined;
  for (const poolId of pools) {
    const targets = shardTargets(map, poolId);
    if (!targets) return undefined;
    sum ??= new Float64Array(targets.length);
    for (let osd = 0; osd < targets.length; osd++) sum[osd]! += targets[osd]!;
  }
  return sum;
}

/** Each device's weight in its bucket of the tree; the first when it hangs in several. */
function deviceWeights(crush: CrushMap): Map<number, number> {
  const out = new Map<number, number>();
  for (const bucket of crush.buckets.values()) {
    if (bucket.alg !== BUCKET_ALG.STRAW2) continue;
    bucket.items.forEach((item, i) => {
      if (item >= 0 && !out.has(item)) out.set(item, bucket.itemWeights[i]!);
    });
  }
  return out;
}

/** The weights of the compat set that is there, else the devices' own. */
function startingWeights(crush: CrushMap, own: ReadonlyMap<number, number>): Map<number, number> {
  const out = new Map(own);
  for (const [id, { weightSets }] of crush.chooseArgs.get(CHOOSE_ARGS_DEFAULT) ?? []) {
    crush.buckets.get(id)?.items.forEach((item, i) => {
      const weight = weightSets[0]?.[i];
      if (item >= 0 && weight !== undefined) out.set(item, weight);
    });
  }
  return out;
}

function leaned(
  weights: ReadonlyMap<number, number>,
  own: ReadonlyMap<number, number>,
  counts: Float64Array,
  targets: Float64Array,
  step: number,
): Map<number, number> {
  const out = new Map(weights);
  for (const [osd, weight] of weights) {
    const target = targets[osd] ?? 0;
    const natural = own.get(osd)!;
    if (target === 0 || natural === 0) continue;
    // Half a shard more on both sides, so that an empty device is no division by zero.
    const factor = ((target + 0.5) / (counts[osd]! + 0.5)) ** step;
    const bounded = Math.min(Math.max(weight * factor, natural * FACTOR.min), natural * FACTOR.max);
    out.set(osd, Math.max(1, Math.round(bounded)));
  }
  return out;
}

/** One weight set for every bucket, sums upwards. */
function argsOf(crush: CrushMap, weights: ReadonlyMap<number, number>): Map<number, ChooseArg> {
  const args = new Map<number, ChooseArg>();
  const sum = (id: number): number => {
    const known = args.get(id);
    const set =
      known?.weightSets[0] ??
      (crush.buckets.get(id)?.items ?? []).map((item) =>
        item >= 0 ? (weights.get(item) ?? 0) : sum(item),
      );
    if (!known && set.length > 0) args.set(id, { weightSets: [set], ids: [] });
    return set.reduce((a, b) => a + b, 0);
  };
  for (const id of [...crush.buckets.keys()].sort((a, b) => b - a)) sum(id);
  return args;
}

/** Shards per device with this set, of what CRUSH chooses. */
function countShards(
  map: OSDMap,
  crush: CrushMap,
  args: Map<number, ChooseArg>,
  pools: readonly number[],
): Float64Array {
  crush.chooseArgs.set(CHOOSE_ARGS_DEFAULT, args);
  const mapper = new CrushMapper(crush);
  const counts = new Float64Array(Math.max(map.data.maxOsd, crush.maxDevices));
  for (const poolId of pools) {
    const pool = map.pool(poolId)!;
    const rule = ruleOf(crush, pool);
    const row = new Int32Array(pool.size);
    for (let seed = 0; seed < pool.pgNum; seed++) {
      const x = placementSeed(pool, poolId, seed);
      const found = mapper.runInto(rule, x, pool.size, map.data.osdWeight, row, poolId);
      for (let i = 0; i < found; i++) if (row[i] !== CRUSH_ITEM_NONE) counts[row[i]!]!++;
    }
  }
  return counts;
}

function deviationOf(counts: Float64Array, targets: Float64Array): number {
  let squares = 0;
  let devices = 0;
  for (let osd = 0; osd < targets.length; osd++) {
    if (targets[osd] === 0) continue;
    squares += (counts[osd]! - targets[osd]!) ** 2;
    devices++;
  }
  return Math.sqrt(squares / Math.max(1, devices));
}
