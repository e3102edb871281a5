import type { ObjectStore, StoreOp, Transaction } from '../src/store/index.ts';
import type { HObject } from '../src/wire/index.ts';

/**
 * Lies that a store may be made to tell its OSD, as if the OSD's own code were wrong. For the tests that show that the
 * checkers would find such a thing.
 *
 * - `early ack`: says that it is durable what is not
 * - `skipped write`: now and then leaves out what a transaction does to an object's data
 * - `kept object`: now and then forgets to remove an object
 * - `stale read`: gives bytes as they were before the last writes
 * - `lost log entry`: now and then does not store an entry of a PG's log
 */
export type Lie = 'early ack' | 'skipped write' | 'kept object' | 'stale read' | 'lost log entry';

/** Every so many times. */
const SELDOM = 5;

/**
 * A store that lies.
 * @param phase where it begins to count: stores that do the same things lie at different times if theirs differ
 */
export function lying(store: ObjectStore, lie: Lie, phase: number): ObjectStore {
  let count = phase;
  const isTime = (): boolean => ++count % SELDOM === 0;
  const isClients = (oid: HObject): boolean => oid.pool >= 0;
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
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(own, key) ?? Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function hasLog({ entries }: Extract<StoreOp, { op: 'omapSet' }>): boolean {
  for (const key of entries.keys()) if (key.startsWith('l')) return true;
  return false;
}

function withoutLog(op: Extract<StoreOp, { op: 'omapSet' }>): StoreOp {
  return { ...op, entries: new Map([...op.entries].filter(([key]) => !key.startsWith('l'))) };
}
