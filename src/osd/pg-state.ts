import { decodeAll, encodeToBytes } from '../codec/index.ts';
import { assert, DecodeError } from '../errors/index.ts';
import { splitBits } from '../maps/index.ts';
import {
  type Collection,
  type ObjectStore,
  ownPool,
  type PgBounds,
  type StoreOp,
} from '../store/index.ts';
import {
  type EVersion,
  formatPgId,
  HOBJECT_MIN,
  type HObject,
  type PgId,
  SNAP_HEAD,
} from '../wire/index.ts';
import { LOG_KEYS_END, logKey, oidKey, type PgTotals } from './log-entry.ts';
import { Logged } from './logged.ts';
import type { MergeChanges } from './merge.ts';
import { MissingItem, type MissingSet } from './missing.ts';
import { PgInfo } from './pg-info.ts';
import { PgLog } from './pg-log.ts';

export const INFO_KEY = 'i';
const MISSING_KEYS_END = 'n';
const PAGE = 1000;

/** The object in a PG's collection that holds its log. No client can name it: it is in the PG's own pool. */
export function pgMeta({ pool, seed }: PgId): HObject {
  return {
    key: '',
    name: 'pgmeta',
    snap: SNAP_HEAD,
    hash: seed,
    max: false,
    namespace: '',
    pool: ownPool(pool),
  };
}

/** What may be in a PG's collection while its pool has so many PGs. */
export function pgBounds({ pool, seed }: PgId, pgCount: number): PgBounds {
  return { pool, seed, bits: splitBits(seed, pgCount) };
}

/**
 * What a member keeps of a PG: info, log and missing set, in memory and in the omap of {@link pgMeta}. Methods that
 * return store operations have changed the memory already; the caller submits them, with what they belong to.
 */
export class PgState {
  readonly pgid: PgId;
  readonly c: Collection;
  readonly meta: HObject;
  /** `lastUpdate`, `logTail` and `totals` are kept by the log; see {@link current}. */
  info: PgInfo;
  log: PgLog;
  readonly missing: MissingSet = new Map();
  /** Where each missing object is stored: names are too long for keys. */
  private readonly slots = new Map<string, number>();
  private nextSlot = 0;

  constructor(pgid: PgId, info: PgInfo) {
    this.pgid = pgid;
    this.c = formatPgId(pgid);
    this.meta = pgMeta(pgid);
    this.info = info;
    this.log = new PgLog(info.logTail);
  }

  /** @returns undefined for a collection whose PG was removed. @throws DecodeError */
  static load(store: ObjectStore, pgid: PgId): PgState | undefined {
    const c = formatPgId(pgid);
    const bytes = store.omapGet(c, pgMeta(pgid), [INFO_KEY]).get(INFO_KEY);
    if (!bytes) return undefined;
    const state = new PgState(pgid, decodeAll(PgInfo, bytes));
    for (const [, value] of scan(store, pgid, 'l')) {
      state.log.append(Logged.from(value));
    }
    for (const [key, value] of scan(store, pgid, 'm')) {
      const item = decodeAll(MissingItem, value);
      const slot = Number.parseInt(key.slice(1), 16);
      state.missing.set(oidKey(item.oid), item);
      state.slots.set(oidKey(item.oid), slot);
      state.nextSlot = Math.max(state.nextSlot, slot + 1);
    }
    return state;
  }

  get totals(): PgTotals {
    return this.log.totals ?? this.info.totals;
  }

  /** The info as of now, for peers and for the store. */
  current(): PgInfo {
    const { log } = this;
    return { ...this.info, lastUpdate: log.head, logTail: log.tail, totals: this.totals };
  }

  create(): StoreOp[] {
    const bounds = pgBounds(this.pgid, this.info.view.pgCount);
    return [{ op: 'mkcoll', c: this.c, bounds }, this.saveInfo()];
  }

  saveInfo(): StoreOp {
    this.info = this.current();
    return this.put([[INFO_KEY, encodeToBytes(PgInfo, this.info)]]);
  }

  /** @param totals of the entry, if they are at hand */
  append(item: Logged, totals?: PgTotals): StoreOp {
    this.log.append(item, totals);
    return this.put([[logKey(item.version), item.bytes]]);
  }

  /** Forgets entries up to and including `to`. */
  trim(to: EVersion): StoreOp[] {
    this.log.trim(to);
    const from = logKey({ epoch: 0, version: 0n });
    // The end is exclusive, so the tail's own key is named beside the range below it.
    return [
      this.saveInfo(),
      { op: 'omapRmRange', c: this.c, oid: this.meta, from, to: logKey(this.log.tail) },
      { op: 'omapRmKeys', c: this.c, oid: this.meta, keys: [logKey(this.log.tail)] },
    ];
  }

  /** Makes a merge durable. */
  merged(changes: MergeChanges): StoreOp[] {
    const ops: StoreOp[] = [];
    if (changes.divergent.length > 0) {
      const keys = changes.divergent.map(logKey);
      ops.push({ op: 'omapRmKeys', c: this.c, oid: this.meta, keys });
    }
    for (const oid of changes.removed) ops.push({ op: 'remove', c: this.c, oid });
    const gone = changes.notMissing.map((key) => this.dropSlot(key));
    if (gone.length > 0) ops.push({ op: 'omapRmKeys', c: this.c, oid: this.meta, keys: gone });
    const puts: [string, Uint8Array][] = changes.added.map((i) => [logKey(i.version), i.bytes]);
    for (const item of changes.missing) puts.push(this.missingEntry(item));
    if (puts.length > 0) ops.push(this.put(puts));
    ops.push(this.saveInfo());
    return ops;
  }

  /** Forgets log and missing set: what begins a whole resync. */
  clear(): StoreOp[] {
    this.log = new PgLog(undefined, [], this.log);
    this.missing.clear();
    this.slots.clear();
    this.info = { ...this.info, complete: false };
    const { c } = this;
    return [
      { op: 'omapRmRange', c, oid: this.meta, from: 'l', to: MISSING_KEYS_END },
      this.saveInfo(),
    ];
  }

  /** Takes over a whole log after {@link clear}. */
  replaceLog(tail: EVersion, entries: readonly Logged[]): StoreOp[] {
    assert(this.log.length === 0, 'a log is replaced when it is empty');
    this.log = new PgLog(tail, entries, this.log);
    const ops: StoreOp[] = [this.saveInfo()];
    if (entries.length > 0) {
      ops.push(this.put(entries.map((i) => [logKey(i.version), i.bytes])));
    }
    return ops;
  }

  addMissing(items: readonly MissingItem[]): StoreOp[] {
    for (const item of items) this.missing.set(oidKey(item.oid), item);
    return items.length > 0 ? [this.put(items.map((i) => this.missingEntry(i)))] : [];
  }

  removeMissing(key: string): StoreOp[] {
    if (!this.missing.delete(key)) return [];
    return [{ op: 'omapRmKeys', c: this.c, oid: this.meta, keys: [this.dropSlot(key)] }];
  }

  put(entries: Iterable<[string, Uint8Array]>): StoreOp {
    return { op: 'omapSet', c: this.c, oid: this.meta, entries: new Map(entries) };
  }

  private missingEntry(item: MissingItem): [string, Uint8Array] {
    const key = oidKey(item.oid);
    let slot = this.slots.get(key);
    if (slot === undefined) {
      slot = this.nextSlot++;
      this.slots.set(key, slot);
    }
    return [slotKey(slot), encodeToBytes(MissingItem, item)];
  }

  private dropSlot(key: string): string {
    const slot = this.slots.get(key);
    assert(slot !== undefined, 'a missing object has a slot');
    this.slots.delete(key);
    return slotKey(slot);
  }
}

function slotKey(slot: number): string {
  return `${LOG_KEYS_END}${slot.toString(16).padStart(8, '0')}`;
}

function* scan(store: ObjectStore, pgid: PgId, prefix: string): Generator<[string, Uint8Array]> {
  const c = formatPgId(pgid);
  const meta = pgMeta(pgid);
  let after: string | undefined;
  for (;;) {
    const from = after === undefined ? { from: prefix } : { after };
    const page = store.omapList(c, meta, { ...from, prefix, limit: PAGE });
    yield* page.entries;
    const last = page.entries[page.entries.length - 1];
    if (!page.more || !last) return;
    after = last[0];
  }
}

/** Objects of clients in a PG's collection, from a place in their order on. */
export function listObjects(
  store: ObjectStore,
  pgid: PgId,
  from: HObject | undefined,
  limit: number,
): { objects: HObject[]; next: HObject | undefined } {
  const start = from ?? { ...HOBJECT_MIN, pool: pgid.pool };
  const page = store.list(formatPgId(pgid), start, limit);
  return { objects: page.objects.filter((o) => o.pool === pgid.pool), next: page.next };
}

/** Reads of a damaged store end the daemon; this names what was damaged. */
export function damaged(pgid: PgId, cause: unknown): Error {
  const what = cause instanceof DecodeError ? cause.message : String(cause);
  return new Error(`PG ${formatPgId(pgid)} cannot be read from the store: ${what}`, { cause });
}
