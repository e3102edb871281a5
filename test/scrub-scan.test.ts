// What one member sees of a stretch of a PG: no more at a time than it should, and no longer than somebody waits for it.
import { expect, it } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import { type ScanDepth, scanRange } from '../src/osd/scrub/scrub-map.ts';
import { MemoryStore, type ObjectStore } from '../src/store/index.ts';
import { HOBJECT_MAX, HOBJECT_MIN, type HObject, SNAP_HEAD } from '../src/wire/index.ts';

const C = '1.0';
const DEEP: ScanDepth = { deep: true, strideBytes: 4096, strideKeys: 1024 };
const FROM = { ...HOBJECT_MIN, pool: 1 };
const RANGE = { from: FROM, to: { ...HOBJECT_MAX, pool: 1 } };
const oid = (name: string): HObject => ({ ...FROM, name, snap: SNAP_HEAD, hash: 5 });

async function storeOf(names: readonly string[], bytes = 10): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.submit([
    { op: 'mkcoll', c: C },
    ...names.map((name) => {
      const data = Buffer.alloc(bytes, name);
      return { op: 'write', c: C, oid: oid(name), offset: 0, data } as const;
    }),
  ]);
  return store;
}
const host = (store: ObjectStore, more: { isWanted?: boolean; pause?: () => void } = {}) => ({
  store,
  crc32c,
  pause: async () => more.pause?.(),
  get isWanted() {
    return more.isWanted ?? true;
  },
});

it('ends where there are more objects than were asked for, and says where', async () => {
  const store = await storeOf(['a', 'b', 'c', 'd']);
  const seen = await scanRange(host(store), C, RANGE, DEEP, 2);
  expect(seen!.objects.map((o) => o.oid.name)).toEqual(['a', 'b']);
  expect(seen!.to).toEqual(oid('c'));
  const rest = await scanRange(host(store), C, { ...RANGE, from: seen!.to }, DEEP, 2);
  expect(rest!.objects.map((o) => o.oid.name)).toEqual(['c', 'd']);
  expect(rest!.to).toEqual(RANGE.to);
});

it('stops in the middle of an object when nobody waits any more', async () => {
  const store = await storeOf(['a', 'b'], 100_000);
  let pauses = 0;
  const on = {
    isWanted: true,
    pause: () => {
      on.isWanted = ++pauses < 3;
    },
  };
  expect(await scanRange(host(store, on), C, RANGE, DEEP, 9)).toBeUndefined();
  expect(pauses).toBe(3);
});

it('reads few large entries of an omap at a time, and many small ones, with the digest of all', async () => {
  for (const [count, valueBytes] of [
    [5000, 10],
    [100, 300_000],
  ] as const) {
    const store = await storeOf(['a']);
    const entries = new Map(
      Array.from({ length: count }, (_, i) => [
        `k${String(i).padStart(6, '0')}`,
        Buffer.alloc(valueBytes, i),
      ]),
    );
    await store.submit([{ op: 'omapSet', c: C, oid: oid('a'), entries }]);
    const pages: number[] = [];
    const watched = new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'omapList') return value.bind(target);
        return (...args: Parameters<ObjectStore['omapList']>) => {
          const page = target.omapList(...args);
          pages.push(page.entries.reduce((n, [, v]) => n + v.length, 0));
          return page;
        };
      },
    });
    const [small] = (await scanRange(host(watched), C, RANGE, DEEP, 9))!.objects;
    expect(Math.max(...pages)).toBeLessThanOrEqual(8 << 20);
    expect(pages.length).toBeLessThan(12);
    const [large] = (await scanRange(host(store), C, RANGE, { ...DEEP, strideKeys: 50 }, 9))!
      .objects;
    expect([small!.omapKeys, small!.omapBytes]).toEqual([count, count * valueBytes]);
    expect(small!.omapDigest).toBe(large!.omapDigest);
  }
});
