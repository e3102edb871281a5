import { crc32cRange } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import type { KeyValue, KeyValueOp, KeyValueRange } from '../runtime/index.ts';
import { type HeldMemory, NOTHING_HELD } from './held-memory.ts';

const CRC_BYTES = 4;
/** Longer than the port allows, so that what a damaged store brings fits as well. */
const KEY_MAX = 4096;

/**
 * Keeps a crc32c of key and value behind each value, because the key/value store below has no checksums of its own: a
 * bit that changed in either, or a value that came under another key, shows when it is read.
 */
export class CheckedKeyValue implements KeyValue {
  private readonly kv: KeyValue;
  private readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  private readonly key = Buffer.alloc(KEY_MAX);
  private readonly found: ((key: string) => void) | undefined;

  /** @param found hears of damaged entries, which then seem not to be there; without it reading one throws EIO */
  constructor(
    kv: KeyValue,
    crc32c: (seed: number, bytes: Uint8Array) => number,
    found?: (key: string) => void,
  ) {
    this.kv = kv;
    this.crc32c = crc32c;
    this.found = found;
  }

  /** @throws CephError EIO */
  get(key: string): Buffer | undefined {
    const stored = this.kv.get(key);
    return stored && this.verified(key, stored);
  }

  sizeOf(key: string): number | undefined {
    const stored = this.kv.sizeOf(key);
    return stored === undefined ? undefined : Math.max(0, stored - CRC_BYTES);
  }

  /** @throws CephError EIO from a step of the iteration */
  *range(
    from: string,
    to: string,
    options: KeyValueRange = {},
  ): Generator<{ key: string; value: Buffer }> {
    for (const { key, value } of this.kv.range(from, to, options)) {
      if (options.keysOnly) yield { key, value };
      else {
        const good = this.verified(key, value);
        if (good) yield { key, value: good };
      }
    }
  }

  commit(batch: readonly KeyValueOp[]): Promise<void> {
    return this.kv.commit(
      batch.map((op) => {
        if (op.op !== 'put') return op;
        const value = Buffer.allocUnsafe(op.value.length + CRC_BYTES);
        value.set(op.value, 0);
        value.writeUInt32LE(this.checksum(op.key, op.value), op.value.length);
        return { op: 'put', key: op.key, value };
      }),
    );
  }

  get heldMemory(): HeldMemory {
    return this.kv.heldMemory ?? NOTHING_HELD;
  }

  dropPages(): void {
    this.kv.dropPages?.();
  }

  close(): Promise<void> {
    return this.kv.close();
  }

  private verified(key: string, stored: Buffer): Buffer | undefined {
    const end = stored.length - CRC_BYTES;
    if (end >= 0) {
      const value = stored.subarray(0, end);
      if (this.checksum(key, value) === stored.readUInt32LE(end)) return value;
    }
    if (!this.found) throw new CephError('EIO', `damaged value under key ${JSON.stringify(key)}`);
    this.found(key);
    return undefined;
  }

  private checksum(key: string, value: Uint8Array): number {
    // Keys are short, most of them below what a call out of JavaScript pays for.
    const length = this.key.latin1Write(key);
    return this.crc32c(crc32cRange(0xffff_ffff, this.key, 0, length), value);
  }
}
