import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decoder, Encoder, encodeToBytes } from '../src/codec/index.ts';
import { CephError, ERRNO } from '../src/errors/index.ts';
import { CopyData } from '../src/osd/ops/copy.ts';
import {
  COPY_BEGIN,
  type CopyContent,
  type CopySource,
  classify,
  collectCopy,
  copyGetInput,
  executePg,
  OBJECT_FLAG,
  OP_LIMITS,
  pgEnd,
} from '../src/osd/ops/index.ts';
import { MemoryStore, type ObjectStore } from '../src/store/index.ts';
import {
  argsBytes,
  compareHObject,
  HOBJECT_MAX,
  HOBJECT_MIN,
  HObject,
  ObjectLocator,
  OSD_OP,
  SNAP_HEAD,
} from '../src/wire/index.ts';
import {
  extent,
  lengthPrefixed,
  omap,
  omapPage,
  omapValues,
  xattr,
} from './support/osd-op-vectors.ts';
import { OpHarness, type VectorOp } from './support/osd-ops-harness.ts';

// What the recorded table of osd-ops-golden.test.ts cannot show: our own limits, waiting, copies, what is submitted.

const FAILOK = 2;
const RETURNVEC = 0x4000000;
const read = extent(OSD_OP.READ);
const writeFull = (text: string): VectorOp => extent(OSD_OP.WRITEFULL, {}, text);
const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

interface Device {
  fails?: 'at once' | 'later';
}

/** A store whose device is asked for every read, and may fail. */
function slowStore(device: Device = {}): ObjectStore {
  const fail = () => {
    throw new CephError('EIO', 'checksum');
  };
  return new Proxy<ObjectStore>(new MemoryStore(), {
    get(store, name) {
      const member = Reflect.get(store, name);
      if (name !== 'read') return member.bind(store);
      return (...args: Parameters<ObjectStore['read']>) => {
        if (device.fails === 'at once') fail();
        const bytes = store.read(...args);
        return Promise.resolve().then(() => (device.fails === 'later' ? fail() : bytes));
      };
    },
  });
}

describe('classify', () => {
  const kindOf = (...ops: VectorOp[]) =>
    classify(new OpHarness().request({ name: 'a', ops }), OP_LIMITS);

  it('goes by the ops, not by the flags of the request', () => {
    expect(kindOf(read)).toBe('read');
    expect(kindOf(read, writeFull('x'))).toBe('write');
    expect(kindOf({ code: OSD_OP.PGNLS })).toBe('pg');
  });

  it('refuses no ops, and inputs that the data does not hold, with EINVAL', () => {
    expect(kindOf()).toBe(-ERRNO.EINVAL);
    const request = new OpHarness().request({ name: 'a', ops: [writeFull('four')] });
    expect(classify({ ...request, data: Buffer.from('fou') }, OP_LIMITS)).toBe(-ERRNO.EINVAL);
  });

  it('refuses a write with more data than osd_max_write_size with EMSGSIZE, not a read', () => {
    const limits = { ...OP_LIMITS, writeSizeMax: 3 };
    const harness = new OpHarness();
    const kind = (op: VectorOp) => classify(harness.request({ name: 'a', ops: [op] }), limits);
    expect(kind(writeFull('abc'))).toBe('write');
    expect(kind(writeFull('abcd'))).toBe(-90);
    expect(kind(extent(OSD_OP.CMPEXT, {}, 'abcd'))).toBe('read');
  });
});

describe('a write', () => {
  it('submits its data and the info attribute, nothing more', async () => {
    const hint = { expectedObjectSize: 4096, expectedWriteSize: 512, flags: 1 };
    const args = argsBytes('allocHint', hint).toString('hex');
    const { outcome } = await new OpHarness().ask({
      name: 'a',
      ops: [{ code: OSD_OP.SETALLOCHINT, flags: FAILOK, args }, writeFull('abc')],
    });
    expect(outcome.txn.map((op) => op.op)).toEqual(['write', 'setattrs']);
    expect(outcome.kind).toBe('modify');
    expect(outcome.info).toMatchObject({
      size: 3,
      flags: OBJECT_FLAG.dirty,
      userVersion: 1n,
      version: { version: 1n, epoch: 1 },
      expectedObjectSize: 4096,
      expectedWriteSize: 512,
      allocHintFlags: 1,
    });
    expect(outcome.stats).toMatchObject({ numObjects: 1, numBytes: 3, numObjectsDirty: 1 });
  });

  it('keeps the version before, the request, and both stamps', async () => {
    const harness = new OpHarness();
    await harness.ask({ name: 'a', ops: [writeFull('abc')] });
    const mtime = { sec: 77, nsec: 8 };
    const { outcome } = await harness.ask({ name: 'a', ops: [writeFull('de')], mtime });
    expect(outcome.info).toMatchObject({
      priorVersion: { version: 1n },
      lastReqid: { name: { num: 4100 } },
      mtime,
      localMtime: { sec: 1000, nsec: 0 },
    });
    expect(outcome.txn.map((op) => op.op)).toEqual(['truncate', 'write', 'setattrs']);
  });

  it('that is refused submits nothing, counts nothing and still takes a version', async () => {
    const harness = new OpHarness();
    const { outcome, version } = await harness.ask({
      name: 'a',
      ops: [writeFull('abc'), { code: 0x22ff }],
    });
    expect(outcome).toMatchObject({ kind: 'error', result: -95, txn: [], info: undefined });
    expect(outcome.stats.numBytes + outcome.stats.numWr + outcome.stats.numObjects).toBe(0);
    expect(version).toBe(1);
  });

  it('that deletes leaves no info and takes back what the object counted', async () => {
    const harness = new OpHarness();
    await harness.ask({ name: 'a', ops: [omap(OSD_OP.OMAPSETVALS, omapValues({ k: 'v' }))] });
    const { outcome } = await harness.ask({ name: 'a', ops: [{ code: OSD_OP.DELETE }] });
    expect(outcome.kind).toBe('delete');
    expect(outcome.info).toBeUndefined();
    expect(outcome.stats).toMatchObject({
      numObjects: -1,
      numObjectsDirty: -1,
      numObjectsOmap: -1,
    });
  });

  it('with a snapshot context is refused without a trace: we have no snapshots', async () => {
    const harness = new OpHarness();
    const ask = { name: 'a', ops: [writeFull('abc')] };
    for (const [snapSeq, snaps, errno] of [
      [3, [3, 1], ERRNO.EOPNOTSUPP],
      [3, [], ERRNO.EOPNOTSUPP],
      [3, [4], ERRNO.EINVAL],
      [3, [1, 2], ERRNO.EINVAL],
    ] as const) {
      const { outcome } = await harness.ask({ ...ask, snapSeq, snaps });
      expect(outcome).toMatchObject({ kind: 'read', result: -errno, txn: [] });
    }
  });

  it('cannot make an object of any size by announcing a truncation', async () => {
    const op = extent(OSD_OP.WRITE, { truncateSize: 2 ** 40, truncateSeq: 5 }, 'a');
    const { outcome } = await new OpHarness().ask({ name: 'a', ops: [op] });
    expect(outcome.result).toBe(-ERRNO.EFBIG);
  });

  it('answers EINVAL to an attribute whose input is too short', async () => {
    const short = { ...xattr(OSD_OP.SETXATTR, 'key', 'value'), input: '6b' };
    const harness = new OpHarness();
    await harness.ask({ name: 'a', ops: [writeFull('x')] });
    for (const code of [OSD_OP.SETXATTR, OSD_OP.RMXATTR, OSD_OP.GETXATTR, OSD_OP.CMPXATTR]) {
      const { outcome } = await harness.ask({ name: 'a', ops: [{ ...short, code }] });
      expect(outcome.result).toBe(-ERRNO.EINVAL);
    }
  });

  it('answers EFBIG to an attribute above osd_max_attr_size', async () => {
    const harness = new OpHarness(1, { limits: { attrSizeMax: 4 } });
    const set = (value: string) => ({ name: 'a', ops: [xattr(OSD_OP.SETXATTR, 'k', value)] });
    expect((await harness.ask(set('1234'))).outcome.result).toBe(0);
    expect((await harness.ask(set('12345'))).outcome.result).toBe(-ERRNO.EFBIG);
  });

  it('answers EINVAL to a truncation whose size and offset differ', async () => {
    const harness = new OpHarness();
    await harness.ask({ name: 'a', ops: [writeFull('abcdef')] });
    const op = extent(OSD_OP.TRUNCATE, { offset: 2, truncateSize: 3, truncateSeq: 1 });
    expect((await harness.ask({ name: 'a', ops: [op] })).outcome.result).toBe(-ERRNO.EINVAL);
  });
});

describe('omap pages', () => {
  const many = Object.fromEntries(Array.from({ length: 1030 }, (_, i) => [`k${1000 + i}`, 'v']));

  it('hold at most osd_max_omap_entries_per_request entries, and say that there are more', async () => {
    const harness = new OpHarness();
    await harness.ask({ name: 'a', ops: [omap(OSD_OP.OMAPSETVALS, omapValues(many))] });
    const list = async (after: string) => {
      const op = omap(OSD_OP.OMAPGETKEYS, omapPage(after, 5000));
      const out = Buffer.from((await harness.ask({ name: 'a', ops: [op] })).outcome.outputs[0]!);
      return { count: out.readUInt32LE(), more: out[out.length - 1] };
    };
    expect(await list('')).toEqual({ count: 1024, more: 1 });
    expect(await list('k2023')).toEqual({ count: 6, more: 0 });
  });

  it('end behind the entry that reaches osd_max_omap_bytes_per_request', async () => {
    const harness = new OpHarness(1, { limits: { omapBytesMax: 20 } });
    await harness.ask({ name: 'a', ops: [omap(OSD_OP.OMAPSETVALS, omapValues(many))] });
    const op = omap(OSD_OP.OMAPGETVALS, omapPage('', 100, ''));
    const out = Buffer.from((await harness.ask({ name: 'a', ops: [op] })).outcome.outputs[0]!);
    expect(out.readUInt32LE()).toBe(2);
    expect(out[out.length - 1]).toBe(1);
  });
});

describe('a device that is asked', () => {
  const sum = argsBytes('checksum', { offset: 0, length: 0, chunkSize: 0, type: 2 });
  const reads: VectorOp[] = [
    read,
    extent(OSD_OP.SPARSE_READ, { length: 9 }),
    extent(OSD_OP.CMPEXT, {}, 'abc'),
    { code: OSD_OP.CHECKSUM, args: sum.toString('hex'), input: '00000000' },
  ];

  it('gives the same outcome as data at hand', async () => {
    const slow = new OpHarness(1, { store: slowStore() });
    const fast = new OpHarness();
    const steps = [[writeFull('abc')], reads, [...reads, writeFull('later')], reads];
    for (const ops of steps) {
      const ask = { name: 'a', ops, flags: RETURNVEC };
      const [a, b] = [await slow.ask(ask), await fast.ask(ask)];
      expect(a.outcome.outputs).toEqual(b.outcome.outputs);
      expect([a.outcome.result, a.version]).toEqual([b.outcome.result, b.version]);
    }
  });

  it('and fails gives EIO to the op, whether at once or later; FAILOK goes on', async () => {
    const device: Device = {};
    const harness = new OpHarness(1, { store: slowStore(device) });
    await harness.ask({ name: 'a', ops: [writeFull('abc')] });
    for (const how of ['at once', 'later'] as const) {
      device.fails = how;
      for (const op of reads) {
        expect((await harness.ask({ name: 'a', ops: [op] })).outcome.result).toBe(-ERRNO.EIO);
        const ops = [{ ...op, flags: FAILOK }, { code: OSD_OP.STAT }];
        const { outcome } = await harness.ask({ name: 'a', ops });
        expect([outcome.result, ...outcome.results]).toEqual([0, -ERRNO.EIO, 0]);
      }
    }
  });
});

describe('COPY_GET', () => {
  const file = new URL('./golden/osd-ops/copy-get.json', import.meta.url);
  const golden = JSON.parse(readFileSync(file).toString()) as { input: string; output: string }[];

  async function source(): Promise<OpHarness> {
    const harness = new OpHarness();
    await harness.ask({ name: 'cg', ops: [writeFull('0123456789')] });
    const ops = [
      xattr(OSD_OP.SETXATTR, 'k', 'v'),
      omap(OSD_OP.OMAPSETVALS, omapValues({ o1: 'v1', o2: 'v22' })),
      omap(OSD_OP.OMAPSETHEADER, Buffer.from('HDR')),
    ];
    await harness.ask({ name: 'cg', ops, mtime: { sec: 1001, nsec: 7 } });
    return harness;
  }

  it('answers as a real OSD does for every limit and cursor, but for digests and request ids', async () => {
    const harness = await source();
    expect(golden.length).toBe(10);
    for (const { input, output } of golden) {
      const ask = { name: 'cg', ops: [{ code: OSD_OP.COPY_GET, input }] };
      const { outcome } = await harness.ask(ask);
      const real = CopyData.decode(new Decoder(Buffer.from(output, 'hex')));
      const ours = CopyData.decode(new Decoder(outcome.outputs[0]!));
      const { flags, dataDigest, omapDigest } = ours;
      const left = { flags, dataDigest, omapDigest, reqids: [], reqidResults: new Map() };
      expect(ours).toEqual({ ...real, ...left });
    }
  });

  it('carries a whole object over in parts of any size', async () => {
    const harness = await source();
    for (const maxBytes of [1, 3, 10, 11, 1000]) {
      let parts = 0;
      const content = await collectCopy(async (cursor) => {
        parts++;
        const input = copyGetInput(cursor, maxBytes).toString('hex');
        const ask = { name: 'cg', ops: [{ code: OSD_OP.COPY_GET, input }] };
        const { outcome } = await harness.ask(ask);
        return { output: outcome.outputs[0]!, userVersion: outcome.userVersion };
      });
      expect(textOf(content.data)).toBe('0123456789');
      expect(textOf(content.omapHeader)).toBe('HDR');
      expect([...content.omap].map(([k, v]) => [k, textOf(v)])).toEqual([
        ['o1', 'v1'],
        ['o2', 'v22'],
      ]);
      expect(content).toMatchObject({ userVersion: 2n, mtime: { sec: 1001, nsec: 7 } });
      expect(parts > 1).toBe(maxBytes < 1000);
    }
  });

  it('that makes no progress ends the copy with EIO', async () => {
    const harness = await source();
    const stuck = async () => {
      const input = copyGetInput(COPY_BEGIN, 0).toString('hex');
      const ask = { name: 'cg', ops: [{ code: OSD_OP.COPY_GET, input }] };
      const { outcome } = await harness.ask(ask);
      return { output: outcome.outputs[0]!, userVersion: 0n };
    };
    await expect(collectCopy(stuck)).rejects.toMatchObject({ code: 'EIO' });
  });
});

it('answers a listing by attributes with EIO where a record is damaged', async () => {
  const store = new MemoryStore();
  const harness = new OpHarness(1, { store });
  await harness.ask({ name: 'o', ops: [writeFull('x')] });
  store.getattr = () => {
    throw new CephError('EIO', 'damaged object record');
  };
  const filter = new Encoder();
  for (const text of ['', '', 'plain', '_k', 'v']) filter.byteString(text);
  const from = encodeToBytes(HObject, { ...HOBJECT_MIN, pool: 1 });
  const args = argsBytes('pgls', { count: 10, startEpoch: 0 }).toString('hex');
  const input = Buffer.concat([filter.finish(), from]).toString('hex');
  const request = harness.request({ name: '', ops: [{ code: OSD_OP.PGNLS_FILTER, args, input }] });
  const { result } = executePg({ store, collection: '1.0' }, request, 1, HOBJECT_MAX);
  expect(result).toBe(-ERRNO.EIO);
});

describe('COPY_FROM', () => {
  const content: CopyContent = {
    data: Buffer.from('source'),
    mtime: { sec: 500, nsec: 5 },
    userVersion: 40n,
    attrs: new Map([['sk', Buffer.from('sv')]]),
    omapHeader: Buffer.from('head'),
    omap: new Map([['x', Buffer.from('1')]]),
    truncateSeq: 2,
    truncateSize: 9,
  };
  const locator = encodeToBytes(ObjectLocator, { pool: 1, key: '', namespace: '', hash: -1n });

  function copy(name: string, flags = 0, tail = Buffer.alloc(0)): VectorOp {
    const args = { snapid: SNAP_HEAD, srcVersion: 7n, flags, srcFadviseFlags: 0 };
    return {
      code: tail.length > 0 ? OSD_OP.COPY_FROM2 : OSD_OP.COPY_FROM,
      args: argsBytes('copyFrom', args).toString('hex'),
      input: Buffer.concat([lengthPrefixed(name), locator, tail]).toString('hex'),
    };
  }
  const everything = [
    read,
    { code: OSD_OP.GETXATTRS },
    omap(OSD_OP.OMAPGETVALS, omapPage('', 9, '')),
    { code: OSD_OP.OMAPGETHEADER },
  ];

  it('makes the object what its source is, user version and stamp included', async () => {
    const asked: CopySource[] = [];
    const fetchCopy = async (s: CopySource) => {
      asked.push(s);
      return content;
    };
    const harness = new OpHarness(1, { fetchCopy });
    const old = [writeFull('long old content'), xattr(OSD_OP.SETXATTR, 'old', 'v')];
    await harness.ask({ name: 'dst', ops: old });
    const { outcome } = await harness.ask({
      name: 'dst',
      ops: [copy('src')],
      mtime: { sec: 9, nsec: 9 },
    });
    expect(asked).toMatchObject([{ name: 'src', snapid: SNAP_HEAD, version: 7n }]);
    expect(outcome).toMatchObject({ kind: 'modify', userVersion: 40n });
    expect(outcome.info).toMatchObject({
      mtime: content.mtime,
      truncateSeq: 2,
      truncateSize: 9,
      size: 6,
    });
    expect(outcome.stats).toMatchObject({ numObjects: 0, numBytes: -10, numObjectsOmap: 1 });
    const found = (await harness.ask({ name: 'dst', ops: everything })).outcome.outputs;
    expect(textOf(found[0])).toBe('source');
    expect(found[1]).toEqual(omapValues({ sk: 'sv' }));
    expect(found[2]).toEqual(Buffer.concat([omapValues({ x: '1' }), Buffer.from([0])]));
    expect(textOf(found[3])).toBe('head');
  });

  it('with another change in the request gets a new user version', async () => {
    const harness = new OpHarness(1, { fetchCopy: async () => content });
    const ops = [copy('src'), xattr(OSD_OP.SETXATTR, 'k', 'v')];
    expect((await harness.ask({ name: 'dst', ops })).outcome.userVersion).toBe(1n);
  });

  it('uses the truncation of COPY_FROM2 only with its flag', async () => {
    const harness = new OpHarness(1, { fetchCopy: async () => content });
    const tail = Buffer.alloc(12);
    tail.writeUInt32LE(30, 0);
    tail.writeUInt32LE(50, 4);
    const seqOf = async (flags: number) => {
      const { info } = (await harness.ask({ name: 'd', ops: [copy('src', flags, tail)] })).outcome;
      return [info?.truncateSeq, info?.truncateSize];
    };
    expect(await seqOf(0)).toEqual([2, 9]);
    expect(await seqOf(32)).toEqual([30, 50]);
  });

  it('whose source cannot be had leaves no trace, even with FAILOK', async () => {
    const fetchCopy = async () => {
      throw new CephError('ENOENT', 'no source');
    };
    const harness = new OpHarness(1, { fetchCopy });
    const ops = [{ ...copy('src'), flags: FAILOK }, { code: OSD_OP.CREATE }];
    const { outcome, version } = await harness.ask({ name: 'dst', ops });
    expect(outcome).toMatchObject({ kind: 'early', result: -2, txn: [], info: undefined });
    expect(outcome.results).toEqual([-ERRNO.EINPROGRESS, 0]);
    expect(version).toBe(0);
  });

  it('from itself, from garbage, of too much, or with no way to fetch is refused', async () => {
    const harness = new OpHarness(1, {
      fetchCopy: async () => content,
      limits: { objectSizeMax: 5 },
    });
    const result = async (name: string, op: VectorOp) =>
      (await harness.ask({ name, ops: [op] })).outcome.result;
    expect(await result('dst', copy('dst'))).toBe(-ERRNO.EINVAL);
    expect(await result('dst', { ...copy('src'), input: '0102' })).toBe(-ERRNO.EINVAL);
    expect(await result('dst', copy('src'))).toBe(-ERRNO.EFBIG);
    const alone = await new OpHarness().ask({ name: 'dst', ops: [copy('src')] });
    expect(alone.outcome.result).toBe(-ERRNO.EOPNOTSUPP);
  });
});

describe('pgEnd', () => {
  const place = { key: '', name: '', namespace: '', max: false, pool: 3, snap: 0n };
  // ceph_stable_mod, src/include/rados.h
  const seedOf = (hash: number, pgNum: number): number => {
    const mask = 2 ** (32 - Math.clz32(pgNum - 1)) - 1;
    const low = (hash & mask) >>> 0;
    return low < pgNum ? low : (hash & (mask >>> 1)) >>> 0;
  };

  it('lies behind every object of the PG, and every object behind it belongs to another', () => {
    const u32 = fc.nat({ max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(u32, fc.integer({ min: 1, max: 300 }), u32, (hash, pgNum, other) => {
        const seed = seedOf(hash, pgNum);
        const end = pgEnd({ pool: 3, seed }, pgNum);
        expect(compareHObject({ ...place, hash }, end)).toBe(-1);
        if (compareHObject({ ...place, hash: other, snap: SNAP_HEAD }, end) >= 0) {
          const before = compareHObject({ ...place, hash: other }, { ...place, hash }) < 0;
          if (!before) expect(seedOf(other, pgNum)).not.toBe(seed);
        }
      }),
    );
  });

  it('is the maximum for the last PG only', () => {
    for (const pgNum of [1, 2, 8, 12]) {
      const ends = Array.from({ length: pgNum }, (_, seed) => pgEnd({ pool: 3, seed }, pgNum));
      expect(ends.filter((e) => compareHObject(e, HOBJECT_MAX) === 0)).toHaveLength(1);
      const hashes = new Set(ends.map((e) => e.hash));
      expect(hashes.size).toBe(pgNum);
    }
  });
});

it('what all ops of a request write together goes into one message to another OSD, or is refused', async () => {
  const h = new OpHarness();
  const same = (offset: number, length: number): VectorOp => {
    const args = argsBytes('writesame', { offset, length, dataLength: 1 }).toString('hex');
    return { code: OSD_OP.WRITESAME, args, input: '61' };
  };
  const mib = 2 ** 20;
  const together = async (last: number) => {
    const ops = [same(0, 96 * mib), same(0, last)];
    return (await h.ask({ name: 'a', flags: RETURNVEC, ops })).outcome.results;
  };
  expect(await together(32 * mib)).toEqual([0, 0]);
  expect(await together(32 * mib + 1)).toEqual([0, -ERRNO.EFBIG]);
});
