import {
  INFO_KEY,
  isLogKey,
  logKey,
  META,
  type PgInfo,
  pgMeta,
  previousLogKey,
  readSuperblock,
  type StoredEntry,
  storedEntry,
} from '../src/osd/index.ts';
import type { ObjectStore, StoreOp, Transaction } from '../src/store/index.ts';
import { EVERSION_ZERO, type HObject, parsePgId } from '../src/wire/index.ts';
import { wrappedStore } from './wrapped-store.ts';

type Superblock = Extract<StoredEntry, { kind: 'superblock' }>['superblock'];

const FIRST_KEY = logKey(EVERSION_ZERO);

/** What a transaction does to a copy. */
interface Change {
  /** Its newest version before. */
  readonly head: string;
  /** Entries that it removes, and those that it adds. */
  readonly gone: string[];
  readonly added: [string, Uint8Array][];
  /** The info is written too: with a cut, or when another's log is taken over. */
  hasInfo: boolean;
  isTrim: boolean;
}

/** Who compares what several stores say. */
export interface BookKeeper {
  /** Entries that a log may have at any moment. */
  readonly entriesMax: number;
  /** Something is wrong. */
  say(what: string): void;
  /** An entry was stored. */
  written(where: string, pg: string, key: string, bytes: Uint8Array): void;
  /** Entries were taken back. */
  takenBack(where: string, pg: string, keys: readonly string[]): void;
}

/** What of a copy is compared with what it was before. */
interface Marks {
  /** The key of its newest entry. */
  readonly head: string;
  readonly info: Pick<PgInfo, 'lastEpochStarted' | 'started' | 'clean'>;
}

/** A PG's copy in one store, from its first info to the removal of its log. */
class Copy {
  /** Keys of its log, ascending. */
  keys: string[] = [];
  /** The newest version that its info speaks of. */
  infoHead = '';
  marks: Marks = NOTHING;
  /** As a crash cannot take it back. */
  durable: Marks = NOTHING;
  /** Transactions under way that take entries back, so that it is open what a crash leaves. */
  rewinds = 0;

  /** After a transaction: the newest version is that of the last entry; without entries the info knows it. */
  settle(): void {
    this.marks = { ...this.marks, head: this.keys.at(-1) ?? this.infoHead };
  }

  /** Removes keys from `from` on, up to and without `to`. */
  cut(from: string, to: string): string[] {
    const first = this.firstFrom(from);
    return this.keys.splice(first, this.firstFrom(to) - first);
  }

  add(key: string): void {
    const last = this.keys.at(-1);
    if (last === undefined || key > last) this.keys.push(key);
    else if (this.keys[this.firstFrom(key)] !== key) {
      this.keys.splice(this.firstFrom(key), 0, key);
    }
  }

  private firstFrom(key: string): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (this.keys[mid]! < key) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}

const NOTHING: Marks = { head: '', info: { lastEpochStarted: 0, started: 0, clean: 0 } };

/** What a store said of its OSD and of the copies in it, last and durably. */
export class StoreBook {
  private readonly keeper: BookKeeper;
  private readonly name: string;
  private superblock: Superblock | undefined;
  private durable: Superblock | undefined;
  private readonly copies = new Map<string, Copy>();

  constructor(keeper: BookKeeper, name: string) {
    this.keeper = keeper;
    this.name = name;
  }

  /** The store for a new life of its OSD, whose transactions are looked at. */
  watch(store: ObjectStore): ObjectStore {
    this.reopened(store);
    const submit: ObjectStore['submit'] = (txn, applied) => {
      let isTaken = false;
      const durable = store.submit(txn, () => {
        isTaken = true;
        applied?.();
      });
      if (isTaken) this.submitted(txn, durable);
      return durable;
    };
    return wrappedStore(store, { submit });
  }

  /** A new, empty disk. */
  replaced(): void {
    this.superblock = undefined;
    this.durable = undefined;
    this.copies.clear();
  }

  private submitted(txn: Transaction, durable: Promise<void>): void {
    const touched = new Map<string, Copy>();
    let superblock: Superblock | undefined;
    const rewound: Copy[] = [];
    const before = new Map<Copy, Change>();
    const written = new Set<string>();
    for (const op of txn) {
      if (!('c' in op)) continue;
      if (op.c === META) {
        superblock = this.superblockIn(op) ?? superblock;
        continue;
      }
      if (!('oid' in op) || op.oid.name !== 'pgmeta' || op.oid.pool >= 0) continue;
      if (op.op === 'remove') {
        this.copies.delete(op.c);
        touched.delete(op.c);
        continue;
      }
      const copy = this.copyOf(op.c);
      touched.set(op.c, copy);
      let was = before.get(copy);
      if (!was) {
        was = { head: copy.marks.head, gone: [], added: [], hasInfo: false, isTrim: false };
        before.set(copy, was);
      }
      this.apply(copy, op, was);
      for (const [key] of was.added) written.add(key);
    }
    for (const [c, copy] of touched) {
      const { head, gone, added, hasInfo, isTrim } = before.get(copy)!;
      if (added.length === 1 && (isTrim || !hasInfo)) this.compareLinks(c, head, added[0]![1]);
      copy.settle();
      if (copy.marks.head < head) {
        rewound.push(copy);
        // When a PG is split, entries go to its parts.
        const back = gone.filter((key) => key > copy.marks.head && !written.has(key));
        this.keeper.takenBack(this.name, c, back);
      }
      const { length } = copy.keys;
      if (length > this.keeper.entriesMax) {
        this.say(`the log of PG ${c} has ${length} entries`);
        copy.keys = [];
      }
    }
    if (touched.size === 0 && !superblock) return;
    for (const copy of rewound) copy.rewinds++;
    const marks = [...touched.values()].map((copy) => [copy, copy.marks] as const);
    durable.then(
      () => {
        for (const [copy, then] of marks) copy.durable = then;
        for (const copy of rewound) copy.rewinds--;
        if (superblock) this.durable = superblock;
      },
      () => {},
    );
  }

  private copyOf(c: string): Copy {
    let copy = this.copies.get(c);
    if (!copy) {
      copy = new Copy();
      this.copies.set(c, copy);
    }
    return copy;
  }

  private apply(copy: Copy, op: Extract<StoreOp, { oid: HObject }>, change: Change): void {
    switch (op.op) {
      case 'omapSet':
        for (const [key, bytes] of op.entries) {
          this.put(op.c, copy, key, bytes);
          if (isLogKey(key)) change.added.push([key, bytes]);
          else if (key === INFO_KEY) change.hasInfo = true;
        }
        return;
      case 'omapRmKeys':
        for (const key of op.keys) {
          if (isLogKey(key)) change.gone.push(...copy.cut(key, `${key}\0`));
        }
        return;
      case 'omapRmRange':
        change.gone.push(...copy.cut(op.from, op.to));
        if (op.from === FIRST_KEY) change.isTrim = true;
        return;
      default:
        return;
    }
  }

  /** A change is made on top of the newest one; nothing is left out between. */
  private compareLinks(c: string, head: string, bytes: Uint8Array): void {
    const previous = previousLogKey(bytes);
    if (head === '' || previous === head) return;
    this.say(`PG ${c}: on ${versionText(head)} follows what is made on ${versionText(previous)}`);
  }

  private put(c: string, copy: Copy, key: string, bytes: Uint8Array): void {
    if (isLogKey(key)) {
      copy.add(key);
      this.keeper.written(this.name, c, key, bytes);
      return;
    }
    const stored = storedEntry(c, key, bytes);
    if (stored?.kind !== 'info') return;
    const { lastEpochStarted, started, clean, lastUpdate } = stored.info;
    const info = { lastEpochStarted, started, clean };
    this.compareInfos(c, copy.marks.info, info);
    copy.infoHead = logKey(lastUpdate);
    copy.marks = { ...copy.marks, info };
  }

  private compareInfos(c: string, before: Marks['info'], now: Marks['info']): void {
    for (const name of ['lastEpochStarted', 'started', 'clean'] as const) {
      if (now[name] >= before[name]) continue;
      this.say(`${name} of PG ${c} goes back from ${before[name]} to ${now[name]}`);
    }
  }

  private superblockIn(op: StoreOp): Superblock | undefined {
    if (op.op !== 'omapSet') return undefined;
    let found: Superblock | undefined;
    for (const [key, bytes] of op.entries) {
      const stored = storedEntry(META, key, bytes);
      if (stored?.kind !== 'superblock') continue;
      found = stored.superblock;
      this.compareSuperblocks(this.superblock, found, '');
      this.superblock = found;
    }
    return found;
  }

  private compareSuperblocks(before: Superblock | undefined, now: Superblock, when: string): void {
    if (!before) return;
    for (const name of ['newest', 'oldest', 'upFrom'] as const) {
      if (now[name] >= before[name]) continue;
      this.say(`${name} of the superblock goes back from ${before[name]} to ${now[name]}${when}`);
    }
  }

  /** What is there after a crash, or a clean end, is not older than what was durable before. */
  private reopened(store: ObjectStore): void {
    const before = new Map(this.copies);
    const { durable } = this;
    this.copies.clear();
    this.superblock = undefined;
    if (!store.hasCollection(META)) {
      if (durable) this.say('the superblock is gone');
      return;
    }
    for (const c of store.collections()) this.load(store, c);
    this.durable = this.superblock;
    if (this.superblock) this.compareSuperblocks(durable, this.superblock, ' over a crash');
    for (const [c, copy] of this.copies) {
      const was = before.get(c);
      copy.durable = copy.marks;
      if (!was || was.rewinds > 0) continue;
      this.compareInfos(c, was.durable.info, copy.marks.info);
      if (copy.marks.head >= was.durable.head) continue;
      const [from, to] = [was.durable.head, copy.marks.head].map(versionText);
      this.say(`the newest version of PG ${c} goes back from ${from} to ${to} over a crash`);
    }
  }

  private load(store: ObjectStore, c: string): void {
    const pgid = parsePgId(c);
    if (c === META) this.superblock = readSuperblock(store);
    else if (pgid) {
      const meta = pgMeta(pgid);
      const limit = Number.MAX_SAFE_INTEGER;
      const infos = store.omapList(c, meta, { prefix: 'i', limit: 1 }).entries;
      if (infos.length === 0) return;
      const copy = this.copyOf(c);
      for (const [key, bytes] of store.omapList(c, meta, { prefix: 'l', limit }).entries) {
        if (isLogKey(key)) this.put(c, copy, key, bytes);
      }
      for (const [key, bytes] of infos) this.put(c, copy, key, bytes);
      copy.settle();
    }
  }

  private say(what: string): void {
    this.keeper.say(`${this.name}: ${what}`);
  }
}

/** The version that a key stands for, as Ceph writes it. */
export function versionText(key: string): string {
  if (key === '') return '0';
  const b = Buffer.from(key, 'latin1');
  return `${b.readUInt32BE(1)}'${b.readBigUInt64BE(5)}`;
}
