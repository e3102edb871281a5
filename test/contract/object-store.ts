import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type ObjectStore, ownPool, type PgBounds, type StoreOp } from '../../src/store/index.ts';
import { compareHObject, HOBJECT_MAX, HOBJECT_MIN, type HObject } from '../../src/wire/index.ts';
import { dumpStore, ModelStore } from '../support/model-store.ts';
import {
  COLLECTIONS,
  firstPgs,
  making,
  objectOf,
  patterned,
  randomTransaction,
} from '../support/random-transactions.ts';
import { dice } from '../support/sim-disk.ts';

/** A store under test, at least 64 MiB large. */
export interface ObjectStoreHarness {
  open(): Promise<ObjectStore>;
  /** Whether what was stored is there when it is opened again. */
  keeps: boolean;
  destroy(): Promise<void>;
}

const oid = (name: string, more: Partial<HObject> = {}): HObject => ({
  key: '',
  name,
  snap: 0xffff_ffff_ffff_fffen,
  hash: 0x1234_5678,
  max: false,
  namespace: '',
  pool: 1,
  ...more,
});
const bytes = (text: string) => Buffer.from(text, 'latin1');
const C = '1.0';
const A = oid('a');
const B = oid('b');

/** What every implementation of ObjectStore promises. */
export function objectStoreContract(name: string, make: () => Promise<ObjectStoreHarness>): void {
  describe(`ObjectStore contract: ${name}`, () => {
    let harness: ObjectStoreHarness | undefined;
    let store: ObjectStore;
    const start = async () => {
      harness = await make();
      store = await harness.open();
      await store.submit([{ op: 'mkcoll', c: C }]);
    };
    const reopen = async () => {
      if (!harness!.keeps) return;
      await store.close();
      store = await harness!.open();
    };
    afterEach(async () => {
      await store.close();
      await harness?.destroy();
      harness = undefined;
    });
    const write = (o: HObject, offset: number, data: Uint8Array | string): StoreOp => ({
      op: 'write',
      c: C,
      oid: o,
      offset,
      data: typeof data === 'string' ? bytes(data) : data,
    });
    const read = async (o: HObject, offset = 0, length = 1e9) =>
      Buffer.from(await store.read(C, o, offset, length));
    const rejects = (txn: StoreOp[], code: string) =>
      expect(store.submit(txn)).rejects.toMatchObject({ code });

    it('shows a transaction to reads at once, before it is durable', async () => {
      await start();
      const done = store.submit([
        write(A, 0, 'hello'),
        { op: 'setattrs', c: C, oid: A, attrs: new Map([['_', bytes('x')]]) },
        { op: 'omapSet', c: C, oid: A, entries: new Map([['k', bytes('v')]]) },
        write(B, 0, Buffer.alloc(100_000, 3)),
      ]);
      expect(store.stat(C, A)).toEqual({ size: 5 });
      expect((await read(A)).latin1Slice()).toBe('hello');
      expect(await read(B)).toEqual(Buffer.alloc(100_000, 3));
      expect(Buffer.from(store.getattr(C, A, '_')!)).toEqual(bytes('x'));
      expect(Buffer.from(store.omapGet(C, A, ['k']).get('k')!)).toEqual(bytes('v'));
      expect(store.list(C, HOBJECT_MIN, 10).objects).toEqual([A, B]);
      await done;
      await reopen();
      expect((await read(A)).latin1Slice()).toBe('hello');
      expect(await read(B)).toEqual(Buffer.alloc(100_000, 3));
    });

    it('reads short at the end, zeros in holes, and nothing beyond', async () => {
      await start();
      await store.submit([write(A, 10_000, 'xyz')]);
      expect(store.stat(C, A)).toEqual({ size: 10_003 });
      expect(await read(A, 9_998, 100)).toEqual(bytes('\0\0xyz'));
      expect(await read(A, 10_003, 5)).toEqual(Buffer.alloc(0));
      expect(await read(A, 20_000, 5)).toEqual(Buffer.alloc(0));
      expect(await read(A, 0, 10_000)).toEqual(Buffer.alloc(10_000));
      const ranges = store.extents(C, A, 0, 20_000);
      expect(ranges.length).toBe(1);
      expect(ranges[0]!.offset).toBeGreaterThanOrEqual(8192);
      expect(ranges[0]!.offset + ranges[0]!.length).toBe(10_003);
    });

    it('knows no object before it is made: reads and queries say so', async () => {
      await start();
      await expect((async () => store.read(C, A, 0, 1))()).rejects.toMatchObject({
        code: 'ENOENT',
      });
      expect(store.stat(C, A)).toBeUndefined();
      expect(store.getattr(C, A, 'x')).toBeUndefined();
      expect(store.getattrs(C, A).size).toBe(0);
      expect(store.omapHeader(C, A)).toBeUndefined();
      expect(store.omapGet(C, A, ['x']).size).toBe(0);
      expect(store.omapList(C, A, { limit: 5 })).toEqual({ entries: [], more: false });
      expect(store.extents(C, A, 0, 10)).toEqual([]);
      expect(store.stat('9.9', A)).toBeUndefined();
      expect(store.list('9.9', HOBJECT_MIN, 5)).toEqual({ objects: [], next: undefined });
      await store.submit([
        { op: 'remove', c: C, oid: A },
        { op: 'rmattr', c: C, oid: A, name: 'x' },
        { op: 'omapRmKeys', c: C, oid: A, keys: ['x'] },
        { op: 'omapRmRange', c: C, oid: A, from: 'a', to: 'z' },
        { op: 'omapClear', c: C, oid: A },
        { op: 'clone', c: C, from: A, to: B },
      ]);
      expect(store.list(C, HOBJECT_MIN, 5).objects).toEqual([]);
    });

    it('refuses a transaction whole', async () => {
      await start();
      await rejects([write(A, 0, 'x'), { op: 'mkcoll', c: C }], 'EEXIST');
      await rejects([write(A, 0, 'x'), { op: 'touch', c: '7.7', oid: A }], 'ENOENT');
      await rejects([write(A, 0, 'x'), write(A, 2 ** 44, 'x')], 'EFBIG');
      await rejects([write(A, 0, 'x'), write(A, -1, 'x')], 'EINVAL');
      await rejects([write(A, 0, 'x'), { op: 'touch', c: C, oid: HOBJECT_MAX }], 'EINVAL');
      await rejects([write(A, 0, 'x'), { op: 'rmcoll', c: C }], 'ENOTEMPTY');
      await rejects([{ op: 'rmcoll', c: '7.7' }], 'ENOENT');
      expect(store.stat(C, A)).toBeUndefined();
      await store.submit([write(A, 0, 'x'), write(B, 0, 'x')]);
      await rejects(
        [
          { op: 'remove', c: C, oid: A },
          { op: 'rmcoll', c: C },
        ],
        'ENOTEMPTY',
      );
      expect(store.stat(C, A)).toEqual({ size: 1 });
    });

    it('makes and removes collections, with the objects in the same transaction', async () => {
      await start();
      await store.submit([
        { op: 'mkcoll', c: 'meta' },
        { op: 'touch', c: 'meta', oid: A },
      ]);
      expect(store.collections()).toEqual([C, 'meta']);
      await reopen();
      expect(store.hasCollection('meta')).toBe(true);
      await store.submit([
        { op: 'remove', c: 'meta', oid: A },
        { op: 'rmcoll', c: 'meta' },
        { op: 'mkcoll', c: 'meta' },
      ]);
      expect(store.list('meta', HOBJECT_MIN, 5).objects).toEqual([]);
      await store.submit([{ op: 'rmcoll', c: 'meta' }]);
      await reopen();
      expect(store.collections()).toEqual([C]);
    });

    it('resolves in the order of the submits', async () => {
      await start();
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          store
            .submit([write(oid(`o${i}`), 0, Buffer.alloc(i % 3 === 0 ? 100_000 : 10, i))])
            .then(() => order.push(i)),
        ),
      );
      expect(order).toEqual(Array.from({ length: 40 }, (_, i) => i));
    });

    it('looks no more at what a transaction brought once it is durable', async () => {
      await start();
      const long = oid('n'.repeat(1900));
      const lent: Buffer[] = [];
      const lend = (length: number, fill: number): Buffer => {
        const one = Buffer.alloc(length, fill);
        lent.push(one);
        return one;
      };
      const first = store.submit([
        write(A, 0, lend(100_001, 1)),
        write(B, 0, lend(9000, 2)),
        write(long, 0, lend(5000, 3)),
        { op: 'omapSet', c: C, oid: A, entries: new Map([['k', lend(50_000, 4)]]) },
        { op: 'setattrs', c: C, oid: A, attrs: new Map([['_', lend(3000, 5)]]) },
        { op: 'omapSetHeader', c: C, oid: A, header: lend(2000, 6) },
      ]);
      // What later ones take over from it while it is on its way, and what is read of it then.
      const seen = [await read(A), await store.read(C, B, 0, 9000), await read(long)];
      const second = store.submit([
        write(B, 2000, 'x'),
        write(long, 100, 'y'),
        { op: 'clone', c: C, from: A, to: oid('c') },
        { op: 'clone', c: C, from: long, to: oid('d') },
      ]);
      await first;
      for (const one of lent) one.fill(0xee);
      await second;
      const wants = async () => {
        const b = Buffer.alloc(9000, 2);
        b[2000] = 0x78;
        const l = Buffer.alloc(5000, 3);
        l[100] = 0x79;
        expect((await read(A)).equals(Buffer.alloc(100_001, 1))).toBe(true);
        expect((await read(oid('c'))).equals(Buffer.alloc(100_001, 1))).toBe(true);
        expect((await read(B)).equals(b)).toBe(true);
        expect((await read(long)).equals(l)).toBe(true);
        expect((await read(oid('d'))).equals(l)).toBe(true);
        for (const o of [A, oid('c')]) {
          expect(store.omapGet(C, o, ['k']).get('k')).toEqual(Buffer.alloc(50_000, 4));
          expect(store.getattr(C, o, '_')).toEqual(Buffer.alloc(3000, 5));
          expect(store.omapHeader(C, o)).toEqual(Buffer.alloc(2000, 6));
        }
      };
      await wants();
      expect(Buffer.from(seen[0]!).equals(Buffer.alloc(100_001, 1))).toBe(true);
      expect(Buffer.from(seen[1]!).equals(Buffer.alloc(9000, 2))).toBe(true);
      expect(Buffer.from(seen[2]!).equals(Buffer.alloc(5000, 3))).toBe(true);
      await reopen();
      await wants();
    });

    it('keeps a clone apart from its source', async () => {
      await start();
      const data = patterned(dice(1), 200_000);
      await store.submit([
        write(A, 0, data),
        { op: 'setattrs', c: C, oid: A, attrs: new Map([['x', bytes('1')]]) },
        { op: 'omapSet', c: C, oid: A, entries: new Map([['k', bytes('1')]]) },
        { op: 'omapSetHeader', c: C, oid: A, header: bytes('h') },
        write(B, 300_000, 'old'),
        { op: 'clone', c: C, from: A, to: B },
      ]);
      await store.submit([
        write(A, 5000, Buffer.alloc(50_000, 9)),
        write(A, 100_000, 'small'),
        { op: 'omapSet', c: C, oid: A, entries: new Map([['k', bytes('2')]]) },
        { op: 'rmattr', c: C, oid: A, name: 'x' },
      ]);
      await store.submit([write(B, 0, 'B')]);
      const expected = Buffer.from(data);
      expected[0] = 66;
      expect(await read(B)).toEqual(expected);
      await store.submit([{ op: 'remove', c: C, oid: A }]);
      await store.submit([write(A, 0, Buffer.alloc(400_000, 1))]);
      await reopen();
      expect(await read(B)).toEqual(expected);
      expect(Buffer.from(store.getattr(C, B, 'x')!)).toEqual(bytes('1'));
      expect(Buffer.from(store.omapGet(C, B, ['k']).get('k')!)).toEqual(bytes('1'));
      expect(Buffer.from(store.omapHeader(C, B)!)).toEqual(bytes('h'));
    });

    it('lists omap by prefix, from and after, in pages', async () => {
      await start();
      const keys = ['a', 'a\0', 'ab', 'b', 'b\xff', 'b\xff\xff', 'c', '\xff', '\xff\xff'];
      const entries = new Map(keys.map((k) => [k, bytes(k)]));
      await store.submit([{ op: 'omapSet', c: C, oid: A, entries }]);
      const list = (options: { after?: string; from?: string; prefix?: string; limit?: number }) =>
        store.omapList(C, A, { limit: 100, ...options }).entries.map((e) => e[0]);
      for (let i = 0; i < 2; i++) {
        expect(list({})).toEqual(keys);
        expect(list({ after: 'a' })).toEqual(keys.slice(1));
        expect(list({ from: 'a\0' })).toEqual(keys.slice(1));
        expect(list({ prefix: 'b' })).toEqual(['b', 'b\xff', 'b\xff\xff']);
        expect(list({ prefix: 'b\xff', after: 'a' })).toEqual(['b\xff', 'b\xff\xff']);
        expect(list({ prefix: '\xff', after: '\xff' })).toEqual(['\xff\xff']);
        expect(list({ prefix: 'b', after: 'c' })).toEqual([]);
        expect(store.omapList(C, A, { limit: 9 }).more).toBe(false);
        expect(store.omapList(C, A, { limit: 8 }).more).toBe(true);
        await reopen();
      }
      await store.submit([{ op: 'omapRmRange', c: C, oid: A, from: 'a\0', to: 'c' }]);
      expect(list({})).toEqual(['a', 'c', '\xff', '\xff\xff']);
      await store.submit([{ op: 'omapClear', c: C, oid: A }]);
      expect(list({})).toEqual([]);
      expect(store.usage().omapBytes).toBe(0);
    });

    it('empties an omap of thousands of entries and leaves nothing of it', async () => {
      await start();
      const entries = new Map(
        Array.from({ length: 3000 }, (_, i) => [`key${i}`, Buffer.alloc(20, i)] as const),
      );
      await store.submit([{ op: 'omapSet', c: C, oid: A, entries }]);
      expect(store.usage().omapBytes).toBeGreaterThan(60_000);
      const removed = store.submit([{ op: 'remove', c: C, oid: A }]);
      await store.submit([
        { op: 'omapSet', c: C, oid: A, entries: new Map([['new', bytes('1')]]) },
      ]);
      await removed;
      expect(store.omapList(C, A, { limit: 9 }).entries.map((e) => e[0])).toEqual(['new']);
      expect(store.usage().omapBytes).toBe(4);
      await reopen();
      expect(store.omapList(C, A, { limit: 9 }).entries.map((e) => e[0])).toEqual(['new']);
    });

    it('lists objects in the order of compareHObject, whatever their names', async () => {
      await start();
      const text = fc.string({
        unit: fc.constantFrom('\0', '\x01', '\x02', 'a', '\xff'),
        maxLength: 4,
      });
      const long = fc.nat({ max: 2048 }).map((n) => 'x'.repeat(n));
      const object = fc.record({
        key: fc.oneof(fc.constant(''), text),
        name: fc.oneof({ weight: 5, arbitrary: text }, long),
        snap: fc.constantFrom(0n, 1n, 256n, 2n ** 63n, 0xffff_ffff_ffff_fffen),
        hash: fc.constantFrom(0, 1, 2, 0x8000_0000, 0x0100_0000, 0xffff_ffff),
        max: fc.constant(false),
        namespace: text,
        pool: fc.constantFrom(-1, 0, 1, 2 ** 40, -(2 ** 33) - 1),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(object, {
            maxLength: 12,
            comparator: (a, b) => compareHObject(a, b) === 0,
          }),
          async (objects) => {
            await store.submit(objects.map((o) => ({ op: 'touch', c: C, oid: o })));
            const sorted = objects
              .map((o) => ({ ...o, key: o.key === o.name ? '' : o.key }))
              .sort(compareHObject);
            expect(store.list(C, HOBJECT_MIN, 100).objects).toEqual(sorted);
            for (const o of objects) {
              const rest = sorted.filter((x) => compareHObject(x, o) >= 0);
              const { objects: got, next } = store.list(C, o, 1);
              expect(got).toEqual(rest.slice(0, 1));
              expect(next).toEqual(rest[1]);
            }
            await store.submit(objects.map((o) => ({ op: 'remove', c: C, oid: o })));
          },
        ),
        { numRuns: 60 },
      );
      expect(store.list(C, HOBJECT_MAX, 9)).toEqual({ objects: [], next: undefined });
    });

    describe('collections of PGs', () => {
      const pg = { pool: 3, seed: 1, bits: 1 };
      const P = '3.1';
      const D = '3.3';
      const split: StoreOp = { op: 'splitcoll', c: P, bits: 2, seed: 3, dest: D };
      const merge: StoreOp = { op: 'mergecoll', c: D, dest: P, bits: 1 };
      const inPg = (name: string, hash: number, more: Partial<HObject> = {}): HObject =>
        oid(name, { hash, pool: 3, ...more });
      const low = inPg('low', 0x1234_5675); // ...01
      const high = inPg('high', 0x1234_5677); // ...11
      const own = inPg('pgmeta', 3, { pool: ownPool(3) });
      const put = (c: string, o: HObject, text: string): StoreOp[] => [
        { op: 'write', c, oid: o, offset: 0, data: bytes(text) },
        { op: 'setattrs', c, oid: o, attrs: new Map([['x', bytes(text)]]) },
        { op: 'omapSet', c, oid: o, entries: new Map([['k', bytes(text)]]) },
      ];
      const begin = async () => {
        await start();
        await store.submit([
          { op: 'mkcoll', c: P, bounds: pg },
          ...put(P, low, 'low'),
          ...put(P, high, 'high'),
          ...put(P, own, 'own'),
        ]);
      };
      const holds = async (c: string, ...objects: [HObject, string][]) => {
        expect(store.list(c, HOBJECT_MIN, 99).objects).toEqual(objects.map(([o]) => o));
        for (const [o, text] of objects) {
          expect(Buffer.from(await store.read(c, o, 0, 99)).latin1Slice()).toBe(text);
          expect(Buffer.from(store.getattr(c, o, 'x')!).latin1Slice()).toBe(text);
          expect(Buffer.from(store.omapGet(c, o, ['k']).get('k')!).latin1Slice()).toBe(text);
        }
      };

      it('split by the next bit of the hash, and merge again', async () => {
        await begin();
        await holds(P, [own, 'own'], [low, 'low'], [high, 'high']);
        expect(store.bounds(P)).toEqual(pg);
        expect(store.bounds(C)).toBeUndefined();
        const before = store.usage();
        await store.submit([split, ...put(D, inPg('new', 7), 'new')]);
        for (let i = 0; i < 2; i++) {
          await holds(P, [low, 'low']);
          await holds(D, [own, 'own'], [inPg('new', 7), 'new'], [high, 'high']);
          expect([store.bounds(P), store.bounds(D)]).toEqual([
            { ...pg, bits: 2 },
            { pool: 3, seed: 3, bits: 2 },
          ]);
          expect(store.list(D, high, 1)).toEqual({ objects: [high], next: undefined });
          expect(store.list(D, low, 1).objects).toEqual([inPg('new', 7)]);
          await reopen();
        }
        await store.submit([{ op: 'remove', c: D, oid: inPg('new', 7) }, merge]);
        for (let i = 0; i < 2; i++) {
          await holds(P, [own, 'own'], [low, 'low'], [high, 'high']);
          expect(store.collections()).toEqual([C, P]);
          await reopen();
        }
        const { dataBytes, omapBytes } = before;
        expect(store.usage()).toMatchObject({ dataBytes, omapBytes });
      });

      it('split into any count of parts, within one transaction', async () => {
        await start();
        const all = Array.from({ length: 40 }, (_, i) => inPg(`o${i}`, i));
        await store.submit([
          { op: 'mkcoll', c: '3.0', bounds: { pool: 3, seed: 0, bits: 0 } },
          ...all.map((o): StoreOp => ({ op: 'touch', c: '3.0', oid: o })),
        ]);
        // Six PGs: two of them have one bit less.
        await store.submit([
          { op: 'splitcoll', c: '3.0', bits: 1, seed: 1, dest: '3.1' },
          { op: 'splitcoll', c: '3.0', bits: 2, seed: 2, dest: '3.2' },
          { op: 'splitcoll', c: '3.1', bits: 2, seed: 3, dest: '3.3' },
          { op: 'splitcoll', c: '3.0', bits: 3, seed: 4, dest: '3.4' },
          { op: 'splitcoll', c: '3.1', bits: 3, seed: 5, dest: '3.5' },
        ]);
        await reopen();
        for (const [c, mask, seed] of [
          ['3.0', 7, 0],
          ['3.1', 7, 1],
          ['3.2', 3, 2],
          ['3.3', 3, 3],
          ['3.4', 7, 4],
          ['3.5', 7, 5],
        ] as const) {
          const want = all.filter((o) => (o.hash & mask) === seed).sort(compareHObject);
          expect(store.list(c, HOBJECT_MIN, 99).objects).toEqual(want);
        }
      });

      it('show and take no object that is not theirs', async () => {
        await begin();
        await store.submit([split]);
        expect(store.stat(P, high)).toBeUndefined();
        expect(store.getattrs(P, high).size).toBe(0);
        await expect((async () => store.read(P, high, 0, 1))()).rejects.toMatchObject({
          code: 'ENOENT',
        });
        await rejects([{ op: 'touch', c: P, oid: high }], 'EINVAL');
        await rejects([{ op: 'remove', c: P, oid: high }], 'EINVAL');
        await rejects([{ op: 'clone', c: P, from: low, to: high }], 'EINVAL');
        await rejects([{ op: 'touch', c: P, oid: { ...low, pool: 4 } }], 'EINVAL');
        await rejects([{ op: 'touch', c: P, oid: { ...low, pool: -1 } }], 'EINVAL');
        await rejects([split, { op: 'touch', c: P, oid: high }], 'EEXIST');
        await rejects([merge, { op: 'touch', c: D, oid: high }], 'ENOENT');
        await store.submit([merge, ...put(P, high, 'again')]);
        expect((await store.read(P, high, 0, 99)).length).toBe(5);
      });

      it('do not overlap, and are halved and joined in no other way', async () => {
        await begin();
        const make = (c: string, bounds: PgBounds): StoreOp => ({ op: 'mkcoll', c, bounds });
        await rejects([make('3.5', { pool: 3, seed: 5, bits: 3 })], 'EINVAL');
        await rejects([make('3.0', { pool: 3, seed: 0, bits: 0 })], 'EINVAL');
        for (const bounds of [
          { pool: -1, seed: 0, bits: 1 },
          { pool: 4, seed: 2, bits: 1 },
          { pool: 4, seed: 0, bits: 33 },
          { pool: 4, seed: 0.5, bits: 1 },
        ]) {
          await rejects([make('4.0', bounds)], 'EINVAL');
        }
        await rejects([{ ...split, bits: 3, seed: 5 }], 'EINVAL');
        await rejects([{ ...split, seed: 2 }], 'EINVAL');
        await rejects([{ ...split, dest: C }], 'EEXIST');
        await rejects([{ ...split, c: '9.9' }], 'ENOENT');
        await rejects([{ ...split, c: C }], 'EINVAL');
        await rejects([{ ...merge, c: C }], 'EINVAL');
        await rejects([{ ...merge, c: P }], 'EINVAL');
        await rejects([merge], 'ENOENT');
        await rejects([split, { op: 'rmcoll', c: D }], 'EINVAL');
        await store.submit([make('3.0', { pool: 3, seed: 0, bits: 1 })]);
        await rejects([{ ...merge, c: P, dest: '3.0', bits: 1 }], 'EINVAL');
        await rejects([{ ...merge, c: '3.0', dest: P, bits: 0 }], 'EINVAL');
        await store.submit([split]);
        await rejects([{ ...merge, c: P, dest: '3.0', bits: 0 }], 'EINVAL');
        await store.submit([merge, { ...merge, c: P, dest: '3.0', bits: 0 }]);
        await holds('3.0', [own, 'own'], [low, 'low'], [high, 'high']);
        await rejects([{ op: 'rmcoll', c: '3.0' }], 'ENOTEMPTY');
        await store.submit([
          ...[own, low, high].map((o): StoreOp => ({ op: 'remove', c: '3.0', oid: o })),
          { op: 'rmcoll', c: '3.0' },
          make('3.7', { pool: 3, seed: 7, bits: 3 }),
        ]);
        expect(store.collections()).toEqual([C, '3.7']);
      });
    });

    it('clones a part of an object: bytes, holes and nothing else', async () => {
      await start();
      const data = patterned(dice(5), 60_000);
      const expected = Buffer.alloc(100_000, 7);
      await store.submit([
        write(A, 0, data.subarray(0, 20_000)),
        write(A, 40_000, data.subarray(40_000)),
        { op: 'zero', c: C, oid: A, offset: 20_000, length: 20_000 },
        { op: 'setattrs', c: C, oid: A, attrs: new Map([['x', bytes('1')]]) },
        write(B, 0, expected),
      ]);
      data.fill(0, 20_000, 40_000);
      for (const [offset, length, at] of [
        [4096, 40_960, 8192], // whole blocks, with a hole
        [5000, 30_000, 5000 + 3 * 4096], // alike, but not whole
        [1, 50_000, 10_000], // not alike
        [100, 200, 4196], // within a block
        [59_000, 1e6, 96_000], // beyond the source's end, and the target's
        [60_000, 5, 0], // nothing
      ] as const) {
        await store.submit([{ op: 'cloneRange', c: C, from: A, to: B, offset, length, at }]);
        data.copy(expected, at, offset, Math.min(60_000, offset + length));
        expect((await read(B)).equals(expected)).toBe(true);
      }
      expect(store.stat(C, B)).toEqual({ size: 100_000 });
      expect(store.getattrs(C, B).size).toBe(0);
      // The source can go, and be written anew.
      await store.submit([write(A, 0, Buffer.alloc(60_000, 9)), { op: 'remove', c: C, oid: A }]);
      await store.submit([write(A, 0, Buffer.alloc(60_000, 8))]);
      await reopen();
      expect((await read(B)).equals(expected)).toBe(true);
    });

    it('clones parts within an object and into new ones, and nothing of what is not there', async () => {
      await start();
      const data = patterned(dice(6), 50_000);
      const to = oid('to');
      await store.submit([
        write(A, 0, data),
        { op: 'cloneRange', c: C, from: A, to: A, offset: 0, length: 30_000, at: 8192 },
        { op: 'cloneRange', c: C, from: A, to, offset: 8192, length: 100, at: 12_288 },
        { op: 'cloneRange', c: C, from: B, to: oid('none'), offset: 0, length: 100, at: 0 },
        { op: 'cloneRange', c: C, from: A, to: oid('empty'), offset: 50_000, length: 9, at: 9 },
      ]);
      const expected = Buffer.from(data);
      data.copy(expected, 8192, 0, 30_000);
      for (let i = 0; i < 2; i++) {
        expect((await read(A)).equals(expected)).toBe(true);
        expect(await read(to)).toEqual(
          Buffer.concat([Buffer.alloc(12_288), data.subarray(0, 100)]),
        );
        expect(store.stat(C, oid('none'))).toBeUndefined();
        expect(store.stat(C, oid('empty'))).toEqual({ size: 0 });
        await reopen();
      }
      const range = { op: 'cloneRange' as const, c: C, from: A, to };
      await rejects([{ ...range, offset: -1, length: 1, at: 0 }], 'EINVAL');
      await rejects([{ ...range, offset: 0, length: 1, at: 2 ** 44 }], 'EFBIG');
      await rejects([{ ...range, from: HOBJECT_MAX, offset: 0, length: 1, at: 0 }], 'EINVAL');
    });

    it('gives whole blocks back that are zeroed, and shares what is cloned', async () => {
      await start();
      await store.submit([write(A, 0, Buffer.alloc(400_000, 1))]);
      const one = store.usage();
      await store.submit([{ op: 'clone', c: C, from: A, to: B }]);
      await store.submit([
        { op: 'cloneRange', c: C, from: A, to: oid('c'), offset: 0, length: 200_000, at: 40_960 },
      ]);
      const cloned = store.usage();
      expect(cloned.dataBytes).toBe(2 * one.dataBytes + 200_000);
      if (harness!.keeps) {
        // Only the edges of the range are copied.
        expect(cloned.allocatedBytes - one.allocatedBytes).toBeLessThanOrEqual(2 * 4096);
      }
      await store.submit([{ op: 'zero', c: C, oid: A, offset: 1000, length: 390_000 }]);
      expect(store.usage().dataBytes).toBeLessThan(cloned.dataBytes - 380_000);
      const { objects } = store.list(C, HOBJECT_MIN, 9);
      await store.submit(
        objects.map((o) => ({ op: 'zero', c: C, oid: o, offset: 0, length: 409_600 })),
      );
      expect(store.usage()).toMatchObject({ dataBytes: 0, allocatedBytes: 0 });
      expect(await read(B)).toEqual(Buffer.alloc(409_600));
      expect(store.extents(C, B, 0, 409_600)).toEqual([]);
    });

    it('calls back when a transaction can be read and not when it is refused', async () => {
      await start();
      let seen: unknown;
      const done = store.submit([write(A, 0, 'x')], () => {
        seen = store.stat(C, A);
      });
      expect(seen).toEqual({ size: 1 });
      await done;
      seen = undefined;
      const refused = store.submit([write(A, -1, 'x')], () => {
        seen = 'called';
      });
      await expect(refused).rejects.toMatchObject({ code: 'EINVAL' });
      expect(seen).toBeUndefined();
    });

    it('flushes what is there, also while more comes', async () => {
      await start();
      await store.flush();
      const running: Promise<void>[] = [];
      for (let i = 0; i < 60; i++) {
        running.push(store.submit([write(oid(`o${i % 7}`), 100 * i, Buffer.alloc(5000, i))]));
        if (i % 5 === 0) running.push(store.flush());
      }
      await Promise.all(running);
      await store.flush();
      expect(store.stat(C, oid('o0'))?.size).toBe(5600 + 5000);
      await store.close();
      await expect(store.flush()).rejects.toMatchObject({ code: 'EIO' });
    });

    it('keeps room that a collection was promised from the others', async () => {
      await start();
      await store.submit([{ op: 'mkcoll', c: '1.1' }]);
      const other = (length: number): StoreOp[] => [
        { op: 'write', c: '1.1', oid: A, offset: 0, data: Buffer.alloc(length) },
      ];
      const free = store.usage().availableBytes;
      const margin = Math.ceil(free * 0.05);
      expect(() => store.reserve('7.7', 1)).toThrow(/no collection/);
      expect(() => store.reserve(C, 2 * free)).toThrow(/reserved/);
      expect(store.usage().reservedBytes).toBe(0);
      store.reserve(C, free - margin);
      expect(() => store.reserve('1.1', margin + 1)).toThrow(/reserved/);
      const { reservedBytes, availableBytes } = store.usage();
      expect([reservedBytes, availableBytes]).toEqual([free - margin, free]);
      await rejects(other(2 * margin), 'ENOSPC');
      // Nothing that a store could make smaller.
      await store.submit([write(A, 0, randomBytes(2 * margin))]);
      const drawn = free - margin - store.usage().reservedBytes;
      expect(drawn).toBeGreaterThanOrEqual(2 * margin);
      expect(drawn).toBeLessThan(2.1 * margin);
      await rejects(other(2 * margin), 'ENOSPC');
      store.release(C);
      expect(store.usage().reservedBytes).toBe(0);
      await store.submit(other(2 * margin));
    });

    it('takes a promise back when its collection goes, and by a restart', async () => {
      await start();
      await store.submit([{ op: 'mkcoll', c: '1.1' }]);
      store.reserve('1.1', 1e6);
      store.reserve(C, 1e6);
      store.reserve(C, 1e6);
      await store.submit([{ op: 'rmcoll', c: '1.1' }]);
      expect(store.usage().reservedBytes).toBe(2e6);
      if (!harness!.keeps) return;
      await reopen();
      expect(store.usage().reservedBytes).toBe(0);
    });

    it('agrees with the plain model after any transactions', async () => {
      await start();
      await store.submit([{ op: 'rmcoll', c: C }]);
      const pgs = firstPgs();
      const model = new ModelStore();
      model.apply(making(pgs));
      await store.submit(making(pgs));
      const roll = dice(20_241);
      for (let round = 0; round < 50; round++) {
        const running: Promise<void>[] = [];
        for (let i = 0; i < 20; i++) {
          const txn = randomTransaction(roll, 12, pgs);
          model.apply(txn);
          running.push(store.submit(txn));
          const o = objectOf(roll(12));
          const c = COLLECTIONS[roll(2)]!;
          const plain = model.find(c, o);
          expect(store.stat(c, o)?.size).toBe(plain?.data.length);
          if (plain) {
            const offset = roll(50_000);
            const length = roll(60_000);
            const got = Buffer.from(await store.read(c, o, offset, length));
            expect(got.equals(plain.data.subarray(offset, offset + length))).toBe(true);
            checkExtents(store.extents(c, o, offset, length), plain.data, offset, length);
          }
        }
        await Promise.all(running);
        expect(await dumpStore(store)).toBe(model.dump());
        if (round % 5 === 4) {
          const before = figures(store);
          await reopen();
          expect(await dumpStore(store)).toBe(model.dump());
          if (round % 10 === 9) expect(figures(store)).toMatchObject({ omap: before.omap });
        }
      }
      for (const c of store.collections()) {
        const { objects } = store.list(c, HOBJECT_MIN, 1000);
        await store.submit(objects.map((o) => ({ op: 'remove', c, oid: o })));
      }
      await reopen();
      const { dataBytes, allocatedBytes, omapBytes } = store.usage();
      expect({ dataBytes, allocatedBytes, omapBytes }).toEqual({
        dataBytes: 0,
        allocatedBytes: 0,
        omapBytes: 0,
      });
    });

    it('refuses work after it is closed', async () => {
      await start();
      await store.close();
      await rejects([write(A, 0, 'x')], 'EIO');
    });
  });
}

function figures(store: ObjectStore) {
  const { omapBytes, dataBytes } = store.usage();
  return { omap: omapBytes, data: dataBytes };
}

/** Extents lie in the range, ascend and are apart; outside of them everything is zero. */
function checkExtents(
  ranges: { offset: number; length: number }[],
  data: Buffer,
  offset: number,
  length: number,
): void {
  const end = Math.min(offset + length, data.length);
  let at = offset;
  for (const r of ranges) {
    expect(r.length).toBeGreaterThan(0);
    expect(r.offset).toBeGreaterThanOrEqual(at);
    if (r !== ranges[0]) expect(r.offset).toBeGreaterThan(at);
    expect(data.subarray(at, r.offset).every((b) => b === 0)).toBe(true);
    at = r.offset + r.length;
  }
  if (ranges.length > 0) expect(at).toBeLessThanOrEqual(end);
  if (at < end) expect(data.subarray(at, end).every((b) => b === 0)).toBe(true);
}
