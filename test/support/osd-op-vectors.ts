import { byteString, encodeToBytes, map, bytes as rawBytes } from '../../src/codec/index.ts';
import { argsBytes, type OsdExtent } from '../../src/wire/index.ts';
import type { VectorOp } from './osd-ops-harness.ts';

// Op vectors for tests, as text tables would write them. Strings are byte strings.

const bytesOf = (v: string | Uint8Array): Buffer =>
  typeof v === 'string' ? Buffer.from(v, 'latin1') : Buffer.from(v);

/** An op with an extent; the length is the input's unless given. */
export function extent(
  code: number,
  e: Partial<OsdExtent> = {},
  input: string | Uint8Array = '',
): VectorOp {
  const data = bytesOf(input);
  const filled = { offset: 0, length: data.length, truncateSize: 0, truncateSeq: 0, ...e };
  return { code, args: argsBytes('extent', filled).toString('hex'), input: data.toString('hex') };
}

/** An op on one extended attribute. */
export function xattr(code: number, name: string, value = '', cmpOp = 0, cmpMode = 0): VectorOp {
  const lengths = { nameLength: name.length, valueLength: value.length, cmpOp, cmpMode };
  return {
    code,
    args: argsBytes('xattr', lengths).toString('hex'),
    input: bytesOf(name + value).toString('hex'),
  };
}

export function omap(code: number, input: Uint8Array): VectorOp {
  return extent(code, {}, input);
}

export function lengthPrefixed(v: string): Buffer {
  return encodeToBytes(byteString, v);
}

/** Input of OMAPGETKEYS, and with a prefix of OMAPGETVALS. */
export function omapPage(after: string, count: number, prefix?: string): Buffer {
  const n = Buffer.alloc(8);
  n.writeBigUInt64LE(BigInt(count));
  const parts = [lengthPrefixed(after), n];
  if (prefix !== undefined) parts.push(lengthPrefixed(prefix));
  return Buffer.concat(parts);
}

const Values = map(byteString, rawBytes);
export function omapValues(entries: Record<string, string>): Buffer {
  return encodeToBytes(Values, new Map(Object.entries(entries).map(([k, v]) => [k, bytesOf(v)])));
}
