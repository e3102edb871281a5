import { type Codec, decodeAll } from '../codec/index.ts';
import { assert } from '../errors/index.ts';
import { compareEVersion, EVERSION_ZERO, type EVersion } from '../wire/index.ts';
import { LogEntry, reqidKey } from './log-entry.ts';

/** An entry with its encoding, which is what disk and peers get. */
export interface Logged {
  readonly entry: LogEntry;
  readonly bytes: Uint8Array;
}

/**
 * Entry and encoding of bytes that came from a peer or the store. Copies them: a log keeps its entries for long, and a
 * window would keep the whole message that brought it.
 * @throws DecodeError
 */
export function decodeLogged(received: Uint8Array): Logged {
  const bytes = Buffer.from(received);
  return { entry: decodeAll(LogEntry as Codec<LogEntry>, bytes), bytes };
}

/** What is remembered of a request to answer it again. */
export type Done = Pick<LogEntry, 'result' | 'version' | 'userVersion'>;

/**
 * Requests remembered after their entries were trimmed, in memory only. In Ceph it is 3000, stored
 * (osd_pg_log_dups_tracked, 16.2).
 */
const TRIMMED_MAX = 1000;

export function sameVersion(a: EVersion, b: EVersion): boolean {
  return a.version === b.version && a.epoch === b.epoch;
}

/**
 * The last changes of a PG in order, after `tail`. A version is given out once: its epoch belongs to one interval with
 * one primary, so members that have the same version have the same log up to it.
 */
export class PgLog {
  tail: EVersion;
  private items: Logged[] = [];
  private readonly byReqid = new Map<string, LogEntry>();
  /** Oldest first. Every member has what was trimmed, so no later history lacks it. */
  private readonly trimmed: Map<string, Done>;

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
    return this.items.length > 0 ? this.items[this.items.length - 1]!.entry.version : this.tail;
  }
  get last(): LogEntry | undefined {
    return this.items[this.items.length - 1]?.entry;
  }

  append(item: Logged): void {
    assert(
      compareEVersion(item.entry.version, this.head) > 0,
      `log entry ${item.entry.version.version} is not above its head`,
    );
    this.items.push(item);
    this.byReqid.set(reqidKey(item.entry.reqid), item.entry);
  }

  /** The entry of a request that was applied or refused before. */
  find(reqid: string): Done | undefined {
    return this.byReqid.get(reqid) ?? this.trimmed.get(reqid);
  }

  /** Whether the log continues exactly from `v`. */
  reaches(v: EVersion): boolean {
    if (sameVersion(v, this.tail)) return true;
    const at = this.firstAbove(v) - 1;
    return at >= 0 && sameVersion(this.items[at]!.entry.version, v);
  }

  after(v: EVersion): readonly Logged[] {
    return this.items.slice(this.firstAbove(v));
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
    const dropped = this.items.splice(this.firstAbove(base)).map((i) => i.entry);
    for (const e of dropped) this.forget(e);
    return dropped;
  }

  /** Forgets entries up to and including `to`, which must be one of its versions. */
  trim(to: EVersion): void {
    const n = this.firstAbove(to);
    if (n === 0) return;
    this.tail = this.items[n - 1]!.entry.version;
    for (const { entry } of this.items.splice(0, n)) {
      this.forget(entry);
      const { result, version, userVersion } = entry;
      this.trimmed.set(reqidKey(entry.reqid), { result, version, userVersion });
    }
    for (const reqid of this.trimmed.keys()) {
      if (this.trimmed.size <= TRIMMED_MAX) break;
      this.trimmed.delete(reqid);
    }
  }

  /** Where to trim so that `keep` entries stay. */
  trimPoint(keep: number): EVersion {
    const n = this.items.length - keep;
    return n > 0 ? this.items[n - 1]!.entry.version : this.tail;
  }

  private forget(e: LogEntry): void {
    const key = reqidKey(e.reqid);
    if (this.byReqid.get(key) === e) this.byReqid.delete(key);
  }

  private firstAbove(v: EVersion): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (compareEVersion(this.items[mid]!.entry.version, v) > 0) high = mid;
      else low = mid + 1;
    }
    return low;
  }
}
