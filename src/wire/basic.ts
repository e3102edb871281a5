import {
  bool,
  byteString,
  type Codec,
  constant,
  custom,
  type Decoder,
  type Encoder,
  fixedBytes,
  type Gen,
  mapped,
  s8,
  s16,
  s32,
  str,
  struct,
  u8,
  u32,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';

// Layouts: fact sheet §1.3; src/include/types.h, src/osd/osd_types.h, src/common/hobject.h of Ceph 16.2.

/** entity_name_t types, as in CEPH_ENTITY_TYPE_*. */
export const ENTITY = { mon: 1, mds: 2, osd: 4, client: 8, mgr: 16, auth: 32, any: 255 } as const;

/** Seconds and nanoseconds since the Unix epoch, or a duration. */
export const UTime = struct('utime_t', { sec: u32, nsec: u32 });
export type UTime = ValueOf<typeof UTime>;
export const TIME_ZERO: UTime = { sec: 0, nsec: 0 };

export function utimeOfMs(ms: number): UTime {
  const sec = Math.floor(ms / 1000);
  if (sec >= 2 ** 32) return { sec: 2 ** 32 - 1, nsec: 0 };
  return { sec, nsec: Math.min(999_999_999, Math.round((ms - sec * 1000) * 1e6)) };
}
export function msOfUtime(t: UTime): number {
  return t.sec * 1000 + t.nsec / 1e6;
}

/** 16 raw bytes in text order, held as `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`. */
export const Uuid: Codec<string> = mapped<Uint8Array, string>(
  'uuid_d',
  fixedBytes(16),
  (b) => {
    const h = Buffer.from(b).toString('hex');
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
  },
  (t) => Buffer.from(t.replaceAll('-', ''), 'hex'),
);
export const UUID_ZERO = '00000000-0000-0000-0000-000000000000';

/**
 * A signed 64-bit id that stays below 2^53 in size, as a plain number: pool ids and entity numbers, which count up
 * from zero. INT64_MIN, the pool of the extreme hobjects, is a power of two and so exact as well.
 */
export const id64: Codec<number> = custom<number>({
  name: 's64',
  encode: (o, v) => o.s64(BigInt(v)),
  decode: (d) => {
    const v = Number(d.s64());
    if (!Number.isSafeInteger(v) && v !== INT64_MIN) d.fail(`id ${v} is out of range`);
    return v;
  },
  generate: (g) => g.below(2 ** 31) - 1,
});
export const INT64_MIN = -(2 ** 63);

/** entity_name_t: type and number, e.g. osd.3. */
export const EntityName = struct('entity_name_t', { type: u8, num: id64 });
export type EntityName = ValueOf<typeof EntityName>;

/** EntityName of auth: type and id without the type's prefix, e.g. client.admin is {8, 'admin'}. */
export const AuthName = struct('EntityName', { type: u32, id: str });
export type AuthName = ValueOf<typeof AuthName>;

const EVersionBase = struct('eversion_t', { version: u64, epoch: u32 });
/** A version in a PG: ordered by epoch, then version; printed epoch'version. */
export const EVersion = EVersionBase;
export type EVersion = ValueOf<typeof EVersion>;
export const EVERSION_ZERO: EVersion = { version: 0n, epoch: 0 };
export function compareEVersion(a: EVersion, b: EVersion): number {
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  return a.version < b.version ? -1 : a.version > b.version ? 1 : 0;
}
export function formatEVersion(v: EVersion): string {
  return `${v.epoch}'${v.version}`;
}

/** pg_t; the obsolete `preferred` field is always -1. */
export const PgId: Codec<{ pool: number; seed: number }> = custom({
  name: 'pg_t',
  encode: (o: Encoder, v: { pool: number; seed: number }) => {
    o.u8(1);
    id64.encode(o, v.pool);
    o.u32(v.seed);
    o.s32(-1);
  },
  decode: (d: Decoder) => {
    const version = d.u8();
    if (version !== 1) d.fail(`pg_t version ${version}`);
    const pool = id64.decode(d);
    const seed = d.u32();
    d.s32();
    return { pool, seed };
  },
  generate: (g: Gen) => ({ pool: g.below(1000), seed: g.below(65536) }),
});
export type PgId = ValueOf<typeof PgId>;
/** `pool.seed`, the seed in hexadecimal, as Ceph's tools print it. Also the name of the PG's collection. */
export function formatPgId(pg: PgId): string {
  return `${pg.pool}.${pg.seed.toString(16)}`;
}
export function parsePgId(text: string): PgId | undefined {
  const m = /^(\d{1,15})\.([0-9a-f]{1,8})$/.exec(text);
  return m ? { pool: Number(m[1]), seed: Number.parseInt(m[2]!, 16) } : undefined;
}

/** spg_t: shard -1 is a replicated PG. */
export const SPgId = versioned('spg_t', { v: 1, compat: 1 }, { pgid: PgId, shard: s8 });
export type SPgId = ValueOf<typeof SPgId>;

export const SNAP_HEAD = 0xffff_ffff_ffff_fffen; // CEPH_NOSNAP
export const SNAP_DIR = 0xffff_ffff_ffff_ffffn; // CEPH_SNAPDIR

/** osd_reqid_t: names one client request over all resends. */
export const ReqId = versioned(
  'osd_reqid_t',
  { v: 2, compat: 2 },
  { name: EntityName, tid: u64, inc: s32 },
);
export type ReqId = ValueOf<typeof ReqId>;

/** object_locator_t. A hash other than -1 places the request by itself (PG listing). */
export interface ObjectLocator {
  pool: number;
  key: string;
  namespace: string;
  hash: bigint;
}
export const ObjectLocator: Codec<ObjectLocator> = custom<ObjectLocator>({
  name: 'object_locator_t',
  encode: (o, v) => {
    o.u8(6);
    o.u8(v.hash === -1n ? 3 : 6);
    const at = o.reserve(4);
    id64.encode(o, v.pool);
    o.s32(-1);
    o.byteString(v.key);
    o.byteString(v.namespace);
    o.s64(v.hash);
    o.patchU32(at, o.length - at - 4);
  },
  decode: (d) => {
    const version = d.u8();
    const compat = d.u8();
    if (compat > 6 || version < 6) d.fail(`object_locator_t version ${version}/${compat}`);
    const end = d.length() + d.offset;
    const pool = id64.decode(d);
    d.s32();
    const v = { pool, key: d.byteString(), namespace: d.byteString(), hash: d.s64() };
    if (d.offset > end) d.fail('object_locator_t longer than its length');
    d.offset = end;
    return v;
  },
  generate: (g) => ({
    pool: g.below(1000),
    key: byteString.generate(g),
    namespace: byteString.generate(g),
    hash: g.below(2) ? -1n : BigInt(g.below(65536)),
  }),
});

/** hobject_t: an object's place in the order of a pool. Names are byte strings. */
export const HObject = versioned(
  'hobject_t',
  { v: 4, compat: 3 },
  {
    key: byteString,
    name: byteString,
    snap: u64,
    hash: u32,
    max: bool,
    namespace: byteString,
    pool: id64,
  },
);
export type HObject = ValueOf<typeof HObject>;
const EXTREME = { key: '', name: '', snap: 0n, hash: 0, namespace: '', pool: INT64_MIN };
export const HOBJECT_MIN: HObject = { ...EXTREME, max: false };
export const HOBJECT_MAX: HObject = { ...EXTREME, max: true };

/** The 32 bits of a hash in reverse: PG members are contiguous in this order. @returns unsigned */
export function reverseBits32(v: number): number {
  let x = v;
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1);
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2);
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8);
  return ((x >>> 16) | (x << 16)) >>> 0;
}

/** Ceph's order of objects: max last, pool, bit-reversed hash, namespace, effective key, name, snap. */
export function compareHObject(a: HObject, b: HObject): number {
  if (a.max !== b.max) return a.max ? 1 : -1;
  if (a.max) return 0;
  if (a.pool !== b.pool) return a.pool < b.pool ? -1 : 1;
  if (a.hash !== b.hash) return reverseBits32(a.hash) < reverseBits32(b.hash) ? -1 : 1;
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  const ka = a.key || a.name;
  const kb = b.key || b.name;
  if (ka !== kb) return ka < kb ? -1 : 1;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.snap < b.snap ? -1 : a.snap > b.snap ? 1 : 0;
}

/** Header that every message of a monitor service starts with; clients send the constants. */
export const PaxosHeader = struct('PaxosServiceMessage', {
  version: u64,
  sessionMon: constant(s16, -1),
  sessionMonTid: constant(u64, 0n),
});
export const PAXOS_ZERO = { version: 0n, sessionMon: -1, sessionMonTid: 0n };

/** Interval set of 64-bit ids: (start, length) pairs. */
export const Intervals = vec(struct('interval', { start: u64, length: u64 }));
export type Intervals = ValueOf<typeof Intervals>;
