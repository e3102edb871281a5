// One bit changed anywhere in a store: never a wrong byte read, and always found.
import { expect, it } from 'vitest';
import { CephError } from '../src/errors/index.ts';
import { unitsOf as unitsOfExtent } from '../src/store/extent.ts';
import {
  BlockStore,
  type CompressionAlgorithm,
  fsck,
  type Transaction,
} from '../src/store/index.ts';
import { decodeOnode } from '../src/store/onode.ts';
import { openMetadata } from '../src/store/store-files.ts';
import { flipped } from './support/bit-flips.ts';
import { always } from './support/compression.ts';
import { ModelStore } from './support/model-store.ts';
import { HandClock, place } from './support/power-run.ts';
import {
  COLLECTIONS,
  firstPgs,
  making,
  objectOf,
  randomTransaction,
} from './support/random-transactions.ts';
import { type DiskImage, dice, SimDisk } from './support/sim-disk.ts';

const SIZE = 64 * 2 ** 20;

interface Base {
  image: DiskImage;
  model: ModelStore;
  units: number[];
  isClosed: boolean;
}

/** A store with content: closed, or left by a crash some quiet seconds after the last write. */
async function base(
  seed: number,
  isClosed: boolean,
  algorithm?: CompressionAlgorithm,
): Promise<Base> {
  const roll = dice(seed);
  const disk = new SimDisk(seed);
  const clock = new HandClock();
  const store = await BlockStore.open(place(disk, SIZE, clock));
  if (algorithm) store.setCompression(1, always(algorithm));
  const model = new ModelStore();
  const submit = async (txn: Parameters<BlockStore['submit']>[0]) => {
    model.apply(txn);
    await store.submit(txn);
  };
  const pgs = firstPgs();
  await submit(making(pgs));
  for (let i = 0; i < 40; i++) await submit(randomTransaction(roll, 8, pgs));
  if (isClosed) await store.close();
  else {
    for (let i = 0; i < 4; i++) {
      clock.fire();
      await new Promise(setImmediate);
    }
    // What comes after them says that the records before were durable.
    const last: Transaction = [{ op: 'touch', c: COLLECTIONS[0]!, oid: objectOf(0) }];
    for (let i = 0; i < 2; i++) await submit(last);
  }
  const image = disk.snapshot();
  return { image, model, units: await unitsOf(image), isClosed };
}

async function unitsOf(image: DiskImage): Promise<number[]> {
  const kv = await openMetadata(place(new SimDisk(1, image), SIZE));
  const units = [0]; // the label
  for (const { key, value } of kv.range('O', 'P')) {
    for (const e of decodeOnode(key, value).extents) {
      for (const { unit, count } of unitsOfExtent(e)) {
        for (let i = 0; i < count; i++) units.push(unit + i);
      }
    }
  }
  await kv.close();
  return units;
}

/** Reads everything the model has. */
async function readAll(
  image: DiskImage,
  model: ModelStore,
): Promise<'same' | 'refused' | 'missing'> {
  let store: BlockStore;
  try {
    store = await BlockStore.open(place(new SimDisk(1, image), SIZE));
  } catch (error) {
    expect(error).toBeInstanceOf(CephError);
    return 'refused';
  }
  let worst: 'same' | 'refused' | 'missing' = 'same';
  for (const [c, { objects }] of model.colls) {
    for (const { oid, data, attrs, omap, header } of objects) {
      try {
        if (!store.stat(c, oid)) {
          worst = 'missing';
          continue;
        }
        const bytes = await store.read(c, oid, 0, data.length + 10);
        if (!Buffer.from(bytes).equals(data)) throw new Error('a wrong byte was read');
        const latin = (b: Uint8Array) => Buffer.from(b).latin1Slice();
        const seen = [...store.getattrs(c, oid)].map(([k, v]) => [k, latin(v)]);
        expect(new Map(seen as [string, string][])).toEqual(attrs);
        const got = store.omapHeader(c, oid);
        expect(got && latin(got)).toBe(header);
        const { entries } = store.omapList(c, oid, { limit: 1000 });
        // A key that changed is refused where it is met; away from its omap only its absence shows.
        if (entries.length < omap.size) worst = 'missing';
        for (const [k, v] of entries) expect(latin(v)).toBe(omap.get(k));
      } catch (error) {
        if (!(error instanceof CephError) || error.code !== 'EIO') throw error;
        if (worst === 'same') worst = 'refused';
      }
    }
  }
  return worst;
}

async function findings(image: DiskImage): Promise<string[]> {
  const out: string[] = [];
  await fsck({
    ...place(new SimDisk(1, image), SIZE),
    deep: true,
    found: ({ text }) => out.push(text),
  });
  return out;
}

it('one bit changed anywhere is found, and no wrong byte is read: 1,000 flips', async () => {
  const counts = new Map<string, number>();
  const bases = [
    await base(1, true),
    await base(6, false),
    await base(3, true, 'lz4'),
    await base(8, false, 'zstd'),
  ];
  for (const { image, model } of bases) {
    expect([await readAll(image, model), await findings(image)]).toEqual(['same', []]);
  }
  for (let seed = 1; seed <= 1000; seed++) {
    const { image, model, units, isClosed } = bases[seed % 4]!;
    const flip = await flipped(image, units, dice(Math.imul(seed, 0x9e37_79b1)));
    const read = await readAll(flip.image, model).catch((cause) => {
      throw new Error(`seed ${seed}: ${flip.where} ${flip.text}: ${cause.message}`, { cause });
    });
    const found = (await findings(flip.image)).length > 0;
    const text = `seed ${seed}: ${flip.where} ${flip.text}: read ${read}, fsck ${found}`;
    if (read !== 'same' && !found) throw new Error(text);
    // What is not needed any more may change: old parts of the journal, and entries that it holds anew.
    const isNeeded = flip.where === 'data' || (isClosed && flip.where !== 'journal');
    if (!found && isNeeded) throw new Error(text);
    const how = `${flip.where}: ${read}, ${found ? 'found by fsck' : 'nothing lost'}`;
    counts.set(how, (counts.get(how) ?? 0) + 1);
  }
  console.info(Object.fromEntries([...counts].sort()));
  for (const where of ['data', 'value', 'journal']) {
    expect(counts.get(`${where}: refused, found by fsck`)).toBeGreaterThan(20);
  }
});
