import { CephError, DecodeError } from '../../errors/index.ts';
import { compareHObject, type EVersion, HOBJECT_MAX, type HObject } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import type { MissingItem } from '../pg/missing.ts';
import { listObjects } from '../pg/pg-collection.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import type { ListedObjects } from './import.ts';
import { storedVersion } from './object-copy.ts';

/** Objects with versions that a member knows of, here or missing, from `cursor` on and before `end`: one page. */
export function listVersions(
  host: PgHost,
  state: PgState,
  cursor: HObject,
  end: HObject,
): ListedObjects {
  const page = listObjects(host.store, state.pgid, cursor, host.listMax);
  const own = state.import?.frontier.cursor;
  const ends = [page.next ?? HOBJECT_MAX, end, ...(own ? [own] : [])];
  let next = ends.reduce((a, b) => (compareHObject(b, a) < 0 ? b : a));
  // Whoever is not that far itself can say nothing.
  if (compareHObject(next, cursor) <= 0) return { from: cursor, objects: [], next: cursor };
  const objects: MissingItem[] = [];
  for (const oid of page.objects) {
    if (compareHObject(oid, next) >= 0 || state.missing.has(oidKey(oid))) continue;
    const need = versionHere(host, state, oid);
    if (need === 'damaged') {
      // Here our word ends, and somebody else's begins.
      next = oid;
      break;
    }
    if (need) objects.push({ oid, need });
  }
  for (const item of state.missing.values()) {
    if (compareHObject(item.oid, cursor) < 0 || compareHObject(item.oid, next) >= 0) continue;
    objects.push(item);
  }
  objects.sort((a, b) => compareHObject(a.oid, b.oid));
  return { from: cursor, objects, next };
}

/** The version of an object that is here whole; its record may not be readable. */
export function versionHere(
  host: PgHost,
  state: PgState,
  oid: HObject,
): EVersion | 'damaged' | undefined {
  try {
    return storedVersion(host.store, state.c, oid);
  } catch (error) {
    if (!(error instanceof CephError || error instanceof DecodeError)) throw error;
    host.log('error', 'damaged object', { pg: state.c, object: oid.name, error });
    return 'damaged';
  }
}

/** As {@link versionHere}, of what can be used. */
export function usableVersion(host: PgHost, state: PgState, oid: HObject): EVersion | undefined {
  const version = versionHere(host, state, oid);
  return version === 'damaged' ? undefined : version;
}

/** All that the store has from `from` on and before `end`. */
export function objectsBetween(
  host: PgHost,
  state: PgState,
  from: HObject,
  end: HObject,
): HObject[] {
  const out: HObject[] = [];
  let at: HObject | undefined = from;
  while (at) {
    const mine = listObjects(host.store, state.pgid, at, host.listMax);
    for (const oid of mine.objects) {
      if (compareHObject(oid, end) >= 0) return out;
      out.push(oid);
    }
    at = mine.next;
  }
  return out;
}
