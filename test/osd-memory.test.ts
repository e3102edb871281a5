// Memory that is used again: nobody may look at it, or write into it, when it was given back.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { IncomingMessage } from '../src/msgr/index.ts';
import { OpMemory } from '../src/osd/requests/op-memory.ts';
import type { BlockStore } from '../src/store/index.ts';
import { openNodeStore } from './support/node-store.ts';
import { OsdCluster } from './support/osd-cluster.ts';
import { PoisonPool } from './support/poison-pool.ts';
import { tempFolder } from './support/temp-folder.ts';
import { pause } from './support/until.ts';

describe("a request's memory", () => {
  const request = () => {
    const pool = new PoisonPool();
    let recycled = 0;
    const message = { isLarge: true, recycle: () => recycled++ } as unknown as IncomingMessage;
    return { pool, memory: new OpMemory(message, pool), recycled: () => recycled };
  };

  it('is given back, once, when all who use it are done, in whatever order', () => {
    const { pool, memory, recycled } = request();
    const read = memory.take(1 << 20);
    const reply = memory.use();
    const peer = memory.use();
    peer();
    peer(); // says it twice
    memory.end();
    expect([recycled(), pool.given]).toEqual([0, 0]);
    reply();
    expect([recycled(), pool.given]).toEqual([1, 1]);
    expect(pool.take(1 << 20)).toBe(read);
  });

  it('of a request that never ends stays what it is', () => {
    const { pool, memory, recycled } = request();
    memory.take(1 << 20);
    memory.use()();
    expect([recycled(), pool.given]).toEqual([0, 0]);
  });
});

/** What a slot's object is in its n-th version: no two versions are alike anywhere. */
function content(slot: number, version: number): Buffer {
  const length = [5 << 20, 4 << 20, (1 << 20) + 5000, 300_000, 70_000][slot % 5]!;
  const out = Buffer.alloc(length - (version % 3) * 1000);
  for (let i = 0; i + 4 <= out.length; i += 4) {
    out.writeUInt32LE(
      (Math.imul(slot + 1, 0x9e37_79b1) ^ Math.imul(version, 0x85eb_ca6b) ^ i) >>> 0,
      i,
    );
  }
  return out;
}

it('large objects stay what was written, while OSDs die, come back, and take the same memory again and again', async () => {
  const dir = tempFolder('memory');
  const open = (id: number): Promise<BlockStore> =>
    openNodeStore(join(dir, `osd.${id}`), { sizeBytes: 1 << 30 });
  try {
    const stores = [await open(0), await open(1), await open(2)];
    await using c = await OsdCluster.start(3, (id) => stores[id]!);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 8 });
    let stop = false;
    let reads = 0;
    const versions: number[] = [];
    const work = async (slot: number): Promise<void> => {
      const object = pool.object(`o${slot}`);
      for (let version = 0; !stop || version < 4; version++) {
        const wanted = content(slot, version);
        await object.writeFull(wanted);
        versions[slot] = version;
        // Some reads meet the data on its way to the device, some ask the device, several share a socket.
        const got = await Promise.all([
          object.read(),
          object.read({ offset: 4096, length: 40_000 }),
          object.read({ offset: 1000, length: 60_000 }),
        ]);
        reads += got.length;
        if (!got[0]!.equals(wanted))
          throw new Error(`object ${slot}, version ${version}: wrong bytes`);
        expect(got[1]!.equals(wanted.subarray(4096, 44_096))).toBe(true);
        expect(got[2]!.equals(wanted.subarray(1000, 61_000))).toBe(true);
      }
    };
    const workers = Array.from({ length: 10 }, (_, slot) => work(slot));
    for (const id of [1, 2]) {
      await pause(300);
      await c.kill(id);
      await pause(300);
      c.stores[id] = await open(id);
      await c.startOsd(id);
      await c.osds[id]!.booted;
    }
    stop = true;
    await Promise.all(workers);
    expect(reads).toBeGreaterThanOrEqual(10 * 4 * 3);
    for (let slot = 0; slot < 10; slot++) {
      const got = await pool.object(`o${slot}`).read();
      expect(got.equals(content(slot, versions[slot]!))).toBe(true);
    }
    expect(c.fatal).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 60_000);
