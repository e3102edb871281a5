import { describe, expect, it } from 'vitest';
import { CephError } from '../src/errors/index.ts';
import { silent } from '../src/runtime/index.ts';
import { systemClock } from '../src/runtime-node/clock.ts';
import { nativeCrc32c } from '../src/runtime-node/crc32c.ts';
import { CheckedKeyValue } from '../src/store/checked-key-value.ts';
import { BlockStore, type Transaction } from '../src/store/index.ts';
import { HOBJECT_MIN } from '../src/wire/index.ts';
import { dumpStore, ModelStore } from './support/model-store.ts';
import {
  COLLECTIONS,
  firstPgs,
  making,
  objectOf,
  patterned,
  randomTransaction,
} from './support/random-transactions.ts';
import { type Dice, dice, SimDisk } from './support/sim-disk.ts';
import { pause } from './support/until.ts';

const MIB = 2 ** 20;

function open(disk: SimDisk, sizeBytes = 64 * MIB, clock = systemClock): Promise<BlockStore> {
  return BlockStore.open({
    path: '/sim',
    disk,
    openKeyValue: (path) => disk.openKeyValue(path),
    crc32c: nativeCrc32c,
    log: silent,
    clock,
    sizeBytes,
    journalBytes: 48 * 1024, // so small that the areas change often
  });
}

const made = (): Transaction => making(firstPgs());

/** Submits transactions, a few at a time, until all are durable or the power is gone. */
async function load(store: BlockStore, roll: Dice, disk: SimDisk, acked: { count: number }) {
  const txns: Transaction[] = [made()];
  const pgs = firstPgs();
  for (let i = 0; i < 25; i++) txns.push(randomTransaction(roll, 8, pgs));
  let failed = false;
  for (let i = 0; i < txns.length && !disk.dead; i++) {
    store.submit(txns[i]!).then(
      () => acked.count++,
      () => {
        failed = true;
      },
    );
    for (let n = roll(12); n > 0; n--) await null;
  }
  // Long enough for whatever still moves; nothing moves on a dead machine.
  for (let i = 0; i < 300 && acked.count < txns.length && !failed; i++) await null;
  return txns;
}

/** The dump after each prefix of the transactions. */
function prefixes(txns: readonly Transaction[]): string[] {
  const model = new ModelStore();
  const out = [model.dump()];
  for (const txn of txns) {
    model.apply(txn);
    out.push(model.dump());
  }
  return out;
}

/** The figures must be what they would be had the survivors been written anew: counted again from what is there. */
async function expectFiguresExact(store: BlockStore): Promise<void> {
  let omap = 0;
  for (const c of store.collections()) {
    for (const oid of store.list(c, HOBJECT_MIN, 1000).objects) {
      omap += store.omapHeader(c, oid)?.length ?? 0;
      for (const [k, v] of store.omapList(c, oid, { limit: 1000 }).entries) {
        omap += k.length + v.length;
      }
    }
  }
  expect(store.usage().omapBytes).toBe(omap);
  for (const c of store.collections()) {
    await store.submit(
      store.list(c, HOBJECT_MIN, 1000).objects.map((oid) => ({ op: 'remove', c, oid })),
    );
  }
  const { dataBytes, allocatedBytes, omapBytes } = store.usage();
  expect({ dataBytes, allocatedBytes, omapBytes }).toEqual({
    dataBytes: 0,
    allocatedBytes: 0,
    omapBytes: 0,
  });
}

describe('BlockStore when the power fails', () => {
  it('keeps all of each acknowledged transaction and a whole prefix of the rest, at any step', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 4; seed++) {
      const whole = new SimDisk(seed);
      const first = await open(whole);
      const base = whole.steps;
      await load(first, dice(seed), whole, { count: 0 });
      await first.close();
      const steps = whole.steps - base;
      expect(steps).toBeGreaterThan(15);
      for (let at = 1; at <= steps; at++) {
        const disk = new SimDisk(seed);
        const store = await open(disk);
        disk.failAt = disk.steps + at;
        const acked = { count: 0 };
        const txns = await load(store, dice(seed), disk, acked);
        const again = await open(disk.reboot());
        const got = await dumpStore(again);
        const states = prefixes(txns);
        const last = states.lastIndexOf(got);
        if (last < acked.count) {
          throw new Error(
            `seed ${seed} step ${at}: ${acked.count} acknowledged, state of ${last} found`,
          );
        }
        seen.add(last > acked.count ? 'more' : 'exactly');
        await expectFiguresExact(again);
        await again.close();
      }
    }
    expect(seen.size).toBe(2); // the failures did hit commits before and after they took effect
  });

  it('survives one failure after another, with patches moving to blocks in between', async () => {
    const roll = dice(99);
    let disk = new SimDisk(99);
    let store = await open(disk);
    let model = new ModelStore();
    let pgs = firstPgs();
    await store.submit(making(pgs));
    model.apply(making(pgs));
    for (let round = 0; round < 25; round++) {
      let acked = 0;
      disk.failAt = disk.steps + 1 + roll(25);
      const before = model.dump();
      const states = [before];
      const pgsAfter = [new Map(pgs)];
      for (let i = 0; i < 15 && !disk.dead; i++) {
        const txn = randomTransaction(roll, 8, pgs);
        model.apply(txn);
        states.push(model.dump());
        pgsAfter.push(new Map(pgs));
        store.submit(txn).then(
          () => acked++,
          () => {},
        );
        for (let n = roll(10); n > 0; n--) await null;
      }
      // Closing moves all patches: the power may fail there as well.
      const closed = store.close();
      for (let i = 0; i < 400 && !disk.dead; i++) await null;
      if (!disk.dead) await Promise.race([closed, pause(20)]);
      disk = disk.reboot();
      store = await open(disk);
      const last = states.lastIndexOf(await dumpStore(store));
      expect(last).toBeGreaterThanOrEqual(acked);
      // The model goes on from what survived.
      model = await rebuilt(store);
      pgs = pgsAfter[last]!;
      expect(model.dump()).toBe(states[last]);
    }
  });
});

/** A model that holds what a store holds. */
async function rebuilt(store: BlockStore): Promise<ModelStore> {
  const model = new ModelStore();
  for (const c of store.collections()) {
    model.apply([{ op: 'mkcoll', c, bounds: store.bounds(c) }]);
    for (const oid of store.list(c, HOBJECT_MIN, 1000).objects) {
      const header = store.omapHeader(c, oid);
      model.apply([
        { op: 'write', c, oid, offset: 0, data: await store.read(c, oid, 0, 1e9) },
        { op: 'truncate', c, oid, size: store.stat(c, oid)!.size },
        { op: 'setattrs', c, oid, attrs: store.getattrs(c, oid) },
        {
          op: 'omapSet',
          c,
          oid,
          entries: new Map(store.omapList(c, oid, { limit: 1000 }).entries),
        },
        ...(header ? [{ op: 'omapSetHeader' as const, c, oid, header }] : []),
      ]);
    }
  }
  return model;
}

describe('BlockStore when the device fails', () => {
  const A = objectOf(0);
  const C = COLLECTIONS[0]!;

  for (const [what, path] of [
    ['write', '/sim/block'],
    ['sync', '/sim/block'],
    ['write', '/sim/journal'],
    ['sync', '/sim/journal'],
  ] as const) {
    it(`takes no more writes after a ${what} of ${path} failed, and has promised nothing`, async () => {
      const disk = new SimDisk(3);
      const store = await open(disk);
      await store.submit(made());
      const data = patterned(dice(1), 50_000);
      await store.submit([{ op: 'write', c: C, oid: A, offset: 0, data }]);
      disk.fault = (step, at) =>
        step === what && at === path ? new CephError('EIO', `${step} failed`) : undefined;
      const refused = [1, 2, 3].map((i) =>
        store.submit([{ op: 'write', c: C, oid: objectOf(i), offset: 0, data }]),
      );
      for (const r of await Promise.allSettled(refused)) expect(r.status).toBe('rejected');
      disk.fault = undefined;
      await expect(store.submit([{ op: 'touch', c: C, oid: A }])).rejects.toMatchObject({
        code: 'EIO',
      });
      expect(Buffer.from(await store.read(C, A, 0, 50_000)).equals(data)).toBe(true);
      await store.close();
      const again = await open(disk.reboot());
      const { objects } = again.list(C, HOBJECT_MIN, 9);
      // A journal whose sync failed may be there or not; what is there is whole.
      if (what !== 'sync' || path !== '/sim/journal') expect(objects).toEqual([A]);
      for (const oid of objects) {
        expect(Buffer.from(await again.read(C, oid, 0, 50_000)).equals(data)).toBe(true);
      }
    });
  }

  it('stops when the key/value store fails, and loses nothing it acknowledged', async () => {
    const disk = new SimDisk(3);
    const store = await open(disk);
    await store.submit(made());
    disk.fault = (step) => (step === 'commit' ? new CephError('EIO', 'failed') : undefined);
    let acked = 0;
    for (;;) {
      const oid = { ...objectOf(0), name: `o${acked}` };
      const done = store.submit([
        { op: 'write', c: C, oid, offset: 0, data: Buffer.alloc(3000, acked) },
      ]);
      if (
        await done.then(
          () => false,
          () => true,
        )
      ) {
        break;
      }
      acked++;
    }
    expect(acked).toBeGreaterThan(5);
    await store.close();
    disk.fault = undefined;
    const again = await open(disk.reboot());
    for (let i = 0; i < acked; i++) {
      const data = await again.read(C, { ...objectOf(0), name: `o${i}` }, 0, 4000);
      expect(Buffer.from(data).equals(Buffer.alloc(3000, i))).toBe(true);
    }
  });

  it('commits no group after one that failed, though its data was written meanwhile', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new SimDisk(seed);
      const store = await open(disk);
      await store.submit(made());
      let left = 1;
      const later = async () => {
        for (let i = 0; i < 200; i++) await null;
        return new CephError('EIO', 'once');
      };
      disk.fault = (step, path) =>
        step === 'write' && path === '/sim/journal' && left-- > 0 ? later() : undefined;
      const small = store.submit([{ op: 'touch', c: C, oid: A }]);
      await null;
      await null;
      const data = Buffer.alloc(40_000, 1);
      const large = store.submit([{ op: 'write', c: C, oid: objectOf(1), offset: 0, data }]);
      for (const r of await Promise.allSettled([small, large])) expect(r.status).toBe('rejected');
      const again = await open(disk.reboot());
      expect(again.list(C, HOBJECT_MIN, 9).objects).toEqual([]);
    }
  });

  it('ends no group, and closes no file, under a write that goes on when another has failed', async () => {
    const disk = new SimDisk(6);
    const store = await open(disk);
    await store.submit(made());
    const write = (i: number) =>
      ({ op: 'write', c: C, oid: objectOf(i), offset: 0, data: Buffer.alloc(65_536) }) as const;
    await store.submit([write(0), write(1)]);
    await store.submit([{ op: 'remove', c: C, oid: objectOf(0) }]);
    let fail = (_: CephError) => {};
    const late = new Promise<CephError>((resolve) => {
      fail = resolve;
    });
    let writes = 0;
    disk.fault = (step, path) => {
      if (step !== 'write' || path !== '/sim/block') return undefined;
      return ++writes === 1 ? new CephError('EIO', 'at once') : late;
    };
    let ended = 0;
    const end = () => void ended++;
    // One in the place of what was removed, one behind all others.
    const closed = [store.submit([write(2), write(3)]).catch(end), store.close().then(end)];
    await pause(5);
    expect([writes, ended]).toEqual([2, 0]);
    fail(new CephError('EIO', 'late'));
    await Promise.all(closed);
    expect(ended).toBe(2);
  });

  it('passes on that the host has no space, and is whole when opened again', async () => {
    const disk = new SimDisk(4);
    const store = await open(disk);
    await store.submit(made());
    disk.fault = (step) => (step === 'write' ? new CephError('ENOSPC', 'disk full') : undefined);
    await expect(
      store.submit([{ op: 'write', c: C, oid: A, offset: 0, data: Buffer.alloc(40_000) }]),
    ).rejects.toMatchObject({ code: 'ENOSPC' });
    disk.fault = undefined;
    await store.close();
    const again = await open(disk);
    expect(again.list(C, HOBJECT_MIN, 9).objects).toEqual([]);
    await again.submit([{ op: 'write', c: C, oid: A, offset: 0, data: Buffer.alloc(40_000) }]);
  });

  it('refuses data whose bytes changed on the disk, in small reads and large ones', async () => {
    const disk = new SimDisk(5);
    const store = await open(disk);
    await store.submit(made());
    const mark = Buffer.from('a mark that is found again');
    const data = patterned(dice(2), 300_000);
    data.set(mark, 200_000);
    await store.submit([{ op: 'write', c: C, oid: A, offset: 0, data }]);
    expect(disk.damage('/sim/block', mark)).toBe(1);
    const read = async (offset: number, length: number) => store.read(C, A, offset, length);
    await expect(read(200_000, 10)).rejects.toMatchObject({ code: 'EIO' });
    await expect(read(0, 300_000)).rejects.toMatchObject({ code: 'EIO' });
    expect(Buffer.from(await read(0, 100_000)).equals(data.subarray(0, 100_000))).toBe(true);
    // A small write into the damaged block must not give it a new, matching checksum.
    await store.submit([{ op: 'write', c: C, oid: A, offset: 199_900, data: Buffer.from('new') }]);
    await store.close();
    const again = await open(disk);
    expect(() => again.read(C, A, 200_000, 10)).toThrow(/checksum/);
  });

  it('is refused when it is another store or another format', async () => {
    const disk = new SimDisk(6);
    const base = {
      path: '/sim',
      disk,
      openKeyValue: (path: string) => disk.openKeyValue(path),
      crc32c: nativeCrc32c,
      log: silent,
      clock: systemClock,
    };
    const fsid = 'b2b3d0f0-0000-4000-8000-000000000001';
    const store = await BlockStore.open({ ...base, fsid, sizeBytes: MIB });
    expect(store.usage().totalBytes).toBe(MIB);
    await store.close();
    const again = await BlockStore.open({ ...base, sizeBytes: 99 * MIB });
    expect([again.fsid, again.usage().totalBytes]).toEqual([fsid, MIB]);
    await again.close();
    await expect(BlockStore.open({ ...base, fsid: fsid.replace('b2', 'aa') })).rejects.toThrow(
      /belongs to/,
    );
    const kv = await disk.openKeyValue('/sim/db');
    const checked = new CheckedKeyValue(kv, nativeCrc32c);
    await checked.commit([{ op: 'put', key: 'Sformat', value: Buffer.from('9') }]);
    await expect(BlockStore.open(base)).rejects.toThrow(/format 9, and this release reads/);
    // The first format: values had no checksum, and the journal's mark was of another length.
    await kv.commit([
      { op: 'put', key: 'Sformat', value: Buffer.from('1') },
      { op: 'put', key: '\0journal', value: Buffer.alloc(16) },
    ]);
    await expect(BlockStore.open(base)).rejects.toThrow(/format 1, and this release reads/);
  });
});

describe('BlockStore when it is full', () => {
  const C = COLLECTIONS[0]!;
  for (const bytes of [4096, 100_000]) {
    it(`refuses writes of ${bytes} bytes cleanly, still removes, and takes writes again`, async () => {
      const disk = new SimDisk(8);
      const store = await open(disk, 4 * MIB);
      expect(store.usage().availableBytes).toBe(4 * MIB - 4096); // beside the label
      await store.submit(made());
      const data = patterned(dice(3), bytes);
      let count = 0;
      for (;;) {
        const oid = { ...objectOf(0), name: `o${count}` };
        const done = store.submit([{ op: 'write', c: C, oid, offset: 0, data }]);
        const refused = await done.then(
          () => false,
          (e) => {
            expect(e).toMatchObject({ code: 'ENOSPC' });
            expect(store.stat(C, oid)).toBeUndefined();
            return true;
          },
        );
        if (refused) break;
        count++;
      }
      expect(count * bytes).toBeGreaterThan(2.5 * MIB);
      const reserve = 0.01 * 4 * MIB; // for removals
      expect(store.usage().availableBytes).toBeLessThan(bytes + 12_288 + reserve);
      await store.submit([{ op: 'touch', c: C, oid: objectOf(0) }]).catch(() => {});
      const { objects } = store.list(C, HOBJECT_MIN, 1000);
      await store.submit([
        { op: 'remove', c: C, oid: objects[0]! },
        { op: 'omapSet', c: C, oid: objects[1]!, entries: new Map([['log', Buffer.alloc(200)]]) },
      ]);
      for (const oid of objects.slice(1)) await store.submit([{ op: 'remove', c: C, oid }]);
      expect(store.usage().allocatedBytes).toBe(0);
      await store.submit([{ op: 'write', c: C, oid: objectOf(1), offset: 0, data }]);
      await store.close();
      const again = await open(disk);
      expect(Buffer.from(await again.read(C, objectOf(1), 0, bytes)).equals(data)).toBe(true);
    });
  }

  it('counts what the host has left', async () => {
    const disk = new SimDisk(9);
    disk.free = 65 * MIB;
    const store = await open(disk);
    await store.submit(made());
    const write = (length: number) =>
      store.submit([
        { op: 'write', c: C, oid: objectOf(0), offset: 0, data: Buffer.alloc(length) },
      ]);
    await expect(write(2 * MIB)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(store.usage().availableBytes).toBeLessThanOrEqual(MIB);
    await write(MIB / 4);
  });

  it('notices that others fill the host while it is idle', async () => {
    const disk = new SimDisk(10);
    let nowMs = 0;
    const store = await open(disk, 64 * MIB, { ...systemClock, monotonicMs: () => nowMs });
    disk.free = 0;
    nowMs += 60_000;
    store.usage();
    await new Promise(setImmediate);
    expect(store.usage().availableBytes).toBe(0);
  });
});
