import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nativeCrc32c } from '../src/runtime-node/crc32c.ts';
import { openLmdb } from '../src/runtime-node/lmdb.ts';
import { MemoryKeyValue } from '../src/store/index.ts';
import { JournaledKeyValue } from '../src/store/journaled-key-value.ts';
import { keyValueContract } from './contract/key-value.ts';
import { SimDisk } from './support/sim-disk.ts';

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
  const path = await mkdtemp(join(tmpdir(), 'sepiola-kv-'));
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

describe('openLmdb', () => {
  it('refuses keys that LMDB cannot hold, and takes the longest it can', async () => {
    const path = await mkdtemp(join(tmpdir(), 'sepiola-kv-'));
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
});
