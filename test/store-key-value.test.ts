import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nativeCrc32c } from '../src/runtime-node/crc32c.ts';
import { openLmdb } from '../src/runtime-node/lmdb.ts';
import { MemoryKeyValue } from '../src/store/index.ts';
import { JournaledKeyValue } from '../src/store/journaled-key-value.ts';
import { keyValueContract } from './contract/key-value.ts';
import { SimDisk } from './support/sim-disk.ts';
import { tempFolder } from './support/temp-folder.ts';
import { pause } from './support/until.ts';

keyValueContract('memory', async () => {
  let kept: MemoryKeyValue | undefined;
  return {
    open: async () => {
      kept = new MemoryKeyValue(kept);
      return kept;
    },
    destroy: async () => {},
  };
});

keyValueContract('lmdb', async () => {
  const path = tempFolder('kv');
  return {
    open: () => openLmdb(join(path, 'db')),
    destroy: () => rm(path, { recursive: true }),
  };
});

// Areas of 2 KiB: nearly every batch begins a new one, and some are too large for any.
for (const areaBytes of [2048, 2 ** 20]) {
  keyValueContract(`journal with areas of ${areaBytes} bytes`, async () => {
    const disk = new SimDisk(1);
    return {
      open: async () =>
        JournaledKeyValue.open({
          file: await disk.open('/journal', { create: true }),
          kv: await disk.openKeyValue('/db'),
          crc32c: nativeCrc32c,
          areaBytes,
        }),
      destroy: async () => {},
    };
  });
}

/** Pages of a store's map in this process's memory. */
async function mappedBytes(path: string): Promise<number> {
  let inMap = false;
  let kib = 0;
  for (const line of (await readFile('/proc/self/smaps', 'utf8')).split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) inMap = line.endsWith(`${path}/data.mdb`);
    else if (inMap && line.startsWith('Rss:')) kib += Number(line.split(/\s+/)[1]);
  }
  return kib * 1024;
}

describe('openLmdb', () => {
  it('counts no write for ever that the library refuses at once', async () => {
    const kv = await openLmdb(join(tempFolder('refused'), 'db'));
    const value = { buffer: new ArrayBuffer(0) } as unknown as Buffer; // none of what it can store
    await expect(kv.commit([{ op: 'put', key: 'a', value }])).rejects.toMatchObject({
      code: 'EIO',
    });
    expect((kv as unknown as { writers: number }).writers).toBe(0);
    await kv.close();
  });

  it('refuses keys that LMDB cannot hold, and takes the longest it can', async () => {
    const path = tempFolder('kv');
    const kv = await openLmdb(path);
    const put = (length: number) =>
      kv.commit([{ op: 'put', key: '\xff'.repeat(length), value: Buffer.from('v') }]);
    await put(1900);
    await expect(put(1901)).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(put(0)).rejects.toMatchObject({ code: 'EINVAL' });
    expect([...kv.range('', '\xff'.repeat(2000))].map((e) => e.key.length)).toEqual([1900]);
    await kv.close();
    await rm(path, { recursive: true });
  });

  it('gives back the memory of its map, but not under a reader or a write', async () => {
    const path = tempFolder('kv');
    let now = 0;
    const kv = await openLmdb(path, { noSync: true, nowMs: () => now });
    const rest = async () => {
      await pause(300); // the library's thread is done
      now += 300;
    };
    const key = (i: number) => `k${String(i).padStart(6, '0')}`;
    const put = (from: number, count: number) =>
      kv.commit(
        Array.from({ length: count }, (_, i) => ({
          op: 'put' as const,
          key: key(from + i),
          value: Buffer.alloc(1000, from + i),
        })),
      );
    await put(0, 4000);
    const scan = () => [...kv.range('', '\xff')].length;
    expect(scan()).toBe(4000);
    const seen = await mappedBytes(path);
    expect(seen).toBeGreaterThan(3_000_000);
    kv.dropPages!(); // too soon after a write
    expect(await mappedBytes(path)).toBe(seen);
    await rest();
    const reader = kv.range('', '\xff')[Symbol.iterator]();
    expect(reader.next().value.key).toBe(key(0));
    kv.dropPages!();
    expect(await mappedBytes(path)).toBe(seen);
    expect(reader.next().value.key).toBe(key(1));
    reader.return!();
    const written = put(4000, 1);
    kv.dropPages!();
    await written;
    expect(await mappedBytes(path)).toBeGreaterThanOrEqual(seen);
    await rest();
    kv.dropPages!();
    expect(await mappedBytes(path)).toBeLessThan(500_000);
    expect(kv.get(key(4000))).toEqual(Buffer.alloc(1000, 4000));
    await put(4001, 2);
    expect(scan()).toBe(4003);
    await kv.close();
    kv.dropPages!();
    await rm(path, { recursive: true });
  });
});
