import { META } from '../src/osd/index.ts';
import type { ObjectStore, StoreOp, Transaction } from '../src/store/index.ts';
import type { HObject } from '../src/wire/index.ts';
import { wrappedStore } from './wrapped-store.ts';

/**
 * Lies that a store may be made to tell its OSD, as if the OSD's own code were wrong. For the tests that show that the
 * checkers would find such a thing.
 *
 * - `early ack`: says that it is durable what is not
 * - `skipped write`: now and then leaves out what a transaction does to an object's data
 * - `kept object`: now and then forgets to remove an object
 * - `stale read`: gives bytes as they were before the last writes
 * - `lost log entry`: now and then does not store an entry of a PG's log
 * - `taken back`: now and then loses the newest entries of a PG's log
 * - `other entry`: now and then stores another entry than the other members
 * - `old info`: now and then stores the first info of a PG again
 * - `old superblock`: the same with the OSD's superblock
 * - `kept log`: removes no entries of logs
 * - `kept maps`: removes no maps
 */
type StoreLie =
  | 'early ack'
  | 'skipped write'
  | 'kept object'
  | 'stale read'
  | 'lost log entry'
  | 'taken back'
  | 'other entry'
  | 'old info'
  | 'old superblock'
  | 'kept log'
  | 'kept maps';

/**
 * Those of stores; and of others:
 *
 * - `forgotten maps`: at a crash, the monitor's store loses what was durable
 * - `old answer`: now and then clients are told of an older version
 * - `secret unpause`: clients are let in again at once after they were paused
 */
export type Lie = StoreLie | 'forgotten maps' | 'old answer' | 'secret unpause';

/** Every so many times. */
const SELDOM = 5;
/** Entries that are lost together: the newest are often such as no client was told of. */
const TAKEN = 4;

/**
 * A store that lies.
 * @param phase where it begins to count: stores that do the same things lie at different times if theirs differ
 */
export function lying(store: ObjectStore, lie: Lie, phase: number): ObjectStore {
  let count = phase;
  const isTime = (): boolean => ++count % SELDOM === 0;
  const isClients = (oid: HObject): boolean => oid.pool >= 0;
  const firsts = new Map<string, Uint8Array>();
  /** The first value that the key had there, in place of the new one, now and then. */
  const withFirst = (op: OmapSet, key: string): OmapSet => {
    const value = op.entries.get(key);
    if (!value) return op;
    const first = firsts.get(op.c) ?? Buffer.from(value);
    firsts.set(op.c, first);
    return isTime() ? { ...op, entries: new Map(op.entries).set(key, first) } : op;
  };
  const newest = new Map<string, string[]>();
  /** With an info that is stored alone, the newest entries go. */
  const withoutNewest = (txn: Transaction): Transaction => {
    const sets = txn.filter((op) => op.op === 'omapSet');
    for (const op of sets) {
      const added = [...op.entries.keys()].filter((key) => key.startsWith('l'));
      newest.set(op.c, [...(newest.get(op.c) ?? []), ...added].slice(-TAKEN));
    }
    const info = sets.find((op) => op.entries.has('i'));
    const keys = info && newest.get(info.c);
    if (!info || !keys || sets.some((op) => hasLog(op)) || !isTime()) return txn;
    return [...txn, { op: 'omapRmKeys', c: info.c, oid: info.oid, keys }];
  };
  const altered = (txn: Transaction): Transaction => {
    switch (lie) {
      case 'skipped write':
        return txn.filter((op) => !(op.op === 'write' && isClients(op.oid) && isTime()));
      case 'kept object':
        return txn.filter((op) => !(op.op === 'remove' && isClients(op.oid) && isTime()));
      case 'lost log entry':
        return txn.map((op) =>
          op.op === 'omapSet' && hasLog(op) && isTime() ? withoutLog(op) : op,
        );
      case 'taken back':
        return withoutNewest(txn);
      case 'other entry':
        return txn.map((op) =>
          op.op === 'omapSet' && hasLog(op) && phase > 0 && isTime() ? withOtherLog(op) : op,
        );
      case 'old info':
        return txn.map((op) => (op.op === 'omapSet' ? withFirst(op, 'i') : op));
      case 'old superblock':
        return txn.map((op) => (op.op === 'omapSet' && op.c === META ? withFirst(op, 's') : op));
      case 'kept log':
        return txn.filter((op) => !removes(op, 'l'));
      case 'kept maps':
        return txn.filter((op) => !(removes(op, 'f') || removes(op, 'i')));
      default:
        return txn;
    }
  };
  const before = new Map<string, Buffer>();
  const keep = (txn: Transaction): void => {
    for (const op of txn) {
      if (op.op !== 'write' || !isClients(op.oid)) continue;
      const size = store.stat(op.c, op.oid)?.size ?? 0;
      if (size === 0) continue;
      const bytes = store.read(op.c, op.oid, 0, size);
      if (bytes instanceof Uint8Array) before.set(op.oid.name, Buffer.from(bytes));
    }
  };
  const own: Partial<ObjectStore> = {
    submit: (txn, applied) => {
      if (lie === 'stale read') keep(txn);
      const durable = store.submit(altered(txn), applied);
      return lie === 'early ack' ? Promise.resolve() : durable;
    },
    read: (c, oid, offset, length, memory) => {
      const old = lie === 'stale read' && isClients(oid) ? before.get(oid.name) : undefined;
      if (old && isTime()) return old.subarray(offset, offset + length);
      return store.read(c, oid, offset, length, memory);
    },
  };
  return wrappedStore(store, own);
}

/** Versions as clients are told of them. */
export function answeredVersions(lie: Lie | undefined): (version: bigint) => bigint {
  let count = 0;
  return (version) => (lie === 'old answer' && ++count % SELDOM === 0 ? version / 2n : version);
}

type OmapSet = Extract<StoreOp, { op: 'omapSet' }>;

function removes(op: StoreOp, prefix: string): boolean {
  if (op.op === 'omapRmRange') return op.from.startsWith(prefix);
  return op.op === 'omapRmKeys' && op.keys.some((key) => key.startsWith(prefix));
}

function withOtherLog(op: OmapSet): OmapSet {
  const other = (bytes: Uint8Array): Uint8Array => {
    const copy = Buffer.from(bytes);
    copy[copy.length - 8]! ^= 1;
    return copy;
  };
  const entries = [...op.entries].map(
    ([key, value]) => [key, key.startsWith('l') ? other(value) : value] as const,
  );
  return { ...op, entries: new Map(entries) };
}

function hasLog({ entries }: OmapSet): boolean {
  for (const key of entries.keys()) if (key.startsWith('l')) return true;
  return false;
}

function withoutLog(op: OmapSet): StoreOp {
  return { ...op, entries: new Map([...op.entries].filter(([key]) => !key.startsWith('l'))) };
}
