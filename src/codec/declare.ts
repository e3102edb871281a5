import { DecodeError } from '../errors/index.ts';
import { DEFAULT_FEATURES, Decoder, Encoder } from './bytes.ts';

/** Randomness for generated test values: `below(n)` is a uniform integer in 0..n-1. */
export interface Gen {
  below(n: number): number;
}

/** One wire type: everything that is known of it comes from this value. */
export interface Codec<T> {
  readonly name: string;
  encode(out: Encoder, value: T): void;
  decode(from: Decoder): T;
  /** A random value that encodes and decodes to itself. */
  generate(g: Gen): T;
}
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

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

/** An integer of which this release defines only one value; encoded so, and any value is accepted. */
export function constant<T>(codec: Codec<T>, value: T): Codec<T> {
  return { ...codec, encode: (o) => codec.encode(o, value), generate: () => value };
}

/** A value written as its own length-prefixed byte buffer. */
export function boxed<T>(codec: Codec<T>): Codec<T> {
  return {
    name: codec.name,
    encode: (o, v) => {
      const at = o.reserve(4);
      codec.encode(o, v);
      o.patchU32(at, o.length - at - 4);
    },
    decode: (d) => {
      const n = d.length();
      const outer = d.end;
      const end = d.offset + n;
      d.end = end;
      const v = codec.decode(d);
      d.finish();
      d.end = outer;
      return v;
    },
    generate: codec.generate,
  };
}

/** u32 count and items. `max` bounds the count before memory is taken. */
export function vec<T>(item: Codec<T>, max?: number): Codec<T[]> {
  return {
    name: `vec<${item.name}>`,
    encode: (o, v) => {
      o.u32(v.length);
      for (const x of v) item.encode(o, x);
    },
    decode: (d) => {
      const n = d.length(max);
      const out: T[] = [];
      for (let i = 0; i < n; i++) out.push(item.decode(d));
      return out;
    },
    generate: (g) => Array.from({ length: g.below(4) }, () => item.generate(g)),
  };
}

/** Ascending order of numbers, bigints and byte strings: the order Ceph's std::map and std::set write. */
export function ascending<K>(a: K, b: K): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** u32 count and items in ascending order. */
export function set<T extends number | bigint | string>(item: Codec<T>): Codec<Set<T>> {
  return {
    name: `set<${item.name}>`,
    encode: (o, v) => {
      o.u32(v.size);
      for (const x of [...v].sort(ascending)) item.encode(o, x);
    },
    decode: (d) => {
      const n = d.length();
      const out = new Set<T>();
      for (let i = 0; i < n; i++) out.add(item.decode(d));
      return out;
    },
    generate: (g) => new Set(Array.from({ length: g.below(4) }, () => item.generate(g))),
  };
}

/** u32 count and (key, value) pairs in ascending key order. Text keys sort by UTF-8 bytes. */
export function map<K extends number | bigint | string, V>(
  key: Codec<K>,
  value: Codec<V>,
): Codec<Map<K, V>> {
  return {
    name: `map<${key.name},${value.name}>`,
    encode: (o, v) => {
      o.u32(v.size);
      for (const [k, x] of [...v].sort((a, b) => ascending(a[0], b[0]))) {
        key.encode(o, k);
        value.encode(o, x);
      }
    },
    decode: (d) => {
      const n = d.length();
      const out = new Map<K, V>();
      for (let i = 0; i < n; i++) {
        const k = key.decode(d);
        out.set(k, value.decode(d));
      }
      return out;
    },
    generate: (g) => {
      const n = g.below(4);
      return new Map(
        Array.from({ length: n }, () => [key.generate(g), value.generate(g)] as const),
      );
    },
  };
}

/** u32 count and (key, value) pairs kept as an array, for keys that are structs. Written in the order given. */
export function pairs<K, V>(key: Codec<K>, value: Codec<V>): Codec<[K, V][]> {
  return {
    ...vec(tuple(key, value)),
    name: `map<${key.name},${value.name}>`,
  };
}

export function tuple<A, B>(a: Codec<A>, b: Codec<B>): Codec<[A, B]> {
  return {
    name: `(${a.name},${b.name})`,
    encode: (o, v) => {
      a.encode(o, v[0]);
      b.encode(o, v[1]);
    },
    decode: (d) => [a.decode(d), b.decode(d)],
    generate: (g) => [a.generate(g), b.generate(g)],
  };
}

/** u8 flag, then the value when the flag is 1. */
export function opt<T>(item: Codec<T>): Codec<T | undefined> {
  return {
    name: `opt<${item.name}>`,
    encode: (o, v) => {
      o.bool(v !== undefined);
      if (v !== undefined) item.encode(o, v);
    },
    decode: (d) => (d.bool() ? item.decode(d) : undefined),
    generate: (g) => (g.below(2) ? item.generate(g) : undefined),
  };
}

/** A value held in memory in another form than on the wire. */
export function mapped<W, T>(
  name: string,
  wire: Codec<W>,
  fromWire: (w: W) => T,
  toWire: (t: T) => W,
): Codec<T> {
  return {
    name,
    encode: (o, v) => wire.encode(o, toWire(v)),
    decode: (d) => fromWire(wire.decode(d)),
    generate: (g) => fromWire(wire.generate(g)),
  };
}

/** A codec written by hand. */
export function custom<T>(codec: Codec<T>): Codec<T> {
  return codec;
}

/** A field that older encodings lack: present from struct version `v` on, else `fallback`. Only in `versioned`. */
export interface Since<T> {
  readonly since: number;
  readonly codec: Codec<T>;
  readonly fallback: () => T;
}
export function since<T>(v: number, codec: Codec<T>, fallback: T | (() => T)): Since<T> {
  const make = typeof fallback === 'function' ? (fallback as () => T) : () => fallback;
  return { since: v, codec, fallback: make };
}

// biome-ignore lint/suspicious/noExplicitAny: the element type is recovered per field by StructValue
export type Fields = Record<string, Codec<any> | Since<any>>;
type FieldValue<F> = F extends Codec<infer T> ? T : F extends Since<infer T> ? T : never;
export type StructValue<F extends Fields> = { [K in keyof F]: FieldValue<F[K]> };

interface Field {
  readonly key: string;
  readonly codec: Codec<unknown>;
  readonly since: number;
  readonly fallback: () => unknown;
}

function fieldList(name: string, fields: Fields): Field[] {
  return Object.entries(fields).map(([key, f]) =>
    'since' in f
      ? { key, codec: f.codec, since: f.since, fallback: f.fallback }
      : {
          key,
          codec: f,
          since: 0,
          fallback: () => {
            throw new DecodeError('missing', 0, `${name}.${key}`);
          },
        },
  );
}

function decodeField(d: Decoder, f: Field, owner: string): unknown {
  try {
    return f.codec.decode(d);
  } catch (e) {
    throw e instanceof DecodeError ? e.within(`${owner}.${f.key}`) : e;
  }
}

/** Fields in order, with no header. */
export function struct<F extends Fields>(name: string, fields: F): Codec<StructValue<F>> {
  const list = fieldList(name, fields);
  return {
    name,
    encode: (o, v) => {
      for (const f of list) f.codec.encode(o, (v as Record<string, unknown>)[f.key]);
    },
    decode: (d) => {
      const out: Record<string, unknown> = {};
      for (const f of list) out[f.key] = decodeField(d, f, name);
      return out as StructValue<F>;
    },
    generate: (g) => generateFields(list, g) as StructValue<F>,
  };
}

function generateFields(list: Field[], g: Gen): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const f of list) out[f.key] = f.codec.generate(g);
  return out;
}

export interface VersionOptions {
  /** Version we write, and the newest whose fields we know. */
  readonly v: number;
  /** Oldest decoder that may read what we write. */
  readonly compat: number;
  /** `'plain'`: one version byte and no length, as structs older than the envelope have. */
  readonly framing?: 'envelope' | 'plain';
}

/**
 * A struct in Ceph's versioned envelope: u8 version, u8 compat, u32 length, body (doc/dev/encoding.rst). Fields marked
 * `since(n)` are read when the struct is at least that new; what a newer writer appended is skipped by the length.
 */
export function versioned<F extends Fields>(
  name: string,
  options: VersionOptions,
  fields: F,
): Codec<StructValue<F>> {
  const list = fieldList(name, fields);
  const plain = options.framing === 'plain';
  return {
    name,
    encode: (o, v) => {
      o.u8(options.v);
      let at = 0;
      if (!plain) {
        o.u8(options.compat);
        at = o.reserve(4);
      }
      for (const f of list) f.codec.encode(o, (v as Record<string, unknown>)[f.key]);
      if (!plain) o.patchU32(at, o.length - at - 4);
    },
    decode: (d) => {
      const version = d.u8();
      const outer = d.end;
      let end = outer;
      if (!plain) {
        const compat = d.u8();
        if (compat > options.v) {
          throw new DecodeError(
            `needs a decoder of version ${compat}, have ${options.v}`,
            d.offset,
            name,
          );
        }
        const n = d.length();
        end = d.offset + n;
      } else if (version > options.v) {
        throw new DecodeError(`version ${version}, have ${options.v}`, d.offset, name);
      }
      d.end = end;
      const out: Record<string, unknown> = {};
      for (const f of list) {
        out[f.key] = version >= f.since ? decodeField(d, f, name) : f.fallback();
      }
      if (!plain) d.offset = end;
      d.end = outer;
      return out as StructValue<F>;
    },
    generate: (g) => generateFields(list, g) as StructValue<F>,
  };
}

/** Encodes one value into a buffer of its own. */
export function encodeToBytes<T>(codec: Codec<T>, value: T, features = DEFAULT_FEATURES): Buffer {
  const out = new Encoder(features);
  codec.encode(out, value);
  return out.finish();
}

/** Decodes one value that must fill the whole input. */
export function decodeAll<T>(codec: Codec<T>, input: Uint8Array): T {
  const d = new Decoder(input);
  const v = codec.decode(d);
  d.finish();
  return v;
}
