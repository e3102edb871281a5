// Opening a store reads what its size and its last moments bound, never its objects; after a crash too.
import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyValue } from '../src/runtime/index.ts';
import { BlockStore, type Transaction } from '../src/store/index.ts';
import { HOBJECT_MIN, type HObject } from '../src/wire/index.ts';
import { place } from './support/power-run.ts';
import { objectOf } from './support/random-transactions.ts';
import { type DiskImage, SimDisk } from './support/sim-disk.ts';

const GIB = 2 ** 30;
const JOURNAL = 2 ** 20;
const OBJECTS = 100_000;
const C = '1.0';
const object = (i: number): HObject => {
  const hash = Math.imul(i, 0x9e37_79b1) >>> 0;
  return { ...objectOf(0), name: `o${i}`, hash };
};
const options = (disk: SimDisk) => ({ ...place(disk, 4 * GIB), journalBytes: JOURNAL });

/** Keys and values that were read, by the first character of the key. */
class ReadCounts {
  readonly entries = new Map<string, number>();
  bytes = 0;

  of(kind: string): number {
    return this.entries.get(kind) ?? 0;
  }
  get total(): number {
    return [...this.entries.values()].reduce((a, b) => a + b, 0);
  }
  saw(key: string, value: Uint8Array | undefined): void {
    this.entries.set(key[0]!, (this.entries.get(key[0]!) ?? 0) + 1);
    this.bytes += key.length + (value?.length ?? 0);
  }
  wrap(kv: KeyValue): KeyValue {
    const counts = this;
    return {
      get: (key) => {
        const value = kv.get(key);
        counts.saw(key, value);
        return value;
      },
      sizeOf: (key) => {
        counts.saw(key, undefined);
        return kv.sizeOf(key);
      },
      *range(from, to, o) {
        for (const entry of kv.range(from, to, o)) {
          counts.saw(entry.key, entry.value);
          yield entry;
        }
      },
      commit: (batch) => kv.commit(batch),
      close: () => kv.close(),
    };
  }
}

/** Opens the store of a disk. @returns what that read of the key/value store and of the journal */
async function opened(image: DiskImage) {
  const disk = new SimDisk(1, image);
  const counts = new ReadCounts();
  let journalBytes = 0;
  const { open } = disk;
  disk.open = async (path, o) => {
    const file = await open.call(disk, path, o);
    if (!path.endsWith('journal')) return file;
    const { readSync } = file;
    file.readSync = (into, offset) => {
      const n = readSync.call(file, into, offset);
      journalBytes += n;
      return n;
    };
    return file;
  };
  const store = await BlockStore.open({
    ...options(disk),
    openKeyValue: async (path) => counts.wrap(await disk.openKeyValue(path)),
  });
  return { store, counts, journalBytes };
}

describe(`a store of ${OBJECTS} objects`, () => {
  let crashed: DiskImage;
  let closed: DiskImage;
  let store: BlockStore;

  beforeAll(async () => {
    const disk = new SimDisk(3);
    store = await BlockStore.open(options(disk));
    await store.submit([{ op: 'mkcoll', c: C }]);
    const info = Buffer.alloc(100, 1);
    for (let i = 0; i < OBJECTS; ) {
      const txn: Transaction[number][] = [];
      for (let n = 0; n < 1000; n++, i++) {
        const oid = object(i);
        txn.push({ op: 'setattrs', c: C, oid, attrs: new Map([['_', info]]) });
        if (i % 500 === 0)
          txn.push({ op: 'write', c: C, oid, offset: 0, data: Buffer.alloc(40_000, 2) });
        if (i % 50 === 0) txn.push({ op: 'omapSet', c: C, oid, entries: new Map([['k', info]]) });
        if (i % 40 === 0)
          txn.push({ op: 'write', c: C, oid, offset: 50_000, data: Buffer.from('x') });
      }
      await store.submit(txn);
    }
    crashed = disk.reboot().snapshot();
    await store.close();
    closed = disk.snapshot();
  }, 120_000);

  it.each(['closed', 'crashed'])('that was %s opens without a look at any of them', async (how) => {
    const { store, counts, journalBytes } = await opened(how === 'closed' ? closed : crashed);
    expect([counts.of('O'), counts.of('M'), counts.of('R')]).toEqual([0, 0, 0]);
    // The map of taken units has an entry for 16 MiB; small writes are moved when there are some thousands of them.
    expect(counts.of('B')).toBeLessThanOrEqual(4 * 64);
    expect(counts.of('D')).toBeLessThan(how === 'closed' ? 1 : 26_000);
    expect(counts.bytes).toBeLessThan(4 * 2 ** 20);
    expect(journalBytes).toBeLessThanOrEqual(how === 'closed' ? 0 : 2 * JOURNAL);
    expect(store.stat(C, object(OBJECTS - 1))).toEqual({ size: expect.any(Number) });
    expect(counts.of('O')).toBeGreaterThan(0);
    const { objects, next } = store.list(C, HOBJECT_MIN, OBJECTS + 1);
    expect([objects.length, next]).toEqual([OBJECTS, undefined]);
  });
});

it('small writes that wait for their place stay few, however small and in how large groups they come', async () => {
  const disk = new SimDisk(5);
  const store = await BlockStore.open({ ...options(disk), journalBytes: 16 * JOURNAL });
  await store.submit([{ op: 'mkcoll', c: C }]);
  for (let i = 0; i < 10; i++) {
    const large = i % 2 === 0;
    await store.submit(
      Array.from({ length: large ? 500 : 3000 }, (_, n) => ({
        op: 'write' as const,
        c: C,
        oid: object(i * 3000 + n),
        offset: 0,
        data: Buffer.alloc(large ? 16_384 : 1, i),
      })),
    );
  }
  const { counts } = await opened(disk.reboot().snapshot());
  expect(counts.of('D')).toBeLessThan(26_000);
});
