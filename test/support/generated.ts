import fc from 'fast-check';
import { type Codec, encodeToBytes } from '../../src/codec/index.ts';

/** Values of a codec, made by its own generator from fast-check's seed. */
export function generated<T>(codec: Codec<T>): fc.Arbitrary<T> {
  return fc
    .infiniteStream(fc.nat({ max: 2 ** 31 - 1 }))
    .map((stream) => codec.generate({ below: (n) => bounded(stream, n) }));
}

function bounded(stream: fc.Stream<number>, n: number): number {
  const low = stream.next().value;
  return n <= 2 ** 31 ? low % n : (low * 2 ** 17 + (stream.next().value % 2 ** 17)) % n;
}

/** Encodings of generated values with a few bytes changed, cut or added. */
export function mutated<T>(codec: Codec<T>): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
  return fc
    .record({
      value: generated(codec),
      changes: fc.array(change, { maxLength: 4 }),
      keep: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.boolean(),
      more: fc.uint8Array({ maxLength: 8 }),
    })
    .map(({ value, changes, keep, cut, more }) => {
      const whole = Buffer.from(encodeToBytes(codec, value));
      const kept = cut ? whole.subarray(0, Math.floor(whole.length * keep)) : whole;
      const out = Buffer.concat([kept, more]);
      for (const c of changes) if (out.length > 0) out[c.at % out.length] = c.value;
      return out;
    });
}
