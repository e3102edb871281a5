import {
  bool,
  constant,
  f64,
  map,
  s32,
  since,
  str,
  struct,
  u8,
  u32,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { EntityAddrVec } from './address.ts';
import { PaxosHeader, PgId, UTime, Uuid } from './basic.ts';
import { message } from './message.ts';

// What an OSD says to the monitor of itself and of others. Layouts: src/messages of Ceph 16.2, held against what a real
// OSD sent to our monitor.

/** Feature names by number; bit 0 of the mask is never written (src/include/CompatSet.h). */
const FeatureSet = struct('FeatureSet', { mask: u64, names: map(u64, str) });
const CompatSet = struct('CompatSet', {
  compat: FeatureSet,
  roCompat: FeatureSet,
  incompat: FeatureSet,
});

/** OSDSuperblock: an OSD's store in its own words. */
export const OsdSuperblock = versioned(
  'OSDSuperblock',
  { v: 10, compat: 5 },
  {
    fsid: Uuid,
    osd: s32,
    currentEpoch: u32,
    oldestMap: u32,
    newestMap: u32,
    weight: f64,
    features: CompatSet,
    cleanThrough: u32,
    /** Epoch in which the store was first, or last, seen in service; 0: it is new. */
    mounted: u32,
    uuid: Uuid,
    lastEpochMarkedFull: constant(u32, 0),
    poolsMarkedFull: constant(u32, 0),
    purgedSnapsLast: u32,
    lastPurgedSnapsScrub: UTime,
    /** Older maps than this the monitor may have trimmed. */
    trimLowerBound: since(10, u32, 0),
  },
);
export type OsdSuperblock = ValueOf<typeof OsdSuperblock>;

/** An OSD asks to be marked up; the answer is the maps after `superblock.newestMap`. Its sender's address is the public one. */
export const MOSDBoot = message(
  'MOSDBoot',
  71,
  { version: 7, compat: 7 },
  struct('MOSDBoot', {
    paxos: PaxosHeader,
    superblock: OsdSuperblock,
    hbBackAddrs: EntityAddrVec,
    clusterAddrs: EntityAddrVec,
    /** Since when this process was up before; 0: it has just been started. */
    bootEpoch: u32,
    hbFrontAddrs: EntityAddrVec,
    metadata: map(str, str),
    features: u64,
  }),
);

/** Bits of MOSDFailure's flags; none says that the OSD is alive after all. */
export const FAILURE_FLAG = { failed: 1, immediate: 2 } as const;

/** An OSD accuses another of not answering, or takes that back. */
export const MOSDFailure = message(
  'MOSDFailure',
  72,
  { version: 4, compat: 4 },
  struct('MOSDFailure', {
    paxos: PaxosHeader,
    fsid: Uuid,
    osd: s32,
    addrs: EntityAddrVec,
    epoch: u32,
    flags: u8,
    /** Seconds since the accused was last heard of. */
    failedFor: s32,
  }),
);

/** An OSD's clean goodbye; the monitor answers with the MOSDMap in which it is down. */
export const MOSDMarkMeDown = message(
  'MOSDMarkMeDown',
  74,
  { version: 4, compat: 3 },
  struct('MOSDMarkMeDown', {
    paxos: PaxosHeader,
    fsid: Uuid,
    osd: s32,
    addrs: EntityAddrVec,
    epoch: u32,
    /** The sender waits for an answer. */
    wantsAck: bool,
    /** It serves nobody any more, and will not in this life. */
    isDead: bool,
  }),
);

/** An OSD that is down already will never again serve in the life it had. */
export const MOSDMarkMeDead = message(
  'MOSDMarkMeDead',
  123,
  { version: 1, compat: 1 },
  struct('MOSDMarkMeDead', { paxos: PaxosHeader, fsid: Uuid, osd: s32, epoch: u32 }),
);

/** An OSD is alive and has its maps: one that says this no more is marked down in the end. */
export const MOSDBeacon = message(
  'MOSDBeacon',
  79,
  { version: 3, compat: 1 },
  struct('MOSDBeacon', {
    paxos: PaxosHeader,
    /** That it is primary of. */
    pgs: vec(PgId),
    minLastEpochClean: u32,
    lastPurgedSnapsScrub: UTime,
    /** Seconds until the next one. */
    interval: s32,
  }),
);
