import type { CrushLocation } from '../../crush/index.ts';

/** Signatures, and words of answers, that the commands of CRUSH share. */

/** An argument that is a name. */
export const word = (name: string): string =>
  `name=${name},type=CephString,goodchars=[A-Za-z0-9-_.]`;
export const WEIGHT = 'name=weight,type=CephFloat,range=0.0';
export const LOCATION = 'name=args,type=CephString,n=N,goodchars=[A-Za-z0-9-_.=]';
export const OPTIONAL_LOCATION = LOCATION.replace('n=N', 'n=N,req=false');

/** `host=a root=default`. A word without a type or a name ends it, as in Ceph; what is left then says where. */
export function parseLocation(words: readonly string[]): CrushLocation {
  const loc = new Map<string, string>();
  for (const text of words) {
    const at = text.indexOf('=');
    if (at < 0 || at === text.length - 1) break;
    loc.set(text.slice(0, at), text.slice(at + 1));
  }
  return Object.fromEntries(loc);
}

/** `{host=a,root=default}`, by type. */
export function shownLocation(loc: CrushLocation): string {
  const parts = Object.keys(loc).sort();
  return `{${parts.map((type) => `${type}=${loc[type]}`).join(',')}}`;
}
