import { describe, expect, it } from 'vitest';
import {
  BlockStore,
  type FsckOptions,
  type FsckResult,
  fsck,
  type Transaction,
} from '../src/store/index.ts';
import {
  bitmapKey,
  FIGURES_KEY,
  garbageKey,
  objectKey,
  omapKey,
  patchKey,
  sharedKey,
} from '../src/store/keys.ts';
import { decodeOnode, encodeOnode, type Onode } from '../src/store/onode.ts';
import { openMetadata } from '../src/store/store-files.ts';
import { decodeFigures, encodeFigures } from '../src/store/store-space.ts';
import type { WideKeyValue } from '../src/store/wide-key-value.ts';
import { dumpStore } from './support/model-store.ts';
import { place } from './support/power-run.ts';
import { objectOf, patterned } from './support/random-transactions.ts';
import { dice, SimDisk } from './support/sim-disk.ts';

const SIZE = 64 * 2 ** 20;
const C = '1.0';
const A = objectOf(0);
const B = objectOf(1);
const D = objectOf(2);
const MARK = Buffer.from('a mark that is found again');

/** Blocks, a clone that shares them, an omap, and a small write that still is one. */
async function filled(disk = new SimDisk(1)): Promise<SimDisk> {
  const data = patterned(dice(1), 40_000);
  data.set(MARK, 9000);
  const txns: Transaction[] = [
    [{ op: 'mkcoll', c: C }],
    [
      { op: 'write', c: C, oid: A, offset: 0, data },
      { op: 'omapSet', c: C, oid: A, entries: new Map([['k', Buffer.from('v')]]) },
      { op: 'clone', c: C, from: A, to: B },
      { op: 'write', c: C, oid: D, offset: 100, data: Buffer.from('small') },
    ],
  ];
  const store = await BlockStore.open(place(disk, SIZE));
  for (const txn of txns) await store.submit(txn);
  return disk;
}

async function run(
  disk: SimDisk,
  mend?: FsckOptions['mend'],
): Promise<FsckResult & { texts: string[] }> {
  const texts: string[] = [];
  const options = mend ? { mend } : {};
  const found = ({ text }: { text: string }) => texts.push(text);
  const result = await fsck({ ...place(disk, SIZE), ...options, deep: true, found });
  return { ...result, texts };
}

async function change(disk: SimDisk, f: (kv: WideKeyValue) => Map<string, Uint8Array | null>) {
  const kv = await openMetadata(place(disk, SIZE));
  await kv.commit(f(kv));
  await kv.close();
}
const keyOf = (oid: typeof A) => objectKey(1, oid);
const onodeOf = (kv: WideKeyValue, oid: typeof A) => decodeOnode(keyOf(oid), kv.get(keyOf(oid))!);
const amended = (kv: WideKeyValue, oid: typeof A, f: (n: Onode) => void) => {
  const n = onodeOf(kv, oid);
  f(n);
  return new Map([[keyOf(oid), encodeOnode(n)]]);
};

async function dumped(disk: SimDisk): Promise<string> {
  const store = await BlockStore.open(place(disk, SIZE));
  const dump = await dumpStore(store);
  await store.close();
  return dump;
}

type Harm = (kv: WideKeyValue) => Map<string, Uint8Array | null>;
const bits = (kv: WideKeyValue) => Buffer.from(kv.get(bitmapKey(0))!);
const figuresWith = (kv: WideKeyValue, f: object) =>
  encodeFigures({ ...decodeFigures(kv.get(FIGURES_KEY)!), ...f });

/** What is done to a store, and what fsck says of it. */
const MENDABLE: readonly [string, Harm, RegExp][] = [
  [
    'a unit that nothing refers to',
    (kv) => {
      const map = bits(kv);
      map[100] = 6;
      return new Map([[bitmapKey(0), map]]);
    },
    /units 801~2 are taken and belong to nothing/,
  ],
  [
    'units in use that are marked as free',
    () => new Map([[bitmapKey(0), null]]),
    /units 1~10 are in use and not marked as taken/,
  ],
  [
    'a count of shared units',
    () => new Map([[sharedKey(0), null]]),
    /units 1~10: shared 0 times by record, 1 in fact/,
  ],
  [
    'an extent that does not say that it is shared',
    (kv) =>
      amended(kv, B, (n) => {
        n.extents[0]!.shared = false;
      }),
    /units 1~10 are shared and not marked so/,
  ],
  [
    'stale figures',
    (kv) => new Map([[FIGURES_KEY, figuresWith(kv, { dataBytes: 7, objects: 9, nextId: 1 })]]),
    /figures: nextId 1, counted \d+; dataBytes 7, counted 80005; objects 9, counted 3/,
  ],
  ['lost figures', () => new Map([[FIGURES_KEY, null]]), /the figures of the store are lost/],
  [
    'omap entries of nobody',
    () => new Map([[omapKey(99, 'x'), Buffer.from('y')]]),
    /omap 99 of 1 entries belongs to no object/,
  ],
  [
    'a small write of nobody',
    () => new Map([[patchKey(98, keyOf(A)), Buffer.from('y')]]),
    /small write 98 of 1 bytes belongs to no object/,
  ],
  [
    "an object's figures",
    (kv) =>
      amended(kv, A, (n) => {
        n.dataBytes = 3;
        n.omapBytes = 44;
      }),
    /44 bytes recorded, 1 entries of omap, 2 bytes counted/,
  ],
  [
    'an omap in use that is marked as removed',
    (kv) => new Map([[garbageKey(onodeOf(kv, A).omapId), new Uint8Array(0)]]),
    /its omap \d+ is marked as removed/,
  ],
];

describe('fsck', () => {
  it('finds nothing in a sound store, crashed or closed, and counts what it read', async () => {
    const disk = await filled();
    for (let i = 0; i < 2; i++) {
      const { found, objects, dataBytes } = await run(disk);
      expect([found, objects, dataBytes]).toEqual([0, 3, 80 * 1024]);
    }
    await dumped(disk); // moves the small write to a block
    expect(await run(disk)).toMatchObject({ found: 0, dataBytes: 84 * 1024 });
  });

  for (const [what, harm, says] of MENDABLE) {
    it(`finds and mends ${what}`, async () => {
      const before = await dumped(await filled());
      const disk = await filled();
      await change(disk, harm);
      expect((await run(disk)).texts.join('\n')).toMatch(says);
      const { found, mended } = await run(disk, 'repair');
      expect([found > 0, mended]).toEqual([true, found]);
      expect((await run(disk)).texts).toEqual([]);
      expect(await dumped(disk)).toBe(before);
    });
  }

  it('names the object and the bytes of damaged data, and leaves them to another copy', async () => {
    const disk = new SimDisk(2);
    await filled(disk);
    expect(disk.damage('/sim/block', MARK)).toBe(1);
    const { texts, mended } = await run(disk, 'repair');
    expect(texts).toHaveLength(2); // A and its clone
    expect(texts[0]).toMatch(
      /^\["1.0",\{"oid":"a",.*\}\] bytes 8192~4096: wrong checksum \(units 3~1\)$/,
    );
    expect(mended).toBe(0);
    // Written anew, it is sound again.
    const store = await BlockStore.open(place(disk, SIZE));
    const data = Buffer.alloc(40_000, 1);
    const remove = [A, B].map((oid) => ({ op: 'remove' as const, c: C, oid }));
    await store.submit([...remove, { op: 'write', c: C, oid: A, offset: 0, data }]);
    await store.close();
    expect((await run(disk)).texts).toEqual([]);
  });

  it('keeps what seems to have no owner while a record is unreadable, until told to discard it', async () => {
    const disk = await filled();
    await dumped(disk);
    const kv = await disk.openKeyValue('/sim/db');
    await kv.commit([{ op: 'put', key: keyOf(D), value: Buffer.from('not a record') }]);
    const first = await run(disk, 'repair');
    expect(first.texts.join('\n')).toMatch(/record of \["1.0",\{"oid":"a\\u0000".* is damaged/);
    expect(first.texts.join('\n')).toMatch(/units \d+~1 are taken and belong to nothing/);
    const second = await run(disk, 'repair');
    expect(second.texts).toHaveLength(2); // the record and its unit; figures were mended
    expect(second.mended).toBe(0);
    const store = await BlockStore.open(place(disk, SIZE));
    expect(() => store.stat(C, D)).toThrow(/damaged value/);
    expect(store.stat(C, A)).toEqual({ size: 40_000 });
    await store.close();
    await run(disk, 'discard');
    expect((await run(disk)).texts).toEqual([]);
    const again = await BlockStore.open(place(disk, SIZE));
    expect(again.stat(C, D)).toBeUndefined();
    await again.close();
  });

  it('looks through shared units beside a record that it does not know', async () => {
    const disk = await filled();
    await change(disk, () => new Map([[keyOf(D), Buffer.from('not a record')]]));
    for (const mend of [undefined, 'repair'] as const) {
      expect((await run(disk, mend)).texts[0]).toMatch(
        /^record under key .*: object record version/,
      );
    }
    await run(disk, 'discard');
    expect((await run(disk)).texts).toEqual([]);
  });

  it('goes on from the sound beginning of a damaged journal when told to', async () => {
    const disk = await filled();
    const store = await BlockStore.open(place(disk, SIZE));
    for (let i = 0; i < 9; i++) {
      await store.submit([
        { op: 'setattrs', c: C, oid: A, attrs: new Map([['n', Buffer.from(`number ${i}`)]]) },
      ]);
    }
    expect(disk.damage('/sim/journal', Buffer.from('number 5'))).toBe(1);
    const crashed = () => new SimDisk(3, disk.snapshot());
    await expect(BlockStore.open(place(crashed(), SIZE))).rejects.toThrow(
      /damaged journal: record 5 of/,
    );
    expect((await run(crashed())).texts.join()).toMatch(/^damaged journal: record 5 of epoch/);
    expect((await run(crashed(), 'repair')).mended).toBe(0);
    const given = crashed();
    expect((await run(given, 'discard')).texts.join()).toMatch(/^journal: record 5 of .* is lost$/);
    expect((await run(given)).texts).toEqual([]);
    const again = await BlockStore.open(place(given, SIZE));
    expect(Buffer.from(again.getattr(C, A, 'n')!).toString()).toBe('number 4');
  });

  it('does not take a journal that is gone for an empty one, unless it was closed', async () => {
    const disk = await filled();
    await dumped(disk); // brings the journal's content to its place
    const store = await BlockStore.open(place(disk, SIZE));
    await store.submit([{ op: 'remove', c: C, oid: A }]);
    await disk.remove('/sim/journal');
    const image = disk.snapshot();
    const lost = new SimDisk(1, image);
    for (let tries = 0; tries < 2; tries++) {
      const open = BlockStore.open(place(lost, SIZE));
      await expect(open).rejects.toThrow(/damaged journal: its file is gone/);
      expect((await run(lost)).texts).toEqual(['damaged journal: its file is gone']);
    }
    const given = new SimDisk(1, image);
    expect((await run(given, 'discard')).texts).toEqual([
      'journal: its file is gone; what came after is lost',
    ]);
    expect((await run(given)).texts).toEqual([]);
    const closed = await filled();
    const before = await dumped(closed);
    await closed.remove('/sim/journal');
    expect(await dumped(closed)).toBe(before);
  });

  it('refuses a directory without a store, another format, and stops when asked to', async () => {
    const options = { ...place(new SimDisk(1), SIZE), found: () => {} };
    await expect(fsck(options)).rejects.toMatchObject({ code: 'ENOENT' });
    const disk = await filled();
    const cancelled = { ...place(disk, SIZE), found: () => {}, isCancelled: () => true };
    await expect(fsck(cancelled)).rejects.toMatchObject({ code: 'EINTR' });
    await change(disk, () => new Map([['Sformat', Buffer.from('9')]]));
    await expect(run(disk)).rejects.toThrow(/format 9, and this release reads/);
  });
});
