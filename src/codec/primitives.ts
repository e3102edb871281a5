import type { Decoder, Encoder } from './bytes.ts';
import type { Codec, Gen } from './codec.ts';

function primitive<T>(
  name: string,
  encode: (out: Encoder, value: T) => void,
  decode: (from: Decoder) => T,
  generate: (g: Gen) => T,
): Codec<T> {
  return { name, encode, decode, generate };
}

const big = (g: Gen): bigint => (BigInt(g.below(2 ** 31)) << 33n) | BigInt(g.below(2 ** 31));
const letters = (g: Gen): string =>
  Array.from({ length: g.below(12) }, () => String.fromCharCode(97 + g.below(26))).join('');

export const u8 = primitive<number>(
  'u8',
  (o, v) => o.u8(v),
  (d) => d.u8(),
  (g) => g.below(256),
);
export const s8 = primitive<number>(
  's8',
  (o, v) => o.u8(v & 0xff),
  (d) => d.s8(),
  (g) => g.below(256) - 128,
);
export const bool = primitive<boolean>(
  'bool',
  (o, v) => o.bool(v),
  (d) => d.bool(),
  (g) => g.below(2) === 1,
);
export const u16 = primitive<number>(
  'u16',
  (o, v) => o.u16(v),
  (d) => d.u16(),
  (g) => g.below(65536),
);
export const s16 = primitive<number>(
  's16',
  (o, v) => o.u16(v),
  (d) => d.s16(),
  (g) => g.below(65536) - 32768,
);
export const u32 = primitive<number>(
  'u32',
  (o, v) => o.u32(v),
  (d) => d.u32(),
  (g) => g.below(2 ** 32),
);
export const s32 = primitive<number>(
  's32',
  (o, v) => o.s32(v),
  (d) => d.s32(),
  (g) => g.below(2 ** 32) - 2 ** 31,
);
export const u64 = primitive<bigint>(
  'u64',
  (o, v) => o.u64(v),
  (d) => d.u64(),
  big,
);
export const s64 = primitive<bigint>(
  's64',
  (o, v) => o.s64(v),
  (d) => d.s64(),
  (g) => big(g) - (1n << 62n),
);
/** A u64 whose user bounds it below 2^53 (an offset, a count of bytes), as a plain number. */
export const u53 = primitive<number>(
  'u64',
  (o, v) => o.u53(v),
  (d) => d.u53(),
  (g) => g.below(2 ** 48),
);
export const f32 = primitive<number>(
  'f32',
  (o, v) => o.f32(v),
  (d) => d.f32(),
  (g) => g.below(1024) / 1024,
);
export const f64 = primitive<number>(
  'f64',
  (o, v) => o.f64(v),
  (d) => d.f64(),
  (g) => g.below(2 ** 31) / 1024,
);
/** UTF-8 text. */
export const str = primitive<string>(
  'str',
  (o, v) => o.str(v),
  (d) => d.str(),
  letters,
);
/** Bytes kept as a string of one character per byte: names of objects, namespaces, xattrs, omap keys. */
export const byteString = primitive<string>(
  'str',
  (o, v) => o.byteString(v),
  (d) => d.byteString(),
  (g) => Array.from({ length: g.below(12) }, () => String.fromCharCode(g.below(256))).join(''),
);
/** Length-prefixed bytes; decoding returns a window of the input. */
export const bytes = primitive<Uint8Array>(
  'bl',
  (o, v) => o.bytes(v),
  (d) => d.bytes(),
  (g) => Buffer.from(letters(g)),
);

/** `length` raw bytes without a prefix. */
export function fixedBytes(length: number): Codec<Uint8Array> {
  return primitive<Uint8Array>(
    `bytes[${length}]`,
    (o, v) => {
      if (v.length !== length) throw new Error(`expected ${length} bytes, got ${v.length}`);
      o.raw(v);
    },
    (d) => d.view(length),
    (g) => Buffer.from(Array.from({ length }, () => g.below(256))),
  );
}
