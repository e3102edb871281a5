import { bool, map, s32, str, struct, u32, u53, vec } from '../codec/index.ts';
import { EntityAddrVec } from './address.ts';
import { EVersion, PgId, Uuid } from './basic.ts';
import { message } from './message.ts';
import { OsdStat, PgStat } from './pg-stat.ts';

// Between our own OSDs and monitor. Numbers are Ceph's, layouts ours: no client of Ceph sees these.

const v1 = { version: 1, compat: 1 };

/** An OSD asks to be marked up. `epoch` is the newest map it holds; the answer is the maps after that. */
export const MOSDBoot = message(
  'MOSDBoot',
  71,
  v1,
  struct('MOSDBoot', {
    fsid: Uuid,
    osd: s32,
    uuid: Uuid,
    epoch: u32,
    publicAddrs: EntityAddrVec,
    clusterAddrs: EntityAddrVec,
    hbBackAddrs: EntityAddrVec,
    hbFrontAddrs: EntityAddrVec,
    totalBytes: u53,
    deviceClass: str,
    metadata: map(str, str),
  }),
);

/** An OSD accuses another of not answering. */
export const MOSDFailure = message(
  'MOSDFailure',
  72,
  v1,
  struct('MOSDFailure', {
    fsid: Uuid,
    epoch: u32,
    osd: s32,
    addrs: EntityAddrVec,
    reporter: s32,
    reason: str,
  }),
);

/** An OSD's clean goodbye; the monitor answers with the MOSDMap in which it is down. */
export const MOSDMarkMeDown = message(
  'MOSDMarkMeDown',
  86,
  v1,
  struct('MOSDMarkMeDown', { fsid: Uuid, osd: s32, epoch: u32 }),
);

/**
 * The primary of a merge's source and target says that both are clean and nobody writes to them, or that it cannot come
 * to that (`isReady` false). `epoch` is that of its map.
 */
export const MOSDPGReadyToMerge = message(
  'MOSDPGReadyToMerge',
  122,
  v1,
  struct('MOSDPGReadyToMerge', {
    fsid: Uuid,
    epoch: u32,
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
export const MPGStatsAck = message('MPGStatsAck', 88, v1, struct('MPGStatsAck', {}));
