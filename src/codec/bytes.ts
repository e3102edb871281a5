import { DecodeError } from '../errors/index.ts';

declare global {
  // Node has these on every Buffer (they skip the lookup of the encoding's name); its types leave them out.
  interface Buffer {
    latin1Slice(start?: number, end?: number): string;
    utf8Slice(start?: number, end?: number): string;
    latin1Write(text: string, offset?: number, length?: number): number;
    utf8Write(text: string, offset?: number, length?: number): number;
  }
}

/** No struct Ceph sends needs more; a larger length in the input is refused before memory is taken. */
export const LENGTH_MAX = 1 << 30;

/**
 * Reads little-endian fields from one buffer. Never copies: `bytes` and `view` results are windows of the input, whose
 * owner decides how long they live. Every read is checked against the end; a short input is a DecodeError.
 */
export class Decoder {
  readonly buffer: Buffer;
  offset: number;
  end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  fail(reason: string): never {
    throw new DecodeError(reason, this.offset);
  }

  /** Moves past `length` bytes and returns where they began. */
  take(length: number): number {
    const at = this.offset;
    if (length > this.end - at) this.fail(`needs ${length} bytes, ${this.end - at} left`);
    this.offset = at + length;
    return at;
  }

  u8(): number {
    return this.buffer[this.take(1)]!;
  }
  s8(): number {
    return (this.buffer[this.take(1)]! << 24) >> 24;
  }
  bool(): boolean {
    return this.u8() !== 0;
  }
  u16(): number {
    return this.buffer.readUInt16LE(this.take(2));
  }
  s16(): number {
    return this.buffer.readInt16LE(this.take(2));
  }
  u32(): number {
    return this.buffer.readUInt32LE(this.take(4));
  }
  s32(): number {
    return this.buffer.readInt32LE(this.take(4));
  }
  u64(): bigint {
    return this.buffer.readBigUInt64LE(this.take(8));
  }
  s64(): bigint {
    return this.buffer.readBigInt64LE(this.take(8));
  }
  /** A u64 that its user bounds below 2^53; anything larger is malformed. */
  u53(): number {
    const at = this.take(8);
    const high = this.buffer.readUInt32LE(at + 4);
    if (high >= 0x200000) throw new DecodeError('a 64-bit number above 2^53', at);
    return high * 0x1_0000_0000 + this.buffer.readUInt32LE(at);
  }
  f32(): number {
    return this.buffer.readFloatLE(this.take(4));
  }
  f64(): number {
    return this.buffer.readDoubleLE(this.take(8));
  }
  /** A u32 length or count, refused when above `max` or when even one byte per item would not fit. */
  length(max = LENGTH_MAX): number {
    const n = this.u32();
    if (n > max) this.fail(`length ${n} above ${max}`);
    if (n > this.remaining) this.fail(`length ${n} with ${this.remaining} bytes left`);
    return n;
  }
  /** A window of `length` bytes of the input. */
  view(length: number): Buffer {
    const at = this.take(length);
    return this.buffer.subarray(at, at + length);
  }
  /** A length-prefixed window of the input. */
  bytes(max = LENGTH_MAX): Buffer {
    return this.view(this.length(max));
  }
  /** Length-prefixed UTF-8 text. Not for names of objects, which are bytes: see `byteString`. */
  str(max = LENGTH_MAX): string {
    const n = this.length(max);
    const at = this.take(n);
    return this.buffer.utf8Slice(at, at + n);
  }
  /** Length-prefixed bytes as a string of one character per byte: exact, and `<` orders it as bytes. */
  byteString(max = LENGTH_MAX): string {
    const n = this.length(max);
    const at = this.take(n);
    return this.buffer.latin1Slice(at, at + n);
  }
  /** Refuses bytes that the declaration did not consume. */
  finish(): void {
    if (this.remaining !== 0) this.fail(`${this.remaining} bytes left over`);
  }
}

/** Writes little-endian fields into a buffer that grows. `features` are the peer's, for structs that differ by peer. */
export class Encoder {
  private buffer: Buffer;
  length = 0;
  readonly features: bigint;

  constructor(features: bigint = DEFAULT_FEATURES, capacity = 256) {
    this.buffer = Buffer.allocUnsafe(capacity);
    this.features = features;
  }

  /** Makes room for `n` more bytes and returns where they go. */
  reserve(n: number): number {
    const at = this.length;
    const end = at + n;
    if (end > this.buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.buffer.length * 2));
      this.buffer.copy(grown, 0, 0, at);
      this.buffer = grown;
    }
    this.length = end;
    return at;
  }

  u8(v: number): void {
    const at = this.reserve(1);
    this.buffer[at] = v;
  }
  bool(v: boolean): void {
    this.u8(v ? 1 : 0);
  }
  u16(v: number): void {
    const at = this.reserve(2);
    this.buffer.writeUInt16LE(v & 0xffff, at);
  }
  u32(v: number): void {
    const at = this.reserve(4);
    this.buffer.writeUInt32LE(v >>> 0, at);
  }
  s32(v: number): void {
    const at = this.reserve(4);
    this.buffer.writeInt32LE(v | 0, at);
  }
  u64(v: bigint): void {
    const at = this.reserve(8);
    this.buffer.writeBigUInt64LE(BigInt.asUintN(64, v), at);
  }
  s64(v: bigint): void {
    const at = this.reserve(8);
    this.buffer.writeBigInt64LE(BigInt.asIntN(64, v), at);
  }
  u53(v: number): void {
    const at = this.reserve(8);
    this.buffer.writeUInt32LE((v % 0x1_0000_0000) >>> 0, at);
    this.buffer.writeUInt32LE(Math.floor(v / 0x1_0000_0000), at + 4);
  }
  f32(v: number): void {
    const at = this.reserve(4);
    this.buffer.writeFloatLE(v, at);
  }
  f64(v: number): void {
    const at = this.reserve(8);
    this.buffer.writeDoubleLE(v, at);
  }
  /** Appends bytes without a length. Copies. */
  raw(v: Uint8Array): void {
    const at = this.reserve(v.length);
    this.buffer.set(v, at);
  }
  bytes(v: Uint8Array): void {
    this.u32(v.length);
    this.raw(v);
  }
  str(v: string): void {
    const n = Buffer.byteLength(v, 'utf8');
    this.u32(n);
    const at = this.reserve(n);
    this.buffer.utf8Write(v, at, n);
  }
  byteString(v: string): void {
    this.u32(v.length);
    const at = this.reserve(v.length);
    this.buffer.latin1Write(v, at, v.length);
  }
  /** Overwrites a u32 written earlier, for lengths known afterwards. */
  patchU32(at: number, v: number): void {
    this.buffer.writeUInt32LE(v >>> 0, at);
  }
  /** What was written so far: a window, valid until the next write. */
  written(from = 0): Buffer {
    return this.buffer.subarray(from, this.length);
  }
  /** The whole result. The encoder must not be used afterwards. */
  finish(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}

/** What every 16.2.15 program announces (fact sheet §1.5). Bits 62 and 63 must never be announced. */
export const DEFAULT_FEATURES = 0x3f01cfbdfffdffffn;

/** A name of the field (object, namespace, xattr, omap key) from text: one character per UTF-8 byte. */
export function byteStringOf(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').latin1Slice();
}

/** The text of a byte string, for people; bytes that are not UTF-8 become U+FFFD. */
export function textOf(name: string): string {
  return isAscii(name) ? name : Buffer.from(name, 'latin1').toString('utf8');
}

function isAscii(s: string): boolean {
  for (let i = 0; i < s.length; i++) if (s.charCodeAt(i) > 0x7f) return false;
  return true;
}
