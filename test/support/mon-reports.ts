import {
  EVERSION_ZERO,
  emptyStatSum,
  type ObjectStatSum,
  type OsdStat,
  type PgStat,
  pgState,
  TIME_ZERO,
} from '../../src/wire/index.ts';
import { FSID, type World } from '../mon-world.ts';

// What OSDs report to a monitor, for tests of what it makes of it.

/** Bytes. */
export function osdStat(used: number, total = 100): OsdStat {
  return {
    upFrom: 1,
    totalBytes: total,
    usedBytes: used,
    availableBytes: total - used,
    dataBytes: used,
    omapBytes: 0,
    metadataBytes: 0,
    compressed: [],
    numPgs: 1,
    heartbeatPeers: [],
    numShardsRepaired: 0,
    commitLatencyNs: 0,
    applyLatencyNs: 0,
    pingTimes: [],
  };
}

/** A PG that is active and clean on the OSDs 0, 1 and 2. */
export function pgStat(pool: number, seed: number, sums: Partial<ObjectStatSum>): PgStat {
  return {
    pgid: { pool, seed },
    state: pgState('active', 'clean'),
    version: EVERSION_ZERO,
    reportedSeq: 1n,
    reportedEpoch: 1,
    up: [0, 1, 2],
    acting: [0, 1, 2],
    upPrimary: 0,
    actingPrimary: 0,
    lastFresh: TIME_ZERO,
    lastChange: TIME_ZERO,
    lastActive: TIME_ZERO,
    lastPeered: TIME_ZERO,
    lastClean: TIME_ZERO,
    lastUnstale: TIME_ZERO,
    lastUndegraded: TIME_ZERO,
    lastFullsized: TIME_ZERO,
    mappingEpoch: 1,
    created: 1,
    lastEpochClean: 1,
    logStart: EVERSION_ZERO,
    logSize: 2,
    ondiskLogSize: 2,
    statsSum: { ...emptyStatSum(), ...sums },
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

/** An OSD reports. */
export function report(w: World, osd: number, stat: OsdStat, pgs: PgStat[] = []): void {
  w.pgMap.report({ fsid: FSID, epoch: 1, osd, osdStat: stat, pgs }, () => true, w.nowMs);
}
