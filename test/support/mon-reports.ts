import {
  blankPgStat,
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
    ...blankPgStat({ pool, seed }, TIME_ZERO),
    state: pgState('active', 'clean'),
    reportedSeq: 1n,
    reportedEpoch: 1,
    up: [0, 1, 2],
    acting: [0, 1, 2],
    upPrimary: 0,
    actingPrimary: 0,
    mappingEpoch: 1,
    created: 1,
    lastEpochClean: 1,
    logSize: 2,
    ondiskLogSize: 2,
    statsSum: { ...emptyStatSum(), ...sums },
  };
}

/** An OSD reports. */
export function report(w: World, osd: number, stat: OsdStat, pgs: PgStat[] = []): void {
  w.pgMap.report({ fsid: FSID, epoch: 1, osd, osdStat: stat, pgs }, () => true, w.nowMs);
}
