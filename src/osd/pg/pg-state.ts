import { decodeAll, encodeToBytes } from '../../codec/index.ts';
import type { Collection, ObjectStore, StoreOp } from '../../store/index.ts';
import {
  compareEVersion,
  type EVersion,
  formatPgId,
  type HObject,
  type PgId,
} from '../../wire/index.ts';
import { DUP_KEYS } from '../log/dups.ts';
import { ENTRY, logKey, oidKey, type PgTotals } from '../log/log-entry.ts';
import { Logged } from '../log/logged.ts';
import { type MergeChanges, mergeLog } from '../log/merge.ts';
import { newestChanges } from '../log/newest-changes.ts';
import { PgLog, sameVersion } from '../log/pg-log.ts';
import { firstObject, Import, type ListedObjects } from '../recovery/import.ts';
import { MissingItem, type MissingSet } from './missing.ts';
import { MissingSlots } from './missing-slots.ts';
import { INFO_KEY, pgBounds, pgMeta, scanMeta } from './pg-collection.ts';
import { PgInfo } from './pg-info.ts';

/** Behind the keys of the log and of what is missing. */
const MISSING_KEYS_END = 'n';

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
  /** While not everything is here since the log of others was taken over; `info.import` is what it is stored as. */
  import: Import | undefined;
  private readonly slots = new MissingSlots();

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
    for (const [, value] of scanMeta(store, pgid, 'l')) {
      state.log.append(Logged.from(value));
    }
    for (const [, value] of scanMeta(store, pgid, DUP_KEYS)) state.log.dups.load(value);
    for (const [key, value] of scanMeta(store, pgid, 'm')) {
      const item = decodeAll(MissingItem, value);
      state.missing.set(oidKey(item.oid), item);
      state.slots.found(key, item);
    }
    state.loadImport();
    return state;
  }

  private loadImport(): void {
    const { info, log, pgid } = this;
    if (info.import) {
      const settled = newestChanges(log.after(info.import.base)).keys();
      this.import = new Import(info.import, settled);
    } else if (!info.complete) {
      // Whoever has the PG now is asked about all of it.
      const start = { base: log.tail, cursor: firstObject(pgid.pool), sources: [] };
      this.import = new Import(start, []);
    }
  }

  get totals(): PgTotals {
    const { standing } = this.info;
    if (standing && sameVersion(standing.version, this.log.head)) return standing.totals;
    return this.log.totals ?? this.info.totals;
  }

  /** What the PG holds as of its newest entry, if that is not what the entry says. */
  stand(totals: PgTotals, isEstimated: boolean): void {
    const standing = { version: this.log.head, totals };
    this.info = { ...this.info, standing, isEstimated };
  }

  /** The info as of now, for peers and for the store. */
  current(): PgInfo {
    const { log, totals } = this;
    const now = { lastUpdate: log.head, logTail: log.tail, totals, import: this.import?.info };
    return { ...this.info, ...now };
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

  /**
   * Forgets entries up to and including `to`; none while they decide about what is still to be listed.
   * @param remembered of how many requests the log and the trimmed entries together are to know
   */
  trim(to: EVersion, remembered: number): StoreOp[] {
    if (this.import && !this.import.isListed) return [];
    const { c, meta: oid, log } = this;
    const dups = log.trim(to);
    const gone = log.dups.forget(log.head.version - BigInt(remembered));
    const from = logKey({ epoch: 0, version: 0n });
    // The end is exclusive, so the tail's own key is named beside the range below it.
    return [
      this.saveInfo(),
      { op: 'omapRmRange', c, oid, from, to: logKey(log.tail) },
      { op: 'omapRmKeys', c, oid, keys: [logKey(log.tail), ...gone] },
      ...(dups ? [this.put([dups])] : []),
    ];
  }

  /** Remembers requests that a peer knows from beyond its log. @throws DecodeError */
  addDups(chunks: readonly Uint8Array[]): StoreOp[] {
    return chunks.length > 0 ? [this.put(chunks.map((c) => this.log.dups.load(c)))] : [];
  }

  /** Makes a merge durable. */
  private merged(changes: MergeChanges): StoreOp[] {
    const ops: StoreOp[] = [];
    if (changes.divergent.length > 0) {
      const keys = changes.divergent.map(logKey);
      ops.push({ op: 'omapRmKeys', c: this.c, oid: this.meta, keys });
    }
    for (const oid of changes.removed) ops.push({ op: 'remove', c: this.c, oid });
    const gone = changes.notMissing.map((key) => this.slots.drop(key));
    if (gone.length > 0) ops.push({ op: 'omapRmKeys', c: this.c, oid: this.meta, keys: gone });
    const puts: [string, Uint8Array][] = changes.added.map((i) => [logKey(i.version), i.bytes]);
    for (const item of changes.missing) puts.push(this.slots.entry(item));
    if (puts.length > 0) ops.push(this.put(puts));
    this.endImport();
    ops.push(this.saveInfo());
    return ops;
  }

  /**
   * Takes over the whole log of another history, which continues from `tail`, and begins to import: of objects that the
   * log names it is known what we lack, all others are to be listed.
   * @param have the version of an object that is here whole
   */
  takeOver(
    tail: EVersion,
    entries: readonly Logged[],
    sources: readonly number[],
    have: (oid: HObject) => EVersion | undefined,
  ): StoreOp[] {
    const { c, meta: oid } = this;
    const newest = newestChanges(entries);
    this.log = new PgLog(tail, entries, this.log);
    this.missing.clear();
    this.slots.clear();
    const cursor = firstObject(this.pgid.pool);
    this.import = new Import({ base: tail, cursor, sources: [...sources] }, newest.keys());
    this.info = { ...this.info, complete: true };
    const ops: StoreOp[] = [{ op: 'omapRmRange', c, oid, from: 'l', to: MISSING_KEYS_END }];
    const lacking: MissingItem[] = [];
    for (const entry of newest.values()) {
      const version = have(entry.oid);
      if (entry.kind === ENTRY.delete) ops.push({ op: 'remove', c, oid: entry.oid });
      else if (!version || !sameVersion(version, entry.version)) {
        lacking.push({ oid: entry.oid, need: entry.version });
      }
    }
    if (entries.length > 0) ops.push(this.put(entries.map((i) => [logKey(i.version), i.bytes])));
    ops.push(...this.addMissing(lacking), this.saveInfo());
    return ops;
  }

  /** Brings our log on from `base`, up to where it agrees with the authoritative one. */
  adopt(base: EVersion, entries: readonly Logged[]): StoreOp[] {
    const changes = mergeLog(this.log, this.missing, base, entries);
    const { import: importing } = this;
    if (!this.info.complete) this.info = { ...this.info, complete: true };
    if (importing) {
      for (const { oid } of changes.missing) importing.frontier.settle(oidKey(oid));
      for (const oid of changes.removed) importing.frontier.settle(oidKey(oid));
      // What the log decided about is gone with the entries; what came before them is as the others have it.
      if (compareEVersion(base, importing.base) < 0) importing.base = base;
    }
    return this.merged(changes);
  }

  /** A page of a listing is taken. @param here our objects in its stretch */
  listed(
    importing: Import,
    page: ListedObjects,
    here: readonly HObject[],
    have: (oid: HObject) => EVersion | undefined,
  ): { lacking: readonly MissingItem[]; ops: StoreOp[] } {
    const isMissing = (key: string): boolean => this.missing.has(key);
    const { lacking, surplus } = importing.take(page, here, isMissing, have);
    const ops: StoreOp[] = surplus.map((oid) => ({ op: 'remove', c: this.c, oid }));
    ops.push(...this.addMissing(lacking));
    this.endImport();
    ops.push(this.saveInfo());
    return { lacking, ops };
  }

  /** We know now of one object, in which version it is needed, or that it does not exist. */
  settle(oid: HObject, need: EVersion | undefined, have: EVersion | undefined): StoreOp[] {
    this.import?.frontier.settle(oidKey(oid));
    if (!need) return [{ op: 'remove', c: this.c, oid }];
    return have && sameVersion(have, need) ? [] : this.addMissing([{ oid, need }]);
  }

  /** An import ends when everything is listed, and nothing is missing. @returns whether it has ended now */
  endImport(): boolean {
    if (!this.import?.isListed || this.missing.size > 0) return false;
    this.import = undefined;
    return true;
  }

  addMissing(items: readonly MissingItem[]): StoreOp[] {
    for (const item of items) this.missing.set(oidKey(item.oid), item);
    return items.length > 0 ? [this.put(items.map((i) => this.slots.entry(i)))] : [];
  }

  /** Others have these objects from now on. */
  forgetMissing(keys: readonly string[]): StoreOp[] {
    for (const key of keys) this.missing.delete(key);
    const gone = keys.map((key) => this.slots.drop(key));
    return gone.length > 0 ? [{ op: 'omapRmKeys', c: this.c, oid: this.meta, keys: gone }] : [];
  }

  /** Stores the requests that the log remembers without entries, for one that has just come to be. */
  storeDups(): StoreOp[] {
    const { entries } = this.log.dups;
    return entries.length > 0 ? [this.put(entries)] : [];
  }

  removeMissing(key: string): StoreOp[] {
    this.import?.frontier.settle(key);
    if (!this.missing.delete(key)) return [];
    const ops: StoreOp[] = [
      { op: 'omapRmKeys', c: this.c, oid: this.meta, keys: [this.slots.drop(key)] },
    ];
    if (this.endImport()) ops.push(this.saveInfo());
    return ops;
  }

  put(entries: Iterable<[string, Uint8Array]>): StoreOp {
    return { op: 'omapSet', c: this.c, oid: this.meta, entries: new Map(entries) };
  }
}
