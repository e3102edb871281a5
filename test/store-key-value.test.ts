import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLmdb } from '../src/runtime-node/lmdb.ts';
import { MemoryKeyValue } from '../src/store/index.ts';
import { keyValueContract } from './contract/key-value.ts';

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
