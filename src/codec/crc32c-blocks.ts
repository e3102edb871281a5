import { crc32c } from './crc32c.ts';

/** Checksums of long data are made per so many bytes, as the store keeps them. */
export const CRC_BLOCK_BYTES = 4096;
/** What each block's own checksum begins with. */
export const CRC_BLOCK_SEED = 0xffff_ffff;

/** What 4096 zeros make of a state, one table for each of its bytes: a checksum is linear in its state. */
const ZEROS: Uint32Array = buildTables();

function buildTables(): Uint32Array {
  const zeros = new Uint8Array(CRC_BLOCK_BYTES);
  const bits = Array.from({ length: 32 }, (_, bit) => crc32c(2 ** bit, zeros));
  const tables = new Uint32Array(4 * 256);
  for (let t = 0; t < 4; t++) {
    for (let n = 0; n < 256; n++) {
      for (let bit = 0; bit < 8; bit++)
        if (n & (1 << bit)) tables[t * 256 + n]! ^= bits[t * 8 + bit]!;
    }
  }
  return tables;
}

/**
 * The state after the bytes so far and a block, without looking at the block again.
 * @param state after the bytes so far
 * @param block crc32c(0xffffffff, block), the block being 4096 bytes
 */
export function appendCrc32c(state: number, block: number): number {
  // A block's own checksum is what zeros make of its seed, and what its bytes add: only the seed is to be exchanged.
  const s = state ^ CRC_BLOCK_SEED;
  const t = ZEROS;
  return (
    (t[s & 0xff]! ^
      t[256 + ((s >>> 8) & 0xff)]! ^
      t[512 + ((s >>> 16) & 0xff)]! ^
      t[768 + (s >>> 24)]! ^
      block) >>>
    0
  );
}
