import { BLOCK_BYTES } from './allocator.ts';
import type { Applier } from './applier.ts';
import type { BlockWriter } from './block-writer.ts';
import { checkTransaction } from './check.ts';
import { objectKey } from './keys.ts';
import type { Collection, ObjectStore, StoreOp, Transaction } from './object-store.ts';
import type { ObjectTable } from './object-table.ts';
import { dataRanges, encodeOnode, type Onode } from './onode.ts';
import { PG_SPACE, type Place } from './place.ts';
import { planCopy } from './range-copy.ts';
import type { StoreSpace } from './store-space.ts';

/** What a patch adds to its object's record, generously. */
const PATCH_RECORD_BYTES = 64;

interface Parts {
  readonly applier: Applier;
  readonly colls: ReadonlyMap<Collection, Place>;
  readonly space: StoreSpace;
  readonly table: ObjectTable;
  readonly writer: BlockWriter;
}

/** Refuses transactions that cannot be applied whole: after it nothing may fail but for damage that shows late. */
export class Admission {
  private readonly o: Parts;

  constructor(parts: Parts) {
    this.o = parts;
  }

  /**
   * @param store as it stands before the transaction
   * @throws CephError ENOSPC, EIO for a damaged record, or what {@link checkTransaction} refuses
   */
  admit(txn: Transaction, store: ObjectStore): void {
    checkTransaction(txn, store);
    this.refuseDamage(txn);
    const cloned = new Map<string, number>();
    this.o.space.admit(txn, (op) => this.cloneBytes(op, cloned));
  }

  /** A damaged record must show now, not half-way. */
  private refuseDamage(txn: Transaction): void {
    const { table, writer } = this.o;
    // Objects with damaged records may be removed, and made again.
    let anew: Set<string> | undefined;
    for (const op of txn) {
      const space = this.spaceOf(op.c);
      if ('oid' in op) {
        const key = objectKey(space, op.oid);
        if (op.op === 'remove' && !table.isSound(key)) {
          anew ??= new Set();
          anew.add(key);
        } else if (!anew?.has(key)) table.find(key);
      }
      if (op.op === 'clone' || op.op === 'cloneRange') {
        const from = table.find(objectKey(space, op.from));
        table.find(objectKey(space, op.to));
        if (from && op.op === 'cloneRange') writer.checkCopy(from, op);
      }
    }
  }

  /** A collection that a step makes takes its objects over from another of the same space, or has none. */
  private spaceOf(c: Collection): Place['space'] {
    return this.o.colls.get(c)?.space ?? PG_SPACE;
  }

  /**
   * What a clone may take, at most.
   * @param cloned what the transaction's clones so far have put into objects, by key, as bytes of a copy: a clone that
   *   shared blocks took next to nothing, but a copy of what it made that lies otherwise in its blocks takes all
   */
  private cloneBytes(op: StoreOp, cloned: Map<string, number>): number {
    if (op.op !== 'clone' && op.op !== 'cloneRange') return 0;
    const space = this.spaceOf(op.c);
    const to = objectKey(space, op.to);
    const before = cloned.get(objectKey(space, op.from)) ?? 0;
    const from = this.o.applier.find(op.c, op.from);
    const whole = from ? recordBytes(from) + patchedBytes(from) + copiedBytes(allOf(from)) : 0;
    cloned.set(to, (cloned.get(to) ?? 0) + before + whole);
    if (!from) return before;
    if (op.op === 'clone') return before + recordBytes(from) + patchedBytes(from);
    return before + 2 * encodeOnode(from).length + copiedBytes(planCopy(from, op)?.copied);
  }
}

type Ranges = readonly { readonly length: number }[];

function allOf(n: Onode): Ranges {
  return dataRanges(n, 0, n.size);
}

function recordBytes(n: Onode): number {
  return 2 * encodeOnode(n).length + 2 * n.omapBytes + 48 * n.omapEntries;
}

function patchedBytes(n: Onode): number {
  let bytes = 0;
  for (const p of n.patches) bytes += p.length + 2 * BLOCK_BYTES;
  return bytes;
}

function copiedBytes(pieces: Ranges = []): number {
  let bytes = 2 * BLOCK_BYTES;
  for (const { length } of pieces) bytes += length + 3 * BLOCK_BYTES + PATCH_RECORD_BYTES;
  return bytes;
}
