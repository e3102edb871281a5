// What splitting and merging collections costs a BlockStore, and what fsck says of collections that are not right.
import { expect, it } from 'vitest';
import { stableMod } from '../src/maps/index.ts';
import { pgBounds } from '../src/osd/pg/pg-collection.ts';
import { ALIGN_BYTES } from '../src/runtime/index.ts';
import { BlockStore, belongs, fsck, type StoreOp } from '../src/store/index.ts';
import { encodePlace } from '../src/store/keys.ts';
import { pgPlace } from '../src/store/place.ts';
import { openMetadata } from '../src/store/store-files.ts';
import type { HObject } from '../src/wire/index.ts';
import { place } from './support/power-run.ts';
import { objectOf } from './support/random-transactions.ts';
import { dice, SimDisk } from './support/sim-disk.ts';

const SIZE = 2 ** 26;
const C = '1.0';
const object = (i: number): HObject => ({ ...objectOf(0), name: `o${i}`, hash: i, pool: 1 });
const split: StoreOp = { op: 'splitcoll', c: C, bits: 1, seed: 1, dest: '1.1' };
const merge: StoreOp = { op: 'mergecoll', c: '1.1', dest: C, bits: 0 };

async function filled(disk: SimDisk, objects: number): Promise<BlockStore> {
  const store = await BlockStore.open(place(disk, SIZE));
  await store.submit([{ op: 'mkcoll', c: C, bounds: { pool: 1, seed: 0, bits: 0 } }]);
  for (let i = 0; i < objects; i += 100) {
    const some = Array.from({ length: Math.min(100, objects - i) }, (_, k) => object(i + k));
    await store.submit(some.map((oid): StoreOp => ({ op: 'touch', c: C, oid })));
  }
  await store.flush();
  return store;
}

/** Bytes that go to the disk for a transaction. */
async function bytesFor(disk: SimDisk, store: BlockStore, op: StoreOp): Promise<number> {
  disk.trace = [];
  await store.submit([op]);
  let bytes = 0;
  for (const e of disk.trace) if (e.kind === 'write') bytes += e.bytes.length;
  disk.trace = undefined;
  return bytes;
}

it('parts the objects of a pool among its PGs as their placement does, whatever the count', () => {
  const roll = dice(1);
  for (let pgNum = 1; pgNum < 70; pgNum++) {
    const all = Array.from({ length: pgNum }, (_, seed) => pgBounds({ pool: 1, seed }, pgNum));
    for (let i = 0; i < 200; i++) {
      const oid = { ...object(0), hash: roll(2 ** 32) };
      const holders = all.filter((b) => belongs(b, oid));
      expect(holders.map((b) => b.seed)).toEqual([stableMod(oid.hash, pgNum)]);
    }
  }
});

it('splits and merges by a block or two of the journal, however many objects there are', async () => {
  const costs: number[][] = [];
  for (const objects of [10, 5000]) {
    const disk = new SimDisk(1);
    const store = await filled(disk, objects);
    costs.push([await bytesFor(disk, store, split), await bytesFor(disk, store, merge)]);
  }
  expect(Math.max(...costs.flat())).toBeLessThanOrEqual(2 * ALIGN_BYTES);
});

async function findingsAfter(change: ReadonlyMap<string, Uint8Array | null>): Promise<string[]> {
  const disk = new SimDisk(2);
  const store = await filled(disk, 4);
  await store.submit([split]);
  await store.close();
  const kv = await openMetadata(place(disk, SIZE));
  await kv.commit(change);
  await kv.close();
  const texts: string[] = [];
  await fsck({ ...place(disk, SIZE), found: ({ text }) => texts.push(text) });
  return texts;
}

it('is sound after a split, and fsck names objects and collections that have no place', async () => {
  expect(await findingsAfter(new Map())).toEqual([]);
  const lost = await findingsAfter(new Map([['C1.1', null]]));
  expect(lost.length).toBe(2);
  for (const text of lost) expect(text).toMatch(/^\["no PG",.*no such collection$/);
  const wide = encodePlace(pgPlace({ pool: 1, seed: 0, bits: 0 }));
  expect(await findingsAfter(new Map([['C1.7', wide]]))).toContainEqual(
    expect.stringMatching(/^collection 1\.7: what may be in it may be in 1\.[01] too$/),
  );
  expect(await findingsAfter(new Map([['C1.7', wide.subarray(1)]]))).toContainEqual(
    expect.stringMatching(/^collection 1\.7: /),
  );
});
