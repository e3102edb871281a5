import { type CrushMap, encodeCrushMap } from '../crush/index.ts';
import { TIME_ZERO, type UTime } from '../wire/index.ts';
import { OSDMAP_FLAG, type OSDMapData, RELEASE } from './osdmap-data.ts';

/** What a Pacific monitor's first map (epoch 1) holds: no OSD, no pool, the CRUSH map given. */
export function firstOSDMap(of: { fsid: string; stamp: UTime; crush: CrushMap }): OSDMapData {
  return {
    fsid: of.fsid,
    epoch: 1,
    created: of.stamp,
    modified: of.stamp,
    pools: new Map(),
    poolNames: new Map(),
    poolMax: 0,
    flags:
      OSDMAP_FLAG.sortbitwise |
      OSDMAP_FLAG.recovery_deletes |
      OSDMAP_FLAG.purged_snapdirs |
      OSDMAP_FLAG.pglog_hardlimit,
    maxOsd: 0,
    osdState: [],
    osdWeight: [],
    clientAddrs: [],
    pgTemp: new Map(),
    primaryTemp: new Map(),
    primaryAffinity: [],
    crush: encodeCrushMap(of.crush),
    erasureCodeProfiles: new Map([
      [
        'default',
        new Map([
          ['k', '2'],
          ['m', '2'],
          ['plugin', 'jerasure'],
          ['technique', 'reed_sol_van'],
        ]),
      ],
    ]),
    pgUpmap: new Map(),
    pgUpmapItems: new Map(),
    crushVersion: 1,
    newRemovedSnaps: new Map(),
    newPurgedSnaps: new Map(),
    lastUpChange: TIME_ZERO,
    lastInChange: TIME_ZERO,
    hbBackAddrs: [],
    osdInfo: [],
    blocklist: [],
    clusterAddrs: [],
    clusterSnapshotEpoch: 0,
    clusterSnapshot: '',
    osdUuid: [],
    osdXInfo: [],
    hbFrontAddrs: [],
    // As they are on the wire, so that a map is the same before and after it was stored.
    nearfullRatio: Math.fround(0.85),
    fullRatio: Math.fround(0.95),
    backfillfullRatio: Math.fround(0.9),
    requireMinCompatClient: RELEASE.luminous,
    requireOsdRelease: RELEASE.pacific,
    removedSnapsQueue: new Map(),
    crushNodeFlags: new Map(),
    deviceClassFlags: new Map(),
  };
}
