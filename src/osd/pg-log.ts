import { assert } from '../errors/index.ts';
import { compareEVersion, EVERSION_ZERO, type EVersion } from '../wire/index.ts';
import type { LogEntry, PgTotals } from './log-entry.ts';
import { type Done, Logged } from './logged.ts';

/**
 * An entry as a log holds it: thousands of them stay for long and few are looked at again, so the rest of it is its
 * encoding, as a byte string. Decoded it takes about a KiB.
 */
interface Item extends Done {
  readonly reqid: string;
  /** Empty when the entry was trimmed. */
  record: string;
}

/**
 * Requests remembered after their entries were trimmed, in memory only: as many as there are entries, within these
 * bounds. In Ceph it is 3000, stored (osd_pg_log_dups_tracked, 16.2).
 */
const TRIMMED_MIN = 250;
const TRIMMED_MAX = 1000;
/** Likewise of a merge, which ends whole logs. */
const MERGED_MAX = 3000;
/** What an entry takes beside its encoding, measured: the item, its version and key, its place in two tables. */
const ITEM_BYTES = 300;

export function sameVersion(a: EVersion, b: EVersion): boolean {
  return a.version === b.version && a.epoch === b.epoch;
}

/**
 * The last changes of a PG in order, after `tail`. A version is given out once: its epoch belongs to one interval with
 * one primary, so members that have the same version have the same log up to it.
 */
export class PgLog {
  tail: EVersion;
  private items: Item[] = [];
  /** The newest entry's totals, which every change looks at; read from it when they are asked for. */
  private newestTotals: PgTotals | undefined;
  private readonly byReqid = new Map<string, Item>();
  /** Oldest first. Every member has what was trimmed, so no later history lacks it. */
  private readonly trimmed: Map<string, Done>;
  private recordBytes = 0;

  /** @param former whose trimmed requests are remembered on */
  constructor(tail: EVersion = EVERSION_ZERO, items: readonly Logged[] = [], former?: PgLog) {
    this.tail = tail;
    this.trimmed = former?.trimmed ?? new Map();
    for (const item of items) this.append(item);
  }

  get length(): number {
    return this.items.length;
  }
  get head(): EVersion {
    return this.items.length > 0 ? this.items[this.items.length - 1]!.version : this.tail;
  }
  /** Totals of the newest entry. */
  get totals(): PgTotals | undefined {
    const last = this.items[this.items.length - 1];
    if (last) this.newestTotals ??= loggedOf(last).totals;
    return this.newestTotals;
  }
  /** How many requests it remembers, trimmed ones included, and what they take in memory, about. */
  get held(): { items: number; bytes: number } {
    const items = this.items.length + this.trimmed.size;
    return { items, bytes: items * ITEM_BYTES + this.recordBytes };
  }

  /** @param totals of the entry, if they are at hand */
  append(logged: Logged, totals?: PgTotals): void {
    const { version, userVersion, result, reqidKey: reqid, bytes } = logged;
    if (compareEVersion(version, this.head) <= 0)
      assert(false, `log entry ${version.version} is not above its head`);
    const record = bytes.latin1Slice();
    const item = { version, userVersion, result, reqid, record };
    this.items.push(item);
    this.byReqid.set(item.reqid, item);
    this.recordBytes += record.length;
    this.newestTotals = totals;
  }

  /** The entry of a request that was applied or refused before. */
  find(reqid: string): Done | undefined {
    return this.byReqid.get(reqid) ?? this.trimmed.get(reqid);
  }

  /** Whether the log continues exactly from `v`. */
  reaches(v: EVersion): boolean {
    if (sameVersion(v, this.tail)) return true;
    const at = this.firstAbove(v) - 1;
    return at >= 0 && sameVersion(this.items[at]!.version, v);
  }

  after(v: EVersion): readonly Logged[] {
    return this.items.slice(this.firstAbove(v)).map(loggedOf);
  }

  /** The newest version that both logs reach; undefined when they have nothing in common. */
  newestCommon(tail: EVersion, versions: readonly EVersion[]): EVersion | undefined {
    for (let i = versions.length - 1; i >= 0; i--) {
      if (this.reaches(versions[i]!)) return versions[i];
    }
    return this.reaches(tail) ? tail : undefined;
  }

  /** Drops everything above `base` and returns it, oldest first. */
  rewind(base: EVersion): LogEntry[] {
    const dropped = this.items.splice(this.firstAbove(base));
    for (const item of dropped) this.forget(item);
    this.newestTotals = undefined;
    return dropped.map((item) => loggedOf(item).entry);
  }

  /** Forgets entries up to and including `to`, which must be one of its versions. */
  trim(to: EVersion): void {
    const n = this.firstAbove(to);
    if (n === 0) return;
    this.tail = this.items[n - 1]!.version;
    for (const item of this.items.splice(0, n)) {
      this.forget(item);
      item.record = '';
      this.trimmed.set(item.reqid, item);
    }
    if (this.items.length === 0) this.newestTotals = undefined;
    const most = Math.max(TRIMMED_MIN, Math.min(TRIMMED_MAX, this.items.length));
    for (const reqid of this.trimmed.keys()) {
      if (this.trimmed.size <= most) break;
      this.trimmed.delete(reqid);
    }
  }

  /** Where to trim so that `keep` entries stay. */
  trimPoint(keep: number): EVersion {
    const n = this.items.length - keep;
    return n > 0 ? this.items[n - 1]!.version : this.tail;
  }

  /**
   * Takes the log apart when its PG is split. Each part has our tail, since no entry between was of its objects, and
   * remembers all trimmed requests, which do not tell what they were for.
   * @param seeds of the parts
   * @param partOf the seed of the part that has the objects of a hash
   */
  split(seeds: Iterable<number>, partOf: (hash: number) => number): Map<number, PgLog> {
    const parts = new Map<number, PgLog>();
    for (const seed of seeds) {
      const log = new PgLog(this.tail);
      log.remember(this.trimmed);
      parts.set(seed, log);
    }
    for (const item of this.items) parts.get(partOf(loggedOf(item).hash))!.take(item);
    return parts;
  }

  /**
   * The log of a PG that others are merged into: it begins anew behind `tail`, as versions of different PGs have no
   * order, but the requests of all are remembered. Oldest first.
   */
  static merged(tail: EVersion, logs: readonly PgLog[]): PgLog {
    const out = new PgLog(tail);
    const items = logs.flatMap((log) => log.items);
    items.sort((a, b) => compareEVersion(a.version, b.version));
    const dups = logs.flatMap((log) => [...log.trimmed]);
    dups.push(...items.map((item): [string, Done] => [item.reqid, item]));
    out.remember(dups.slice(-MERGED_MAX));
    return out;
  }

  /** Requests that are remembered though their entries are gone, oldest first. */
  get dups(): Iterable<readonly [reqid: string, done: Done]> {
    return this.trimmed;
  }

  remember(dups: Iterable<readonly [reqid: string, done: Done]>): void {
    for (const [reqid, { result, version, userVersion }] of dups) {
      this.trimmed.set(reqid, { result, version, userVersion });
    }
  }

  private take(item: Item): void {
    this.items.push(item);
    this.byReqid.set(item.reqid, item);
    this.recordBytes += item.record.length;
  }

  private forget(item: Item): void {
    this.recordBytes -= item.record.length;
    if (this.byReqid.get(item.reqid) === item) this.byReqid.delete(item.reqid);
  }

  private firstAbove(v: EVersion): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (compareEVersion(this.items[mid]!.version, v) > 0) high = mid;
      else low = mid + 1;
    }
    return low;
  }
}

function loggedOf({ record }: Item): Logged {
  return Logged.from(Buffer.from(record, 'latin1'));
}
