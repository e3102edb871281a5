import { DecodeError } from '../errors/index.ts';
import { type HObject, reverseBits32 } from '../wire/index.ts';

/*
 * An object's name as one byte string whose `<` is exactly compareHObject (src/wire/basic.ts):
 *
 *   pool, sign bit flipped, 8 bytes big-endian · bit-reversed hash, 4 bytes · namespace · effective key ·
 *   `<` name, `=` or `>` name, by how the name compares with the effective key · snap, 8 bytes
 *
 * Texts end with 0x00; their own bytes 0x00 and 0x01 become 0x01 0x01 and 0x01 0x02, which keeps their order.
 */

/** @param oid any object but max @returns the ordered byte string that names it */
export function objectName(oid: HObject): string {
  const key = oid.key || oid.name;
  const name = key === oid.name ? '=' : (oid.name < key ? '<' : '>') + ordered(oid.name);
  return (
    poolKey(oid.pool) +
    be32(reverseBits32(oid.hash)) +
    ordered(oid.namespace) +
    ordered(key) +
    name +
    be64(oid.snap)
  );
}

/** The object that {@link objectName} named. A locator key equal to the name comes back as no locator key. */
export function parseObjectName(text: string): HObject {
  const at = { i: 12 };
  const hash = reverseBits32(readBe32(text, 8));
  const namespace = readOrdered(text, at);
  const key = readOrdered(text, at);
  const sign = text[at.i++];
  const name = sign === '=' ? key : readOrdered(text, at);
  if (text.length !== at.i + 8) throw new DecodeError('object name of a wrong length', at.i);
  const snap = (BigInt(readBe32(text, at.i)) << 32n) | BigInt(readBe32(text, at.i + 4));
  return {
    key: sign === '=' ? '' : key,
    name,
    snap,
    hash,
    max: false,
    namespace,
    pool: readPool(text),
  };
}

/** Four bytes, so that `<` orders as numbers do. */
export function be32(v: number): string {
  return String.fromCharCode(v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255);
}

/** Eight bytes of a plain number. */
export function be53(v: number): string {
  return be32(Math.floor(v / 0x1_0000_0000)) + be32(v >>> 0);
}

const SNAP_HEAD_TEXT = '\xff\xff\xff\xff\xff\xff\xff\xfe';

function be64(v: bigint): string {
  if (v === 0xffff_ffff_ffff_fffen) return SNAP_HEAD_TEXT; // nearly all objects are heads
  return be32(Number(v >> 32n)) + be32(Number(v & 0xffff_ffffn));
}

export function readBe32(text: string, at: number): number {
  return (
    ((text.charCodeAt(at) << 24) |
      (text.charCodeAt(at + 1) << 16) |
      (text.charCodeAt(at + 2) << 8) |
      text.charCodeAt(at + 3)) >>>
    0
  );
}

export function readBe53(text: string, at: number): number {
  return readBe32(text, at) * 0x1_0000_0000 + readBe32(text, at + 4);
}

let lastPool = Number.NaN;
let lastPoolKey = '';

/** Eight bytes, so that `<` orders pools as numbers do, those below 0 first. */
export function poolKey(pool: number): string {
  if (pool !== lastPool) {
    lastPool = pool;
    const high = Math.floor(pool / 0x1_0000_0000);
    lastPoolKey = be32((high ^ 0x8000_0000) >>> 0) + be32((pool - high * 0x1_0000_0000) >>> 0);
  }
  return lastPoolKey;
}

/** What {@link poolKey} wrote. */
export function readPool(text: string, at = 0): number {
  return (readBe32(text, at) - 0x8000_0000) * 0x1_0000_0000 + readBe32(text, at + 4);
}

function ordered(text: string): string {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 2) return `${escaped(text)}\0`;
  return `${text}\0`;
}

function escaped(text: string): string {
  let out = '';
  for (const c of text) out += c === '\0' ? '\x01\x01' : c === '\x01' ? '\x01\x02' : c;
  return out;
}

function readOrdered(text: string, at: { i: number }): string {
  const end = text.indexOf('\0', at.i);
  if (end < 0) throw new DecodeError('object name without an end', at.i);
  const raw = text.slice(at.i, end);
  at.i = end + 1;
  if (!raw.includes('\x01')) return raw;
  let out = '';
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] === '\x01') out += String.fromCharCode(raw.charCodeAt(++i) - 1);
    else out += raw[i];
  }
  return out;
}
