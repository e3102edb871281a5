// Which data an OSD lets its store compress: what the pool says before the options, and what clients say of objects.
import { describe, expect, it } from 'vitest';
import { POOL_OPTION, type PoolOptionValue } from '../src/maps/index.ts';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import { hintOps } from '../src/osd/ops/hints.ts';
import { encodeObjectInfo, INFO_ATTR, INFO_NEW } from '../src/osd/ops/object-info.ts';
import { applyPart, COPY_START, readPart } from '../src/osd/recovery/object-copy.ts';
import {
  compressionDefaults,
  compressionOf,
  PoolCompression,
} from '../src/osd/shard/pool-compression.ts';
import { HINT, MemoryStore } from '../src/store/index.ts';
import { argsBytes, OSD_OP } from '../src/wire/index.ts';
import { OpHarness } from './support/osd-ops-harness.ts';
import { objectOf } from './support/random-transactions.ts';

type Pool = Parameters<typeof compressionOf>[0];
type Said = Partial<
  Record<
    'mode' | 'algorithm' | 'required_ratio' | 'min_blob_size' | 'max_blob_size',
    PoolOptionValue
  >
>;

const poolOf = (said: Said): Pool => {
  const values = new Map<number, PoolOptionValue>();
  for (const [name, value] of Object.entries(said)) {
    values.set(POOL_OPTION[`compression_${name}` as keyof typeof POOL_OPTION].key, value);
  }
  return { options: { values } } as Pool;
};
const configOf = (options: Record<string, string>) =>
  new OsdConfig(
    new Map(Object.entries(options).map(([name, v]) => [`bluestore_compression_${name}`, v])),
  );
const policy = (said: Said, options: Record<string, string> = {}, isRotational = false) =>
  compressionOf(poolOf(said), compressionDefaults(configOf(options), isRotational));

describe('how data of a pool is compressed', () => {
  it('not at all, if nobody says so', () => {
    expect(policy({})).toBeUndefined();
    expect(policy({ algorithm: 'zstd' })).toBeUndefined();
    expect(policy({ mode: 'none' }, { mode: 'force' })).toBeUndefined();
    expect(policy({ mode: 'force', algorithm: 'none' })).toBeUndefined();
    expect(policy({}, { mode: 'force', algorithm: '' })).toBeUndefined();
  });

  it('as the options say', () => {
    const options = { mode: 'aggressive', algorithm: 'zlib', required_ratio: '0.5' };
    expect(policy({}, options)).toEqual({
      mode: 'aggressive',
      algorithm: 'zlib',
      requiredRatio: 0.5,
      minBlobBytes: 8192,
      maxBlobBytes: 65_536,
    });
    const sizes = { min_blob_size_hdd: '16384', max_blob_size_hdd: '131072' };
    expect(policy({}, { ...options, ...sizes }, true)).toMatchObject({
      minBlobBytes: 16_384,
      maxBlobBytes: 131_072,
    });
    expect(policy({}, { ...options, ...sizes, min_blob_size: '4096' }, true)).toMatchObject({
      minBlobBytes: 4096,
    });
  });

  it('as the pool says, where it does', () => {
    const said: Said = {
      mode: 'passive',
      algorithm: 'zstd',
      required_ratio: 0.25,
      min_blob_size: 65_536n,
      max_blob_size: -5n, // Ceph takes it
    };
    expect(policy(said, { mode: 'force', algorithm: 'lz4' })).toEqual({
      mode: 'passive',
      algorithm: 'zstd',
      requiredRatio: 0.25,
      minBlobBytes: 65_536,
      maxBlobBytes: 65_536,
    });
  });

  it('by lz4 where snappy is wanted, which is the default', () => {
    expect(policy({ mode: 'force' })?.algorithm).toBe('lz4');
  });

  it('is told to the store when it changes, and only then', () => {
    const told: unknown[] = [];
    const pools = new PoolCompression({
      setCompression: (pool, p) => told.push([pool, p?.algorithm]),
    });
    const mapOf = (...all: [number, Pool][]) =>
      ({ data: { pools: new Map(all) } }) as Parameters<PoolCompression['update']>[0];
    const take = () => told.splice(0);
    const plain = poolOf({});
    const packed = poolOf({ mode: 'force', algorithm: 'zstd' });
    const off = compressionDefaults(configOf({}), false);
    pools.update(mapOf([1, plain], [2, packed]), off);
    expect(take()).toEqual([
      [1, undefined],
      [2, 'zstd'],
    ]);
    pools.update(mapOf([1, plain], [2, packed]), off);
    expect(take()).toEqual([]);
    const changed = poolOf({ mode: 'force', algorithm: 'zlib' });
    pools.update(mapOf([1, plain], [2, changed]), off);
    expect(take()).toEqual([[2, 'zlib']]);
    pools.update(mapOf([1, plain]), compressionDefaults(configOf({ mode: 'force' }), false));
    expect(take()).toEqual([
      [1, 'lz4'],
      [2, undefined],
    ]);
  });
});

it('what a client says of the data goes to the store when it changes', async () => {
  const harness = new OpHarness();
  const hinted = async (flags: number) => {
    const hint = { expectedObjectSize: 0, expectedWriteSize: 0, flags };
    const args = argsBytes('allocHint', hint).toString('hex');
    const op = { code: OSD_OP.SETALLOCHINT, flags: 2, args };
    const { outcome } = await harness.ask({ name: 'a', ops: [op] });
    return outcome.txn.flatMap((step) => (step.op === 'hint' ? [step.flags] : []));
  };
  expect(await hinted(4)).toEqual([]);
  expect(await hinted(4 | HINT.incompressible)).toEqual([4 | HINT.incompressible]);
  expect(await hinted(HINT.incompressible)).toEqual([]);
  expect(await hinted(0)).toEqual([0]);
});

it('a copy of an object brings what a client said of its data, before the data', async () => {
  const store = new MemoryStore();
  const [c, oid] = ['1.0', objectOf(0)];
  const info = { ...INFO_NEW, size: 3, allocHintFlags: HINT.compressible };
  await store.submit([
    { op: 'mkcoll', c },
    { op: 'write', c, oid, offset: 0, data: Buffer.from('abc') },
    { op: 'setattrs', c, oid, attrs: new Map([[INFO_ATTR, encodeObjectInfo(info)]]) },
  ]);
  const { part, data } = await readPart(store, c, oid, info.version, COPY_START, 1024);
  const ops = applyPart(c, part, Buffer.concat(data));
  expect(ops.map(({ op }) => op)).toEqual([
    'remove',
    'touch',
    'truncate',
    'hint',
    'write',
    'setattrs',
  ]);
  expect(ops[3]).toMatchObject({ flags: HINT.compressible });
});

it('an object that was exported brings it too, and a damaged one nothing', () => {
  const info = { ...INFO_NEW, allocHintFlags: HINT.incompressible };
  const [c, oid] = ['1.0', objectOf(0)];
  const hint = { op: 'hint', c, oid, flags: HINT.incompressible };
  const attrs = (bytes: Uint8Array) => new Map([[INFO_ATTR, bytes]]);
  expect(hintOps(c, oid, attrs(encodeObjectInfo(info)))).toEqual([hint]);
  expect(hintOps(c, oid, attrs(encodeObjectInfo(INFO_NEW)))).toEqual([]);
  expect(hintOps(c, oid, attrs(Buffer.from('no info')))).toEqual([]);
  expect(hintOps(c, oid, new Map())).toEqual([]);
});
