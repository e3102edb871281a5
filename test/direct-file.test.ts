import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alignedMemory, type DiskFile, isAligned } from '../src/runtime/index.ts';
import { nodeDisk } from '../src/runtime-node/index.ts';
import { tempFolder } from './support/temp-folder.ts';

const MIB = 1 << 20;
let dir: string;
let path: string;
let file: DiskFile;

beforeAll(async () => {
  dir = tempFolder('direct');
  path = join(dir, 'data');
  file = await nodeDisk.open(path, { create: true });
});
afterAll(async () => {
  await file.close();
  rmSync(dir, { recursive: true, force: true });
});

function pattern(into: Buffer, from: number): Buffer {
  for (let i = 0; i < into.length; i += 4) into.writeUInt32LE(from + i, i);
  return into;
}

test('aligned memory is told from other memory', () => {
  const memory = alignedMemory(MIB);
  expect(memory.length).toBe(MIB);
  expect(isAligned(memory)).toBe(true);
  expect(isAligned(memory.subarray(4096, 12288))).toBe(true);
  expect(isAligned(memory.subarray(512))).toBe(false);
  expect(isAligned(memory.subarray(0, 100))).toBe(false);
  expect(isAligned(Buffer.allocUnsafeSlow(MIB))).toBe(false);
});

test('what is used once is written and read the same, however it lies in memory', async () => {
  const first = pattern(alignedMemory(MIB), 0);
  const second = pattern(Buffer.allocUnsafeSlow(MIB + 4096), MIB).subarray(0, MIB);
  const third = pattern(alignedMemory(MIB), 2 * MIB);
  await file.write([first, third.subarray(0, 65536)], 0, 'once'); // as they lie
  await file.write([second], MIB, 'once'); // through slots
  await file.write([first.subarray(0, 4096), third.subarray(4096)], 2 * MIB, 'once');
  await file.write([third.subarray(0, 4000), third.subarray(4000, 4096)], 2 * MIB, 'once');
  await file.write([Buffer.from('tail')], 3 * MIB, 'once'); // no whole block: the ordinary way
  await file.sync();
  const wanted = Buffer.concat([pattern(Buffer.alloc(3 * MIB), 0), Buffer.from('tail')]);
  expect(readFileSync(path).equals(wanted)).toBe(true);

  for (const into of [alignedMemory(4 * MIB), Buffer.alloc(4 * MIB)]) {
    into.fill(0xdb);
    // Short at the file's end, which lies within a block.
    expect(await file.read(into, 0, 'once')).toBe(wanted.length);
    expect(into.subarray(0, wanted.length).equals(wanted)).toBe(true);
    const part = into.subarray(0, 8192);
    expect(await file.read(part, 4096, 'once')).toBe(8192);
    expect(part.equals(wanted.subarray(4096, 12288))).toBe(true);
    expect(await file.read(part, 1000, 'once')).toBe(8192);
    expect(part.equals(wanted.subarray(1000, 9192))).toBe(true);
    expect(await file.read(part, 4 * MIB, 'once')).toBe(0);
  }
});

test('a read past the cache sees what was written through it and is not on the device yet', async () => {
  const bytes = Buffer.alloc(MIB, 'cached');
  await file.write([bytes], 0);
  const into = alignedMemory(MIB);
  expect(await file.read(into, 0, 'once')).toBe(MIB);
  expect(into.equals(bytes)).toBe(true);
});

test('every way shows the same bytes, and can be changed while the file is open', async () => {
  const other = join(dir, 'modes');
  const modes = ['on', 'off', 'auto', 'on'] as const;
  let opened = await nodeDisk.open(other, { create: true, direct: 'off' });
  for (const [i, mode] of modes.entries()) {
    opened.setDirect(mode);
    await opened.write([pattern(alignedMemory(65536).subarray(0, 65536), i << 20)], i * 65536);
    await opened.write([pattern(Buffer.alloc(4096), i << 20)], i * 65536, 'once');
    await opened.sync();
  }
  await opened.close();
  const wanted = Buffer.concat(modes.map((_, i) => pattern(Buffer.alloc(65536), i << 20)));
  expect(readFileSync(other).equals(wanted)).toBe(true);
  for (const direct of modes) {
    opened = await nodeDisk.open(other, { direct });
    for (const use of [undefined, 'once'] as const) {
      const into = alignedMemory(wanted.length);
      expect(await opened.read(into, 0, use)).toBe(wanted.length);
      expect(into.equals(wanted)).toBe(true);
    }
    await opened.close();
  }
});

test('it must be possible where it is asked for', async () => {
  await expect(nodeDisk.open('/dev/null', { direct: 'on' })).rejects.toMatchObject({
    code: 'EINVAL',
    message: expect.stringContaining('no way around the page cache'),
  });
  const file = await nodeDisk.open('/dev/null');
  expect(() => file.setDirect('on')).toThrow(/no way around/);
  await file.write([Buffer.alloc(4096)], 0, 'once'); // as it can be
  await file.close();
});
