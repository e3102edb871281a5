import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DecodeError } from '../src/errors/index.ts';
import {
  decodeTransaction,
  encodeTransaction,
  type StoreOp,
  type Transaction,
} from '../src/store/index.ts';

const byteString = fc.string({ unit: fc.constantFrom('\0', 'a', 'b', '\xff'), maxLength: 5 });
const bytes = fc.uint8Array({ maxLength: 20 }).map((b) => Buffer.from(b));
const oid = fc.record({
  key: byteString,
  name: byteString,
  snap: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  hash: fc.nat(0xffff_ffff),
  max: fc.boolean(),
  namespace: byteString,
  pool: fc.oneof(fc.maxSafeInteger(), fc.constant(-(2 ** 63))),
});
const c = fc.constantFrom('1.0', 'meta', '12.fé');
const size = fc.nat(Number.MAX_SAFE_INTEGER);
const bits = fc.nat(32);
const bounds = fc.record({ pool: fc.maxSafeNat(), seed: fc.nat(0xffff_ffff), bits });
const map = fc
  .uniqueArray(fc.tuple(byteString, bytes), { selector: (e) => e[0] })
  .map((e) => new Map(e));
const is = <T extends string>(op: T) => fc.constant(op);
const step: fc.Arbitrary<StoreOp> = fc.oneof(
  fc.record({ op: fc.constantFrom('mkcoll', 'rmcoll'), c }),
  fc.record({ op: is('mkcoll'), c, bounds }),
  fc.record({ op: is('splitcoll'), c, bits, seed: fc.nat(0xffff_ffff), dest: c }),
  fc.record({ op: is('mergecoll'), c, bits, dest: c }),
  fc.record({ op: fc.constantFrom('touch', 'remove', 'omapClear'), c, oid }),
  fc.record({ op: is('write'), c, oid, offset: size, data: bytes }),
  fc.record({ op: is('zero'), c, oid, offset: size, length: size }),
  fc.record({ op: is('truncate'), c, oid, size }),
  fc.record({ op: is('setattrs'), c, oid, attrs: map }),
  fc.record({ op: is('rmattr'), c, oid, name: byteString }),
  fc.record({ op: is('omapSet'), c, oid, entries: map }),
  fc.record({ op: is('omapRmKeys'), c, oid, keys: fc.array(byteString) }),
  fc.record({ op: is('omapRmRange'), c, oid, from: byteString, to: byteString }),
  fc.record({ op: is('omapSetHeader'), c, oid, header: bytes }),
  fc.record({ op: is('clone'), c, from: oid, to: oid }),
  fc.record({
    op: is('cloneRange'),
    c,
    from: oid,
    to: oid,
    offset: size,
    length: size,
    at: size,
  }),
);
/** Steps that often share an object with the one before, as real ones do. */
const transaction: fc.Arbitrary<Transaction> = fc
  .array(fc.tuple(step, fc.boolean()), { maxLength: 8 })
  .map((steps) => {
    const out: StoreOp[] = [];
    for (const [s, repeat] of steps) {
      const last = out.at(-1);
      out.push(
        repeat && last && 'oid' in last && 'oid' in s ? { ...s, c: last.c, oid: last.oid } : s,
      );
    }
    return out;
  });

function joined(parts: Uint8Array[]): [Buffer, Buffer] {
  return [Buffer.from(parts[0]!), Buffer.concat(parts.slice(1))];
}

describe('the transaction codec', () => {
  it('gives back any transaction', () => {
    fc.assert(
      fc.property(transaction, (txn) => {
        expect(decodeTransaction(...joined(encodeTransaction(txn)))).toEqual(txn);
      }),
    );
  });

  it('copies no data: neither when it writes nor when it reads', () => {
    const data = Buffer.alloc(100, 1);
    const where = { key: '', name: 'a', snap: 0n, hash: 0, max: false, namespace: '', pool: 1 };
    const parts = encodeTransaction([{ op: 'write', c: '1.0', oid: where, offset: 0, data }]);
    expect(parts.length).toBe(2);
    expect(parts[1]).toBe(data);
    const [op] = decodeTransaction(Buffer.from(parts[0]!), data);
    expect(op?.op === 'write' && op.data.buffer).toBe(data.buffer);
  });

  it('names an object once when steps repeat it', () => {
    const where = {
      key: '',
      name: 'n'.repeat(1000),
      snap: 0n,
      hash: 0,
      max: false,
      namespace: '',
      pool: 1,
    };
    const touch: StoreOp = { op: 'touch', c: '1.0', oid: where };
    const one = encodeTransaction([touch])[0]!.length;
    expect(encodeTransaction([touch, { ...touch, oid: { ...where } }])[0]!.length).toBe(one + 1);
  });

  it('refuses bytes that are cut, too many, or unknown, with a DecodeError', () => {
    fc.assert(
      fc.property(transaction, fc.nat(), (txn, n) => {
        const [meta, data] = joined(encodeTransaction(txn));
        const refuses = (m: Buffer, d: Buffer) =>
          expect(() => decodeTransaction(m, d)).toThrow(DecodeError);
        refuses(meta.subarray(0, n % meta.length), data);
        refuses(Buffer.concat([meta, Buffer.from([0])]), data);
        refuses(meta, Buffer.concat([data, Buffer.from([0])]));
        if (data.length > 0) refuses(meta, data.subarray(0, n % data.length));
      }),
    );
    const [meta] = joined(encodeTransaction([{ op: 'mkcoll', c: 'x' }]));
    for (const [at, value] of [
      [0, 99],
      [5, 0x3f],
      [5, 0x80],
    ] as const) {
      const bad = Buffer.from(meta);
      bad[at] = value;
      expect(() => decodeTransaction(bad, Buffer.alloc(0))).toThrow(DecodeError);
    }
  });

  it('throws nothing but a DecodeError whatever the bytes', () => {
    fc.assert(
      fc.property(transaction, fc.array(fc.tuple(fc.nat(), fc.nat(255))), (txn, flips) => {
        const [meta, data] = joined(encodeTransaction(txn));
        for (const [at, value] of flips) meta[at % meta.length] = value;
        try {
          decodeTransaction(meta, data);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
