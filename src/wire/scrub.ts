import {
  bool,
  byteString,
  bytes,
  type Codec,
  constant,
  custom,
  map,
  mapped,
  pairs,
  s8,
  s32,
  struct,
  u32,
  u53,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import {
  EVersion,
  HObject,
  ObjectLocator,
  ReqId,
  reverseBits32,
  SNAP_HEAD,
  SPgId,
  UTime,
  Uuid,
} from './basic.ts';
import { message } from './message.ts';

// What scrubs find, as `rados list-inconsistent-obj` asks for it. Layouts: src/common/scrub_types.cc and
// src/include/rados/rados_types.hpp, release 16.2.

/** To the primaries of PGs: scrub them. Source: src/messages/MOSDScrub2.h, 16.2. */
export const MOSDScrub2 = message(
  'MOSDScrub2',
  121,
  { version: 1, compat: 1 },
  struct('MOSDScrub2', { fsid: Uuid, epoch: u32, pgs: vec(SPgId), repair: bool, deep: bool }),
);

/** librados::object_id_t. */
export const ScrubObjectId = versioned(
  'object_id_t',
  { v: 1, compat: 1 },
  { name: byteString, namespace: byteString, locator: byteString, snap: u64 },
);
export type ScrubObjectId = ValueOf<typeof ScrubObjectId>;

/** Bits of {@link ShardInfo.errors}: what is wrong with one copy. */
export const SHARD_ERROR = {
  missing: 1n << 1n,
  statError: 1n << 2n,
  readError: 1n << 3n,
  dataDigestMismatchInfo: 1n << 9n,
  omapDigestMismatchInfo: 1n << 10n,
  sizeMismatchInfo: 1n << 11n,
  infoMissing: 1n << 14n,
  infoCorrupted: 1n << 15n,
  snapsetMissing: 1n << 16n,
  snapsetCorrupted: 1n << 17n,
  objSizeInfoMismatch: 1n << 18n,
} as const;
/** Those that only a deep scrub finds. */
export const SHARD_DEEP_ERRORS =
  SHARD_ERROR.readError | SHARD_ERROR.dataDigestMismatchInfo | SHARD_ERROR.omapDigestMismatchInfo;

/** Bits of {@link InconsistentObject.errors}: how copies differ. */
export const OBJECT_ERROR = {
  infoInconsistency: 1n << 1n,
  dataDigestMismatch: 1n << 4n,
  omapDigestMismatch: 1n << 5n,
  sizeMismatch: 1n << 6n,
  attrValueMismatch: 1n << 7n,
  attrNameMismatch: 1n << 8n,
  snapsetInconsistency: 1n << 9n,
  sizeTooLarge: 1n << 11n,
} as const;
export const OBJECT_DEEP_ERRORS = OBJECT_ERROR.dataDigestMismatch | OBJECT_ERROR.omapDigestMismatch;

/** One copy. What follows `primary` is absent from the wire, and means nothing, when the copy is missing. */
export interface ShardInfo {
  readonly errors: bigint;
  readonly primary: boolean;
  readonly attrs: Map<string, Uint8Array>;
  readonly size: bigint;
  readonly omapDigest: number | undefined;
  readonly dataDigest: number | undefined;
  /** Its object info is the one that the others are held against. */
  readonly selectedInfo: boolean;
}

/** Size of a copy that nobody could look at. */
const NO_SIZE = 0xffff_ffff_ffff_ffffn;
export function missingShard(primary: boolean): ShardInfo {
  return {
    errors: SHARD_ERROR.missing,
    primary,
    attrs: new Map(),
    size: NO_SIZE,
    omapDigest: undefined,
    dataDigest: undefined,
    selectedInfo: false,
  };
}

const Attrs = map(byteString, bytes);
const ShardHead = struct('shard_info_t', { errors: u64, primary: bool });
const ShardBody = struct('shard_info_t', {
  attrs: Attrs,
  size: u64,
  omapDigestPresent: bool,
  omapDigest: u32,
  dataDigestPresent: bool,
  dataDigest: u32,
  selectedInfo: bool,
});
const shardFields: Codec<ShardInfo> = custom<ShardInfo>({
  name: 'shard_info_t',
  encode: (o, v) => {
    ShardHead.encode(o, v);
    if ((v.errors & SHARD_ERROR.missing) !== 0n) return;
    const { attrs, size, selectedInfo } = v;
    const omapDigestPresent = v.omapDigest !== undefined;
    const dataDigestPresent = v.dataDigest !== undefined;
    ShardBody.encode(o, {
      attrs,
      size,
      omapDigestPresent,
      omapDigest: v.omapDigest ?? 0,
      dataDigestPresent,
      dataDigest: v.dataDigest ?? 0,
      selectedInfo,
    });
  },
  decode: (d) => {
    const { errors, primary } = ShardHead.decode(d);
    if ((errors & SHARD_ERROR.missing) !== 0n) return { ...missingShard(primary), errors };
    const b = ShardBody.decode(d);
    return {
      errors,
      primary,
      attrs: b.attrs,
      size: b.size,
      omapDigest: b.omapDigestPresent ? b.omapDigest : undefined,
      dataDigest: b.dataDigestPresent ? b.dataDigest : undefined,
      selectedInfo: b.selectedInfo,
    };
  },
  generate: (g) => {
    if (g.below(4) === 0) return missingShard(g.below(2) === 1);
    return {
      errors: SHARD_ERROR.readError,
      primary: g.below(2) === 1,
      attrs: Attrs.generate(g),
      size: BigInt(g.below(1000)),
      omapDigest: g.below(2) ? g.below(2 ** 32) : undefined,
      dataDigest: g.below(2) ? g.below(2 ** 32) : undefined,
      selectedInfo: g.below(2) === 1,
    };
  },
});
const ShardEnvelope = versioned('shard_info_t', { v: 3, compat: 3 }, { body: shardFields });
/** Its fields stand in the envelope, and in memory by themselves. */
const ShardInfo: Codec<ShardInfo> = mapped(
  'shard_info_t',
  ShardEnvelope,
  ({ body }) => body,
  (body) => ({ body }),
);

const OsdShard = versioned('osd_shard_t', { v: 1, compat: 1 }, { osd: s32, shard: s8 });

/** librados::inconsistent_obj_t. Shards in the order of their OSDs. */
export const InconsistentObject = versioned(
  'inconsistent_obj_t',
  { v: 2, compat: 2 },
  {
    errors: u64,
    object: ScrubObjectId,
    version: u64,
    shards: pairs(OsdShard, ShardInfo),
    unionErrors: u64,
  },
);
export type InconsistentObject = ValueOf<typeof InconsistentObject>;

/** Input of SCRUBLS. */
export const ScrubLsArg = versioned(
  'scrub_ls_arg_t',
  { v: 1, compat: 1 },
  {
    /** Of the answers so far; 0 for the first. */
    interval: u32,
    getSnapsets: u32,
    name: byteString,
    namespace: byteString,
    snap: u64,
    maxReturn: u64,
  },
);
export type ScrubLsArg = ValueOf<typeof ScrubLsArg>;

/** Output of SCRUBLS: encoded {@link InconsistentObject}s. */
export const ScrubLsResult = versioned(
  'scrub_ls_result_t',
  { v: 1, compat: 1 },
  { interval: u32, values: vec(bytes) },
);
export type ScrubLsResult = ValueOf<typeof ScrubLsResult>;

/**
 * object_info_t of a head without watchers, as tools show it. Source: object_info_t::encode, src/osd/osd_types.cc, 16.2.
 */
export const CephObjectInfo = versioned(
  'object_info_t',
  { v: 17, compat: 8 },
  {
    oid: HObject,
    locator: ObjectLocator,
    category: constant(u32, 0),
    version: EVersion,
    priorVersion: EVersion,
    lastReqid: ReqId,
    size: u53,
    mtime: UTime,
    lockedBy: ReqId,
    truncateSeq: u53,
    truncateSize: u53,
    lost: bool,
    oldWatchers: constant(u32, 0),
    userVersion: EVersion,
    usesTmap: bool,
    watchers: constant(u32, 0),
    flags: u32,
    localMtime: UTime,
    dataDigest: u32,
    omapDigest: u32,
    expectedObjectSize: u53,
    expectedWriteSize: u53,
    allocHintFlags: u32,
  },
);
export type CephObjectInfo = ValueOf<typeof CephObjectInfo>;

/** SnapSet of an object that never had a snapshot. Source: SnapSet::encode, src/osd/osd_types.cc, 16.2. */
export const CephSnapSet = versioned(
  'SnapSet',
  { v: 3, compat: 2 },
  {
    seq: u64,
    headExists: bool,
    snaps: vec(u64),
    clones: vec(u64),
    cloneOverlap: constant(u32, 0),
    cloneSize: constant(u32, 0),
    cloneSnaps: constant(u32, 0),
  },
);

/** `2:18137794:::a:head`, as Ceph prints an object: pool, reversed hash, namespace, key, name, snapshot. */
export function formatHObject(o: HObject): string {
  if (o.max) return 'MAX';
  const snap = o.snap === SNAP_HEAD ? 'head' : o.snap.toString(16);
  const words = [o.namespace, o.key, o.name].map(escaped);
  const place = reverseBits32(o.hash).toString(16).padStart(8, '0');
  return `${o.pool}:${place}:${words.join(':')}:${snap}`;
}

/** Source: append_out_escaped, src/common/hobject.cc, 16.2. @param name a byte string */
function escaped(name: string): string {
  return name.replace(/[^ -~]|[%:/]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
