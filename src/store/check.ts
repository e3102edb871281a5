import { CephError } from '../errors/index.ts';
import { HOBJECT_MIN } from '../wire/index.ts';
import { objectName } from './object-key.ts';
import type { Collection, ObjectStore, StoreOp, Transaction } from './object-store.ts';

/** Objects end below this: block numbers are 32 bits of 4 KiB. */
const OBJECT_SIZE_MAX = 2 ** 44;

type View = Pick<ObjectStore, 'hasCollection' | 'list'>;

/**
 * Refuses a transaction that cannot be applied whole, before any of it is: ENOENT for a collection that is not there,
 * EEXIST for one that is made twice, ENOTEMPTY, EFBIG, EINVAL for numbers or objects that make no sense.
 */
export function checkTransaction(txn: Transaction, store: View): void {
  const changed = new Map<Collection, boolean>(); // made or removed by the steps before
  const has = (c: Collection) => changed.get(c) ?? store.hasCollection(c);
  for (let i = 0; i < txn.length; i++) {
    const op = txn[i]!;
    if (op.op === 'mkcoll') {
      if (has(op.c)) throw new CephError('EEXIST', `collection ${op.c} exists`);
      changed.set(op.c, true);
      continue;
    }
    if (!(changed.size === 0 ? store.hasCollection(op.c) : has(op.c))) {
      throw new CephError('ENOENT', `no collection ${op.c}`);
    }
    if (op.op === 'rmcoll') {
      if (!emptyBefore(txn, i, store)) {
        throw new CephError('ENOTEMPTY', `collection ${op.c} holds objects`);
      }
      changed.set(op.c, false);
    } else checkObjectOp(op);
  }
}

function checkObjectOp(op: Exclude<StoreOp, { op: 'mkcoll' | 'rmcoll' }>): void {
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
    case 'clone':
      if (op.from.max || op.to.max) throw new CephError('EINVAL', 'max is not an object');
      return;
  }
  if (op.oid.max) throw new CephError('EINVAL', 'max is not an object');
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
        if (names.has(objectName(op.from))) names.add(objectName(op.to));
        break;
      case 'rmcoll':
        names.clear();
        break;
      case 'touch':
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
