import { putBucket } from './lookup.ts';
import { BUCKET_ALG, type CrushMap, type CrushTunables } from './types.ts';

function profile(
  tries: [local: number, fallback: number, total: number],
  chooseleafDescendOnce: number,
  chooseleafVaryR: number,
  chooseleafStable: number,
  strawCalcVersion: number,
  allowedBucketAlgs: number,
): CrushTunables {
  const [chooseLocalTries, chooseLocalFallbackTries, chooseTotalTries] = tries;
  return {
    chooseLocalTries,
    chooseLocalFallbackTries,
    chooseTotalTries,
    chooseleafDescendOnce,
    chooseleafVaryR,
    strawCalcVersion,
    allowedBucketAlgs,
    chooseleafStable,
  };
}

/** The tunables a release's name stands for in `ceph osd crush tunables NAME`, newest first. */
export const TUNABLE_PROFILES = {
  jewel: profile([0, 0, 50], 1, 1, 1, 1, 54),
  hammer: profile([0, 0, 50], 1, 1, 0, 1, 54),
  firefly: profile([0, 0, 50], 1, 1, 0, 0, 22),
  bobtail: profile([0, 0, 50], 1, 0, 0, 0, 22),
  argonaut: profile([2, 5, 19], 0, 0, 0, 0, 22),
} as const satisfies Record<string, CrushTunables>;
export type TunableProfile = keyof typeof TUNABLE_PROFILES;

/** What a map encoded before tunables existed means by leaving them out. */
export const LEGACY_TUNABLES: Readonly<CrushTunables> = TUNABLE_PROFILES.argonaut;

/**
 * What `tunables NAME` sets. A profile leaves the calculation of straws as it is, for that moves data; `legacy`,
 * `optimal` and `default` set it too.
 */
export function setTunablesProfile(
  map: CrushMap,
  name: TunableProfile | 'legacy' | 'optimal' | 'default',
): void {
  if (name === 'legacy') map.tunables = { ...TUNABLE_PROFILES.argonaut };
  else if (name === 'optimal' || name === 'default') map.tunables = { ...TUNABLE_PROFILES.jewel };
  else {
    const { strawCalcVersion } = map.tunables;
    map.tunables = { ...TUNABLE_PROFILES[name], strawCalcVersion };
  }
}

/** Turns every `straw` bucket into a `straw2` one of the same weights. @returns how many there were */
export function convertStrawBuckets(map: CrushMap): number {
  let count = 0;
  for (const b of map.buckets.values()) {
    if (b.alg !== BUCKET_ALG.STRAW) continue;
    const { straws: _, ...kept } = b;
    putBucket(map, { ...kept, alg: BUCKET_ALG.STRAW2 });
    count++;
  }
  return count;
}
