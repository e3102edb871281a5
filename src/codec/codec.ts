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
/** The type of a codec's values. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** A codec written by hand. */
export function custom<T>(codec: Codec<T>): Codec<T> {
  return codec;
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
