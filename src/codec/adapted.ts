import type { Codec } from './codec.ts';

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
