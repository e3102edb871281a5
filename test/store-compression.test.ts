// Compressed data in BlockStore: what becomes of it, what it takes, and that no byte of it is ever wrong.
import { randomFillSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CephError, DecodeError } from '../src/errors/index.ts';
import type { CompressedBlob } from '../src/store/compressed-blob.ts';
import { unitsOf } from '../src/store/extent.ts';
import {
  BlockStore,
  type CompressionPolicy,
  fsck,
  HINT,
  type StoreOp,
} from '../src/store/index.ts';
import { decodeOnode, encodeOnode, newOnode } from '../src/store/onode.ts';
import { openMetadata } from '../src/store/store-files.ts';
import { objectStoreContract } from './contract/object-store.ts';
import { always } from './support/compression.ts';
import { dumpStore, ModelStore } from './support/model-store.ts';
import { HandClock, type PowerCounts, place, powerRun } from './support/power-run.ts';
import {
  COLLECTIONS,
  objectOf,
  patterned,
  randomTransaction,
} from './support/random-transactions.ts';
import { dice, SimDisk } from './support/sim-disk.ts';

const KIB = 1024;
const SIZE = 64 * 2 ** 20;
const C = '1.0';
const A = objectOf(0);
const B = objectOf(1);
const ALGORITHMS = ['lz4', 'zstd', 'zlib'] as const;

objectStoreContract('BlockStore that compresses', async () => {
  const disk = new SimDisk(11);
  let opens = 0;
  return {
    // By another algorithm each time: what one wrote is read and cut when another is used.
    open: async () => {
      const store = await BlockStore.open(place(disk, SIZE));
      store.setCompression(1, always(ALGORITHMS[opens++ % ALGORITHMS.length]!));
      return store;
    },
    keeps: true,
    destroy: async () => {},
  };
});

it.each(ALGORITHMS)('agrees with the plain model after any transactions: %s', async (algorithm) => {
  const { disk, store } = await opened(always(algorithm));
  const model = new ModelStore();
  const setUp: StoreOp[] = [{ op: 'mkcoll', c: COLLECTIONS[1]! }];
  model.apply([{ op: 'mkcoll', c: C }]);
  model.apply(setUp);
  await store.submit(setUp);
  const roll = dice(77);
  for (let round = 0; round < 15; round++) {
    for (let i = 0; i < 12; i++) {
      const txn = randomTransaction(roll, 8);
      model.apply(txn);
      await store.submit(txn);
    }
    expect(await dumpStore(store)).toBe(model.dump());
  }
  expect(store.usage().compressed.get(1)!.original).toBeGreaterThan(0);
  await store.close();
  expect(await findingsOf(disk)).toEqual([]);
});

/** Bytes that shrink to a thirtieth or less, differing from place to place. */
function text(length: number, seed = 1): Buffer {
  const out = Buffer.alloc(length, 'a line of text; ');
  for (let at = 0; at + 12 < length; at += 512) out.write(`${seed}:${at}`, at);
  return out;
}
const noise = (length: number): Buffer => randomFillSync(Buffer.alloc(length));
const write = (data: Uint8Array, offset = 0, oid = A): StoreOp => ({
  op: 'write',
  c: C,
  oid,
  offset,
  data,
});

async function opened(policy: CompressionPolicy | undefined, sizeBytes = SIZE) {
  const disk = new SimDisk(3);
  const clock = new HandClock();
  const open = () => BlockStore.open(place(disk, sizeBytes, clock));
  const store = await open();
  await store.submit([{ op: 'mkcoll', c: C }]);
  store.setCompression(1, policy);
  return { disk, clock, store, open };
}

async function findingsOf(disk: SimDisk, compressor = true): Promise<string[]> {
  const texts: string[] = [];
  const where = place(disk, SIZE);
  const found = ({ text }: { text: string }) => texts.push(text);
  await fsck({
    ...where,
    ...(compressor ? {} : { compressor: () => undefined }),
    deep: true,
    found,
  });
  return texts;
}

describe('what is compressed', () => {
  it('takes fewer units, is counted, and is there after a restart', async () => {
    const { disk, store, open } = await opened(always('lz4', { maxBlobBytes: 65_536 }));
    const data = text(190_000);
    await store.submit([write(data)]);
    const { allocatedBytes, dataBytes, compressed } = store.usage();
    const { allocated, original, compressed: bytes } = compressed.get(1)!;
    expect(original).toBe(190_000);
    expect(dataBytes).toBe(190_000);
    expect(allocated).toBe(3 * 4096); // one unit for each blob
    expect(allocatedBytes).toBe(allocated);
    expect(bytes).toBeLessThan(allocated);
    await store.close();
    const again = await open();
    expect(again.usage().compressed).toEqual(compressed);
    expect(Buffer.from(await again.read(C, A, 0, 1e6)).equals(data)).toBe(true);
    expect(Buffer.from(await again.read(C, A, 65_000, 2000))).toEqual(
      data.subarray(65_000, 67_000),
    );
    await again.submit([{ op: 'remove', c: C, oid: A }]);
    expect(again.usage()).toMatchObject({ allocatedBytes: 0, compressed: new Map() });
    await again.close();
    expect(await findingsOf(disk)).toEqual([]);
  });

  it.each<[string, Partial<CompressionPolicy>, Buffer, boolean]>([
    ['data that does not shrink is not', {}, noise(64 * KIB), false],
    // Of 6 blocks, a third is text: 4 units and a little would be wanted, and .875 allows 6.
    ['what saves a unit is', {}, Buffer.concat([text(8 * KIB), noise(16 * KIB)]), true],
    [
      'what saves too little is not',
      { requiredRatio: 0.5 },
      Buffer.concat([text(8 * KIB), noise(16 * KIB)]),
      false,
    ],
    [
      'short writes are not',
      { minBlobBytes: 64 * KIB, maxBlobBytes: 64 * KIB },
      text(40 * KIB),
      false,
    ],
    [
      'what is as long as the shortest blob is',
      { minBlobBytes: 40 * KIB, maxBlobBytes: 64 * KIB },
      text(40 * KIB),
      true,
    ],
    [
      'blobs of one block cannot be, and two are made of them',
      { maxBlobBytes: 100 },
      text(40 * KIB),
      true,
    ],
    ['nothing is by an algorithm that is not here', { algorithm: 'snappy' }, text(40 * KIB), false],
  ])('%s', async (_, more, data, isCompressed) => {
    // Written whole, beyond the size from which writes go to blocks of their own.
    const padded = data.length < 32 * KIB ? Buffer.concat([data, noise(12 * KIB)]) : data;
    const { store } = await opened(always('lz4', more));
    await store.submit([write(padded)]);
    expect(store.usage().compressed.size > 0).toBe(isCompressed);
    expect(Buffer.from(await store.read(C, A, 0, 1e6)).equals(padded)).toBe(true);
    await store.close();
  });

  it.each([
    ['none', 0, false],
    ['none', HINT.compressible, false],
    ['passive', 0, false],
    ['passive', HINT.compressible, true],
    ['aggressive', 0, true],
    ['aggressive', HINT.incompressible, false],
    ['force', HINT.incompressible, true],
  ] as const)(
    'depends on the mode and the hint: %s, hint %i: %s',
    async (mode, flags, expected) => {
      const { store, open } = await opened(undefined);
      await store.submit([{ op: 'hint', c: C, oid: A, flags: flags | 32 }]);
      await store.close();
      const again = await open(); // the hint stays
      again.setCompression(1, always('zstd', { mode }));
      // A clone has it too.
      await again.submit([{ op: 'clone', c: C, from: A, to: B }, write(text(64 * KIB), 0, B)]);
      expect(again.usage().compressed.size > 0).toBe(expected);
      await again.close();
    },
  );

  it('is only of the pools that want it', async () => {
    const { store } = await opened(always('lz4'));
    const other = { ...A, pool: 2 };
    await store.submit([write(text(64 * KIB), 0, other)]);
    expect(store.usage().compressed.size).toBe(0);
    store.setCompression(2, always('lz4'));
    store.setCompression(1, undefined);
    await store.submit([write(text(64 * KIB), 0, other), write(text(64 * KIB))]);
    expect([...store.usage().compressed.keys()]).toEqual([2]);
    await store.close();
  });

  it('is also what came in small writes, when it moves to its place', async () => {
    const { store, clock } = await opened(always('lz4'));
    const data = text(96 * KIB);
    for (let at = 0; at < data.length; at += 4096) {
      await store.submit([write(data.subarray(at, at + 4096), at)]);
    }
    for (let i = 0; i < 3; i++) {
      clock.fire();
      await new Promise(setImmediate);
    }
    const { original, allocated } = store.usage().compressed.get(1)!;
    expect(original).toBe(data.length);
    expect(allocated).toBe(4 * 4096);
    expect(Buffer.from(await store.read(C, A, 0, 1e6)).equals(data)).toBe(true);
    await store.close();
  });
});

describe('what is cut out of compressed data', () => {
  it('no object takes more units than without compression', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const packed = await opened(always(ALGORITHMS[seed % 3]!));
      const plain = await opened(undefined);
      const roll = dice(seed);
      for (let i = 0; i < 60; i++) {
        const offset = roll(40) * 2048;
        const length = [5000, 40_000, 70_000][roll(3)]! + roll(4) * 4096;
        const op: StoreOp =
          roll(4) === 0
            ? { op: 'zero', c: C, oid: A, offset, length }
            : roll(6) === 0
              ? { op: 'truncate', c: C, oid: A, size: offset }
              : write(patterned(roll, length), offset);
        await packed.store.submit([op]);
        await plain.store.submit([op]);
      }
      expect(await dumpStore(packed.store)).toBe(await dumpStore(plain.store));
      await packed.store.close();
      await plain.store.close();
      expect(await findingsOf(packed.disk)).toEqual([]);
      const [a, b] = [await packed.open(), await plain.open()];
      expect(a.usage().allocatedBytes).toBeLessThanOrEqual(b.usage().allocatedBytes);
      expect(await dumpStore(a)).toBe(await dumpStore(b));
    }
  });

  it('a blob that is cut in two parts belongs to both, and to the clones', async () => {
    const { disk, store, open } = await opened(always('zstd', { maxBlobBytes: 128 * KIB }));
    const data = text(128 * KIB);
    await store.submit([write(data), { op: 'clone', c: C, from: A, to: B }]);
    const one = store.usage();
    expect(one.compressed.get(1)).toMatchObject({ allocated: 4096, original: 2 * data.length });
    await store.submit([{ op: 'zero', c: C, oid: A, offset: 32 * KIB, length: 64 * KIB }]);
    data.fill(0, 32 * KIB, 96 * KIB);
    expect(Buffer.from(await store.read(C, A, 0, 1e6)).equals(data)).toBe(true);
    expect(store.usage().compressed.get(1)).toMatchObject({ allocated: 4096, original: 192 * KIB });
    await store.submit([{ op: 'remove', c: C, oid: B }]);
    await store.submit([{ op: 'truncate', c: C, oid: A, size: 32 * KIB }]);
    expect(store.usage().compressed.get(1)).toMatchObject({ allocated: 4096, original: 32 * KIB });
    await store.close();
    expect(await findingsOf(disk)).toEqual([]);
    const again = await open();
    expect(Buffer.from(await again.read(C, A, 0, 1e6))).toEqual(data.subarray(0, 32 * KIB));
    await again.submit([{ op: 'truncate', c: C, oid: A, size: 0 }]);
    expect(again.usage().allocatedBytes).toBe(0);
    await again.close();
    expect(await findingsOf(disk)).toEqual([]);
  });

  it('a rest that would take no more in plain is written in plain', async () => {
    const policy = always('lz4', { minBlobBytes: 32 * KIB, maxBlobBytes: 64 * KIB });
    const { store } = await opened(policy);
    await store.submit([write(Buffer.concat([text(48 * KIB), noise(16 * KIB)]))]);
    expect(store.usage().compressed.get(1)!.allocated).toBe(5 * 4096);
    await store.submit([{ op: 'truncate', c: C, oid: A, size: 24 * KIB }]);
    expect(store.usage().allocatedBytes).toBe(5 * 4096);
    await store.submit([{ op: 'truncate', c: C, oid: A, size: 20 * KIB }]);
    expect(store.usage()).toMatchObject({ allocatedBytes: 5 * 4096, compressed: new Map() });
    await store.close();
  });
});

describe('safety of compressed data', () => {
  it('the store survives power failures: each of many states is opened and checked', async () => {
    for (const algorithm of ['lz4', 'zstd'] as const) {
      const counts: PowerCounts = { states: 0, more: 0, events: 0, refusals: 0 };
      const prepare = (store: BlockStore) => store.setCompression(1, always(algorithm));
      const options = { runs: 2, random: 2, every: 9, statesMax: 250, prepare };
      for (let seed = 40; await powerRun(seed, options, counts); seed++);
      expect(counts.more).toBeGreaterThan(10);
    }
  });

  it('a store that fills up refuses cleanly, whatever the data compresses to', async () => {
    const { disk, store } = await opened(always('lz4'), 2 ** 20);
    const model = new ModelStore();
    model.apply([{ op: 'mkcoll', c: C }]);
    const roll = dice(5);
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const data = roll(3) > 0 ? noise(40_000) : text(40_000, i);
      const op = write(data, roll(4) * 12_288, objectOf(roll(60)));
      try {
        await store.submit([op]);
        model.apply([op]);
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(20);
    expect(await dumpStore(store)).toBe(model.dump());
    await store.submit([{ op: 'remove', c: C, oid: objectOf(0) }]);
    await store.close();
    const texts: string[] = [];
    await fsck({ ...place(disk, SIZE), deep: true, found: ({ text }) => texts.push(text) });
    expect(texts).toEqual([]);
  });

  it('without the algorithm nothing wrong is read, and a check says what is missing', async () => {
    const { disk, store } = await opened(always('zstd'));
    await store.submit([write(text(64 * KIB))]);
    await store.close();
    const bare = await BlockStore.open({ ...place(disk, SIZE), compressor: () => undefined });
    await expect((async () => bare.read(C, A, 0, 10))()).rejects.toMatchObject({ code: 'EIO' });
    await bare.close();
    const texts = await findingsOf(disk, false);
    expect(texts.length).toBeGreaterThan(0);
    expect(texts[0]).toMatch(/no compressor zstd to read with/);
  });

  it('data whose checksums are right and that does not unpack is an error, not data', async () => {
    const { disk, store } = await opened(always('lz4'));
    await store.submit([write(text(64 * KIB))]);
    await store.close();
    const kv = await openMetadata(place(disk, SIZE));
    for (const { key, value } of [...kv.range('O', 'P')]) {
      const n = decodeOnode(key, value);
      for (const e of n.extents) {
        if (e.blob) Object.assign(e, { blob: { ...e.blob, algorithm: 3 } });
      }
      await kv.commit(new Map([[key, encodeOnode(n)]]));
    }
    await kv.close();
    expect((await findingsOf(disk))[0]).toMatch(/data compressed by zstd is damaged/);
    const again = await BlockStore.open(place(disk, SIZE));
    await expect((async () => again.read(C, A, 0, 10))()).rejects.toBeInstanceOf(CephError);
    await again.close();
  });

  it('large reads go through the device, by many blobs at once, and find damage in any', async () => {
    const policy = always('lz4', { maxBlobBytes: 64 * KIB });
    const { disk, store, open } = await opened(policy, 8 * 2 ** 20);
    // Most of the room is in pieces of two units, so that blobs are in many.
    await store.submit([write(noise(7 * 2 ** 20 + 512 * KIB), 0, B)]);
    for (let i = 0; i < 480; i++) {
      await store.submit([{ op: 'zero', c: C, oid: B, offset: i * 16 * KIB, length: 8 * KIB }]);
    }
    const parts: Buffer[] = [];
    for (let i = 0; i < 40; i++) parts.push(text(32 * KIB, i), noise(32 * KIB));
    const data = Buffer.concat(parts);
    await store.submit([write(data)]);
    data.fill(0, 100 * KIB, 101 * KIB);
    data.fill(0, 300 * KIB, 400 * KIB);
    await store.submit([
      { op: 'zero', c: C, oid: A, offset: 100 * KIB, length: KIB },
      { op: 'zero', c: C, oid: A, offset: 300 * KIB, length: 100 * KIB },
    ]);
    await store.close();
    const again = await open();
    const whole = again.read(C, A, 0, 1e7);
    expect(whole).toBeInstanceOf(Promise);
    expect(Buffer.from(await whole).equals(data)).toBe(true);
    const part = await again.read(C, A, 5000, 2_000_000);
    expect(Buffer.from(part).equals(data.subarray(5000, 2_005_000))).toBe(true);
    await again.close();

    const kv = await openMetadata(place(disk, SIZE));
    const runs = [...kv.range('O', 'P')].flatMap(({ key, value }) =>
      decodeOnode(key, value).extents.flatMap((e) => (e.blob ? [e.blob.runs] : [])),
    );
    await kv.close();
    expect(Math.max(...runs.map((r) => r.length))).toBeGreaterThan(2);
    const units = runs.flat();
    const image = disk.snapshot();
    const { unit, count } = units[units.length >> 1]!;
    image.files.get('/sim/block')!.write((unit + count) * 4096 - 1, Buffer.from([0x5a]));
    const damaged = await BlockStore.open(place(new SimDisk(4, image), SIZE));
    await expect((async () => damaged.read(C, A, 0, 1e7))()).rejects.toMatchObject({ code: 'EIO' });
    await damaged.close();
  });

  it('wrong figures of compression are found and mended', async () => {
    const { disk, store } = await opened(always('lz4'));
    await store.submit([write(text(64 * KIB))]);
    await store.close();
    const kv = await openMetadata(place(disk, SIZE));
    const [entry] = [...kv.range('P', 'Q')];
    await kv.commit(
      new Map([
        [entry!.key, null],
        [`P${'\x80'.padEnd(7, '\0')}\x09`, entry!.value],
      ]),
    );
    await kv.close();
    expect((await findingsOf(disk)).length).toBe(2);
    const options = { ...place(disk, SIZE), mend: 'repair' as const };
    await fsck({ ...options, found: () => {} });
    expect(await findingsOf(disk)).toEqual([]);
  });
});

describe('records', () => {
  const blob: CompressedBlob = {
    algorithm: 3,
    originalBytes: 60_000,
    bytes: 9000,
    runs: [
      { unit: 7, count: 2 },
      { unit: 90, count: 1 },
    ],
    crcs: [1, 2, 0xffff_ffff],
  };
  const encoded = (e: object, b: object = {}) => {
    const n = newOnode('k');
    n.hints = HINT.compressible;
    const base = { block: 5, count: 4, skip: 3, shared: true, unwritten: undefined };
    n.extents.push({ ...base, ...e, blob: { ...blob, ...b } });
    return encodeOnode(n);
  };

  it('hold compressed extents and hints', () => {
    const n = decodeOnode('k', encoded({}));
    expect(n.hints).toBe(HINT.compressible);
    expect(n.extents).toEqual([
      { block: 5, count: 4, skip: 3, shared: true, unwritten: undefined, blob },
    ]);
    expect(unitsOf(n.extents[0]!)).toEqual(blob.runs);
  });

  it.each([
    ['more blocks than the blob has', { count: 13 }, {}],
    ['no bytes', {}, { bytes: 0, runs: [], crcs: [] }],
    ['more units than blocks', {}, { originalBytes: 8192 }],
    ['too much', {}, { originalBytes: 2 ** 30 }],
    ['units that do not fit the bytes', {}, { runs: [{ unit: 7, count: 2 }] }],
    ['an empty run', {}, { runs: [...blob.runs, { unit: 1, count: 0 }] }],
  ])('of %s are refused', (_, e, b) => {
    expect(() => decodeOnode('k', encoded(e, b))).toThrow(DecodeError);
  });
});
