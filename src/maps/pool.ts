import {
  bool,
  type Codec,
  custom,
  map,
  s32,
  set,
  str,
  u8,
  u32,
  u53,
  u64,
  type ValueOf,
  versioned,
} from '../codec/index.ts';
import { EVersion, Intervals, id64, PgId, UTime } from '../wire/index.ts';

// pg_pool_t: fact sheet §5.3; src/osd/osd_types.h of Ceph 16.2.

export const POOL_TYPE = { replicated: 1, erasure: 3 } as const;

/** Bits of `PgPool.flags`, by the names `ceph osd pool ls detail` prints. */
export const POOL_FLAG = {
  hashpspool: 1 << 0,
  full: 1 << 1,
  ec_overwrites: 1 << 2,
  incomplete_clones: 1 << 3,
  nodelete: 1 << 4,
  nopgchange: 1 << 5,
  nosizechange: 1 << 6,
  write_fadvise_dontneed: 1 << 7,
  noscrub: 1 << 8,
  'nodeep-scrub': 1 << 9,
  full_quota: 1 << 10,
  nearfull: 1 << 11,
  backfillfull: 1 << 12,
  selfmanaged_snaps: 1 << 13,
  pool_snaps: 1 << 14,
  creating: 1 << 15,
  /** For the autoscaler: expect much data. As of 16.2.8. */
  bulk: 1 << 17,
} as const;

/** `PgPool.pgAutoscaleMode`. */
export const PG_AUTOSCALE_MODE = { off: 0, warn: 1, on: 2 } as const;

/** Number and kind of each entry of `PgPool.options`. Source: pool_opts_t, src/osd/osd_types, release 16.2. */
export const POOL_OPTION = {
  scrub_min_interval: { key: 0, type: 'f64' },
  scrub_max_interval: { key: 1, type: 'f64' },
  deep_scrub_interval: { key: 2, type: 'f64' },
  recovery_priority: { key: 3, type: 's64' },
  recovery_op_priority: { key: 4, type: 's64' },
  scrub_priority: { key: 5, type: 's64' },
  compression_mode: { key: 6, type: 'str' },
  compression_algorithm: { key: 7, type: 'str' },
  compression_required_ratio: { key: 8, type: 'f64' },
  compression_max_blob_size: { key: 9, type: 's64' },
  compression_min_blob_size: { key: 10, type: 's64' },
  csum_type: { key: 11, type: 's64' },
  csum_max_block: { key: 12, type: 's64' },
  csum_min_block: { key: 13, type: 's64' },
  fingerprint_algorithm: { key: 14, type: 'str' },
  pg_num_min: { key: 15, type: 's64' },
  target_size_bytes: { key: 16, type: 's64' },
  target_size_ratio: { key: 17, type: 'f64' },
  pg_autoscale_bias: { key: 18, type: 'f64' },
  read_lease_interval: { key: 19, type: 'f64' },
  dedup_tier: { key: 20, type: 's64' },
  dedup_chunk_algorithm: { key: 21, type: 'str' },
  dedup_cdc_chunk_size: { key: 22, type: 's64' },
  pg_num_max: { key: 23, type: 's64' },
} as const;

/** An option's value; its JavaScript type is its wire type: string str, bigint s64, number f64. */
export type PoolOptionValue = string | bigint | number;
const optionValue: Codec<PoolOptionValue> = custom<PoolOptionValue>({
  name: 'pool_opts_t::value_t',
  encode: (o, v) => {
    if (typeof v === 'string') {
      o.s32(0);
      o.str(v);
    } else if (typeof v === 'bigint') {
      o.s32(1);
      o.s64(v);
    } else {
      o.s32(2);
      o.f64(v);
    }
  },
  decode: (d) => {
    const type = d.s32();
    if (type === 0) return d.str();
    if (type === 1) return d.s64();
    if (type === 2) return d.f64();
    return d.fail(`pool option type ${type}`);
  },
  generate: (g) => [str.generate(g), u64.generate(g) >> 1n, g.below(1000) / 8][g.below(3)]!,
});

const PoolSnapInfo = versioned(
  'pool_snap_info_t',
  { v: 2, compat: 2 },
  { snapid: u64, stamp: UTime, name: str },
);

/** HitSet::Params; only cache tiers use them, so what a type other than none adds is kept as it came. */
const HitSetParams: Codec<{ type: number; params: Uint8Array }> = custom({
  name: 'HitSet::Params',
  encode: (o, v) => {
    o.u8(1);
    o.u8(1);
    o.u32(1 + v.params.length);
    o.u8(v.type);
    o.raw(v.params);
  },
  decode: (d) => {
    d.u8();
    const compat = d.u8();
    if (compat > 1) d.fail(`HitSet::Params compat ${compat}`);
    const length = d.length();
    if (length === 0) d.fail('HitSet::Params without a type');
    return { type: d.u8(), params: d.view(length - 1) };
  },
  generate: (g) => ({ type: g.below(4), params: Buffer.alloc(g.below(9), g.below(256)) }),
});

const PgMergeMeta = versioned(
  'pg_merge_meta_t',
  { v: 1, compat: 1 },
  {
    sourcePgid: PgId,
    readyEpoch: u32,
    lastEpochStarted: u32,
    lastEpochClean: u32,
    sourceVersion: EVersion,
    targetVersion: EVersion,
  },
);

/**
 * A pool. Fields of a newer version than 29 (stretch pools) are skipped when read and never written: this release has
 * no stretch mode.
 */
export const PgPool = versioned(
  'pg_pool_t',
  { v: 29, compat: 5 },
  {
    /** POOL_TYPE. */
    type: u8,
    size: u8,
    crushRule: u8,
    /** 2 is rjenkins, the only one in use. */
    objectHash: u8,
    pgNum: u32,
    pgpNum: u32,
    localizedPgNum: u32,
    localizedPgpNum: u32,
    /** Epoch of the pool's newest change; applying an incremental sets it. */
    lastChange: u32,
    snapSeq: u64,
    snapEpoch: u32,
    snaps: map(u64, PoolSnapInfo),
    removedSnaps: Intervals,
    auid: u64,
    /** POOL_FLAG. */
    flags: u53,
    crashReplayInterval: u32,
    minSize: u8,
    quotaMaxBytes: u64,
    quotaMaxObjects: u64,
    tiers: set(u64),
    /** -1: no tier. */
    tierOf: id64,
    cacheMode: u8,
    readTier: id64,
    writeTier: id64,
    properties: map(str, str),
    hitSetParams: HitSetParams,
    hitSetPeriod: u32,
    hitSetCount: u32,
    stripeWidth: u32,
    targetMaxBytes: u64,
    targetMaxObjects: u64,
    cacheTargetDirtyRatioMicro: u32,
    cacheTargetFullRatioMicro: u32,
    cacheMinFlushAge: u32,
    cacheMinEvictAge: u32,
    erasureCodeProfile: str,
    lastForceOpResendPreluminous: u32,
    minReadRecencyForPromote: u32,
    expectedNumObjects: u64,
    cacheTargetDirtyHighRatioMicro: u32,
    minWriteRecencyForPromote: u32,
    useGmtHitset: bool,
    fastRead: bool,
    hitSetGradeDecayRate: s32,
    hitSetSearchLastN: u32,
    options: versioned('pool_opts_t', { v: 2, compat: 1 }, { values: map(s32, optionValue) }),
    lastForceOpResendPrenautilus: u32,
    applicationMetadata: map(str, map(str, str)),
    createTime: UTime,
    pgNumTarget: u32,
    pgpNumTarget: u32,
    pgNumPending: u32,
    oldPgNumPending: u32,
    oldPgpNumPending: u32,
    lastForceOpResend: u32,
    /** PG_AUTOSCALE_MODE. */
    pgAutoscaleMode: u8,
    lastPgMergeMeta: PgMergeMeta,
  },
);
export type PgPool = ValueOf<typeof PgPool>;

/** What a new pool needs to be told; everything else has Ceph's defaults. */
export interface NewPool {
  readonly type: number;
  readonly size: number;
  readonly minSize: number;
  readonly crushRule: number;
  readonly pgNum: number;
  readonly createTime: UTime;
}

/** A pool with the values a Pacific monitor gives a fresh one. The caller may change it. */
export function newPgPool(p: NewPool): PgPool {
  return {
    type: p.type,
    size: p.size,
    crushRule: p.crushRule,
    objectHash: 2,
    pgNum: p.pgNum,
    pgpNum: p.pgNum,
    localizedPgNum: 0,
    localizedPgpNum: 0,
    lastChange: 0,
    snapSeq: 0n,
    snapEpoch: 0,
    snaps: new Map(),
    removedSnaps: [],
    auid: 0n,
    flags: POOL_FLAG.hashpspool,
    crashReplayInterval: 0,
    minSize: p.minSize,
    quotaMaxBytes: 0n,
    quotaMaxObjects: 0n,
    tiers: new Set(),
    tierOf: -1,
    cacheMode: 0,
    readTier: -1,
    writeTier: -1,
    properties: new Map(),
    hitSetParams: { type: 0, params: new Uint8Array(0) },
    hitSetPeriod: 0,
    hitSetCount: 0,
    stripeWidth: 0,
    targetMaxBytes: 0n,
    targetMaxObjects: 0n,
    cacheTargetDirtyRatioMicro: 400_000,
    cacheTargetFullRatioMicro: 800_000,
    cacheMinFlushAge: 0,
    cacheMinEvictAge: 0,
    erasureCodeProfile: '',
    lastForceOpResendPreluminous: 0,
    minReadRecencyForPromote: 0,
    expectedNumObjects: 0n,
    cacheTargetDirtyHighRatioMicro: 600_000,
    minWriteRecencyForPromote: 0,
    useGmtHitset: true,
    fastRead: false,
    hitSetGradeDecayRate: 0,
    hitSetSearchLastN: 0,
    options: { values: new Map() },
    lastForceOpResendPrenautilus: 0,
    applicationMetadata: new Map(),
    createTime: p.createTime,
    pgNumTarget: p.pgNum,
    pgpNumTarget: p.pgNum,
    pgNumPending: p.pgNum,
    oldPgNumPending: 0,
    oldPgpNumPending: 0,
    lastForceOpResend: 0,
    pgAutoscaleMode: PG_AUTOSCALE_MODE.off,
    lastPgMergeMeta: {
      sourcePgid: { pool: 0, seed: 0 },
      readyEpoch: 0,
      lastEpochStarted: 0,
      lastEpochClean: 0,
      sourceVersion: { version: 0n, epoch: 0 },
      targetVersion: { version: 0n, epoch: 0 },
    },
  };
}
