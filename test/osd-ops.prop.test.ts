import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import {
  DIGEST_FLAG,
  decodeObjectInfo,
  encodeObjectInfo,
  INFO_NEW,
  OBJECT_FLAG,
  type StatsDelta,
} from '../src/osd/ops/index.ts';
import { OSD_OP } from '../src/wire/index.ts';
import {
  extent,
  lengthPrefixed,
  omap,
  omapPage,
  omapValues,
  xattr,
} from './support/osd-op-vectors.ts';
import { OpHarness, type VectorOp } from './support/osd-ops-harness.ts';

/** An object as anyone would write it down. */
interface Model {
  data: number[];
  xattrs: Map<string, string>;
  omap: Map<string, string>;
  header: string;
}
type Objects = Map<string, Model>;

interface Step {
  op: VectorOp;
  /** Changes the object in the map; false if the op must fail. */
  apply(objects: Objects, name: string): boolean;
}

function made(objects: Objects, name: string): Model {
  const found = objects.get(name);
  if (found) return found;
  const fresh: Model = { data: [], xattrs: new Map(), omap: new Map(), header: '' };
  objects.set(name, fresh);
  return fresh;
}

function put(m: Model, offset: number, bytes: string): void {
  while (m.data.length < offset) m.data.push(0);
  for (let i = 0; i < bytes.length; i++) m.data[offset + i] = bytes.charCodeAt(i);
}

const offset = fc.nat(40);
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 });
const key = fc.constantFrom('k', 'l', 'm');

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(offset, text).map(
    ([at, bytes]): Step => ({
      op: extent(OSD_OP.WRITE, { offset: at }, bytes),
      apply: (o, n) => {
        put(made(o, n), at, bytes);
        return true;
      },
    }),
  ),
  text.map(
    (bytes): Step => ({
      op: extent(OSD_OP.WRITEFULL, {}, bytes),
      apply: (o, n) => {
        const m = made(o, n);
        m.data = [];
        put(m, 0, bytes);
        return true;
      },
    }),
  ),
  text.map(
    (bytes): Step => ({
      op: extent(OSD_OP.APPEND, {}, bytes),
      apply: (o, n) => {
        const m = made(o, n);
        put(m, m.data.length, bytes);
        return true;
      },
    }),
  ),
  offset.map(
    (size): Step => ({
      op: extent(OSD_OP.TRUNCATE, { offset: size }),
      apply: (o, n) => {
        const m = o.get(n);
        if (!m) return true;
        m.data.length = Math.min(m.data.length, size);
        put(m, size, '');
        return true;
      },
    }),
  ),
  fc.tuple(offset, offset).map(
    ([at, length]): Step => ({
      op: extent(OSD_OP.ZERO, { offset: at, length }),
      apply: (o, n) => {
        const m = o.get(n);
        if (!m || length === 0) return true;
        if (at + length >= m.data.length) m.data.length = Math.min(m.data.length, at);
        else m.data.fill(0, at, at + length);
        return true;
      },
    }),
  ),
  fc.constant<Step>({
    op: { code: OSD_OP.DELETE },
    apply: (o, n) => o.delete(n),
  }),
  fc.boolean().map(
    (exclusive): Step => ({
      op: { code: OSD_OP.CREATE, flags: exclusive ? 1 : 0 },
      apply: (o, n) => {
        if (exclusive && o.has(n)) return false;
        made(o, n);
        return true;
      },
    }),
  ),
  fc.tuple(key, text).map(
    ([name, value]): Step => ({
      op: xattr(OSD_OP.SETXATTR, name, value),
      apply: (o, n) => {
        made(o, n).xattrs.set(name, value);
        return true;
      },
    }),
  ),
  key.map(
    (name): Step => ({
      op: xattr(OSD_OP.RMXATTR, name),
      apply: (o, n) => {
        o.get(n)?.xattrs.delete(name);
        return o.has(n);
      },
    }),
  ),
  fc.tuple(key, text).map(
    ([name, value]): Step => ({
      op: omap(OSD_OP.OMAPSETVALS, omapValues({ [name]: value })),
      apply: (o, n) => {
        made(o, n).omap.set(name, value);
        return true;
      },
    }),
  ),
  text.map(
    (header): Step => ({
      op: omap(OSD_OP.OMAPSETHEADER, Buffer.from(header)),
      apply: (o, n) => {
        made(o, n).header = header;
        return true;
      },
    }),
  ),
  fc.tuple(key, key).map(
    ([from, to]): Step => ({
      op: omap(OSD_OP.OMAPRMKEYRANGE, Buffer.concat([lengthPrefixed(from), lengthPrefixed(to)])),
      apply: (o, n) => {
        const m = o.get(n);
        if (!m) return false;
        for (const k of [...m.omap.keys()]) if (k >= from && k < to) m.omap.delete(k);
        return true;
      },
    }),
  ),
  fc.constant<Step>({
    op: { code: OSD_OP.OMAPCLEAR },
    apply: (o, n) => {
      const m = o.get(n);
      m?.omap.clear();
      if (m) m.header = '';
      return m !== undefined;
    },
  }),
);

const everything: VectorOp[] = [
  extent(OSD_OP.READ),
  { code: OSD_OP.GETXATTRS },
  omap(OSD_OP.OMAPGETVALS, omapPage('', 100, '')),
  { code: OSD_OP.OMAPGETHEADER },
];

function expected(m: Model): string[] {
  const more = Buffer.from([0]);
  return [
    Buffer.from(m.data),
    omapValues(Object.fromEntries(m.xattrs)),
    Buffer.concat([omapValues(Object.fromEntries(m.omap)), more]),
    Buffer.from(m.header),
  ].map((b) => b.toString('hex'));
}

describe('op vectors', () => {
  it('change objects as a naive model says: in order, all or none, and the statistics add up', async () => {
    const request = fc.record({
      name: fc.constantFrom('x', 'y'),
      steps: fc.array(anyStep, { minLength: 1, maxLength: 4 }),
    });
    let digests = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 12 }), async (requests) => {
        const harness = new OpHarness();
        let objects: Objects = new Map();
        const totals: Pick<StatsDelta, 'numBytes' | 'numObjects'> = { numBytes: 0, numObjects: 0 };
        for (const { name, steps } of requests) {
          const after = structuredClone(objects);
          const ok = steps.every((s) => s.apply(after, name));
          if (ok) objects = after;
          const { outcome } = await harness.ask({ name, ops: steps.map((s) => s.op) });
          expect(outcome.result < 0).toBe(!ok);
          totals.numBytes += outcome.stats.numBytes;
          totals.numObjects += outcome.stats.numObjects;
          for (const one of ['x', 'y']) {
            const model = objects.get(one);
            const read = (await harness.ask({ name: one, ops: everything })).outcome;
            const got = read.outputs.map((o) => Buffer.from(o ?? []).toString('hex'));
            expect(read.result).toBe(model ? 0 : -2);
            if (model) expect(got).toEqual(expected(model));
            // Known or not: a digest is never one of other data.
            const { dataDigest } = read.info ?? {};
            if (dataDigest !== undefined) {
              expect(dataDigest).toBe(crc32c(0xffff_ffff, Buffer.from(model!.data)));
              digests++;
            }
          }
        }
        expect(totals).toEqual({
          numBytes: [...objects.values()].reduce((n, m) => n + m.data.length, 0),
          numObjects: objects.size,
        });
      }),
      { numRuns: 150 },
    );
    expect(digests).toBeGreaterThan(0);
  });
});

describe('ObjectInfo', () => {
  const u32 = fc.nat({ max: 2 ** 32 - 1 });
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const u53 = fc.maxSafeNat();
  const time = fc.record({ sec: u32, nsec: u32 });
  const eversion = fc.record({ version: u64, epoch: u32 });
  const info = fc.record({
    version: eversion,
    priorVersion: eversion,
    lastReqid: fc.record({
      name: fc.record({ type: fc.nat(255), num: u53 }),
      tid: u64,
      inc: fc.integer(),
    }),
    userVersion: u64,
    size: u53,
    mtime: time,
    localMtime: time,
    flags: u32.map((bits) => (bits & ~(DIGEST_FLAG.data | DIGEST_FLAG.omap)) >>> 0),
    dataDigest: fc.option(u32, { nil: undefined }),
    omapDigest: fc.option(u32, { nil: undefined }),
    truncateSeq: u32,
    truncateSize: u53,
    expectedObjectSize: u53,
    expectedWriteSize: u53,
    allocHintFlags: u32,
  });

  it('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(info, (value) => {
        expect(decodeObjectInfo(encodeObjectInfo(value))).toEqual(value);
      }),
    );
  });

  it('is refused when its bytes are cut, longer or of another format', () => {
    const bytes = encodeObjectInfo({ ...INFO_NEW, flags: OBJECT_FLAG.omap });
    expect(() => decodeObjectInfo(bytes.subarray(1))).toThrow(/ObjectInfo/);
    expect(() => decodeObjectInfo(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(/ObjectInfo/);
    bytes[0] = 9;
    expect(() => decodeObjectInfo(bytes)).toThrow(/ObjectInfo/);
  });
});
