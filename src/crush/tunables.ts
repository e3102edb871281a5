import type { CrushTunables } from './types.ts';

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
