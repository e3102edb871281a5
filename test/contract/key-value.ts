import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type KeyValue, type KeyValueOp, sharedMemory } from '../../src/runtime/index.ts';

/** A store under test: `open` opens it again and again on the same content. */
export interface KeyValueHarness {
  open(): Promise<KeyValue>;
  /** Throws the content away. */
  destroy(): Promise<void>;
}

const bytes = (text: string) => Buffer.from(text, 'latin1');
const END = '\xff'.repeat(4);

/** What every implementation of the KeyValue port promises. */
export function keyValueContract(name: string, make: () => Promise<KeyValueHarness>): void {
  describe(`KeyValue contract: ${name}`, () => {
    let harness: KeyValueHarness | undefined;
    let kv: KeyValue;
    const start = async () => {
      harness = await make();
      kv = await harness.open();
    };
    const reopen = async () => {
      await kv.close();
      kv = await harness!.open();
    };
    afterEach(async () => {
      await kv.close();
      await harness?.destroy();
      harness = undefined;
    });
    const all = (from = '', to = END, options = {}) =>
      [...kv.range(from, to, options)].map((e) => [e.key, e.value.latin1Slice()]);

    it('reads a batch once it is committed, and after it is opened again', async () => {
      await start();
      await kv.commit([
        { op: 'put', key: 'a', value: bytes('1') },
        { op: 'put', key: 'b', value: bytes('') },
        { op: 'put', key: '\0', value: bytes('zero') },
        { op: 'put', key: '\xff\x80', value: Buffer.alloc(100_000, 7) },
      ]);
      for (let i = 0; i < 2; i++) {
        expect(kv.get('a')).toEqual(bytes('1'));
        expect(kv.get('b')).toEqual(bytes(''));
        expect(kv.get('c')).toBeUndefined();
        expect(kv.get('\xff\x80')).toEqual(Buffer.alloc(100_000, 7));
        expect(all().map((e) => e[0])).toEqual(['\0', 'a', 'b', '\xff\x80']);
        await reopen();
      }
    });

    it('takes values that lie in memory which threads share', async () => {
      await start();
      const value = sharedMemory(3000).fill('shared');
      await kv.commit([
        { op: 'put', key: 'all', value },
        { op: 'put', key: 'part', value: value.subarray(5, 500) },
      ]);
      for (let i = 0; i < 2; i++) {
        expect(kv.get('all')?.equals(value)).toBe(true);
        expect(kv.get('part')?.equals(value.subarray(5, 500))).toBe(true);
        await reopen();
      }
    });

    it('bounds ranges below and above, both ways, with a limit', async () => {
      await start();
      await kv.commit(
        ['a', 'b', 'c', 'd'].map((key) => ({ op: 'put' as const, key, value: bytes(key) })),
      );
      const keys = (from: string, to: string, options = {}) =>
        all(from, to, options).map((e) => e[0]);
      expect(keys('b', 'd')).toEqual(['b', 'c']);
      expect(keys('b', 'd', { reverse: true })).toEqual(['c', 'b']);
      expect(keys('', END, { limit: 2 })).toEqual(['a', 'b']);
      expect(keys('', END, { limit: 2, reverse: true })).toEqual(['d', 'c']);
      expect(keys('bb', 'cc')).toEqual(['c']);
      expect(keys('c', 'c')).toEqual([]);
      expect(keys('d', 'a')).toEqual([]);
      expect(keys('a', 'c', { limit: 0 })).toEqual([]);
    });

    it('gives values that stay as they are when the key changes', async () => {
      await start();
      await kv.commit([{ op: 'put', key: 'k', value: bytes('old') }]);
      const got = kv.get('k')!;
      const listed = [...kv.range('', END)][0]!.value;
      await kv.commit([{ op: 'put', key: 'k', value: bytes('new') }]);
      kv.get('k');
      expect([got.latin1Slice(), listed.latin1Slice()]).toEqual(['old', 'old']);
    });

    it('applies batches in the order of the calls, a range removal among them', async () => {
      await start();
      const done = [
        kv.commit([{ op: 'put', key: 'k1', value: bytes('1') }]),
        kv.commit([
          { op: 'put', key: 'k2', value: bytes('2') },
          { op: 'delRange', from: 'k1', to: 'k3' },
          { op: 'put', key: 'k25', value: bytes('after') },
        ]),
        kv.commit([{ op: 'put', key: 'k1', value: bytes('again') }]),
        kv.commit([{ op: 'del', key: 'k25' }]),
        kv.commit([]),
      ];
      await Promise.all(done);
      expect(all()).toEqual([['k1', 'again']]);
    });

    it('an empty batch does not let a range overtake what came before it', async () => {
      await start();
      const put = kv.commit([{ op: 'put', key: 'k', value: bytes('v') }]);
      const nothing = kv.commit([]);
      const range = kv.commit([{ op: 'delRange', from: 'a', to: 'z' }]);
      await Promise.all([put, nothing, range]);
      expect(all()).toEqual([]);
    });

    it('agrees with a plain map after any batches', async () => {
      await start();
      const key = fc.string({
        unit: fc.constantFrom('\0', 'a', 'b', '\xff'),
        minLength: 1,
        maxLength: 3,
      });
      const op: fc.Arbitrary<KeyValueOp> = fc.oneof(
        fc.record({
          op: fc.constant('put' as const),
          key,
          value: fc.uint8Array({ maxLength: 5 }).map((b) => Buffer.from(b)),
        }),
        fc.record({ op: fc.constant('del' as const), key }),
        fc.record({ op: fc.constant('delRange' as const), from: key, to: key }),
      );
      const model = new Map<string, string>();
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(op, { maxLength: 6 }), { maxLength: 5 }),
          async (run) => {
            await Promise.all(run.map((batch) => kv.commit(batch)));
            for (const o of run.flat()) {
              if (o.op === 'put') model.set(o.key, Buffer.from(o.value).latin1Slice());
              else if (o.op === 'del') model.delete(o.key);
              else for (const k of [...model.keys()]) if (k >= o.from && k < o.to) model.delete(k);
            }
            const sorted = [...model].sort((a, b) => (a[0] < b[0] ? -1 : 1));
            expect(all()).toEqual(sorted);
            expect(all('', END, { reverse: true })).toEqual(sorted.reverse());
          },
        ),
        { numRuns: 60 },
      );
      await reopen();
      expect(all().length).toBe(model.size);
    });

    it('refuses work after it is closed', async () => {
      await start();
      await kv.close();
      await expect(kv.commit([{ op: 'put', key: 'k', value: bytes('v') }])).rejects.toMatchObject({
        code: 'EBADF',
      });
    });
  });
}
