// Copies of objects between stores: what one has checked, the other need not sum up again.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import { encodeObjectInfo, INFO_ATTR, INFO_NEW } from '../src/osd/ops/index.ts';
import { applyPart, COPY_START, readPart } from '../src/osd/recovery/object-copy.ts';
import type { BlockStore, StoreOp } from '../src/store/index.ts';
import { openNodeStore } from './support/node-store.ts';
import { objectOf } from './support/random-transactions.ts';

const dir = mkdtempSync(join(tmpdir(), 'object-copy-'));
const open: BlockStore[] = [];
afterAll(async () => {
  for (const store of open) await store.close();
  rmSync(dir, { recursive: true });
});

const [c, oid] = ['1.0', objectOf(0)];
const SIZE = 250_000;
const BYTES = Buffer.from(Array.from({ length: SIZE }, (_, i) => (i * 7919) % 251));

async function storeNamed(name: string, ops: readonly StoreOp[] = []): Promise<BlockStore> {
  const store = await openNodeStore(join(dir, name));
  open.push(store);
  await store.submit([{ op: 'mkcoll', c }, ...ops]);
  await store.flush();
  return store;
}

/** Data with a hole, whose second stretch begins with a block and ends within one. */
async function source(): Promise<BlockStore> {
  const attrs = new Map([[INFO_ATTR, encodeObjectInfo({ ...INFO_NEW, size: SIZE })]]);
  return storeNamed('source', [
    { op: 'write', c, oid, offset: 0, data: BYTES.subarray(0, 65_536) },
    { op: 'write', c, oid, offset: 131_072, data: BYTES.subarray(131_072) },
    { op: 'setattrs', c, oid, attrs },
  ]);
}

it('checksums of large stretches go with the bytes, and are what is stored of them', async () => {
  const from = await source();
  const { part, data, dataCrcs } = await readPart(from, c, oid, INFO_NEW.version, COPY_START, 2e6);
  expect(part.extents.length).toBe(2);
  const blocks = dataCrcs.map((crcs) => crcs?.length);
  expect(blocks).toEqual([16, Math.floor((SIZE - 131_072) / 4096)]);
  expect(dataCrcs[0]![3]).toBe(crc32c(0xffff_ffff, data[0]!.subarray(3 * 4096, 4 * 4096)));
  // As the other end of a session sees them: of all bytes in one.
  const crcs = Uint32Array.from(dataCrcs.flatMap((some) => [...some!]));
  const joined = Buffer.concat(data);
  const good = await storeNamed('good');
  await good.submit(applyPart(c, part, joined, crcs));
  await good.flush();
  const copy = await good.read(c, oid, 0, SIZE);
  const expected = Buffer.from(BYTES).fill(0, 65_536, 131_072);
  expect(Buffer.from(copy).equals(expected)).toBe(true);
  // They are believed: a wrong one makes its block unreadable, so nothing was summed up anew.
  crcs[20] = crcs[20]! ^ 1;
  const bad = await storeNamed('bad');
  await bad.submit(applyPart(c, part, joined, crcs));
  await bad.flush();
  await expect(async () => bad.read(c, oid, 131_072, 65_536)).rejects.toThrow(/damaged|checksum/i);
});

it('small ones go without', async () => {
  const attrs = new Map([[INFO_ATTR, encodeObjectInfo({ ...INFO_NEW, size: 8192 })]]);
  const from = await storeNamed('small', [
    { op: 'write', c, oid, offset: 0, data: BYTES.subarray(0, 8192) },
    { op: 'setattrs', c, oid, attrs },
  ]);
  const { dataCrcs } = await readPart(from, c, oid, INFO_NEW.version, COPY_START, 2e6);
  expect(dataCrcs).toEqual([undefined]);
});

it('of a stretch that does not begin with a block of the joined bytes none are taken', async () => {
  const part = {
    ...{ oid, version: INFO_NEW.version, first: true, size: 12_288, allocHintFlags: 0 },
    extents: [
      { offset: 0, length: 100 },
      { offset: 4096, length: 8192 },
    ],
    ...{ omap: new Map(), end: undefined, next: COPY_START },
  };
  const ops = applyPart(c, part, Buffer.alloc(8292), new Uint32Array(2));
  const crcs = ops.flatMap((op) => (op.op === 'write' ? [op.crcs?.length] : []));
  expect(crcs).toEqual([0, undefined]);
});
