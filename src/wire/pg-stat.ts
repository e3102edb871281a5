import {
  bool,
  s32,
  since,
  struct,
  u32,
  u53,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { EVERSION_ZERO, EVersion, PgId, TIME_ZERO, UTime } from './basic.ts';
import { emptyStatSum, ObjectStatSum } from './stats.ts';

/**
 * Bit numbers of PG states and their names, in the order in which Ceph prints them.
 * Source: PG_STATE_* and pg_state_string of src/osd/osd_types, release 16.2.
 */
export const PG_STATE_BITS = {
  stale: 17,
  creating: 0,
  active: 1,
  activating: 24,
  clean: 2,
  recovery_wait: 22,
  recovery_toofull: 28,
  recovering: 14,
  forced_recovery: 30,
  down: 4,
  recovery_unfound: 5,
  backfill_unfound: 6,
  undersized: 23,
  degraded: 10,
  remapped: 18,
  premerge: 7,
  scrubbing: 8,
  deep: 19,
  inconsistent: 11,
  peering: 12,
  repair: 13,
  backfill_wait: 15,
  backfilling: 20,
  forced_backfill: 31,
  backfill_toofull: 21,
  incomplete: 16,
  peered: 25,
  snaptrim: 26,
  snaptrim_wait: 27,
  snaptrim_error: 29,
  failed_repair: 32,
  laggy: 33,
  wait: 34,
} as const;
export type PgStateName = keyof typeof PG_STATE_BITS;

const STATES = (Object.entries(PG_STATE_BITS) as [PgStateName, number][]).map(
  ([name, bit]) => ({ name, mask: 1n << BigInt(bit) }) as const,
);

/** The state in which every named bit is set. */
export function pgState(...names: PgStateName[]): bigint {
  return names.reduce((state, name) => state | (1n << BigInt(PG_STATE_BITS[name])), 0n);
}

/** `active+clean`; `unknown` when no known bit is set. */
export function formatPgState(state: bigint): string {
  const names = STATES.filter((s) => (state & s.mask) !== 0n).map((s) => s.name);
  return names.length > 0 ? names.join('+') : 'unknown';
}

/** The state that `active+clean` and the like name; undefined for an unknown word. */
export function parsePgState(text: string): bigint | undefined {
  if (text === 'unknown') return 0n;
  let state = 0n;
  for (const word of text.split('+')) {
    const known = STATES.find((s) => s.name === word);
    if (!known) return undefined;
    state |= known.mask;
  }
  return state;
}

/** What the primary of a PG tells the monitor about it. Layout ours, content that of Ceph's pg_stat_t. */
export const PgStat = versioned(
  'PgStat',
  { v: 3, compat: 1 },
  {
    pgid: PgId,
    state: u64,
    version: EVersion,
    reportedSeq: u64,
    reportedEpoch: u32,
    up: vec(s32),
    acting: vec(s32),
    upPrimary: s32,
    actingPrimary: s32,
    lastFresh: UTime,
    lastChange: UTime,
    lastActive: UTime,
    lastPeered: UTime,
    lastClean: UTime,
    lastUnstale: UTime,
    lastUndegraded: UTime,
    lastFullsized: UTime,
    mappingEpoch: u32,
    created: u32,
    lastEpochClean: u32,
    logStart: EVersion,
    logSize: u53,
    ondiskLogSize: u53,
    statsSum: ObjectStatSum,
    statsInvalid: bool,
    lastScrub: EVersion,
    lastScrubStamp: UTime,
    lastDeepScrub: EVersion,
    lastDeepScrubStamp: UTime,
    lastCleanScrubStamp: UTime,
    /** OSDs that peering waits for, ascending. */
    blockedBy: since(2, vec(s32), []),
    /** Who has all of it and is up, ascending; empty when it is clean, as then all members have. */
    availNoMissing: since(3, vec(s32), []),
  },
);
export type PgStat = ValueOf<typeof PgStat>;

/** A PG of which nothing is told, `since` then. */
export function blankPgStat(pgid: PgId, since: UTime): PgStat {
  return {
    pgid,
    state: 0n,
    version: EVERSION_ZERO,
    reportedSeq: 0n,
    reportedEpoch: 0,
    up: [],
    acting: [],
    upPrimary: -1,
    actingPrimary: -1,
    lastFresh: since,
    lastChange: since,
    lastActive: since,
    lastPeered: since,
    lastClean: since,
    lastUnstale: since,
    lastUndegraded: since,
    lastFullsized: since,
    mappingEpoch: 0,
    created: 0,
    lastEpochClean: 0,
    logStart: EVERSION_ZERO,
    logSize: 0,
    ondiskLogSize: 0,
    statsSum: emptyStatSum(),
    statsInvalid: false,
    lastScrub: EVERSION_ZERO,
    lastScrubStamp: TIME_ZERO,
    lastDeepScrub: EVERSION_ZERO,
    lastDeepScrubStamp: TIME_ZERO,
    lastCleanScrubStamp: TIME_ZERO,
    blockedBy: [],
    availNoMissing: [],
  };
}

/** What compression does for a pool on one OSD. Bytes: compressed data, the space it takes, what it stands for. */
export const CompressedPool = struct('CompressedPool', {
  pool: u53,
  compressed: u53,
  allocated: u53,
  original: u53,
});
export type CompressedPool = ValueOf<typeof CompressedPool>;

/** What compression does for several pools together. */
export function sumCompressed(
  all: Iterable<Omit<CompressedPool, 'pool'>>,
): Omit<CompressedPool, 'pool'> {
  const sum = { compressed: 0, allocated: 0, original: 0 };
  for (const { compressed, allocated, original } of all) {
    sum.compressed += compressed;
    sum.allocated += allocated;
    sum.original += original;
  }
  return sum;
}

/** Averages and extremes over one, five and fifteen minutes, and the last one; microseconds. */
export const PingSpans = struct('PingSpans', {
  average: vec(u32),
  min: vec(u32),
  max: vec(u32),
  last: u32,
});
export type PingSpans = ValueOf<typeof PingSpans>;

/** How long an OSD takes to answer another one's heartbeats, on both networks. */
export const PingTimes = struct('PingTimes', {
  osd: s32,
  /** When the averages were last made: seconds since the Unix epoch. */
  updatedSec: u32,
  back: PingSpans,
  front: PingSpans,
});
export type PingTimes = ValueOf<typeof PingTimes>;

/** What an OSD tells the monitor about itself. Layout ours. */
export const OsdStat = struct('OsdStat', {
  upFrom: u32,
  totalBytes: u53,
  usedBytes: u53,
  availableBytes: u53,
  dataBytes: u53,
  omapBytes: u53,
  metadataBytes: u53,
  compressed: vec(CompressedPool),
  numPgs: u32,
  heartbeatPeers: vec(s32),
  /** Damaged copies that were replaced since its start. */
  numShardsRepaired: u32,
  /** Of its stores' transactions since the last report, on average. */
  commitLatencyNs: u53,
  applyLatencyNs: u53,
  pingTimes: vec(PingTimes),
});
export type OsdStat = ValueOf<typeof OsdStat>;
