// Copies of objects compared: what a real primary found and said of the same copies, and which copy is right.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Codec, Decoder, encodeToBytes } from '../src/codec/index.ts';
import {
  encodeObjectInfo,
  INFO_ATTR,
  INFO_NEW,
  OBJECT_FLAG,
  type ObjectInfo,
} from '../src/osd/ops/index.ts';
import type { ScrubbedObject } from '../src/osd/scrub/scrub-map.ts';
import { type Copies, judge, type Verdict, versionOf } from '../src/osd/scrub/verdict.ts';
import {
  CephObjectInfo,
  CephSnapSet,
  formatHObject,
  type HObject,
  OBJECT_ERROR,
  SHARD_ERROR,
  SNAP_HEAD,
} from '../src/wire/index.ts';

const SCOPE = { pg: '2.0', sizeMax: 128 << 20, repair: false };

interface GoldenShard {
  osd: number;
  primary: boolean;
  errors: string[];
  size?: number;
  omap_digest?: string;
  data_digest?: string;
  attrs?: { name: string; value: string }[];
}
interface GoldenObject {
  object: { name: string; version: number };
  errors: string[];
  union_shard_errors: string[];
  selected_object_info: {
    oid: { hash: number; pool: number };
    version: string;
    prior_version: string;
    last_reqid: string;
    user_version: number;
    size: number;
    flags: string[];
    data_digest: string;
  };
  shards: GoldenShard[];
}
const golden = JSON.parse(readFileSync('test/golden/scrub/damaged-pg.json', 'utf8')) as {
  inconsistents: GoldenObject[];
  log: string[];
  /** Of the object `a`, as its store has them. */
  objectInfo: string;
  snapSet: string;
};

const eversion = (text: string) => {
  const [epoch, version] = text.split("'");
  return { epoch: Number(epoch), version: BigInt(version!) };
};

function infoOf(g: GoldenObject['selected_object_info']): ObjectInfo {
  const [, num, inc, tid] = /^client\.(\d+)\.(\d+):(\d+)$/.exec(g.last_reqid)!;
  return {
    ...INFO_NEW,
    version: eversion(g.version),
    priorVersion: eversion(g.prior_version),
    lastReqid: { name: { type: 8, num: Number(num) }, inc: Number(inc), tid: BigInt(tid!) },
    userVersion: BigInt(g.user_version),
    size: g.size,
    flags: OBJECT_FLAG.dirty | (g.flags.includes('omap') ? OBJECT_FLAG.omap : 0),
    dataDigest: g.flags.includes('data_digest') ? Number(g.data_digest) : undefined,
  };
}

function goldenCopies(g: GoldenObject): { oid: HObject; copies: Copies } {
  const { hash, pool } = g.selected_object_info.oid;
  const oid = {
    key: '',
    name: g.object.name,
    snap: SNAP_HEAD,
    hash,
    max: false,
    namespace: '',
    pool,
  };
  const copies = g.shards.map((s) => {
    if (s.errors.includes('missing')) return { osd: s.osd, object: undefined };
    const attrs = new Map<string, Uint8Array>();
    for (const a of s.attrs ?? []) attrs.set(`_${a.name}`, Buffer.from(a.value));
    const info = infoOf(g.selected_object_info);
    if (!s.errors.includes('info_missing')) attrs.set(INFO_ATTR, encodeObjectInfo(info));
    const object: ScrubbedObject = {
      oid,
      size: s.size!,
      attrs,
      dataDigest: Number(s.data_digest),
      omapDigest: Number(s.omap_digest),
      omapKeys: 0,
      omapBytes: 0,
      readError: false,
      statError: false,
    };
    return { osd: s.osd, object };
  });
  return { oid, copies: copies.sort((a, b) => (a.osd === 2 ? -1 : b.osd === 2 ? 1 : 0)) };
}

const names = (bits: bigint, table: Readonly<Record<string, bigint>>): string[] =>
  Object.entries(table)
    .filter(([, bit]) => (bits & bit) !== 0n)
    .map(([name]) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`))
    .sort();
const sorted = (a: readonly string[]): string[] => [...a].sort();

describe('the copies that a real PG had', () => {
  const verdicts = new Map<string, Verdict>();
  for (const g of golden.inconsistents) {
    const { oid, copies } = goldenCopies(g);
    verdicts.set(g.object.name, judge(SCOPE, oid, copies));
  }

  it('have the errors that its primary listed', () => {
    expect(golden.inconsistents.length).toBe(9);
    for (const g of golden.inconsistents) {
      const { error } = verdicts.get(g.object.name)!;
      expect(names(error!.errors, OBJECT_ERROR)).toEqual(sorted(g.errors));
      expect(names(error!.unionErrors, SHARD_ERROR)).toEqual(sorted(g.union_shard_errors));
      expect(error!.version).toBe(BigInt(g.object.version));
      const shards = error!.shards.map(([{ osd }, s]) => [
        osd,
        s.primary,
        names(s.errors, SHARD_ERROR),
      ]);
      expect(shards).toEqual(g.shards.map((s) => [s.osd, s.primary, sorted(s.errors)]));
    }
  });

  it('are told of in the same words, and counted alike', () => {
    const lines = [...verdicts.values()].flatMap((v) => v.lines.map((l) => `[ERR] ${l}`));
    const said = golden.log.filter((l) => / soid | : missing/.test(l));
    expect(sorted(lines)).toEqual(sorted(said));
    const all = [...verdicts.values()];
    const sum = (of: (v: Verdict) => number): number => all.reduce((n, v) => n + of(v), 0);
    expect([sum((v) => v.shallowErrors), sum((v) => v.deepErrors)]).toEqual([7, 5]);
    expect(all.filter((v) => v.missing.length > 0).length).toBe(3);
    expect(all.filter((v) => v.inconsistent.length > 0).length).toBe(6);
  });

  it.each([
    ['object_info_t', CephObjectInfo, golden.objectInfo],
    ['SnapSet', CephSnapSet, golden.snapSet],
  ] as [string, Codec<unknown>, string][])(
    'have a %s that comes back as it was',
    (_, codec, hex) => {
      const bytes = Buffer.from(hex, 'hex');
      expect(Buffer.from(encodeToBytes(codec, codec.decode(new Decoder(bytes))))).toEqual(bytes);
    },
  );

  it('show their info in bytes of Ceph', () => {
    const { oid } = goldenCopies(golden.inconsistents[0]!);
    const [, shard] = verdicts.get('a')!.error!.shards[0]!;
    const info = CephObjectInfo.decode(new Decoder(shard.attrs.get(INFO_ATTR)!));
    expect(info).toMatchObject({ oid, version: { epoch: 18, version: 3n }, size: 5000 });
    expect(formatHObject(oid)).toBe('2:18137794:::a:head');
  });
});

// Some copies of one object, with faults of known kinds.
const OID: HObject = {
  key: '',
  name: 'o',
  snap: SNAP_HEAD,
  hash: 7,
  max: false,
  namespace: '',
  pool: 1,
};
const RIGHT_DATA = 0x1111;
const right = (knowsDigest: boolean, version = 5n): ScrubbedObject => {
  const info: ObjectInfo = {
    ...INFO_NEW,
    version: { epoch: 3, version },
    size: 10,
    dataDigest: knowsDigest ? RIGHT_DATA : undefined,
  };
  return {
    oid: OID,
    size: 10,
    attrs: new Map<string, Uint8Array>([
      [INFO_ATTR, encodeObjectInfo(info)],
      ['_a', Buffer.from('1')],
    ]),
    dataDigest: RIGHT_DATA,
    omapDigest: 0x2222,
    omapKeys: 0,
    omapBytes: 0,
    readError: false,
    statError: false,
  };
};
type Fault = (o: ScrubbedObject) => ScrubbedObject | undefined;
const withAttr = (
  o: ScrubbedObject,
  name: string,
  value: Uint8Array | undefined,
): ScrubbedObject => {
  const attrs = new Map(o.attrs);
  if (value) attrs.set(name, value);
  else attrs.delete(name);
  return { ...o, attrs };
};
/** Faults that show in the copy itself. */
const evident: Fault[] = [
  () => undefined,
  (o) => ({ ...o, readError: true, dataDigest: undefined, omapDigest: undefined }),
  (o) => ({ ...o, statError: true, attrs: new Map(), size: 0 }),
  (o) => ({ ...o, size: 9 }),
  (o) => withAttr(o, INFO_ATTR, undefined),
  (o) => withAttr(o, INFO_ATTR, Buffer.from('nonsense')),
];
/** Faults that show only beside other copies. */
const silent: Fault[] = [
  (o) => ({ ...o, omapDigest: 0x4444 }),
  (o) => withAttr(o, '_a', Buffer.from('2')),
  (o) => withAttr(o, '_a', undefined),
  (o) => withAttr(o, '_b', Buffer.from('2')),
];
const wrongData: Fault = (o) => ({ ...o, dataDigest: 0x3333 });
const copiesOf = (objects: readonly (ScrubbedObject | undefined)[]): Copies =>
  objects.map((object, osd) => ({ osd, object }));
const bad = (v: Verdict): number[] => [...v.missing, ...v.inconsistent].sort();

describe('the right copy', () => {
  const faults = fc.constantFrom(...evident, ...silent, wrongData);

  it('of equal ones is any, and nothing is wrong', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.boolean(), (n, knows) => {
        const v = judge(SCOPE, OID, copiesOf(Array.from({ length: n }, () => right(knows))));
        expect([v.error, v.lines, bad(v), v.shallowErrors + v.deepErrors]).toEqual([
          undefined,
          [],
          [],
          0,
        ]);
        expect(v.good.length).toBe(n);
      }),
    );
  });

  it('is that of the many, wherever the bad ones are', () => {
    const minority = fc.integer({ min: 1, max: 2 }).chain((k) =>
      fc.record({
        bad: fc.array(faults, { minLength: k, maxLength: k }),
        at: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: k, maxLength: k }),
        knows: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(minority, ({ bad: kinds, at, knows }) => {
        const copies = [0, 1, 2, 3, 4].map((osd) => {
          const i = at.indexOf(osd);
          return i < 0 ? right(knows) : kinds[i]!(right(knows));
        });
        const v = judge(SCOPE, OID, copiesOf(copies));
        expect(bad(v)).toEqual([...at].sort());
        expect([...v.good].sort()).toEqual([0, 1, 2, 3, 4].filter((o) => !at.includes(o)));
        expect(v.error).toBeDefined();
        expect(v.lines.length).toBeGreaterThan(0);
        expect(v.shallowErrors + v.deepErrors).toBeGreaterThan(0);
        expect(versionOf(v)).toEqual({ epoch: 3, version: 5n });
      }),
    );
  });

  it('is the one sound copy, if all others show their faults', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...evident), { minLength: 2, maxLength: 2 }),
        fc.nat(2),
        (kinds, place) => {
          const left = [...kinds];
          const copies = [0, 1, 2].map((osd) =>
            osd === place ? right(false) : left.pop()!(right(false)),
          );
          const v = judge(SCOPE, OID, copiesOf(copies));
          expect(v.good).toEqual([place]);
        },
      ),
    );
  });

  it('has the data of which the info tells, against any majority', () => {
    const copies = [wrongData(right(true)), wrongData(right(true)), right(true)];
    const v = judge(SCOPE, OID, copiesOf(copies));
    expect(v.good).toEqual([2]);
    expect(bad(v)).toEqual([0, 1]);
  });

  it('is of the newest version', () => {
    const v = judge(SCOPE, OID, copiesOf([right(true, 4n), right(true, 4n), right(true, 5n)]));
    expect(v.good).toEqual([2]);
    expect(versionOf(v)).toEqual({ epoch: 3, version: 5n });
  });

  it('is nobody knows whose when all show faults, and nothing is to be brought', () => {
    const read = evident[1]!;
    const v = judge(SCOPE, OID, copiesOf([read(right(true)), undefined]));
    expect([v.good, v.chosen, versionOf(v)]).toEqual([[], undefined, undefined]);
    expect(v.lines.at(-1)).toMatch(/failed to pick suitable object info/);
    const all = judge(SCOPE, OID, copiesOf([wrongData(right(true)), wrongData(right(true))]));
    expect(versionOf(all)).toBeUndefined();
  });
});
