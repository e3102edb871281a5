import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Codec, Decoder, decodeAll, encodeToBytes, u32, vec } from '../src/codec/index.ts';
import { DecodeError } from '../src/errors/index.ts';
import { OsdColumn, perOsd } from '../src/maps/osd-column.ts';
import { ADDR, type EntityAddr, EntityAddrVec, skipEntityAddrVec } from '../src/wire/index.ts';

/** A number whose decoding is noted. Odd ones are not in the usual form. */
function noted(): {
  codec: Codec<number>;
  decoded: number[];
  list: ReturnType<typeof perOsd<number>>;
} {
  const decoded: number[] = [];
  const codec: Codec<number> = {
    ...u32,
    decode: (d) => {
      const value = u32.decode(d);
      decoded.push(value);
      return value;
    },
  };
  return { codec, decoded, list: perOsd(codec, (d) => d.u32() % 2 === 0) };
}
const bytesOf = (values: number[]): Buffer => encodeToBytes(vec(u32), values);

describe('a list by OSD', () => {
  it('decodes a value when it is asked for, and once', () => {
    const { decoded, list } = noted();
    const column = decodeAll(list, bytesOf([10, 12, 14]));
    expect(column.length).toBe(3);
    expect(decoded).toEqual([]);
    expect([column.at(1), column.at(1), column.at(3), column.at(-1)]).toEqual([
      12,
      12,
      undefined,
      undefined,
    ]);
    expect(decoded).toEqual([12]);
    expect([...column]).toEqual([10, 12, 14]);
    expect(decoded).toEqual([12, 10, 14]);
  });

  it('is decoded at once when a value has an unusual form', () => {
    const { decoded, list } = noted();
    expect([...decodeAll(list, bytesOf([10, 13, 14]))]).toEqual([10, 13, 14]);
    expect(decoded).toEqual([10, 13, 14]);
  });

  it('refuses a count for which there are no bytes', () => {
    const { list } = noted();
    expect(() => decodeAll(list, bytesOf([2, 4]).subarray(0, 9))).toThrow(DecodeError);
  });

  it('encodes what nobody asked for without decoding it', () => {
    const { decoded, list } = noted();
    const bytes = bytesOf([10, 12, 14, 16]);
    const column = OsdColumn.copyOf(decodeAll(list, bytes));
    column.set(2, 20);
    expect(column.at(0)).toBe(10);
    expect(encodeToBytes(list, column)).toEqual(bytesOf([10, 12, 20, 16]));
    expect(decoded).toEqual([10]);
  });

  it('a copy changes alone', () => {
    const { list } = noted();
    const column = OsdColumn.copyOf(decodeAll(list, bytesOf([10, 12, 14])));
    const copy = OsdColumn.copyOf(column);
    copy.set(0, 1);
    copy.resize(2, () => 9);
    copy.resize(4, () => 9);
    column.set(1, 3);
    expect([...copy]).toEqual([1, 12, 9, 9]);
    expect([...column]).toEqual([10, 3, 14]);
    expect(encodeToBytes(list, copy)).toEqual(bytesOf([1, 12, 9, 9]));
  });

  it('a plain array is one too', () => {
    const { list } = noted();
    expect(encodeToBytes(list, [1, 2])).toEqual(bytesOf([1, 2]));
  });
});

describe('addresses that need no decoding yet', () => {
  const host = fc.oneof(fc.ipV4(), fc.constantFrom('::1', 'fe80::1', '2001:db8::7:1', ''));
  const addr: fc.Arbitrary<EntityAddr> = fc
    .record({ host, type: fc.integer({ min: 1, max: 3 }), nonce: fc.nat(), port: fc.nat(65_535) })
    .map((a) => (a.host === '' ? { type: ADDR.none, nonce: 0, host: '', port: 0 } : a));

  /** Whatever is skipped decodes to the same end, and encodes to the same bytes. */
  function check(bytes: Buffer): boolean {
    const skipping = new Decoder(bytes);
    if (!skipEntityAddrVec(skipping)) return false;
    const decoding = new Decoder(bytes);
    const value = EntityAddrVec.decode(decoding);
    expect(skipping.offset).toBe(decoding.offset);
    expect(encodeToBytes(EntityAddrVec, value)).toEqual(bytes.subarray(0, decoding.offset));
    return true;
  }

  it('are those in the usual form', () => {
    fc.assert(
      fc.property(fc.array(addr, { maxLength: 4 }), (addrs) => {
        const isUsual = addrs.every((a) => a.host !== '');
        expect(check(encodeToBytes(EntityAddrVec, addrs))).toBe(isUsual);
      }),
    );
  });

  it('are never malformed, nor such that encoding would change them', () => {
    let skipped = 0;
    fc.assert(
      fc.property(
        fc.array(addr, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { maxLength: 2 }),
        fc.nat(120),
        (addrs, edits, cut) => {
          const bytes = encodeToBytes(EntityAddrVec, addrs);
          for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
          if (check(cut > 100 ? bytes.subarray(0, cut - 100) : bytes)) skipped++;
        },
      ),
      { numRuns: 2000 },
    );
    expect(skipped).toBeGreaterThan(100);
  });
});
