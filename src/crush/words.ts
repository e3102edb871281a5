import { BUCKET_ALG, BUCKET_ALG_NAMES, type BucketAlg, type CrushTunables } from './types.ts';

/** Words and limits that the text form of a map and its document have in common. */

/** The words for tunables, in the order in which a text has them. */
export const TUNABLE_WORDS = {
  choose_local_tries: 'chooseLocalTries',
  choose_local_fallback_tries: 'chooseLocalFallbackTries',
  choose_total_tries: 'chooseTotalTries',
  chooseleaf_descend_once: 'chooseleafDescendOnce',
  chooseleaf_vary_r: 'chooseleafVaryR',
  chooseleaf_stable: 'chooseleafStable',
  straw_calc_version: 'strawCalcVersion',
  allowed_bucket_algs: 'allowedBucketAlgs',
} as const satisfies Record<string, keyof CrushTunables>;

/** Tunables of one byte; the others have 32 bits. */
export const BYTE_TUNABLES: ReadonlySet<keyof CrushTunables> = new Set([
  'chooseleafVaryR',
  'strawCalcVersion',
  'chooseleafStable',
]);

export const ALG_BY_NAME: ReadonlyMap<string, BucketAlg> = new Map(
  Object.values(BUCKET_ALG).map((alg) => [BUCKET_ALG_NAMES[alg], alg]),
);

/** Ours: every slot up to the lowest bucket takes room in a map, used or not, so a number must not ask for much. */
export const BUCKET_SLOTS_MAX = 1 << 24;
/** Likewise for rules. */
export const RULE_SLOTS_MAX = 1 << 20;
