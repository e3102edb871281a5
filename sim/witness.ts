import { assert } from '../src/errors/index.ts';
import { ENTRY, type StoredEntry, storedEntry } from '../src/osd/index.ts';
import type { HObject } from '../src/wire/index.ts';
import { type BookKeeper, StoreBook, versionText } from './store-book.ts';

type LogEntry = Extract<StoredEntry, { kind: 'log' }>['entry'];

/** What else is known of the versions that a witness sees. */
export interface WitnessScope {
  /** Entries that a log may have at any moment. */
  readonly entriesMax: number;
  /** A client was told that the object has, or had, this version. */
  isTold(oid: HObject, userVersion: bigint): boolean;
}

/**
 * Sees all that OSDs write of themselves into their stores, over all their lives, and holds it against what may never be:
 *
 * - the newest and the oldest map, and the epoch from which the OSD was up, go back; over a crash too, once durable;
 * - of a PG's copy, the epoch in which it last began to serve, and those of the newest interval that served and that was
 *   clean, go back while the copy lives;
 * - the newest version of a copy goes back, unless all entries above it are divergent ones, which no client was told of;
 * - a change is added to a log that ends with another version than the one that it was made on;
 * - a version is given to two different changes, on whatever OSDs;
 * - a log grows beyond all bounds.
 */
export class Witness implements BookKeeper {
  readonly wrong: string[] = [];
  private readonly scope: WitnessScope;
  /** All entries that there ever were, by PG and key. */
  private readonly entries = new Map<string, Map<string, Uint8Array>>();

  constructor(scope: WitnessScope) {
    this.scope = scope;
  }

  /** The stores that one disk will have. @param name of its OSD, and its shard */
  book(name: string): StoreBook {
    return new StoreBook(this, name);
  }

  say(what: string): void {
    if (this.wrong.length < 20) this.wrong.push(what);
  }

  /** An entry was stored somewhere. */
  written(where: string, pg: string, key: string, bytes: Uint8Array): void {
    let known = this.entries.get(pg);
    if (!known) {
      known = new Map();
      this.entries.set(pg, known);
    }
    const before = known.get(key);
    // A copy: the store does not keep it either.
    if (!before) known.set(key, Buffer.from(bytes));
    else if (Buffer.compare(before, bytes) !== 0) {
      const [a, b] = [entryOf(pg, key, before), entryOf(pg, key, bytes)];
      this.say(`${where}: version ${versionText(key)} of PG ${pg} is ${of(b)}, and was ${of(a)}`);
    }
  }

  /** Entries were taken back. */
  takenBack(where: string, pg: string, keys: readonly string[]): void {
    const known = this.entries.get(pg);
    for (const key of keys) {
      const bytes = known?.get(key);
      if (!bytes) continue;
      const { kind, oid, userVersion } = entryOf(pg, key, bytes);
      if (kind === ENTRY.error || !this.scope.isTold(oid, userVersion)) continue;
      // Others may have gone on without this one, and given its number to another change of the object.
      if (this.isGivenAnew(key, oid, userVersion)) continue;
      this.say(`${where}: PG ${pg} goes back over ${versionText(key)}, ${oid.name} ${userVersion}`);
    }
  }

  private isGivenAnew(key: string, oid: HObject, userVersion: bigint): boolean {
    for (const [pg, known] of this.entries) {
      for (const [other, bytes] of known) {
        if (other === key) continue;
        const entry = entryOf(pg, other, bytes);
        if (entry.userVersion !== userVersion || entry.kind === ENTRY.error) continue;
        if (entry.oid.name === oid.name && entry.oid.pool === oid.pool) return true;
      }
    }
    return false;
  }

  /** Entries of a log that there may be. */
  get entriesMax(): number {
    return this.scope.entriesMax;
  }
}

function entryOf(pg: string, key: string, bytes: Uint8Array): LogEntry {
  const stored = storedEntry(pg, key, bytes);
  assert(stored?.kind === 'log', `PG ${pg} has a log entry under another key`);
  return stored.entry;
}

/** A change in few words. */
function of({ kind, oid, userVersion, reqid }: LogEntry): string {
  return `${kind} of ${oid.name} ${userVersion} by ${reqid.name.num}.${reqid.tid}`;
}
