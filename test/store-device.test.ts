// A store whose data are on a block device: simulated, and a loop device of this machine where one can be had.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nodeDisk } from '../src/runtime-node/index.ts';
import { BlockStore, type BlockStoreOptions, fsck, wipe } from '../src/store/index.ts';
import { HOBJECT_MIN, type HObject } from '../src/wire/index.ts';
import { openNodeStore } from './support/node-store.ts';
import { place } from './support/power-run.ts';
import { objectOf as anyObject, patterned } from './support/random-transactions.ts';
import { type DiskEvent, dice, SimDisk } from './support/sim-disk.ts';
import { tempFolder } from './support/temp-folder.ts';
import { pause } from './support/until.ts';

const MIB = 2 ** 20;
const C = '1.0';
const DEVICE = '/dev/sim';
const FSID = '6f0e4a3c-0000-4000-8000-000000000001';

const objectOf = (i: number): HObject => ({ ...anyObject(0), name: `o${i}`, hash: i });
type Extra = Partial<BlockStoreOptions>;
const open = (disk: SimDisk, extra: Extra = {}) =>
  BlockStore.open({ ...place(disk, 8 * MIB), blockPath: DEVICE, ...extra });

async function findings(disk: SimDisk, mend?: 'repair'): Promise<string[]> {
  const texts: string[] = [];
  const found = ({ text }: { text: string }) => texts.push(text);
  await fsck({ ...place(disk, 0), deep: true, found, ...(mend ? { mend } : {}) });
  return texts;
}

async function fillSome(store: BlockStore, count: number): Promise<void> {
  await store.submit([{ op: 'mkcoll', c: C }]);
  for (let i = 0; i < count; i++) {
    const data = patterned(dice(i), 100_000 + i);
    await store.submit([{ op: 'write', c: C, oid: objectOf(i), offset: 0, data }]);
  }
}

async function expectSome(store: BlockStore, count: number): Promise<void> {
  expect(store.list(C, HOBJECT_MIN, 100).objects).toHaveLength(count);
  for (let i = 0; i < count; i++) {
    const bytes = await store.read(C, objectOf(i), 0, 200_000);
    expect(patterned(dice(i), 100_000 + i).equals(bytes)).toBe(true);
  }
}

describe('a store on a device', () => {
  let disk: SimDisk;
  beforeEach(() => {
    disk = new SimDisk(1);
    disk.addDevice(DEVICE, 20 * MIB + 512);
  });

  it('has all of it, and is the same when it is opened again without being told where', async () => {
    let store = await open(disk, { fsid: FSID });
    expect(store.usage().totalBytes).toBe(20 * MIB);
    await fillSome(store, 5);
    await store.close();
    expect(await findings(disk)).toEqual([]);
    store = await BlockStore.open(place(disk, 8 * MIB));
    expect(store.fsid).toBe(FSID);
    await expectSome(store, 5);
  });

  it('says in its first block whose it is, as text', async () => {
    await (await open(disk, { fsid: FSID })).close();
    const first = (await disk.readFile(DEVICE)).subarray(0, 4096).toString('latin1');
    expect(first).toContain(`sepiola block store\nformat 3\nfsid ${FSID}\nsize ${20 * MIB}\n`);
  });

  it('may be as full as it is whatever the host has, but for what metadata need', async () => {
    disk.free = 129 * MIB; // 64 of them are kept for LMDB, and as many for an OSD that is full
    let store = await open(disk);
    expect(store.usage().availableBytes).toBeGreaterThan(19 * MIB);
    await store.submit([{ op: 'mkcoll', c: C }]);
    const data = Buffer.alloc(4 * MIB, 1);
    for (let i = 0; i < 4; i++) {
      await store.submit([{ op: 'write', c: C, oid: objectOf(i), offset: 0, data }]);
    }
    await store.close();
    disk.free = 65 * MIB;
    store = await open(disk);
    // It says that it is full as long as it still takes what an OSD must write of itself.
    expect(store.usage().availableBytes).toBe(0);
    expect(() => store.reserve(C, 1)).toThrow(/0 left/);
    const log = new Map([['entry', Buffer.alloc(200)]]);
    await store.submit([
      { op: 'remove', c: C, oid: objectOf(0) },
      { op: 'omapSet', c: C, oid: objectOf(9), entries: log },
    ]);
    const entries = new Map([['k', Buffer.alloc(2 * MIB)]]);
    const large = store.submit([{ op: 'omapSet', c: C, oid: objectOf(9), entries }]);
    await expect(large).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  it.each([
    ['an ext file system', 1080, '\x53\xef'],
    ['a btrfs file system', 65_600, '_BHRfS_M'],
    ['a partition table (GPT)', 512, 'EFI PART'],
    ['a partition table (GPT)', 20 * MIB, 'EFI PART'], // its copy in the last sector
    ['a partition table', 510, '\x55\xaa'],
    ['a BlueStore OSD', 0, 'bluestore block device\n'],
    ['a ZFS pool', 131_072 + 5 * 1024, '\x0c\xb1\xba\0\0\0\0\0'],
  ])('does not take one with %s at %i, before it is wiped', async (what, at, magic) => {
    const file = await disk.open(DEVICE);
    await file.write([Buffer.from(magic, 'latin1')], at);
    await expect(open(disk)).rejects.toMatchObject({
      code: 'EEXIST',
      message: expect.stringContaining(`holds ${what};`),
    });
    await wipe(disk, DEVICE);
    const store = await open(disk);
    await fillSome(store, 2);
    await store.close();
    const bytes = await disk.readFile(DEVICE);
    expect(bytes.indexOf(Buffer.from(magic, 'latin1'), Math.max(4096, at))).not.toBe(at);
    expect(await findings(disk)).toEqual([]);
  });

  it('is not taken for another store, and not made anew when its metadata are lost', async () => {
    await (await open(disk, { fsid: FSID })).close();
    const left = disk.snapshot().files;
    left.delete('/sim/journal');
    const lost = new SimDisk(2, { files: left, stores: new Map() });
    lost.devices.add('/sim/block');
    await expect(open(lost, { fsid: FSID })).rejects.toThrow(/holds a Sepiola store/);

    const other = new SimDisk(3);
    other.addDevice(DEVICE, 20 * MIB);
    await (await open(other, { fsid: 'other' })).close();
    const { files } = other.snapshot();
    const mixed = new SimDisk(4, { files, stores: disk.snapshot().stores });
    mixed.devices.add('/sim/block');
    const opened = BlockStore.open(place(mixed, 0));
    await expect(opened).rejects.toThrow(/holds data of store other, not/);
    expect(await findings(mixed)).toContainEqual(
      expect.stringMatching(/^the data file is of store/),
    );
  });

  it('with a damaged label is refused, and repair writes it again', async () => {
    const store = await open(disk, { fsid: FSID });
    await fillSome(store, 3);
    await store.close();
    disk.damage('/sim/block', Buffer.from(`fsid ${FSID}`));
    await expect(open(disk)).rejects.toMatchObject({ code: 'EIO' });
    expect(await findings(disk, 'repair')).toEqual(['the label of the data file is damaged']);
    expect(await findings(disk)).toEqual([]);
    await expectSome(await open(disk), 3);
  });

  it('that became smaller is refused; one that grew has a part that is not used', async () => {
    await (await open(disk)).close();
    const files = disk.snapshot().files;
    for (const path of ['/sim/block', DEVICE]) files.get(path)!.size = 19 * MIB;
    const smaller = new SimDisk(2, { files, stores: disk.snapshot().stores });
    smaller.devices.add('/sim/block');
    await expect(open(smaller)).rejects.toThrow(/has \d+ bytes, not/);
    expect(await findings(smaller)).toContainEqual(expect.stringMatching(/^the data file has/));
    for (const path of ['/sim/block', DEVICE]) files.get(path)!.size = 30 * MIB;
    const larger = new SimDisk(3, { files, stores: disk.snapshot().stores });
    larger.devices.add('/sim/block');
    expect(await findings(larger)).toEqual([]);
    expect((await open(larger)).usage().totalBytes).toBe(20 * MIB);
  });

  it('goes on where its making was cut short, at each step', async () => {
    let made = false;
    for (let step = 1; !made; step++) {
      let cut = new SimDisk(step);
      cut.addDevice(DEVICE, 20 * MIB);
      cut.failAt = step;
      const opened = open(cut, { fsid: FSID }).then(() => {
        made = true;
      });
      await Promise.race([opened, pause(5)]);
      cut = cut.reboot();
      const store = await open(cut, { fsid: FSID });
      await fillSome(store, 1);
      await store.close();
      expect(await findings(cut)).toEqual([]);
    }
  });
});

describe('the parts of a device', () => {
  const COUNT = 3;
  const SIZE = 6 * MIB; // 20 MiB and a bit in three, in whole MiB
  const dirOf = (index: number) => `/sim/shard.${index}`;
  const partOf = (disk: SimDisk, index: number) => ({ ...place(disk, 0), path: dirOf(index) });
  const openPart = (disk: SimDisk, index: number, extra: Extra = {}) =>
    BlockStore.open({
      ...partOf(disk, index),
      blockPath: DEVICE,
      devicePart: { index, count: COUNT },
      fsid: FSID,
      ...extra,
    });
  const check = async (disk: SimDisk, index: number, mend?: 'repair') => {
    const texts: string[] = [];
    const found = ({ text }: { text: string }) => texts.push(text);
    const result = await fsck({ ...partOf(disk, index), deep: true, found, ...(mend && { mend }) });
    expect(result.found).toBe(texts.length);
    return texts;
  };

  it('are stores that do not meet, each as full as it may be', async () => {
    const disk = new SimDisk(1);
    disk.addDevice(DEVICE, 20 * MIB + 512);
    const stores = [];
    for (let i = 0; i < COUNT; i++) stores.push(await openPart(disk, i));
    for (const [i, store] of stores.entries()) {
      expect(store.usage().totalBytes).toBe(SIZE);
      await store.submit([{ op: 'mkcoll', c: C }]);
      const data = patterned(dice(i), SIZE - 256 * 1024);
      await store.submit([{ op: 'write', c: C, oid: objectOf(i), offset: 0, data }]);
      const more = Buffer.alloc(MIB, 1);
      const over = store.submit([{ op: 'write', c: C, oid: objectOf(9), offset: 0, data: more }]);
      await expect(over).rejects.toMatchObject({ code: 'ENOSPC' });
    }
    for (const store of stores) await store.close();
    for (let i = 0; i < COUNT; i++) {
      expect(await check(disk, i)).toEqual([]);
      const store = await BlockStore.open(partOf(disk, i));
      const bytes = await store.read(C, objectOf(i), 0, SIZE);
      expect(patterned(dice(i), SIZE - 256 * 1024).equals(bytes)).toBe(true);
      await store.close();
    }
  });

  it('do not meet, though the stripes were changed between the making of two of them', async () => {
    const disk = new SimDisk(1);
    disk.addDevice(DEVICE, 20 * MIB);
    for (let i = 0; i < COUNT; i++) {
      const store = await openPart(disk, i, i === 0 ? {} : { stripeBytes: 4 * MIB });
      await store.submit([{ op: 'mkcoll', c: C }]);
      const data = patterned(dice(i), store.usage().totalBytes - 256 * 1024);
      await store.submit([{ op: 'write', c: C, oid: objectOf(i), offset: 0, data }]);
      await store.close();
    }
    for (let i = 0; i < COUNT; i++) expect(await check(disk, i)).toEqual([]);
  });

  it('are refused behind a part 0 that is of another store, or of fewer parts', async () => {
    const disk = new SimDisk(1);
    disk.addDevice(DEVICE, 20 * MIB);
    await (await openPart(disk, 0)).close();
    const other = openPart(disk, 1, { fsid: 'other' });
    await expect(other).rejects.toMatchObject({ code: 'EINVAL' });
    const fourth = openPart(disk, 3, { devicePart: { index: 3, count: 4 } });
    await expect(fourth).rejects.toMatchObject({ code: 'EINVAL' });
    expect((await openPart(disk, 1)).usage().totalBytes).toBe(SIZE);
  });

  it('are not made anew when their metadata are lost', async () => {
    const disk = new SimDisk(1);
    disk.addDevice(DEVICE, 20 * MIB);
    for (let i = 0; i < COUNT; i++) await (await openPart(disk, i)).close();
    for (let i = 0; i < COUNT; i++) {
      const { files, stores } = disk.snapshot();
      files.delete(`${dirOf(i)}/journal`);
      stores.delete(`${dirOf(i)}/db`);
      const lost = new SimDisk(2, { files, stores });
      for (const path of disk.devices) lost.devices.add(path);
      await expect(openPart(lost, i)).rejects.toMatchObject({ code: 'EEXIST' });
    }
    // Wiped, the device is taken again, by a store of the same name too.
    const device = disk.snapshot().files.get(DEVICE)!;
    const next = new SimDisk(3, { files: new Map([[DEVICE, device]]), stores: new Map() });
    next.devices.add(DEVICE);
    await wipe(next, DEVICE);
    for (let i = 0; i < COUNT; i++) await (await openPart(next, i)).close();
  });

  it.each(['Sstart', 'Ssize'])('are not guessed when %s is lost', async (key) => {
    const disk = new SimDisk(1);
    disk.addDevice(DEVICE, 20 * MIB);
    for (let i = 0; i < COUNT; i++) await (await openPart(disk, i)).close();
    const kv = await disk.openKeyValue(`${dirOf(1)}/db`);
    await kv.commit([{ op: 'put', key, value: Buffer.from('not a value') }]);
    expect(await check(disk, 1, 'repair')).toEqual(['which part of its device it has is lost']);
    await expect(openPart(disk, 1)).rejects.toMatchObject({ code: 'EIO' });
    expect(await check(disk, 0)).toEqual([]);
    expect(await check(disk, 2)).toEqual([]);
  });

  it('are made over what stores before have left there, once part 0 may have the device', async () => {
    const disk = new SimDisk(1);
    disk.addDevice(DEVICE, 20 * MIB);
    for (let i = 0; i < COUNT; i++) await (await openPart(disk, i, { fsid: 'former' })).close();
    const device = disk.snapshot().files.get(DEVICE)!;
    const next = new SimDisk(2, { files: new Map([[DEVICE, device]]), stores: new Map() });
    next.devices.add(DEVICE);
    await expect(openPart(next, 0)).rejects.toThrow(/holds a Sepiola store/);
    await wipe(next, DEVICE);
    for (let i = 0; i < COUNT; i++) {
      const store = await openPart(next, i);
      await fillSome(store, 2);
      await store.close();
    }
    for (let i = 0; i < COUNT; i++) {
      expect(await check(next, i)).toEqual([]);
      await expectSome(await openPart(next, i), 2);
    }
  });
});

describe('stripes', () => {
  it("are the device's for ever: large writes begin at them, in one piece", async () => {
    const disk = new SimDisk(1);
    disk.addDevice(DEVICE, 64 * MIB);
    const stripeBytes = 192 * 1024; // three data disks of 64 KiB
    let store = await open(disk, { stripeBytes });
    await store.submit([{ op: 'mkcoll', c: C }]);
    await store.close();
    store = await BlockStore.open(place(disk, 0));
    const events: DiskEvent[] = [];
    disk.trace = events;
    for (let i = 0; i < 20; i++) {
      const data = Buffer.alloc(i % 2 === 0 ? 4 * stripeBytes : 40_000, i);
      await store.submit([{ op: 'write', c: C, oid: objectOf(i), offset: 0, data }]);
    }
    const large = events.flatMap((e) =>
      e.kind === 'write' && e.path === '/sim/block' && e.bytes.length >= stripeBytes ? [e] : [],
    );
    expect(large).toHaveLength(10);
    for (const { offset, bytes } of large) {
      expect([offset % stripeBytes, bytes.length]).toEqual([0, 4 * stripeBytes]);
    }
  });

  it.each([-4096, 1000, 2 ** 30])('of %i bytes are refused', async (stripeBytes) => {
    const opened = BlockStore.open({ ...place(new SimDisk(1), 8 * MIB), stripeBytes });
    await expect(opened).rejects.toMatchObject({ code: 'EINVAL' });
  });
});

/** The devices that `losetup` made for this file. */
const loops: string[] = [];
const dir = tempFolder('device');
const canLoop = process.getuid?.() === 0 && loopOf('probe', 2 * MIB) !== undefined;

function loopOf(name: string, bytes: number): string | undefined {
  const path = join(dir, name);
  writeFileSync(path, '');
  truncateSync(path, bytes);
  const made = spawnSync('losetup', ['--show', '-f', path], { encoding: 'utf8' });
  if (made.status !== 0) return undefined;
  loops.push(made.stdout.trim());
  return made.stdout.trim();
}

afterAll(() => {
  for (const device of loops) spawnSync('losetup', ['-d', device]);
  rmSync(dir, { recursive: true, force: true });
});

describe.skipIf(!canLoop)('a loop device', () => {
  let device: string;
  const path = join(dir, 'osd.0');
  beforeAll(() => {
    device = loopOf('disk', 96 * MIB + 512)!;
  });

  it('is not taken while it holds a file system; wiped, it is taken whole', async () => {
    expect(spawnSync('mkfs.ext4', ['-q', device]).status).toBe(0);
    await expect(openNodeStore(path, { blockPath: device })).rejects.toMatchObject({
      code: 'EEXIST',
      message: expect.stringContaining('holds an ext file system'),
    });
    await wipe(nodeDisk, device);
    const store = await openNodeStore(path, { blockPath: device });
    expect(store.usage().totalBytes).toBe(96 * MIB);
    await fillSome(store, 20);
    await store.submit([
      { op: 'write', c: C, oid: objectOf(30), offset: 0, data: Buffer.alloc(8 * MIB, 'x') },
    ]);
    await store.close();
    const seen = spawnSync('blkid', ['-p', device], { encoding: 'utf8' });
    expect(seen.stdout).not.toContain('ext4');
  });

  it("is one store's alone while it is open, from this process and from others", async () => {
    const store = await openNodeStore(path);
    const other = openNodeStore(join(dir, 'osd.1'), { blockPath: device });
    await expect(other).rejects.toMatchObject({ code: 'EBUSY' });
    await expect(wipe(nodeDisk, device)).rejects.toMatchObject({ code: 'EBUSY' });
    const mounted = spawnSync('mkfs.ext4', ['-q', '-F', device], { encoding: 'utf8' });
    expect(mounted.stderr).toMatch(/in use/);
    expect((await store.read(C, objectOf(30), 8 * MIB - 4, 4)).toString()).toBe('xxxx');
    await store.submit([{ op: 'remove', c: C, oid: objectOf(30) }]);
    await expectSome(store, 20);
    await store.close();
  });

  it('parted among stores of one process is theirs alone', async () => {
    const parted = loopOf('parted', 64 * MIB)!;
    const ofPart = (index: number) =>
      openNodeStore(join(dir, `osd.3/shard.${index}`), {
        blockPath: parted,
        devicePart: { index, count: 2 },
        fsid: FSID,
      });
    for (let life = 0; life < 2; life++) {
      const stores = [await ofPart(0), await ofPart(1)];
      const made = spawnSync('mkfs.ext4', ['-q', '-F', parted], { encoding: 'utf8' });
      expect(made.stderr).toMatch(/in use/);
      for (const store of stores) {
        expect(store.usage().totalBytes).toBe(32 * MIB);
        if (life === 0) await fillSome(store, 5);
        else await expectSome(store, 5);
      }
      for (const store of stores) await store.close();
    }
  });

  it('is refused while it is mounted', async () => {
    const ext = loopOf('mounted', 16 * MIB)!;
    const at = join(dir, 'mnt');
    mkdirSync(at);
    expect(spawnSync('mkfs.ext4', ['-q', ext]).status).toBe(0);
    if (spawnSync('mount', [ext, at]).status !== 0) return expect(canLoop).toBe(true);
    try {
      const opened = openNodeStore(join(dir, 'osd.2'), { blockPath: ext });
      await expect(opened).rejects.toMatchObject({ code: 'EBUSY' });
    } finally {
      spawnSync('umount', [at]);
    }
  });

  it.each(['on', 'off'] as const)('goes past the cache: %s', async (direct) => {
    const store = await openNodeStore(path, { direct });
    await expectSome(store, 20);
    const data = patterned(dice(9), 2 * MIB);
    await store.submit([{ op: 'write', c: C, oid: objectOf(31), offset: 0, data }]);
    await store.close();
    const found: string[] = [];
    const again = await openNodeStore(path, { direct });
    expect(data.equals(await again.read(C, objectOf(31), 0, 2 * MIB))).toBe(true);
    await again.submit([{ op: 'remove', c: C, oid: objectOf(31) }]);
    await again.close();
    expect(found).toEqual([]);
  });

  it('has the size that its end has', async () => {
    for (const bytes of [4096, MIB + 512, 3 * MIB]) {
      const small = loopOf(`size${bytes}`, bytes)!;
      const file = await nodeDisk.open(small);
      expect([file.isDevice, file.size()]).toEqual([true, bytes]);
      await expect(file.truncate(0)).rejects.toMatchObject({ code: 'EINVAL' });
      await file.close();
    }
  });
});
