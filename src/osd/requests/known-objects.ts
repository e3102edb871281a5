import type { ObjectStore } from '../../store/index.ts';
import { compareHObject, HOBJECT_MAX, type HObject } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import type { ListableObjects } from '../ops/index.ts';
import type { PgState } from '../pg/pg-state.ts';

/**
 * The objects of a PG as clients are to see them: those that are here, and those that are still to be brought. Beyond
 * what is listed nothing can be said, so a page ends there; if nothing can be said at all, the request has to wait.
 */
export class KnownObjects implements ListableObjects {
  /** Something was asked for that is not known, or not here, yet. */
  hasFailed = false;
  private readonly store: ObjectStore;
  private readonly state: Pick<PgState, 'c' | 'missing' | 'import'>;
  readonly scrubErrors: NonNullable<ListableObjects['scrubErrors']>;

  constructor(
    store: ObjectStore,
    state: Pick<PgState, 'c' | 'missing' | 'import'>,
    scrubErrors: NonNullable<ListableObjects['scrubErrors']>,
  ) {
    this.store = store;
    this.state = state;
    this.scrubErrors = scrubErrors;
  }

  list(from: HObject, limit: number): { objects: HObject[]; next: HObject | undefined } {
    const { c, missing, import: importing } = this.state;
    const page = this.store.list(c, from, limit);
    if (missing.size === 0 && !importing) return page;
    const cursor = importing?.frontier.cursor ?? HOBJECT_MAX;
    const stored = page.next ?? HOBJECT_MAX;
    const end = compareHObject(cursor, stored) < 0 ? cursor : stored;
    if (compareHObject(from, end) >= 0) {
      this.hasFailed = true;
      return { objects: [], next: from };
    }
    const isInside = (o: HObject): boolean =>
      compareHObject(o, from) >= 0 && compareHObject(o, end) < 0;
    const here = page.objects.filter((o) => isInside(o) && !missing.has(oidKey(o)));
    const pending = [...missing.values()].map((item) => item.oid).filter(isInside);
    const objects = [...here, ...pending].sort(compareHObject);
    if (objects.length > limit) return { objects: objects.slice(0, limit), next: objects[limit] };
    return { objects, next: end.max ? undefined : end };
  }

  getattr(oid: HObject, name: string): Uint8Array | undefined {
    if (this.state.missing.has(oidKey(oid))) {
      this.hasFailed = true;
      return undefined;
    }
    return this.store.getattr(this.state.c, oid, name);
  }
}
