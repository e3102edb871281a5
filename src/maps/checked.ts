import type { Crc32c, Decoder, Encoder } from '../codec/index.ts';
import { DecodeError } from '../errors/index.ts';

// A map's checksum covers all of its envelope but itself: the bytes before the field, then those behind it. Seed
// 0xffffffff, no final inversion (fact sheet §5.1; OSDMap::encode, release 16.2).

const SEED = 0xffffffff;

/** Computes the checksum for the four bytes at `crcAt` of an encoding that began at `start`, and stores it. */
export function sealCrc(o: Encoder, start: number, crcAt: number, crc32c: Crc32c): number {
  const bytes = o.written();
  const crc = crc32c(crc32c(SEED, bytes.subarray(start, crcAt)), bytes.subarray(crcAt + 4));
  o.patchU32(crcAt, crc);
  return crc;
}

/** Reads the checksum where the decoder stands and refuses a wrong one. `end` is the envelope's. */
export function checkCrc(
  d: Decoder,
  start: number,
  end: number,
  name: string,
  crc32c: Crc32c,
): number {
  const crcAt = d.offset;
  const stored = d.u32();
  const before = d.buffer.subarray(start, crcAt);
  const actual = crc32c(crc32c(SEED, before), d.buffer.subarray(crcAt + 4, end));
  if (stored !== actual) {
    throw new DecodeError(`crc ${stored} stored, ${actual} computed`, crcAt, name);
  }
  return stored;
}
