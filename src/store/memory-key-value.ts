import { CephError } from '../errors/index.ts';
import type { KeyValue, KeyValueOp, KeyValueRange } from '../runtime/index.ts';
import { SortedMap } from './sorted-map.ts';

/** A key/value store without a device: for tests, simulation and clusters that end with their process. */
export class MemoryKeyValue implements KeyValue {
  private readonly map: SortedMap<Buffer>;
  private closed = false;

  /** @param from another store whose present content this one starts with */
  constructor(from?: MemoryKeyValue) {
    this.map = from ? from.map.copy() : new SortedMap();
  }

  get(key: string): Buffer | undefined {
    const value = this.map.get(key);
    return value && Buffer.from(value);
  }

  sizeOf(key: string): number | undefined {
    return this.map.get(key)?.length;
  }

  *range(
    from: string,
    to: string,
    options: KeyValueRange = {},
  ): Generator<{ key: string; value: Buffer }> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for (const [key, value] of options.reverse
      ? this.map.reverse(from, to)
      : this.map.from(from, to)) {
      if (left-- <= 0) return;
      yield { key, value: Buffer.from(value) };
    }
  }

  /** Applies at once; the promise only keeps the port's shape. */
  async commit(batch: readonly KeyValueOp[]): Promise<void> {
    if (this.closed) throw new CephError('EBADF', 'the key/value store is closed');
    for (const op of batch) {
      switch (op.op) {
        case 'put':
          this.map.set(op.key, Buffer.from(op.value));
          break;
        case 'del':
          this.map.delete(op.key);
          break;
        case 'delRange':
          for (const [key] of this.map.from(op.from, op.to)) this.map.delete(key);
          break;
      }
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
