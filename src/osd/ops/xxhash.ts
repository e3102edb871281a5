// xxHash by Yann Collet, from its specification (xxhash_spec.md, version 0.1.1). The CHECKSUM op offers both forms.

const P32_1 = 0x9e3779b1;
const P32_2 = 0x85ebca77;
const P32_3 = 0xc2b2ae3d;
const P32_4 = 0x27d4eb2f;
const P32_5 = 0x165667b1;

const rotl32 = (v: number, n: number): number => (v << n) | (v >>> (32 - n));
const round32 = (lane: number, word: number): number =>
  Math.imul(rotl32((lane + Math.imul(word, P32_2)) | 0, 13), P32_1);

/** @returns unsigned 32-bit hash */
export function xxhash32(seed: number, bytes: Uint8Array): number {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let h: number;
  if (b.length >= 16) {
    let v1 = (seed + P32_1 + P32_2) | 0;
    let v2 = (seed + P32_2) | 0;
    let v3 = seed | 0;
    let v4 = (seed - P32_1) | 0;
    for (; at + 16 <= b.length; at += 16) {
      v1 = round32(v1, b.readInt32LE(at));
      v2 = round32(v2, b.readInt32LE(at + 4));
      v3 = round32(v3, b.readInt32LE(at + 8));
      v4 = round32(v4, b.readInt32LE(at + 12));
    }
    h = (rotl32(v1, 1) + rotl32(v2, 7) + rotl32(v3, 12) + rotl32(v4, 18)) | 0;
  } else h = (seed + P32_5) | 0;
  h = (h + b.length) | 0;
  for (; at + 4 <= b.length; at += 4) {
    h = Math.imul(rotl32((h + Math.imul(b.readInt32LE(at), P32_3)) | 0, 17), P32_4);
  }
  for (; at < b.length; at++) {
    h = Math.imul(rotl32((h + Math.imul(b[at]!, P32_5)) | 0, 11), P32_1);
  }
  h = Math.imul(h ^ (h >>> 15), P32_2);
  h = Math.imul(h ^ (h >>> 13), P32_3);
  return (h ^ (h >>> 16)) >>> 0;
}

const P64_1 = 0x9e3779b185ebca87n;
const P64_2 = 0xc2b2ae3d27d4eb4fn;
const P64_3 = 0x165667b19e3779f9n;
const P64_4 = 0x85ebca77c2b2ae63n;
const P64_5 = 0x27d4eb2f165667c5n;

const u64 = (v: bigint): bigint => BigInt.asUintN(64, v);
const rotl64 = (v: bigint, n: bigint): bigint => u64(v << n) | (v >> (64n - n));
const round64 = (lane: bigint, word: bigint): bigint =>
  u64(rotl64(u64(lane + word * P64_2), 31n) * P64_1);
const merge64 = (h: bigint, lane: bigint): bigint => u64((h ^ round64(0n, lane)) * P64_1 + P64_4);

/** @returns unsigned 64-bit hash */
export function xxhash64(seed: bigint, bytes: Uint8Array): bigint {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let h: bigint;
  if (b.length >= 32) {
    let v1 = u64(seed + P64_1 + P64_2);
    let v2 = u64(seed + P64_2);
    let v3 = seed;
    let v4 = u64(seed - P64_1);
    for (; at + 32 <= b.length; at += 32) {
      v1 = round64(v1, b.readBigUInt64LE(at));
      v2 = round64(v2, b.readBigUInt64LE(at + 8));
      v3 = round64(v3, b.readBigUInt64LE(at + 16));
      v4 = round64(v4, b.readBigUInt64LE(at + 24));
    }
    h = u64(rotl64(v1, 1n) + rotl64(v2, 7n) + rotl64(v3, 12n) + rotl64(v4, 18n));
    for (const lane of [v1, v2, v3, v4]) h = merge64(h, lane);
  } else h = u64(seed + P64_5);
  h = u64(h + BigInt(b.length));
  for (; at + 8 <= b.length; at += 8) {
    h = u64(rotl64(h ^ round64(0n, b.readBigUInt64LE(at)), 27n) * P64_1 + P64_4);
  }
  for (; at + 4 <= b.length; at += 4) {
    h = u64(rotl64(h ^ u64(BigInt(b.readUInt32LE(at)) * P64_1), 23n) * P64_2 + P64_3);
  }
  for (; at < b.length; at++) h = u64(rotl64(h ^ u64(BigInt(b[at]!) * P64_5), 11n) * P64_1);
  h = u64((h ^ (h >> 33n)) * P64_2);
  h = u64((h ^ (h >> 29n)) * P64_3);
  return h ^ (h >> 32n);
}
