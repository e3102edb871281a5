// Memory, journal, disk: what a store has reached when it says so, shown by what a power cut leaves.
import { expect, it } from 'vitest';
import { BlockStore, fsck, type StoreOp } from '../src/store/index.ts';
import type { HObject } from '../src/wire/index.ts';
import { place } from './support/power-run.ts';
import { objectOf, patterned } from './support/random-transactions.ts';
import { dice, SimDisk } from './support/sim-disk.ts';

const SIZE = 2 ** 24;
const C = '1.0';
const object = (name: string): HObject => ({ ...objectOf(0), name });
const data = patterned(dice(3), 50_000);
/** A small write, which is first a patch, a large one, an omap and attributes. */
const write = (name: string): StoreOp[] => [
  { op: 'write', c: C, oid: object(name), offset: 0, data },
  { op: 'write', c: C, oid: object(name), offset: 60_000, data: data.subarray(0, 700) },
  { op: 'omapSet', c: C, oid: object(name), entries: new Map([['k', data.subarray(0, 90)]]) },
  { op: 'setattrs', c: C, oid: object(name), attrs: new Map([['x', data.subarray(0, 9)]]) },
];

async function opened(disk: SimDisk): Promise<BlockStore> {
  return BlockStore.open(place(disk, SIZE));
}

async function expectWhole(store: BlockStore, name: string): Promise<void> {
  const oid = object(name);
  const want = Buffer.alloc(60_700);
  data.copy(want);
  data.copy(want, 60_000, 0, 700);
  expect(Buffer.from(await store.read(C, oid, 0, 1e6)).equals(want)).toBe(true);
  expect(store.omapGet(C, oid, ['k']).get('k')?.length).toBe(90);
  expect(store.getattr(C, oid, 'x')?.length).toBe(9);
}

/** What is left of a store whose power failed and whose journal is gone; only by giving up what was in it it opens. */
async function withoutJournal(disk: SimDisk): Promise<BlockStore> {
  const left = disk.reboot();
  await left.remove('/sim/journal');
  await expect(opened(left)).rejects.toMatchObject({ code: 'EIO' });
  await fsck({ ...place(left, SIZE), mend: 'discard', found: () => {} });
  const findings: string[] = [];
  await fsck({ ...place(left, SIZE), deep: true, found: ({ text }) => findings.push(text) });
  expect(findings).toEqual([]);
  return opened(left);
}

it('memory: readable before the disk was asked for anything', async () => {
  const disk = new SimDisk(1);
  const store = await opened(disk);
  await store.submit([{ op: 'mkcoll', c: C }]);
  const { steps } = disk;
  let isApplied = false;
  const durable = store.submit(write('a'), () => {
    isApplied = true;
  });
  expect([isApplied, disk.steps]).toEqual([true, steps]);
  await expectWhole(store, 'a');
  const lost = await opened(disk.reboot());
  expect(lost.stat(C, object('a'))).toBeUndefined();
  await durable;
});

it('journal: outlives a power cut, but not the loss of the journal', async () => {
  const disk = new SimDisk(2);
  const store = await opened(disk);
  await store.submit([{ op: 'mkcoll', c: C }]);
  await store.flush();
  await store.submit(write('a'));
  await expectWhole(await opened(disk.reboot()), 'a');
  const left = await withoutJournal(disk);
  expect(left.hasCollection(C)).toBe(true);
  expect(left.stat(C, object('a'))).toBeUndefined();
});

it('disk: outlives the loss of the journal as well', async () => {
  for (let seed = 3; seed < 8; seed++) {
    const disk = new SimDisk(seed);
    const store = await opened(disk);
    await store.submit([{ op: 'mkcoll', c: C }]);
    const running: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) running.push(store.submit(write(`o${i}`)));
    await Promise.all(running);
    await store.flush();
    // What comes after it may be lost, and takes nothing of it along.
    await store.submit(write('later'));
    const left = await withoutJournal(disk);
    for (let i = 0; i < 20; i++) await expectWhole(left, `o${i}`);
    expect(left.stat(C, object('later'))).toBeUndefined();
    await expectWhole(await opened(disk.reboot()), 'later');
  }
});

it('disk: a small write is in a block of its own, and a flush of nothing asks the disk for nothing', async () => {
  const disk = new SimDisk(9);
  const store = await opened(disk);
  await store.submit([{ op: 'mkcoll', c: C }]);
  await store.submit([
    { op: 'write', c: C, oid: object('a'), offset: 0, data: data.subarray(0, 99) },
  ]);
  const patches = () => [...disk.snapshot().stores.get('/sim/db')!.range('D', 'E')].length;
  await store.flush();
  expect(patches()).toBe(0);
  expect(store.usage().allocatedBytes).toBe(4096);
  const { steps } = disk;
  await store.flush();
  expect(disk.steps).toBe(steps);
});
