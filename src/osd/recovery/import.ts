import { s32, struct, type ValueOf, vec } from '../../codec/index.ts';
import { compareHObject, EVersion, HOBJECT_MIN, HObject } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import { sameVersion } from '../log/pg-log.ts';
import type { MissingItem } from '../pg/missing.ts';

/*
 * A member that has nothing in common with a PG's history takes over its log at once, and so knows of every object that
 * the log names. Of all others it must ask: holders list theirs, in the order of objects. Two facts make that safe while
 * clients write:
 *  - what an entry after `base` touched, the log knows better than any listing (a delete there is the tombstone that
 *    beats every copy), so the log is not cut while somebody lists;
 *  - nobody changes an object that a member has not listed without telling that member first what it was before.
 * So a listing made at any moment by anybody whose history reaches `base` is right about all that it may speak of.
 */

/** How far a member is that imports a PG; stored with its PgInfo. */
export const ImportInfo = struct('ImportInfo', {
  /** The log says everything about objects changed after this version. */
  base: EVersion,
  /** Objects before it are listed: what the member lacks of them is in its missing set. The maximum: all are. */
  cursor: HObject,
  /** OSDs that know or hold what is not here, the best first; up or not. */
  sources: vec(s32),
});
export type ImportInfo = ValueOf<typeof ImportInfo>;

/** A stretch of the objects that a holder knows of, ascending: from where it was asked, up to but without `next`. */
export interface ListedObjects {
  readonly from: HObject;
  readonly objects: readonly MissingItem[];
  readonly next: HObject;
}

/** How far somebody has listed, and what it knows of objects beyond. */
export class Frontier {
  cursor: HObject;
  private readonly settled: Set<string>;

  /** @param settled by {@link oidKey}: known although they may be beyond the cursor */
  constructor(cursor: HObject, settled: Iterable<string>) {
    this.cursor = cursor;
    this.settled = new Set(settled);
  }

  get isListed(): boolean {
    return this.cursor.max;
  }
  /** It is not known whether this object exists, nor in which version. */
  isBeyond(key: string, oid: HObject): boolean {
    return !this.cursor.max && compareHObject(oid, this.cursor) >= 0 && !this.settled.has(key);
  }
  /** From now on this object is known, wherever it is. */
  settle(key: string): void {
    if (!this.cursor.max) this.settled.add(key);
  }
  reach(cursor: HObject): void {
    this.cursor = cursor;
    if (cursor.max) this.settled.clear();
  }
}

/** What a page of a listing makes of a member's objects. */
export interface PageResult {
  readonly lacking: readonly MissingItem[];
  /** Objects that are here and do not exist any more. */
  readonly surplus: readonly HObject[];
}

/** A member's import, until it has all bytes. Pure: what changes here, the caller makes durable. */
export class Import {
  readonly frontier: Frontier;
  base: EVersion;
  sources: readonly number[];

  constructor(info: ImportInfo, settled: Iterable<string>) {
    this.base = info.base;
    this.sources = info.sources;
    this.frontier = new Frontier(info.cursor, settled);
  }

  get info(): ImportInfo {
    return { base: this.base, cursor: this.frontier.cursor, sources: [...this.sources] };
  }
  get isListed(): boolean {
    return this.frontier.isListed;
  }

  /** One more that may be asked. */
  addSource(osd: number): void {
    if (!this.sources.includes(osd)) this.sources = [...this.sources, osd];
  }

  /** A page that says something new, as far as it does. @returns undefined if it does not */
  news(page: ListedObjects): ListedObjects | undefined {
    const { cursor } = this.frontier;
    if (compareHObject(page.from, cursor) > 0 || compareHObject(page.next, cursor) <= 0) return;
    const objects = page.objects.filter((o) => this.frontier.isBeyond(oidKey(o.oid), o.oid));
    return { from: cursor, objects, next: page.next };
  }

  /**
   * Takes a page with {@link news}: the frontier moves behind it.
   * @param here our objects in its stretch
   * @param isMissing already known to be missing, by {@link oidKey}
   * @param have the version of an object that is here whole
   */
  take(
    page: ListedObjects,
    here: readonly HObject[],
    isMissing: (key: string) => boolean,
    have: (oid: HObject) => EVersion | undefined,
  ): PageResult {
    const { frontier } = this;
    const isOpen = (oid: HObject): boolean => {
      const key = oidKey(oid);
      return frontier.isBeyond(key, oid) && !isMissing(key);
    };
    const listed = new Set(page.objects.map((o) => oidKey(o.oid)));
    const surplus = here.filter((oid) => !listed.has(oidKey(oid)) && isOpen(oid));
    const lacking = page.objects.filter(({ oid, need }) => {
      if (!isOpen(oid)) return false;
      const version = have(oid);
      return !version || !sameVersion(version, need);
    });
    frontier.reach(page.next);
    return { lacking, surplus };
  }
}

/** Where a listing of a pool's objects begins. */
export function firstObject(pool: number): HObject {
  return { ...HOBJECT_MIN, pool };
}
