import { ascending, decodeAll, general, type Json, u32, u64, versioned } from '../codec/index.ts';
import { formatEVersion, formatPgId, type Intervals, stamp } from '../wire/index.ts';
import type { OSDMap } from './osdmap.ts';
import { type PgPool, POOL_FLAG, POOL_OPTION, POOL_TYPE } from './pool.ts';

// A pool in `osd dump` and `osd pool ls detail`. Source: pg_pool_t's dump and operator<<, osd/osd_types.cc, and
// OSDMap::print_pools, release 16.2.

const CACHE_MODES = [
  'none',
  'writeback',
  'forward',
  'readonly',
  'readforward',
  'readproxy',
  'proxy',
];
const AUTOSCALE_MODES = ['off', 'warn', 'on'];

function poolFlagNames(pool: PgPool): string {
  return Object.entries(POOL_FLAG)
    .filter(([, bit]) => (pool.flags & bit) !== 0)
    .map(([name]) => name)
    .join(',');
}
/** `writeback` and the like; `none` of a pool that is no cache. */
export const cacheModeName = (pool: PgPool): string => CACHE_MODES[pool.cacheMode] ?? 'unknown';
const autoscaleMode = (pool: PgPool): string => AUTOSCALE_MODES[pool.pgAutoscaleMode] ?? 'unknown';

/** Options that are set, in the order of their names. */
function options(pool: PgPool): [string, Json][] {
  return Object.entries(POOL_OPTION)
    .sort((a, b) => ascending(a[0], b[0]))
    .flatMap(([name, { key }]): [string, Json][] => {
      const value = pool.options.values.get(key);
      return value === undefined ? [] : [[name, value]];
    });
}

function optionWords(pool: PgPool): string[] {
  return options(pool).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? general(value) : value}`,
  );
}

const HIT_SET_TYPES = ['none', 'explicit_hash', 'explicit_object', 'bloom'];

/** How a cache tier notes what was used; only a bloom filter has more to it than a name. */
function hitSet({
  hitSetParams: { type, params },
}: PgPool): Record<string, string | number | bigint> {
  const name = HIT_SET_TYPES[type] ?? '???';
  if (name !== 'bloom') return { type: name };
  const bloom = decodeAll(BloomParams, params);
  return {
    type: name,
    false_positive_probability: bloom.falsePositiveMicro / 1e6,
    target_size: bloom.targetSize,
    seed: bloom.seed,
  };
}

// Source: BloomHitSet::Params, osd/HitSet.h, release 16.2.
const BloomParams = versioned(
  'BloomHitSet::Params',
  { v: 1, compat: 1 },
  { falsePositiveMicro: u32, targetSize: u64, seed: u64 },
);

function hitSetWords(pool: PgPool): string[] {
  const { type, ...params } = hitSet(pool);
  if (type === 'none') return [];
  const inner = Object.entries(params).map(
    ([k, v]) => `${k}: ${typeof v === 'number' ? general(v) : v}`,
  );
  return [
    `hit_set ${type}{${inner.join(', ')}} ${pool.hitSetPeriod}s x${pool.hitSetCount}`,
    `decay_rate ${pool.hitSetGradeDecayRate} search_last_n ${pool.hitSetSearchLastN}`,
  ];
}

/** What a hit in each of the last sets counts for, in millionths. */
function gradeTable(pool: PgPool): number[] {
  let grade = 1_000_000;
  return Array.from({ length: pool.hitSetCount }, () => {
    grade = Math.trunc(grade * (1 - pool.hitSetGradeDecayRate / 100));
    return grade;
  });
}

/** `[1~2,5~1]`: starts and lengths in hexadecimal. */
function intervalText(set: Intervals): string {
  return `[${set.map((i) => `${i.start.toString(16)}~${i.length.toString(16)}`).join(',')}]`;
}

function poolLine(pool: PgPool): string {
  const kind =
    pool.type === POOL_TYPE.erasure ? `erasure profile ${pool.erasureCodeProfile}` : 'replicated';
  const words = [
    `${kind} size ${pool.size} min_size ${pool.minSize} crush_rule ${pool.crushRule} object_hash rjenkins`,
    `pg_num ${pool.pgNum} pgp_num ${pool.pgpNum}`,
  ];
  if (pool.pgNumTarget !== pool.pgNum) words.push(`pg_num_target ${pool.pgNumTarget}`);
  if (pool.pgpNumTarget !== pool.pgpNum) words.push(`pgp_num_target ${pool.pgpNumTarget}`);
  if (pool.pgNumPending !== pool.pgNum) words.push(`pg_num_pending ${pool.pgNumPending}`);
  words.push(`autoscale_mode ${autoscaleMode(pool)} last_change ${pool.lastChange}`);
  if (
    pool.lastForceOpResend ||
    pool.lastForceOpResendPrenautilus ||
    pool.lastForceOpResendPreluminous
  ) {
    words.push(
      `lfor ${pool.lastForceOpResend}/${pool.lastForceOpResendPrenautilus}/${pool.lastForceOpResendPreluminous}`,
    );
  }
  if (pool.flags) words.push(`flags ${poolFlagNames(pool)}`);
  if (pool.quotaMaxBytes) words.push(`max_bytes ${pool.quotaMaxBytes}`);
  if (pool.quotaMaxObjects) words.push(`max_objects ${pool.quotaMaxObjects}`);
  if (pool.tiers.size > 0) words.push(`tiers ${[...pool.tiers].join(',')}`);
  if (pool.tierOf >= 0) words.push(`tier_of ${pool.tierOf}`);
  if (pool.readTier >= 0) words.push(`read_tier ${pool.readTier}`);
  if (pool.writeTier >= 0) words.push(`write_tier ${pool.writeTier}`);
  if (pool.cacheMode) words.push(`cache_mode ${cacheModeName(pool)}`);
  if (pool.targetMaxBytes) words.push(`target_bytes ${pool.targetMaxBytes}`);
  if (pool.targetMaxObjects) words.push(`target_objects ${pool.targetMaxObjects}`);
  words.push(...hitSetWords(pool));
  if (pool.minReadRecencyForPromote)
    words.push(`min_read_recency_for_promote ${pool.minReadRecencyForPromote}`);
  if (pool.minWriteRecencyForPromote)
    words.push(`min_write_recency_for_promote ${pool.minWriteRecencyForPromote}`);
  words.push(`stripe_width ${pool.stripeWidth}`);
  if (pool.expectedNumObjects) words.push(`expected_num_objects ${pool.expectedNumObjects}`);
  if (pool.fastRead) words.push('fast_read 1');
  words.push(...optionWords(pool));
  if (pool.applicationMetadata.size > 0) {
    words.push(`application ${[...pool.applicationMetadata.keys()].join(',')}`);
  }
  return words.join(' ');
}

/** One line per pool, its snapshots below it. */
export function poolsText(map: OSDMap): string {
  let text = '';
  for (const [id, pool] of [...map.data.pools].sort((a, b) => a[0] - b[0])) {
    text += `pool ${id} '${map.poolName(id)}' ${poolLine(pool)}\n`;
    for (const [snapid, snap] of pool.snaps) {
      text += `\tsnap ${snapid} '${snap.name}' ${stamp(snap.stamp)}\n`;
    }
    if (pool.removedSnaps.length > 0)
      text += `\tremoved_snaps ${intervalText(pool.removedSnaps)}\n`;
  }
  return text;
}

/** All of a pool, after the members that name it. */
export function poolJson(pool: PgPool): { [key: string]: Json | undefined } {
  const merge = pool.lastPgMergeMeta;
  return {
    create_time: stamp(pool.createTime),
    flags: pool.flags,
    flags_names: poolFlagNames(pool),
    type: pool.type,
    size: pool.size,
    min_size: pool.minSize,
    crush_rule: pool.crushRule,
    peering_crush_bucket_count: 0,
    peering_crush_bucket_target: 0,
    peering_crush_bucket_barrier: 0,
    peering_crush_bucket_mandatory_member: 2147483647,
    object_hash: pool.objectHash,
    pg_autoscale_mode: autoscaleMode(pool),
    pg_num: pool.pgNum,
    pg_placement_num: pool.pgpNum,
    pg_placement_num_target: pool.pgpNumTarget,
    pg_num_target: pool.pgNumTarget,
    pg_num_pending: pool.pgNumPending,
    last_pg_merge_meta: {
      source_pgid: formatPgId(merge.sourcePgid),
      ready_epoch: merge.readyEpoch,
      last_epoch_started: merge.lastEpochStarted,
      last_epoch_clean: merge.lastEpochClean,
      source_version: formatEVersion(merge.sourceVersion),
      target_version: formatEVersion(merge.targetVersion),
    },
    last_change: String(pool.lastChange),
    last_force_op_resend: String(pool.lastForceOpResend),
    last_force_op_resend_prenautilus: String(pool.lastForceOpResendPrenautilus),
    last_force_op_resend_preluminous: String(pool.lastForceOpResendPreluminous),
    auid: pool.auid,
    snap_mode: (pool.flags & POOL_FLAG.pool_snaps) !== 0 ? 'pool' : 'selfmanaged',
    snap_seq: pool.snapSeq,
    snap_epoch: pool.snapEpoch,
    pool_snaps: [...pool.snaps.values()].map((s) => ({
      snapid: s.snapid,
      stamp: stamp(s.stamp),
      name: s.name,
    })),
    removed_snaps: intervalText(pool.removedSnaps),
    quota_max_bytes: pool.quotaMaxBytes,
    quota_max_objects: pool.quotaMaxObjects,
    tiers: [...pool.tiers],
    tier_of: pool.tierOf,
    read_tier: pool.readTier,
    write_tier: pool.writeTier,
    cache_mode: cacheModeName(pool),
    target_max_bytes: pool.targetMaxBytes,
    target_max_objects: pool.targetMaxObjects,
    cache_target_dirty_ratio_micro: pool.cacheTargetDirtyRatioMicro,
    cache_target_dirty_high_ratio_micro: pool.cacheTargetDirtyHighRatioMicro,
    cache_target_full_ratio_micro: pool.cacheTargetFullRatioMicro,
    cache_min_flush_age: pool.cacheMinFlushAge,
    cache_min_evict_age: pool.cacheMinEvictAge,
    erasure_code_profile: pool.erasureCodeProfile,
    hit_set_params: hitSet(pool),
    hit_set_period: pool.hitSetPeriod,
    hit_set_count: pool.hitSetCount,
    use_gmt_hitset: pool.useGmtHitset,
    min_read_recency_for_promote: pool.minReadRecencyForPromote,
    min_write_recency_for_promote: pool.minWriteRecencyForPromote,
    hit_set_grade_decay_rate: pool.hitSetGradeDecayRate,
    hit_set_search_last_n: pool.hitSetSearchLastN,
    grade_table: gradeTable(pool),
    stripe_width: pool.stripeWidth,
    expected_num_objects: pool.expectedNumObjects,
    fast_read: pool.fastRead,
    options: new Map(options(pool)),
    application_metadata: new Map(
      [...pool.applicationMetadata].map(([app, meta]): [string, Json] => [app, new Map(meta)]),
    ),
  };
}
