import { bool, s32, struct, u32, vec } from '../codec/index.ts';
import { EVersion, PgId, Uuid } from './basic.ts';
import { message } from './message.ts';
import { OsdStat, PgStat } from './pg-stat.ts';

// Between our own OSDs and monitor. Numbers are Ceph's, layouts ours: no client of Ceph sees these. In Ceph an OSD's
// stats go to the manager, and its slow requests in a report of their own.

const v1 = { version: 1, compat: 1 };

/**
 * The primary of a merge's source and target says that both are clean and nobody writes to them, or that it cannot come
 * to that (`isReady` false). `epoch` is that of its map.
 */
export const MOSDPGReadyToMerge = message(
  'MOSDPGReadyToMerge',
  122,
  v1,
  struct('MOSDPGReadyToMerge', {
    epoch: u32,
    /** Who acts in both. */
    acting: vec(s32),
    source: PgId,
    sourceVersion: EVersion,
    targetVersion: EVersion,
    lastEpochStarted: u32,
    lastEpochClean: u32,
    isReady: bool,
  }),
);

export const MPGStats = message(
  'MPGStats',
  87,
  v1,
  struct('MPGStats', { fsid: Uuid, epoch: u32, osd: s32, osdStat: OsdStat, pgs: vec(PgStat) }),
);
/** Requests of an OSD that wait for too long; said with its stats while there are any, and once more when there are none. */
export const MOSDSlowOps = message(
  'MOSDSlowOps',
  170,
  v1,
  struct('MOSDSlowOps', { fsid: Uuid, osd: s32, count: u32, oldestSeconds: u32 }),
);

export const MPGStatsAck = message('MPGStatsAck', 88, v1, struct('MPGStatsAck', {}));
