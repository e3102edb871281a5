import { CephError } from '../errors/index.ts';
import type { Collection, Transaction } from './object-store.ts';

/** Room that collections were promised and have not used. In memory only: a restart forgets all of it. */
export class Reservations {
  private readonly bytes = new Map<Collection, number>();
  private total = 0;

  get totalBytes(): number {
    return this.total;
  }

  /** @param left bytes that nothing has. @throws CephError ENOSPC when they are promised already */
  add(c: Collection, bytes: number, left: number): void {
    const free = Math.max(0, left - this.total);
    if (bytes > free) {
      throw new CephError('ENOSPC', `${bytes} bytes to be reserved for ${c}, ${free} left`);
    }
    this.bytes.set(c, (this.bytes.get(c) ?? 0) + bytes);
    this.total += bytes;
  }

  /** The collection that a transaction is about, if that was promised something. */
  holderOf(txn: Transaction): Collection | undefined {
    if (this.total === 0) return undefined;
    const c = txn[0]?.c;
    return c !== undefined && this.bytes.has(c) && txn.every((op) => op.c === c) ? c : undefined;
  }

  /** Bytes that this holder, or nobody of them, cannot have because they were promised to others. */
  keptFrom(holder: Collection | undefined): number {
    return this.total - (holder === undefined ? 0 : this.bytes.get(holder)!);
  }

  /** A holder has taken bytes. What it gives back is nobody's. */
  draw(holder: Collection, bytes: number): void {
    const had = this.bytes.get(holder) ?? 0;
    if (bytes <= 0) return;
    if (bytes >= had) return this.release(holder);
    this.bytes.set(holder, had - bytes);
    this.total -= bytes;
  }

  release(c: Collection): void {
    this.total -= this.bytes.get(c) ?? 0;
    this.bytes.delete(c);
  }
}
