import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlockStore } from '../src/store/index.ts';
import { decodeOnode, encodeOnode, newOnode, type Onode } from '../src/store/onode.ts';
import { onodeBytes } from '../src/store/onode-bytes.ts';
import { HOBJECT_MIN, type HObject } from '../src/wire/index.ts';
import { openNodeStore } from './support/node-store.ts';
import { tempFolder } from './support/temp-folder.ts';

const KIB = 1024;
const C = '1.0';
const oid = (i: number): HObject => ({
  ...HOBJECT_MIN,
  pool: 1,
  hash: Math.imul(i, 0x9e37_79b1) >>> 0,
  name: `object ${i}`,
});
const info = (i: number): Buffer => Buffer.alloc(120, i);

describe('objects at rest in a store', () => {
  let path: string;
  let store: BlockStore;
  beforeAll(async () => {
    path = tempFolder('memory');
    store = await openNodeStore(join(path, 'osd'), {
      sizeBytes: 2 ** 30,
      cacheBytes: 256 * KIB,
      journalBytes: 256 * KIB,
    });
    await store.submit([{ op: 'mkcoll', c: C }]);
  });
  afterAll(async () => {
    await store.close();
    await rm(path, { recursive: true });
  });
  const held = () => store.memory().bluestore_cache_onode;
  /** What one object may add before the oldest go. */
  const ONE = 4 * KIB;

  it('take no more memory than they are allowed, and are all there', async () => {
    const count = 3000;
    let most = 0;
    const look = () => {
      most = Math.max(most, held().bytes);
    };
    for (let i = 0; i < count; i += 50) {
      const writes = Array.from({ length: 50 }, (_, j) =>
        store.submit([
          { op: 'write', c: C, oid: oid(i + j), offset: 0, data: Buffer.alloc(4096, i + j) },
          { op: 'setattrs', c: C, oid: oid(i + j), attrs: new Map([['_', info(i + j)]]) },
        ]),
      );
      await Promise.all(writes);
      look();
    }
    for (let n = 0; n < 4000; n++) {
      const i = (n * 7) % count;
      expect(store.getattr(C, oid(i), '_')).toEqual(info(i));
      look();
    }
    expect(most).toBeLessThanOrEqual(256 * KIB + ONE);
    expect(most).toBeGreaterThan(128 * KIB);
    for (let i = 0; i < count; i += 97) {
      expect(await store.read(C, oid(i), 0, 4096)).toEqual(Buffer.alloc(4096, i));
    }
  });

  it('go at once when they are allowed less', () => {
    expect(held().bytes).toBeGreaterThan(64 * KIB);
    store.setCacheBytes(32 * KIB);
    expect(held().bytes).toBeLessThanOrEqual(32 * KIB);
    for (let i = 0; i < 500; i++) store.stat(C, oid(i));
    expect(held().bytes).toBeLessThanOrEqual(32 * KIB + ONE);
    expect(held().items).toBeGreaterThan(0);
  });

  it('are counted as they are when they change', async () => {
    store.setCacheBytes(2 ** 20);
    const write = (length: number) =>
      store.submit([
        { op: 'setattrs', c: C, oid: oid(1), attrs: new Map([['a', Buffer.alloc(length)]]) },
      ]);
    await write(10);
    const before = held();
    await write(5010);
    expect(held()).toEqual({ items: before.items, bytes: before.bytes + 5000 });
    await store.submit([{ op: 'remove', c: C, oid: oid(1) }]);
    expect(held().items).toBe(before.items - 1);
  });
});

/** Looks for garbage, so that two readings of the heap can be compared. */
function settle(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) collect();
}

describe('the bytes that an object is counted with', () => {
  const attrs = () =>
    new Map([
      ['_', info(1).latin1Slice()],
      ['snapset', 'x'.repeat(40)],
    ]);
  const extents = (count: number, blocks: number): Onode['extents'] =>
    Array.from({ length: count }, (_, i) => ({
      ...{ block: 2 * i * blocks, count: blocks, unit: 3 * i * blocks },
      ...{ crcs: new Uint32Array(blocks).fill(0x9000_0000), shared: false, unwritten: undefined },
    }));
  const kinds: Record<string, () => Partial<Onode>> = {
    'of 4 KiB': () => ({ size: 4096, extents: extents(1, 1), attrs: attrs() }),
    'of 4 MiB': () => ({ size: 2 ** 22, extents: extents(1, 1024), attrs: attrs() }),
    'in 20 pieces': () => ({ size: 2 ** 20, extents: extents(20, 4), attrs: attrs() }),
    'with 10 patches': () => ({
      size: 2 ** 20,
      patches: Array.from({ length: 10 }, (_, i) => ({
        ...{ offset: i * 8192, length: 512, id: i, crc: 0xf000_0000 + i },
      })),
    }),
  };
  for (const [kind, made] of Object.entries(kinds)) {
    it(`are what the process grows by for one ${kind}`, () => {
      const record = encodeOnode({ ...newOnode('k'), exists: true, ...made() });
      const key = (i: number) => `O${'\x01'.repeat(30)}benchmark_data_host_1_object${i}`;
      const measured = () => {
        const cache = new Map<string, Onode>();
        settle();
        const before = process.memoryUsage();
        let counted = 0;
        for (let i = 0; i < 4000; i++) {
          const n = decodeOnode(key(i), record);
          cache.set(n.key, n);
          counted += onodeBytes(n);
        }
        settle();
        const after = process.memoryUsage();
        const grown = after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers;
        return { counted, grown, size: cache.size };
      };
      // Whatever else the process takes meanwhile (compiled code, say) only adds: the least is the nearest.
      const runs = [measured(), measured(), measured()];
      const { counted, grown, size } = runs.sort((x, y) => x.grown - y.grown)[0]!;
      expect(size).toBe(4000);
      const said = `${counted / 4000} counted, ${grown / 4000} grown`;
      expect(counted / grown, said).toBeGreaterThan(0.8);
      expect(counted / grown, said).toBeLessThan(1.3);
    });
  }
});
