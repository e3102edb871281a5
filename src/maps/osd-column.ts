import { type Codec, Decoder } from '../codec/index.ts';

/** One value per OSD, by id from 0. A plain array is one. */
export interface PerOsd<T> extends Iterable<T> {
  readonly length: number;
  /** Undefined outside of the list. */
  at(osd: number): T | undefined;
}

/** The bytes of a decoded list: where each value begins, and behind the last one where that ends. */
interface Source<T> {
  readonly codec: Codec<T>;
  readonly buffer: Buffer;
  readonly starts: Uint32Array;
}

/**
 * A list by OSD whose values are decoded when they are asked for: a program asks for the addresses of few OSDs, and in
 * a large map they are most of the bytes and more of the objects. Threads that share a map's bytes so share these lists.
 */
export class OsdColumn<T> implements PerOsd<T> {
  readonly #source: Source<T> | undefined;
  /** Values that were asked for or set; holes for those that are bytes only. */
  readonly #values: T[];

  private constructor(source: Source<T> | undefined, values: T[]) {
    this.#source = source;
    this.#values = values;
  }

  /** A list that may be changed while the old one stays as it is. */
  static copyOf<T>(list: PerOsd<T>): OsdColumn<T> {
    return list instanceof OsdColumn
      ? new OsdColumn<T>(list.#source, list.#values.slice())
      : new OsdColumn<T>(undefined, [...list]);
  }

  /** A list of which nothing is decoded yet. */
  static of<T>(source: Source<T>): OsdColumn<T> {
    return new OsdColumn<T>(source, new Array<T>(source.starts.length - 1));
  }

  get length(): number {
    return this.#values.length;
  }

  at(osd: number): T | undefined {
    if (!(osd >= 0 && osd < this.#values.length)) return undefined;
    this.#values[osd] ??= this.decode(osd);
    return this.#values[osd];
  }

  *[Symbol.iterator](): Generator<T> {
    for (let osd = 0; osd < this.#values.length; osd++) yield this.at(osd)!;
  }

  set(osd: number, value: T): void {
    this.#values[osd] = value;
  }

  /** Cuts the list, or fills it up. */
  resize(length: number, blank: () => T): void {
    const from = this.#values.length;
    this.#values.length = length;
    for (let osd = from; osd < length; osd++) this.#values[osd] = blank();
  }

  /** The encoding of a value that nobody asked for. */
  bytesOf(osd: number): Buffer | undefined {
    if (this.#values[osd] !== undefined || !this.#source) return undefined;
    const { buffer, starts } = this.#source;
    return buffer.subarray(starts[osd]!, starts[osd + 1]!);
  }

  private decode(osd: number): T {
    const { codec, buffer, starts } = this.#source!;
    return codec.decode(new Decoder(buffer, starts[osd]!, starts[osd + 1]!));
  }
}

/**
 * u32 count and one value per OSD, decoded when asked for.
 * @param skip moves past one value and says whether it is exactly as `item` would encode it, so that decoding it later
 *   cannot fail; a list with any other form is decoded at once
 */
export function perOsd<T>(item: Codec<T>, skip: (d: Decoder) => boolean): Codec<PerOsd<T>> {
  return {
    name: `vec<${item.name}>`,
    encode: (o, list) => {
      o.u32(list.length);
      if (!(list instanceof OsdColumn)) {
        for (const value of list) item.encode(o, value);
        return;
      }
      for (let osd = 0; osd < list.length; osd++) {
        const bytes = list.bytesOf(osd);
        if (bytes) o.raw(bytes);
        else item.encode(o, list.at(osd)!);
      }
    },
    decode: (d) => {
      const count = d.length();
      const from = d.offset;
      const starts = startsOf(d, count, skip);
      if (starts) return OsdColumn.of({ codec: item, buffer: d.buffer, starts });
      d.offset = from;
      const values: T[] = [];
      for (let osd = 0; osd < count; osd++) values.push(item.decode(d));
      return OsdColumn.copyOf(values);
    },
    generate: (g) => OsdColumn.copyOf(Array.from({ length: g.below(4) }, () => item.generate(g))),
  };
}

function startsOf(
  d: Decoder,
  count: number,
  skip: (d: Decoder) => boolean,
): Uint32Array | undefined {
  const starts = new Uint32Array(count + 1);
  for (let osd = 0; osd < count; osd++) {
    starts[osd] = d.offset;
    if (!skip(d)) return undefined;
  }
  starts[count] = d.offset;
  return starts;
}
