import type { Codec } from './codec.ts';

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

/** Two values, one after the other. */
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
