import { assert } from '../../errors/index.ts';
import { compareEVersion, EVERSION_ZERO, type EVersion } from '../../wire/index.ts';
import { Dups } from './dups.ts';
import { type LogEntry, logKey, type PgTotals } from './log-entry.ts';
import { type Done, hashOfEntry, Logged } from './logged.ts';

/**
 * An entry as a log holds it: thousands of them stay for long and few are looked at again, so the rest of it is its
 * encoding, as a byte string. Decoded it takes about a KiB.
 */
interface Item extends Done {
  readonly reqid: string;
  readonly record: string;
}

/** Requests remembered of a merge, which ends whole logs. */
const MERGED_MAX = 3000;
/** What an entry takes beside its encoding, measured: the item, its version and key, its place in two tables. */
const ITEM_BYTES = 300;

export function sameVersion(a: EVersion, b: EVersion): boolean {
  return a.version === b.version && a.epoch === b.epoch;
}

/** What a part of a PG that is split gets of its log. */
export interface LogPart {
  readonly log: PgLog;
  /** Entries that were stored with another part: keys, the same in both, and values. */
  readonly stored: readonly [string, Buffer][];
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
  /** Requests whose entries were trimmed. */
  readonly dups: Dups;
  private recordBytes = 0;

  /** @param former whose trimmed requests are remembered on */
  constructor(
    tail: EVersion = EVERSION_ZERO,
    items: readonly Logged[] = [],
    former?: Pick<PgLog, 'dups'>,
  ) {
    this.tail = tail;
    this.dups = former?.dups ?? new Dups();
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
  /** How many entries it has, and what they take in memory, about. */
  get held(): { items: number; bytes: number } {
    const { length } = this.items;
    return { items: length, bytes: length * ITEM_BYTES + this.recordBytes };
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
    return this.byReqid.get(reqid) ?? this.dups.find(reqid);
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

  /**
   * Forgets entries up to and including `to`, which must be one of its versions; their requests are remembered on.
   * @returns what is to be stored of those
   */
  trim(to: EVersion): [string, Uint8Array] | undefined {
    const n = this.firstAbove(to);
    if (n === 0) return undefined;
    this.tail = this.items[n - 1]!.version;
    const trimmed = this.items.splice(0, n);
    for (const item of trimmed) this.forget(item);
    if (this.items.length === 0) this.newestTotals = undefined;
    return this.dups.add(trimmed);
  }

  /** Bytes of all entries as they are stored. */
  get bytes(): number {
    return this.recordBytes;
  }

  /** Where to trim so that `keep` of the newest entries stay, or fewer if they have more than `bytes`, but `least`. */
  trimPoint(keep: number, bytes = Number.POSITIVE_INFINITY, least = 0): EVersion {
    let n = Math.max(0, this.items.length - keep);
    let over = this.recordBytes - bytes;
    for (let i = 0; i < n && over > 0; i++) over -= this.items[i]!.record.length;
    for (; over > 0 && n < this.items.length - least; n++) over -= this.items[n]!.record.length;
    return n > 0 ? this.items[n - 1]!.version : this.tail;
  }

  /**
   * Takes the log apart when its PG is split. Each part has our tail, since no entry between was of its objects, and
   * remembers all trimmed requests, which do not tell what they were for. This log must not be used any more.
   * @param seeds of the parts; the first is the one that had the log
   * @param partOf the seed of the part that has the objects of a hash
   */
  split(seeds: readonly number[], partOf: (hash: number) => number): Map<number, LogPart> {
    const parts = new Map(
      seeds.map((seed, i) => {
        const dups = i === 0 ? this.dups : this.dups.copy();
        const part = { log: new PgLog(this.tail, [], { dups }), stored: [] };
        return [seed, part as LogPart & { stored: [string, Buffer][] }];
      }),
    );
    const first = seeds[0]!;
    for (const item of this.items) {
      const bytes = bytesOf(item);
      const seed = partOf(hashOfEntry(bytes));
      const { log, stored } = parts.get(seed)!;
      log.take(item);
      if (seed !== first) stored.push([logKey(item.version), bytes]);
    }
    return parts;
  }

  /**
   * The log of a PG that others are merged into: it begins anew behind `tail`, as versions of different PGs have no
   * order, but the requests of all are remembered. Oldest first.
   */
  static merged(tail: EVersion, logs: readonly PgLog[]): PgLog {
    const out = new PgLog(tail);
    const items = logs.flatMap((log) => log.items);
    const all = [...logs.flatMap((log) => log.dups.list()), ...items];
    // Parts of a PG that was split each have a copy of what it remembered.
    const dups = [...new Map(all.map((d) => [d.reqid, d])).values()];
    dups.sort((a, b) => compareEVersion(a.version, b.version));
    if (dups.length > 0) out.dups.add(dups.slice(-MERGED_MAX));
    return out;
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

function bytesOf({ record }: Item): Buffer {
  return Buffer.from(record, 'latin1');
}
function loggedOf(item: Item): Logged {
  return Logged.from(bytesOf(item));
}
