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

/** Names of the bits that are set, each with its value if wanted. */
export function monFeatureNames(bits: bigint, withValue = false): string[] {
  return NAMES.flatMap((name, i) => {
    const bit = 1n << BigInt(i);
    if ((bits & bit) === 0n) return [];
    return [withValue ? `${name}(${bit})` : name];
  });
}
