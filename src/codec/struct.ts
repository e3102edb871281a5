import { DecodeError } from '../errors/index.ts';
import type { Decoder } from './bytes.ts';
import type { Codec, Gen } from './codec.ts';

/** A field that older encodings lack: present from struct version `v` on, else `fallback`. Only in `versioned`. */
export interface Since<T> {
  readonly since: number;
  readonly codec: Codec<T>;
  readonly fallback: () => T;
}
/** Declares such a field. @param fallback the value, or what makes it */
export function since<T>(v: number, codec: Codec<T>, fallback: T | (() => T)): Since<T> {
  const make = typeof fallback === 'function' ? (fallback as () => T) : () => fallback;
  return { since: v, codec, fallback: make };
}

// biome-ignore lint/suspicious/noExplicitAny: the element type is recovered per field by StructValue
export type Fields = Record<string, Codec<any> | Since<any>>;
type FieldValue<F> = F extends Codec<infer T> ? T : F extends Since<infer T> ? T : never;
/** The type of a struct with these fields. */
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

/** How a versioned struct says what it is. */
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
