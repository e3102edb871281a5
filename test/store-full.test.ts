// A store filled to its last byte in every way: refused cleanly, nothing damaged, removals always work.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CephError } from '../src/errors/index.ts';
import { BlockStore, fsck, type StoreOp, type Transaction } from '../src/store/index.ts';
import { HOBJECT_MIN, type HObject } from '../src/wire/index.ts';
import { always } from './support/compression.ts';
import { dumpStore, ModelStore } from './support/model-store.ts';
import { openNodeStore } from './support/node-store.ts';
import { place } from './support/power-run.ts';
import { objectOf, patterned } from './support/random-transactions.ts';
import { type Dice, dice, SimDisk } from './support/sim-disk.ts';
import { tempFolder } from './support/temp-folder.ts';

const MIB = 2 ** 20;
const SIZE = MIB;
const C = '1.0';
const object = (i: number): HObject => ({ ...objectOf(0), name: `o${i}`, hash: i });

const HALVE: Transaction = [{ op: 'splitcoll', c: C, bits: 1, seed: 1, dest: '1.1' }];
const JOIN: Transaction = [{ op: 'mergecoll', c: '1.1', dest: C, bits: 0 }];

/** Ways to fill a store: the steps of transaction `i`. */
const WAYS: Readonly<Record<string, (i: number, roll: Dice) => StoreOp[]>> = {
  'data of all sizes': (i, roll) => [
    {
      op: 'write',
      c: C,
      oid: object(i),
      offset: roll(9000),
      data: patterned(roll, 1 + roll(60_000)),
    },
  ],
  'small writes to few objects': (i, roll) => [
    {
      op: 'write',
      c: C,
      oid: object(i % 5),
      offset: i * 3000,
      data: patterned(roll, 1 + roll(4000)),
    },
  ],
  'small omap entries': (i, roll) => [
    {
      op: 'omapSet',
      c: C,
      oid: object(i % 3),
      entries: new Map(Array.from({ length: 40 }, (_, k) => [`${i}.${k}`, Buffer.alloc(roll(20))])),
    },
  ],
  'large omap values and headers': (i, roll) => [
    { op: 'omapSet', c: C, oid: object(i), entries: new Map([['k', Buffer.alloc(roll(9000), i)]]) },
    { op: 'omapSetHeader', c: C, oid: object(i), header: Buffer.alloc(roll(900), i) },
  ],
  attributes: (i, roll) => [
    { op: 'setattrs', c: C, oid: object(i), attrs: new Map([['a', Buffer.alloc(roll(5000), i)]]) },
  ],
  'objects that are nothing but long names': (i) => [
    { op: 'touch', c: C, oid: { ...object(i), name: `o${i}${'x'.repeat(i % 2000)}` } },
  ],
  'clones with omap': (i, roll) =>
    i === 0
      ? [
          { op: 'write', c: C, oid: object(0), offset: 0, data: patterned(roll, 50_000) },
          { op: 'write', c: C, oid: object(0), offset: 5, data: patterned(roll, 3000) },
          { op: 'omapSet', c: C, oid: object(0), entries: new Map([['k', Buffer.alloc(500)]]) },
        ]
      : [{ op: 'clone', c: C, from: object(0), to: object(i) }],
  'large data where single units are free': (i, roll) => {
    if (i < 12) {
      return [{ op: 'write', c: C, oid: object(i), offset: 0, data: patterned(roll, 65_536) }];
    }
    if (i < 24) {
      // Every other block of it goes.
      return Array.from({ length: 8 }, (_, k) => ({
        op: 'zero',
        c: C,
        oid: object(i - 12),
        offset: (2 * k + 1) * 4096,
        length: 4096,
      }));
    }
    const data = patterned(roll, 33_000 + roll(80_000));
    return [{ op: 'write', c: C, oid: object(i), offset: 0, data }];
  },
  'parts of clones': (i, roll) =>
    i === 0
      ? [{ op: 'write', c: C, oid: object(0), offset: 0, data: patterned(roll, 100_000) }]
      : [
          {
            op: 'cloneRange',
            c: C,
            from: object(0),
            to: object(1 + roll(200)),
            offset: roll(90_000),
            length: roll(30_000),
            at: roll(2) * roll(50_000) + 4096 * roll(20),
          },
        ],
  everything: (i, roll) => {
    const ways = Object.values(WAYS);
    return ways[roll(ways.length - 1)]!(1 + i, roll);
  },
};

/** Fills a store, many transactions under way at once, until 20 in a row were refused. */
async function fill(
  store: BlockStore,
  model: ModelStore,
  way: string,
  roll: Dice,
): Promise<number> {
  let taken = 0;
  for (let i = 0, refusals = 0; refusals < 20; ) {
    const batch: Transaction[] = Array.from({ length: 1 + roll(8) }, () => WAYS[way]!(i++, roll));
    const results = await Promise.allSettled(batch.map((txn) => store.submit(txn)));
    for (const [n, result] of results.entries()) {
      if (result.status === 'fulfilled') {
        model.apply(batch[n]!);
        taken++;
        refusals = 0;
        continue;
      }
      expect(result.reason).toBeInstanceOf(CephError);
      expect(result.reason.code).toBe('ENOSPC');
      refusals++;
    }
    if (i > 60_000) throw new Error('never full');
  }
  return taken;
}

async function expectSound(disk: SimDisk): Promise<void> {
  const found: string[] = [];
  await fsck({ ...place(disk, SIZE), deep: true, found: ({ text }) => found.push(text) });
  expect(found).toEqual([]);
}

/**
 * Bytes that a simulated machine holds of the store: units in use or kept for small writes, and everything in the
 * key/value store but these small writes, which pass through it.
 */
async function storedBytes(disk: SimDisk, store: BlockStore): Promise<number> {
  let bytes = store.usage().allocatedBytes;
  for (const { key, value } of disk.snapshot().stores.get('/sim/db')!.range('', '\xff')) {
    if (!key.startsWith('D')) bytes += key.length + value.length;
  }
  return bytes;
}

async function emptied(store: BlockStore, model: ModelStore): Promise<void> {
  const { objects } = store.list(C, HOBJECT_MIN, 1e6);
  // Cut first, at odd places: that must work without room too, though it leaves zeros to be written.
  for (const oid of objects.slice(0, 50)) {
    const size = Math.floor(store.stat(C, oid)!.size / 2);
    const txn: Transaction = [{ op: 'truncate', c: C, oid, size }];
    await store.submit(txn);
    model.apply(txn);
  }
  expect(await dumpStore(store)).toBe(model.dump());
  for (let i = 0; i < objects.length; i += 30) {
    const some = objects.slice(i, i + 30);
    await store.submit(some.map((oid) => ({ op: 'remove', c: C, oid })));
  }
  model.colls.get(C)!.objects = [];
}

/** The ways; and some of them in stripes, compressed, both. */
const CASES: readonly { way: string; stripeBytes?: number; compressed?: 'lz4' | 'zstd' }[] = [
  ...Object.keys(WAYS).map((way) => ({ way })),
  { way: 'data of all sizes', stripeBytes: 24 * 1024 },
  { way: 'large data where single units are free', stripeBytes: 16 * 1024 },
  { way: 'everything', stripeBytes: 64 * 1024 },
  { way: 'large data where single units are free', compressed: 'zstd' },
  { way: 'everything', stripeBytes: 16 * 1024, compressed: 'lz4' },
];

describe('a store that is full', () => {
  for (const { way, compressed, ...made } of CASES) {
    const how = [
      made.stripeBytes === undefined ? '' : `, in stripes of ${made.stripeBytes} bytes,`,
      compressed === undefined ? '' : `, compressed with ${compressed},`,
    ].join('');
    const opened = async (disk: SimDisk) => {
      const store = await BlockStore.open({ ...place(disk, SIZE), ...made });
      if (compressed) store.setCompression(1, always(compressed));
      return store;
    };
    it(`of ${way}${how} refuses, crashes soundly, removes, and takes as much again`, async () => {
      const roll = dice(7);
      let disk = new SimDisk(1);
      let store = await opened(disk);
      const model = new ModelStore();
      const first: Transaction = [{ op: 'mkcoll', c: C, bounds: { pool: 1, seed: 0, bits: 0 } }];
      await store.submit(first);
      model.apply(first);
      const counts: number[] = [];
      for (let round = 0; round < 2; round++) {
        counts.push(await fill(store, model, way, roll));
        expect(await storedBytes(disk, store)).toBeLessThanOrEqual(SIZE);
        // The power fails while it is full.
        disk = disk.reboot();
        await expectSound(new SimDisk(2, disk.snapshot()));
        store = await opened(disk);
        expect(await dumpStore(store)).toBe(model.dump());
        // Its collection is halved and joined, for which there is always room.
        for (const txn of [HALVE, JOIN]) {
          await store.submit(txn);
          model.apply(txn);
          expect(await dumpStore(store)).toBe(model.dump());
        }
        await emptied(store, model);
        expect(store.usage()).toMatchObject({ dataBytes: 0, allocatedBytes: 0, omapBytes: 0 });
      }
      expect(counts[1]! / counts[0]!).toBeGreaterThan(0.6);
      await store.close();
      await expectSound(disk);
    });
  }

  it('keeps LMDB within what the store may hold, when small entries fill it', async () => {
    const path = tempFolder('full');
    const store = await openNodeStore(path, { sizeBytes: 8 * MIB, journalBytes: MIB });
    await store.submit([{ op: 'mkcoll', c: C }]);
    let count = 0;
    for (let isFull = false; !isFull; count++) {
      const names = Array.from({ length: 500 }, (_, k) => `${(count * 7919 + k * 104_729) % 1e6}`);
      const entries = new Map(names.map((name) => [name, Buffer.alloc(8)]));
      const oid = object(count % 4);
      await store.submit([{ op: 'omapSet', c: C, oid, entries }]).catch((error) => {
        expect(error).toMatchObject({ code: 'ENOSPC' });
        isFull = true;
      });
    }
    await store.close();
    expect(count).toBeGreaterThan(50);
    // LMDB writes changed pages to new places before it frees the old ones: that is what HOST_RESERVE is for.
    expect(statSync(join(path, 'db/data.mdb')).size).toBeLessThan(2 * 8 * MIB);
    rmSync(path, { recursive: true });
  });
});

it('counts what clones of the same transaction put into the source of a copy', async () => {
  const store = await BlockStore.open(place(new SimDisk(1), SIZE));
  const [a, b, c] = [object(0), object(1), object(2)];
  const data = patterned(dice(1), 600_000);
  await store.submit([
    { op: 'mkcoll', c: C, bounds: { pool: 1, seed: 0, bits: 0 } },
    { op: 'write', c: C, oid: a, offset: 0, data },
  ]);
  // The clone shares its blocks; the copy lies otherwise in its own, and there is no room for it.
  const chain: Transaction = [
    { op: 'clone', c: C, from: a, to: b },
    { op: 'cloneRange', c: C, from: b, to: c, offset: 0, length: data.length, at: 1 },
  ];
  await expect(store.submit(chain)).rejects.toMatchObject({ code: 'ENOSPC' });
  await store.submit(chain.slice(0, 1));
  expect(store.stat(C, b)).toEqual({ size: data.length });
  await store.close();
});
