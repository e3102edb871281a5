import { CephError } from '../errors/index.ts';
import { HOBJECT_MIN, type HObject } from '../wire/index.ts';
import { objectName } from './object-key.ts';
import type { Collection, ObjectStore, StoreOp, Transaction } from './object-store.ts';
import { areHalves, belongs, isPgBounds, overlap, type PgBounds } from './pg-bounds.ts';

/** Objects end below this: block numbers are 32 bits of 4 KiB. */
const OBJECT_SIZE_MAX = 2 ** 44;

type View = Pick<ObjectStore, 'hasCollection' | 'bounds' | 'collections' | 'list'>;

/** A collection as the steps so far leave it. */
interface Seen {
  readonly bounds: PgBounds | undefined;
}
const PLAIN: Seen = { bounds: undefined };

/**
 * Refuses a transaction that cannot be applied whole, before any of it is: ENOENT for a collection that is not there,
 * EEXIST for one that is made twice, ENOTEMPTY, EFBIG, EINVAL for numbers, objects or collections that make no sense or
 * do not go together.
 */
export function checkTransaction(txn: Transaction, store: View): void {
  let collections: Collections | undefined; // most transactions leave them alone
  let c: Collection | undefined;
  let seen: Seen | undefined;
  for (let i = 0; i < txn.length; i++) {
    const op = txn[i]!;
    if (isCollectionOp(op)) {
      collections ??= new Collections(store);
      collections.step(txn, i, op);
      c = undefined;
      continue;
    }
    if (op.c !== c) {
      c = op.c;
      seen = collections ? collections.get(c) : seenIn(store, c);
    }
    if (!seen) throw new CephError('ENOENT', `no collection ${op.c}`);
    checkObjectOp(op, seen.bounds);
  }
}

function seenIn(store: View, c: Collection): Seen | undefined {
  if (!store.hasCollection(c)) return undefined;
  const bounds = store.bounds(c);
  return bounds ? { bounds } : PLAIN;
}

type CollectionOp = Extract<StoreOp, { op: 'mkcoll' | 'rmcoll' | 'splitcoll' | 'mergecoll' }>;

function isCollectionOp(op: StoreOp): op is CollectionOp {
  const { op: kind } = op;
  return kind === 'mkcoll' || kind === 'rmcoll' || kind === 'splitcoll' || kind === 'mergecoll';
}

/** The collections of a store, as the steps of a transaction change them. */
class Collections {
  private readonly store: View;
  private readonly all = new Map<Collection, Seen>();
  /** Objects came into them, or left them, otherwise than one by one. */
  private readonly reshaped = new Set<Collection>();

  constructor(store: View) {
    this.store = store;
    for (const c of store.collections()) this.all.set(c, seenIn(store, c)!);
  }

  get(c: Collection): Seen | undefined {
    return this.all.get(c);
  }

  step(txn: Transaction, index: number, op: CollectionOp): void {
    switch (op.op) {
      case 'mkcoll':
        return this.make(op.c, op.bounds);
      case 'rmcoll':
        return this.remove(op.c, txn, index);
      case 'splitcoll':
        return this.split(op);
      case 'mergecoll':
        return this.merge(op);
    }
  }

  private make(c: Collection, bounds: PgBounds | undefined): void {
    if (this.all.has(c)) throw new CephError('EEXIST', `collection ${c} exists`);
    if (bounds) {
      if (!isPgBounds(bounds)) throw new CephError('EINVAL', `bounds ${JSON.stringify(bounds)}`);
      for (const [other, seen] of this.all) {
        if (seen.bounds && overlap(seen.bounds, bounds)) {
          throw new CephError('EINVAL', `collection ${c} would overlap with ${other}`);
        }
      }
    }
    this.all.set(c, bounds ? { bounds } : PLAIN);
  }

  private remove(c: Collection, txn: Transaction, index: number): void {
    this.existing(c);
    if (this.reshaped.has(c)) {
      throw new CephError('EINVAL', `collection ${c} was split or merged just now`);
    }
    if (!emptyBefore(txn, index, this.store)) {
      throw new CephError('ENOTEMPTY', `collection ${c} holds objects`);
    }
    this.all.delete(c);
  }

  private split({ c, bits, seed, dest }: Extract<StoreOp, { op: 'splitcoll' }>): void {
    const { bounds } = this.existing(c);
    if (this.all.has(dest)) throw new CephError('EEXIST', `collection ${dest} exists`);
    const low = bounds && { ...bounds, bits: bounds.bits + 1 };
    const high = bounds && { ...bounds, seed, bits };
    if (!low || !high || !isPgBounds(high) || !areHalves(low, high)) {
      throw new CephError('EINVAL', `${c} does not split by ${bits} bits of ${seed}`);
    }
    this.all.set(c, { bounds: low });
    this.all.set(dest, { bounds: high });
    this.reshaped.add(c).add(dest);
  }

  private merge({ c, dest, bits }: Extract<StoreOp, { op: 'mergecoll' }>): void {
    const high = this.existing(c).bounds;
    const low = this.existing(dest).bounds;
    if (!low || !high || !areHalves(low, high) || bits !== low.bits - 1) {
      throw new CephError('EINVAL', `${c} and ${dest} are no halves of ${bits} bits`);
    }
    this.all.delete(c);
    this.all.set(dest, { bounds: { ...low, bits } });
    this.reshaped.add(c).add(dest);
  }

  private existing(c: Collection): Seen {
    const seen = this.all.get(c);
    if (!seen) throw new CephError('ENOENT', `no collection ${c}`);
    return seen;
  }
}

function checkObjectOp(op: Exclude<StoreOp, CollectionOp>, bounds: PgBounds | undefined): void {
  switch (op.op) {
    case 'write':
      checkRange(op.offset, op.data.length);
      break;
    case 'zero':
      checkRange(op.offset, op.length);
      break;
    case 'truncate':
      checkRange(op.size, 0);
      break;
    case 'cloneRange':
      checkRange(op.offset, op.length);
      checkRange(op.at, op.length);
      checkObject(op, op.from, bounds);
      return checkObject(op, op.to, bounds);
    case 'clone':
      checkObject(op, op.from, bounds);
      return checkObject(op, op.to, bounds);
  }
  checkObject(op, op.oid, bounds);
}

function checkObject({ c }: StoreOp, oid: HObject, bounds: PgBounds | undefined): void {
  if (oid.max) throw new CephError('EINVAL', 'max is not an object');
  if (bounds && !belongs(bounds, oid)) {
    throw new CephError('EINVAL', `object ${oid.name} of hash ${oid.hash} is none of ${c}`);
  }
}

function checkRange(offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new CephError('EINVAL', `range ${offset}~${length}`);
  }
  if (offset + length > OBJECT_SIZE_MAX) {
    throw new CephError('EFBIG', `range ${offset}~${length} ends above ${OBJECT_SIZE_MAX}`);
  }
}

/** Whether the steps before `end` leave the collection that step `end` removes without objects. */
function emptyBefore(txn: Transaction, end: number, store: View): boolean {
  const c = txn[end]!.c;
  const names = new Set<string>();
  let removals = 0;
  for (let i = 0; i < end; i++) if (txn[i]!.op === 'remove') removals++;
  if (store.hasCollection(c)) {
    const { objects, next } = store.list(c, HOBJECT_MIN, removals + 1);
    if (next !== undefined) return false;
    for (const oid of objects) names.add(objectName(oid));
  }
  for (let i = 0; i < end; i++) {
    const op = txn[i]!;
    if (op.c !== c) continue;
    switch (op.op) {
      case 'remove':
        names.delete(objectName(op.oid));
        break;
      case 'clone':
      case 'cloneRange':
        if (names.has(objectName(op.from))) names.add(objectName(op.to));
        break;
      case 'rmcoll':
        names.clear();
        break;
      case 'touch':
      case 'hint':
      case 'write':
      case 'zero':
      case 'truncate':
      case 'setattrs':
      case 'omapSet':
      case 'omapSetHeader':
        names.add(objectName(op.oid));
        break;
    }
  }
  return names.size === 0;
}
