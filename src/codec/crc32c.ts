/**
 * CRC-32C (Castagnoli, reflected 0x82f63b78) as Ceph uses it: an explicit seed and no final inversion.
 * Source: RFC 3720 appendix B for the polynomial; protocol facts for seed and inversion.
 *
 * This is the portable form (slicing by eight). `runtime-node` brings a native one for long buffers; short ones
 * (frame preambles) are faster here than a call out of JavaScript.
 */

/** @param seed state to continue from @returns unsigned 32-bit state after `bytes` */
export type Crc32c = (seed: number, bytes: Uint8Array) => number;

const TABLES: Int32Array = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    tables[n] = c;
  }
  for (let n = 0; n < 256; n++) {
    for (let t = 1; t < 8; t++) {
      const previous = tables[(t - 1) * 256 + n]!;
      tables[t * 256 + n] = (previous >>> 8) ^ tables[previous & 0xff]!;
    }
  }
  return tables;
}

export const crc32c: Crc32c = (seed, bytes) => crc32cRange(seed, bytes, 0, bytes.length);

/** The same over `bytes` from `start` up to `end`, for short parts of a buffer that are not worth a view. */
export function crc32cRange(seed: number, bytes: Uint8Array, start: number, end: number): number {
  const t = TABLES;
  let crc = seed | 0;
  let i = start;
  for (const last = end - 7; i < last; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      t[1792 + (crc & 0xff)]! ^
      t[1536 + ((crc >>> 8) & 0xff)]! ^
      t[1280 + ((crc >>> 16) & 0xff)]! ^
      t[1024 + (crc >>> 24)]! ^
      t[768 + bytes[i + 4]!]! ^
      t[512 + bytes[i + 5]!]! ^
      t[256 + bytes[i + 6]!]! ^
      t[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]!) & 0xff]!;
  return crc >>> 0;
}
