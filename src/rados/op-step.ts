import { byteStringOf, Encoder } from '../codec/index.ts';
import { argsBytes, type CMPXATTR_OP, noArgs } from '../wire/index.ts';

/** One op of a request, as the objecter sends it. */
export interface OpStep {
  readonly code: number;
  readonly flags: number;
  readonly args: Uint8Array;
  readonly data: readonly Uint8Array[];
  readonly dataLength: number;
}

/** Text is written as UTF-8; bytes are taken as they are and must not change before the call ends. */
export type Data = string | Uint8Array;
/** A name or key: text as UTF-8, or bytes. */
export type Name = string | Uint8Array;
export type Comparison = keyof typeof CMPXATTR_OP;

export const NOTHING: readonly Uint8Array[] = [];

export function nameBytes(name: Name): string {
  return typeof name === 'string'
    ? byteStringOf(name)
    : Buffer.from(name.buffer, name.byteOffset, name.byteLength).latin1Slice();
}

export function dataBytes(data: Data): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
}

export function step(
  code: number,
  args: Uint8Array = noArgs(),
  data: readonly Uint8Array[] = NOTHING,
  flags = 0,
): OpStep {
  let dataLength = 0;
  for (const d of data) dataLength += d.length;
  return { code, flags, args, data, dataLength };
}

export function extent(code: number, offset: number, length: number, data?: Uint8Array): OpStep {
  if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`offset ${offset}`);
  if (!Number.isSafeInteger(length) || length < 0) throw new RangeError(`length ${length}`);
  return step(
    code,
    argsBytes('extent', { offset, length, truncateSize: 0, truncateSeq: 0 }),
    data ? [data] : NOTHING,
  );
}

/** Ops whose input is a coded value: omap and the like carry its length in the extent's length field. */
export function coded(code: number, write: (o: Encoder) => void): OpStep {
  const o = new Encoder();
  write(o);
  const input = o.finish();
  return extent(code, 0, input.length, input);
}

export function xattr(code: number, name: Name, value: Uint8Array, cmpOp = 0, cmpMode = 0): OpStep {
  const key = Buffer.from(nameBytes(name), 'latin1');
  const args = argsBytes('xattr', {
    nameLength: key.length,
    valueLength: value.length,
    cmpOp,
    cmpMode,
  });
  return step(code, args, [key, value]);
}

export const EMPTY = new Uint8Array(0);

export function keySet(keys: Iterable<Name>): (o: Encoder) => void {
  const sorted = [...keys].map(nameBytes).sort((a, b) => (a < b ? -1 : 1));
  return (o) => {
    o.u32(sorted.length);
    for (const k of sorted) o.byteString(k);
  };
}
