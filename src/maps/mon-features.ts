/** Features of monitor maps by bit. Source: mon/mon_types.h, release 16.2. */
const NAMES = [
  'kraken',
  'luminous',
  'mimic',
  'osdmap-prune',
  'nautilus',
  'octopus',
  'pacific',
  'elector-pinging',
];

/** Feature bits that change what a map may hold. */
export const MON_FEATURE = { nautilus: 16n } as const;

/** Names of the bits that are set, each with its value if wanted; bits nobody knows only with it. */
export function monFeatureNames(bits: bigint, withValue = false): string[] {
  const out: string[] = [];
  for (let i = 0; i < 64; i++) {
    const bit = 1n << BigInt(i);
    if ((bits & bit) === 0n) continue;
    const name = NAMES[i];
    if (withValue) out.push(`${name ?? (i === 63 ? 'reserved' : 'unknown')}(${bit})`);
    else if (name !== undefined) out.push(name);
  }
  return out;
}

/** The bit of a name. */
export function monFeatureBit(name: string): bigint | undefined {
  const i = NAMES.indexOf(name);
  return i < 0 ? undefined : 1n << BigInt(i);
}

/** Every feature of this release; all are persistent. */
export const MON_FEATURES_ALL = (1n << BigInt(NAMES.length)) - 1n;
