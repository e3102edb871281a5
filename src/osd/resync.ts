import type { StoreOp } from '../store/index.ts';
import {
  compareHObject,
  type EVersion,
  HOBJECT_MAX,
  type HObject,
  type PgId,
} from '../wire/index.ts';
import { oidKey } from './log-entry.ts';
import type { Logged } from './logged.ts';
import type { MissingItem } from './missing.ts';
import { storedVersion } from './object-copy.ts';
import type { PgHost } from './pg-host.ts';
import { sameVersion } from './pg-log.ts';
import { listObjects, type PgState } from './pg-state.ts';

const PAGE = 512;

/** One answer to a listing: what a member should have from the cursor on, up to but without `next`. */
export interface ListedObjects {
  readonly objects: readonly MissingItem[];
  readonly next: HObject;
}

/** Objects with versions a member holds or knows to be missing, from `cursor` on: one page, ascending. */
export function listVersions(host: PgHost, state: PgState, cursor: HObject): ListedObjects {
  const from = cursor.pool === state.pgid.pool ? cursor : undefined;
  const page = listObjects(host.store, state.pgid, from, PAGE);
  const next = page.next ?? HOBJECT_MAX;
  const objects: MissingItem[] = [];
  for (const oid of page.objects) {
    if (state.missing.has(oidKey(oid))) continue;
    const need = storedVersion(host.store, state.c, oid);
    if (need) objects.push({ oid, need });
  }
  for (const item of state.missing.values()) {
    const isHere = compareHObject(item.oid, next) < 0;
    if (isHere && (!from || compareHObject(item.oid, from) >= 0)) objects.push(item);
  }
  objects.sort((a, b) => compareHObject(a.oid, b.oid));
  return { objects, next };
}

/**
 * Makes a member whose log has nothing in common with the authoritative one a member that knows what it lacks: compares
 * its objects with a source's list, removes what should not be there, and counts as missing what differs. Until the last
 * missing object has come, the member is not `complete` and holds nobody's only proof of anything.
 */
export class Resync {
  readonly source: number;
  private readonly host: PgHost;
  private readonly state: PgState;
  private readonly tail: EVersion;
  private readonly entries: readonly Logged[];
  private cursor: HObject;

  constructor(
    host: PgHost,
    state: PgState,
    source: number,
    log: { tail: EVersion; entries: readonly Logged[] },
  ) {
    this.host = host;
    this.state = state;
    this.source = source;
    this.tail = log.tail;
    this.entries = log.entries;
    this.cursor = firstObject(state.pgid);
    void host.submit(state.clear());
  }

  /** Where the next listing begins. */
  get position(): HObject {
    return this.cursor;
  }

  /** Compares one page. @returns true when it was the last, and the log is taken over; durable when `done` is called. */
  onList(page: ListedObjects, done: () => void): boolean {
    const { host, state } = this;
    const wanted = new Map(page.objects.map((o) => [oidKey(o.oid), o]));
    const ops = this.removeOthers(wanted, page.next);
    const lacking = [...wanted.values()].filter((item) => {
      const have = storedVersion(host.store, state.c, item.oid);
      return !have || !sameVersion(have, item.need);
    });
    ops.push(...state.addMissing(lacking));
    if (!page.next.max) {
      this.cursor = page.next;
      if (ops.length > 0) void host.submit(ops);
      return false;
    }
    ops.push(...state.replaceLog(this.tail, this.entries));
    if (state.missing.size === 0) {
      state.info = { ...state.info, complete: true };
      ops.push(state.saveInfo());
    }
    void host.submit(ops).then(done);
    return true;
  }

  private removeOthers(wanted: ReadonlyMap<string, MissingItem>, end: HObject): StoreOp[] {
    const { host, state } = this;
    const ops: StoreOp[] = [];
    let from: HObject | undefined = this.cursor;
    while (from) {
      const mine = listObjects(host.store, state.pgid, from, PAGE);
      for (const oid of mine.objects) {
        if (compareHObject(oid, end) >= 0) return ops;
        if (!wanted.has(oidKey(oid))) ops.push({ op: 'remove', c: state.c, oid });
      }
      from = mine.next;
    }
    return ops;
  }
}

function firstObject(pgid: PgId): HObject {
  return { ...HOBJECT_MAX, max: false, pool: pgid.pool };
}
