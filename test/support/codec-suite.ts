import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Codec, Decoder, decodeAll, encodeToBytes } from '../../src/codec/index.ts';
import { DecodeError } from '../../src/errors/index.ts';
import { generated, mutated } from './generated.ts';

/** What every declared codec has to do, with values and damaged bytes that follow from its declaration. */
export function codecSuite(codecs: [name: string, codec: Codec<unknown>][]): void {
  describe.each(codecs)('%s', (_name, codec) => {
    test('a generated value survives the way out and back', () => {
      fc.assert(
        fc.property(generated(codec), (value) => {
          const bytes = encodeToBytes(codec, value);
          const back = decodeAll(codec, bytes);
          expect(back).toEqual(value);
          expect(encodeToBytes(codec, back).equals(bytes)).toBe(true);
        }),
        { numRuns: 60 },
      );
    });

    test('damaged bytes give a value or a DecodeError, nothing else', () => {
      fc.assert(
        fc.property(mutated(codec), (bytes) => {
          try {
            codec.decode(new Decoder(bytes));
          } catch (e) {
            expect(e).toBeInstanceOf(DecodeError);
          }
        }),
        { numRuns: 100 },
      );
    });
  });
}
