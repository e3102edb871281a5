import { CRUSH_ITEM_NONE } from '../crush/index.ts';
import { OSD_STATE, OSDMAP_FLAG } from './osdmap-data.ts';

/** Names of Ceph's releases by number. */
const RELEASE_NAMES: readonly string[] = [
  'unknown',
  'argonaut',
  'bobtail',
  'cuttlefish',
  'dumpling',
  'emperor',
  'firefly',
  'giant',
  'hammer',
  'infernalis',
  'jewel',
  'kraken',
  'luminous',
  'mimic',
  'nautilus',
  'octopus',
  'pacific',
];

/** `pacific`; `unknown` for a number that this release does not know. */
export const releaseName = (release: number): string => RELEASE_NAMES[release] ?? 'unknown';

/** Names of the map's flags, comma separated. */
export function flagNames(flags: number): string {
  return Object.entries(OSDMAP_FLAG)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name)
    .join(',');
}

/** `exists,up` in alphabetical order. */
export function stateNames(bits: number): string[] {
  return Object.entries(OSD_STATE)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name)
    .sort();
}

/** `[0,2147483647,1]`. */
export function osdList(osds: readonly number[]): string {
  return `[${osds.join(',')}]`;
}

/** The same with `NONE` where an erasure-coded set misses an OSD. */
export function setList(osds: readonly number[]): string {
  return `[${osds.map((osd) => (osd === CRUSH_ITEM_NONE ? 'NONE' : osd)).join(',')}]`;
}

/** The number of a release that this one knows. */
export function releaseByName(name: string): number | undefined {
  const release = RELEASE_NAMES.indexOf(name);
  return release > 0 ? release : undefined;
}
