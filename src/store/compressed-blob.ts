import type { Decoder, Encoder } from '../codec/index.ts';
import { BLOCK_BYTES, type Run } from './allocator.ts';

/** No blob is made, or believed, that stands for more. */
export const BLOB_BYTES_MAX = 2 ** 21;

/** Bytes of an object, compressed, in units of the data file. Never changed once it is made. */
export interface CompressedBlob {
  /** See algorithmNamed. */
  readonly algorithm: number;
  /** What it stands for, and what it is; its last unit is filled up with zeros. */
  readonly originalBytes: number;
  readonly bytes: number;
  /** Where it is. */
  readonly runs: readonly Run[];
  /** One per unit, over its 4096 bytes. Numbers in a plain array: there are few, and a typed array has a large head. */
  readonly crcs: readonly number[];
}

export function encodeBlob(o: Encoder, b: CompressedBlob): void {
  o.u8(b.algorithm);
  o.u32(b.originalBytes);
  o.u32(b.bytes);
  o.u16(b.runs.length);
  for (const { unit, count } of b.runs) {
    o.u32(unit);
    o.u16(count);
  }
  for (const crc of b.crcs) o.u32(crc);
}

/** @throws DecodeError */
export function decodeBlob(d: Decoder): CompressedBlob {
  const algorithm = d.u8();
  const originalBytes = d.u32();
  const bytes = d.u32();
  const units = Math.ceil(bytes / BLOCK_BYTES);
  if (originalBytes > BLOB_BYTES_MAX || bytes === 0 || units >= blocksOf(originalBytes)) {
    d.fail(`blob of ${bytes} bytes for ${originalBytes}`);
  }
  const runs: Run[] = [];
  let left = units;
  for (let n = d.u16(); n > 0; n--) {
    const run = { unit: d.u32(), count: d.u16() };
    if (run.count === 0) d.fail('blob in no unit');
    left -= run.count;
    runs.push(run);
  }
  if (left !== 0) d.fail(`blob of ${units} units in ${units - left}`);
  const crcs: number[] = [];
  for (let i = 0; i < units; i++) crcs.push(d.u32());
  return { algorithm, originalBytes, bytes, runs, crcs };
}

/** Blocks of an object that so many bytes are. */
export function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}
