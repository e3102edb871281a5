/** Bucket algorithms, by their number on the wire. Source: crush/crush.h, release 16.2. */
export const BUCKET_ALG = { UNIFORM: 1, LIST: 2, TREE: 3, STRAW: 4, STRAW2: 5 } as const;
export type BucketAlg = (typeof BUCKET_ALG)[keyof typeof BUCKET_ALG];

/** Names of the algorithms as `ceph osd crush dump` and the text form of a map write them. */
export const BUCKET_ALG_NAMES: Readonly<Record<BucketAlg, string>> = {
  1: 'uniform',
  2: 'list',
  3: 'tree',
  4: 'straw',
  5: 'straw2',
};

/**
 * Operations of a rule step. Source: crush/crush.h, release 16.2. Later releases use 14 (set_msr_descents), 15
 * (set_msr_collision_tries) and 16 (choose_msr): as in 16.2, a mapping passes them over, and `checkCrushMap` refuses
 * them, so nothing else may take these numbers.
 */
export const RULE_OP = {
  NOOP: 0,
  TAKE: 1,
  CHOOSE_FIRSTN: 2,
  CHOOSE_INDEP: 3,
  EMIT: 4,
  CHOOSELEAF_FIRSTN: 6,
  CHOOSELEAF_INDEP: 7,
  SET_CHOOSE_TRIES: 8,
  SET_CHOOSELEAF_TRIES: 9,
  SET_CHOOSE_LOCAL_TRIES: 10,
  SET_CHOOSE_LOCAL_FALLBACK_TRIES: 11,
  SET_CHOOSELEAF_VARY_R: 12,
  SET_CHOOSELEAF_STABLE: 13,
} as const;

/**
 * Kinds of pool a rule serves: the `type` of a rule and of a pool. Later releases use 4 and 5 for their msr rules, firstn
 * and indep.
 */
export const RULE_TYPE = { REPLICATED: 1, ERASURE: 3 } as const;

/** Stands in a result of an `indep` rule for "no device here". */
export const CRUSH_ITEM_NONE = 0x7fffffff;

/** The choose_args set that applies to every pool without one of its own. */
export const CHOOSE_ARGS_DEFAULT = -1;

/** What buckets of all algorithms have. */
interface BucketBase {
  /** Negative; the bucket of index i has id -1-i. */
  id: number;
  /** Key of `typeNames`, 1 or more. */
  type: number;
  /** 0 = rjenkins1, the only hash there is. */
  hash: number;
  /** Sum of the item weights, 16.16 fixed point. */
  weight: number;
  /** Devices (>= 0) and buckets (< 0) in the order that placement depends on. */
  items: number[];
}
/** All items weigh the same. */
export interface UniformBucket extends BucketBase {
  alg: typeof BUCKET_ALG.UNIFORM;
  itemWeight: number;
}
export interface ListBucket extends BucketBase {
  alg: typeof BUCKET_ALG.LIST;
  itemWeights: number[];
  /** `sums[i]` is the weight of items 0..i. */
  sums: number[];
}
/** Item i is leaf 2i+1 of a binary tree; the inner nodes hold the sums. */
export interface TreeBucket extends BucketBase {
  alg: typeof BUCKET_ALG.TREE;
  nodeWeights: number[];
}
export interface StrawBucket extends BucketBase {
  alg: typeof BUCKET_ALG.STRAW;
  itemWeights: number[];
  /** Length of each item's straw, 16.16, derived from the weights by `strawLengths`. */
  straws: number[];
}
export interface Straw2Bucket extends BucketBase {
  alg: typeof BUCKET_ALG.STRAW2;
  itemWeights: number[];
}
export type CrushBucket = UniformBucket | ListBucket | TreeBucket | StrawBucket | Straw2Bucket;

export interface CrushRuleStep {
  op: number;
  arg1: number;
  arg2: number;
}
export interface CrushRule {
  ruleset: number;
  /** One of RULE_TYPE. */
  type: number;
  minSize: number;
  maxSize: number;
  steps: CrushRuleStep[];
}

export interface CrushTunables {
  chooseLocalTries: number;
  chooseLocalFallbackTries: number;
  chooseTotalTries: number;
  chooseleafDescendOnce: number;
  chooseleafVaryR: number;
  strawCalcVersion: number;
  /** Bit n allows algorithm n for new buckets. */
  allowedBucketAlgs: number;
  chooseleafStable: number;
}

/** Weights and ids that replace a straw2 bucket's own while items are drawn (the balancer's weight sets). */
export interface ChooseArg {
  /** One list of item weights per position of the result; the last serves all later positions. */
  weightSets: number[][];
  /** Ids used in the hash instead of the items'; empty for the items themselves. */
  ids: number[];
}

/**
 * A CRUSH map as data, for reading and for editing; {@link CrushMapper} compiles it for placement. Weights are
 * unsigned 16.16 fixed point everywhere.
 */
export interface CrushMap {
  /** Slots for buckets in the encoded map, used or not; ids run from -1 to -maxBuckets. */
  maxBuckets: number;
  /** Device ids are below this. */
  maxDevices: number;
  buckets: Map<number, CrushBucket>;
  /** The index is the rule id; a slot may be empty. */
  rules: (CrushRule | undefined)[];
  typeNames: Map<number, string>;
  itemNames: Map<number, string>;
  ruleNames: Map<number, string>;
  tunables: CrushTunables;
  /** Item to class id; also holds the shadow buckets. */
  classMap: Map<number, number>;
  classNames: Map<number, string>;
  /** Bucket id to (class id to shadow bucket id). */
  classBuckets: Map<number, Map<number, number>>;
  /** Pool id, or CHOOSE_ARGS_DEFAULT, to (bucket id to replacement). */
  chooseArgs: Map<number, Map<number, ChooseArg>>;
}
