import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { alignedMemory } from '../src/runtime/index.ts';
import { nodeDisk } from '../src/runtime-node/index.ts';
import { WritePace } from '../src/runtime-node/write-pace.ts';
import { tempFolder } from './support/temp-folder.ts';

describe('the pace of a device', () => {
  it('is waited for while it is quick, but not by large writes', () => {
    const pace = new WritePace();
    for (let i = 0; i < 100; i++) {
      expect(pace.waits(4096)).toBe(true);
      pace.took(0.2);
    }
    expect(pace.waits(1 << 20)).toBe(false);
  });

  it('is told by the quickest of some writes, whatever the others waited for', () => {
    const pace = new WritePace();
    for (let i = 0; i < 1000; i++) {
      expect(pace.waits(4096)).toBe(true);
      pace.took(i % 20 === 0 ? 0.3 : 30);
    }
  });

  it('is left to the pool when it is slow, and found again when it has become quick', () => {
    const pace = new WritePace();
    const waited = (n: number, ms: number): number => {
      let count = 0;
      for (let i = 0; i < n; i++) {
        if (!pace.waits(4096)) continue;
        count++;
        pace.took(ms);
      }
      return count;
    };
    expect(waited(100, 8)).toBe(32);
    expect(waited(2560, 8)).toBe(10);
    waited(256, 0.2);
    expect(waited(100, 0.2)).toBe(100);
  });
});

describe('durable writes of a file', () => {
  let dir = '';
  beforeEach(() => {
    dir = tempFolder('write-through');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it.each([
    ['small', 16],
    ['large', 256 * 1024],
  ])('hold every byte of many %s buffers', async (_, bytes) => {
    const path = join(dir, 'f');
    const file = await nodeDisk.open(path, { create: true });
    const count = bytes < 1024 ? 3000 : 5;
    const buffers = Array.from({ length: count }, (_, i) => Buffer.alloc(bytes, i));
    await file.writeThrough([Buffer.alloc(0), ...buffers], 100);
    await file.close();
    expect(readFileSync(path).subarray(100).equals(Buffer.concat(buffers))).toBe(true);
  });

  it('begin when what the turn has for others has left', async () => {
    const path = join(dir, 'f');
    const file = await nodeDisk.open(path, { create: true });
    let before = -1;
    process.nextTick(() => {
      before = file.size();
    });
    await file.writeThrough([Buffer.from('abc')], 0);
    expect([before, file.size()]).toEqual([0, 3]);
    await file.close();
  });

  it('reject with the errno of the device', async () => {
    const file = await nodeDisk.open('/dev/full');
    await expect(file.writeThrough([Buffer.alloc(4096)], 0)).rejects.toMatchObject({
      name: 'CephError',
      message: expect.stringContaining('ENOSPC'),
    });
    await file.close();
  });

  it.each(['auto', 'off'] as const)(
    'read back the same past the cache and by it: %s',
    async (direct) => {
      const path = join(dir, 'f');
      const file = await nodeDisk.open(path, { create: true, filledBytes: 65_536, direct });
      const area = alignedMemory(65_536);
      for (let i = 0; i < 16; i++) area.fill(i + 1, i * 4096, (i + 1) * 4096);
      // Whole blocks as they lie, a record within a block, and blocks again over it.
      await file.writeThrough([area.subarray(0, 8192)], 0);
      await file.writeThrough([Buffer.from('record')], 8000);
      await file.writeThrough([area.subarray(8192, 16_384)], 8192);
      const seen = readFileSync(path);
      const wanted = Buffer.alloc(65_536);
      area.copy(wanted, 0, 0, 16_384);
      wanted.write('record', 8000);
      expect(seen.equals(wanted)).toBe(true);
      await file.close();
    },
  );
});
