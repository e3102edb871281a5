import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryKeyValue } from '../src/store/index.ts';
import { objectName, parseObjectName } from '../src/store/object-key.ts';
import { SharedUnits } from '../src/store/shared-units.ts';
import { SortedMap } from '../src/store/sorted-map.ts';
import { WideKeyValue } from '../src/store/wide-key-value.ts';
import { compareHObject, type HObject } from '../src/wire/index.ts';
import { dice } from './support/sim-disk.ts';

const text = fc.string({
  unit: fc.constantFrom('\0', '\x01', '\x02', 'a', 'b', '\xff'),
  maxLength: 3,
});
const object: fc.Arbitrary<HObject> = fc.record({
  key: text,
  name: text,
  snap: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constantFrom(0n, 255n, 256n)),
  hash: fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 2, 0x8000_0000)),
  max: fc.constant(false),
  namespace: text,
  pool: fc.oneof(fc.constantFrom(-1, 0, 1, 255, 256), fc.maxSafeInteger(), fc.constant(-(2 ** 63))),
});

describe('objectName', () => {
  it('orders as compareHObject does, and gives the object back', () => {
    const near = fc.tuple(
      object,
      object,
      fc.subarray(['key', 'name', 'snap', 'hash', 'pool', 'namespace'] as const),
    );
    fc.assert(
      fc.property(near, ([a, other, same]) => {
        const b = { ...other, ...Object.fromEntries(same.map((f) => [f, a[f]])) };
        const [na, nb] = [objectName(a), objectName(b)];
        expect(na < nb ? -1 : na > nb ? 1 : 0).toBe(compareHObject(a, b));
        expect(parseObjectName(na)).toEqual({ ...a, key: a.key === a.name ? '' : a.key });
      }),
      { numRuns: 3000 },
    );
  });
});

describe('SortedMap', () => {
  it('agrees with a sorted array, through splits and while it changes', () => {
    const roll = dice(5);
    const map = new SortedMap<number>();
    const plain = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const key = String.fromCharCode(roll(40), roll(40), roll(3));
      if (roll(3) === 0) expect(map.delete(key)).toBe(plain.delete(key));
      else {
        map.set(key, i);
        plain.set(key, i);
      }
    }
    const sorted = [...plain].sort((a, b) => (a[0] < b[0] ? -1 : 1));
    expect(map.size).toBe(sorted.length);
    expect([...map.from('')]).toEqual(sorted);
    expect([...map.reverse('', '\xff')]).toEqual([...sorted].reverse());
    const part = sorted.filter(([k]) => k >= '\x10' && k < '\x20');
    expect([...map.from('\x10', '\x20')]).toEqual(part);
    const copy = map.copy();
    let seen = 0;
    for (const [key, value] of map.from('')) {
      expect([key, value]).toEqual(sorted[seen++]);
      map.delete(key);
    }
    expect([seen, map.size, copy.size]).toEqual([sorted.length, 0, sorted.length]);
  });
});

describe('WideKeyValue', () => {
  it('keeps keys of any length in the order of their bytes', async () => {
    const stem = 'p'.repeat(1800);
    const key = fc.oneof(
      fc.constantFrom('a', 'p', 'q', stem.slice(1), `${stem.slice(1)}\0`, stem),
      fc
        .tuple(fc.constantFrom(stem, `${stem.slice(1)}q`), text)
        .map(([prefix, rest]) => prefix + rest),
    );
    const value = fc.uint8Array({ maxLength: 4 }).map((b) => Buffer.from(b));
    const change = fc.tuple(key, fc.option(value));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 5 }),
        key,
        key,
        async (batches, from, to) => {
          const kv = new WideKeyValue(new MemoryKeyValue());
          const plain = new Map<string, Buffer>();
          await Promise.all(batches.map((b) => kv.commit(new Map(b))));
          for (const batch of batches) {
            for (const [k, v] of new Map(batch)) {
              if (v === null) plain.delete(k);
              else plain.set(k, v);
            }
          }
          const sorted = [...plain]
            .map(([k, v]) => ({ key: k, value: v }))
            .sort((a, b) => (a.key < b.key ? -1 : 1));
          expect([...kv.range('', 'z')]).toEqual(sorted);
          expect([...kv.range(from, to)]).toEqual(
            sorted.filter((e) => e.key >= from && e.key < to),
          );
          expect(kv.get(from)).toEqual(plain.get(from));
        },
      ),
    );
  });
});

describe('SharedUnits', () => {
  it('frees a unit when the last of its owners lets go', () => {
    const records = new Map<string, Uint8Array>();
    let refs = 0;
    const shared = new SharedUnits({
      get: (key) => records.get(key),
      set: (key, value) => (value ? records.set(key, value) : records.delete(key)),
      grew: (by) => {
        refs += by;
      },
    });
    const freed: [number, number][] = [];
    const drop = (unit: number, count: number) => {
      freed.length = 0;
      shared.drop(unit, count, (u, n) => freed.push([u, n]));
      return freed;
    };
    shared.add(250, 10); // across two chunks
    shared.add(252, 2);
    expect(refs).toBe(12);
    expect(drop(248, 14)).toEqual([
      [248, 2],
      [260, 2],
    ]);
    expect(drop(250, 10)).toEqual([
      [250, 2],
      [254, 6],
    ]);
    expect(drop(252, 2)).toEqual([[252, 2]]);
    expect([records.size, refs]).toEqual([0, 0]);
  });
});
