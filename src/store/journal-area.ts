import type { KeyValueOp } from '../runtime/index.ts';
import {
  CHANGE_BYTES,
  HEADER_BYTES,
  type RecordHeader,
  sealRecord,
  writeHeader,
} from './journal-record.ts';
import { SortedMap } from './sorted-map.ts';

const NOTHING = Buffer.alloc(0);

/**
 * One area of a journal in memory, byte for byte as it stands in the file, and for each key where its newest change is.
 * One piece of memory for all values of an epoch, used again by the epoch after the next: a buffer for each of them
 * would cost several times its bytes, and leave holes all over the process's memory.
 */
export class JournalArea {
  /** How much of it is in use. */
  length = 0;
  private readonly bytes: Buffer;
  /** A change begins at that byte. */
  private readonly places = new SortedMap<number>();

  /** @param bytes the memory, with anything in it; nobody else may change it while this area is in use */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** How many keys there are changes of. */
  get size(): number {
    return this.places.size;
  }

  /** A copy of the value; null when the last change removed the key, undefined when none speaks of it. */
  get(key: string): Buffer | null | undefined {
    const place = this.places.get(key);
    return place === undefined ? undefined : this.valueAt(place);
  }

  /** The length of the value; null and undefined as in `get`. */
  sizeOf(key: string): number | null | undefined {
    const place = this.places.get(key);
    if (place === undefined) return undefined;
    const length = this.bytes.readUInt32LE(place + 4);
    return length === 0 ? null : length - 1;
  }

  /**
   * Newest changes of the keys in from <= key < to, with copies of the values. It may grow meanwhile.
   * @param options.keysOnly values are wanted only as far as they are not null
   */
  *changes(
    from: string,
    to: string,
    options: { reverse: boolean; keysOnly: boolean },
  ): Generator<[string, Buffer | null]> {
    const { places } = this;
    for (const [key, place] of options.reverse ? places.reverse(from, to) : places.from(from, to)) {
      if (!options.keysOnly) yield [key, this.valueAt(place)];
      else yield [key, this.bytes.readUInt32LE(place + 4) === 0 ? null : NOTHING];
    }
  }

  /** Newest changes of all keys in order. Values are windows: this area must not be used again meanwhile. */
  *all(): Generator<[string, Buffer | null]> {
    for (const [key, place] of this.places.from('')) yield [key, this.window(place)];
  }

  /** Adds a record of these changes, for which there must be room. */
  append(
    ops: readonly KeyValueOp[],
    header: RecordHeader,
    crc32c: (seed: number, bytes: Uint8Array) => number,
  ): void {
    const { bytes, length: start } = this;
    const record = bytes.subarray(start, start + header.bytes);
    writeHeader(record, header);
    let at = start + HEADER_BYTES;
    for (const op of ops) {
      if (op.op === 'delRange') continue; // there are none left
      this.places.set(op.key, at);
      bytes.writeUInt32LE(op.key.length, at);
      bytes.writeUInt32LE(op.op === 'put' ? op.value.length + 1 : 0, at + 4);
      at += CHANGE_BYTES;
      at += bytes.latin1Write(op.key, at);
      if (op.op === 'put') {
        bytes.set(op.value, at);
        at += op.value.length;
      }
    }
    sealRecord(crc32c, record, start);
    this.length = at;
  }

  private valueAt(place: number): Buffer | null {
    const window = this.window(place);
    return window && Buffer.from(window);
  }

  private window(place: number): Buffer | null {
    const length = this.bytes.readUInt32LE(place + 4);
    if (length === 0) return null;
    const start = place + CHANGE_BYTES + this.bytes.readUInt32LE(place);
    return this.bytes.subarray(start, start + length - 1);
  }
}

/** What a record of these changes takes. */
export function recordBytes(ops: readonly KeyValueOp[]): number {
  let n = HEADER_BYTES;
  for (const op of ops) {
    if (op.op === 'delRange') continue;
    n += CHANGE_BYTES + op.key.length + (op.op === 'put' ? op.value.length : 0);
  }
  return n;
}
