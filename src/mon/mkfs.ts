import { createDefaultCrushMap, encodeCrushMap } from '../crush/index.ts';
import {
  emptyIncremental,
  newMonMap,
  OSD_STATE,
  OSDMAP_FLAG,
  OSDMap,
  type OSDMapData,
  RELEASE,
} from '../maps/index.ts';
import type { KeyValue } from '../runtime/index.ts';
import { ADDR, type EntityAddr, TIME_ZERO, UUID_ZERO, utimeOfMs } from '../wire/index.ts';
import { MonStore } from './mon-store.ts';

export interface NewCluster {
  readonly fsid: string;
  /** The monitor's name. Default `a`. */
  readonly name?: string;
  /** Where the monitor listens; its map has this address. */
  readonly host: string;
  readonly port: number;
  readonly nowMs: number;
  /** OSDs that exist from the start: how many, or their uuids. They get data when they first boot. Default: none. */
  readonly osds?: number | readonly string[];
  /** CRUSH type that copies are spread over. Default: osd, for a cluster on one machine. */
  readonly failureDomain?: string;
}

/** Makes a new cluster in an empty store. @throws CephError EEXIST when the store holds one */
export async function createMonStore(kv: KeyValue, cluster: NewCluster): Promise<void> {
  const stamp = utimeOfMs(cluster.nowMs);
  const name = cluster.name ?? 'a';
  const addr: EntityAddr = { type: ADDR.msgr2, nonce: 0, host: cluster.host, port: cluster.port };
  const monmap = newMonMap({
    fsid: cluster.fsid,
    epoch: 1,
    stamp,
    mons: [{ name, addrs: [addr] }],
  });
  const identity = { format: 1, fsid: cluster.fsid, createdMs: cluster.nowMs, name } as const;
  await new MonStore(kv).create(identity, monmap, firstOsdMap(cluster));
}

/** Epoch 1: flags, ratios and releases of a fresh Pacific cluster (fact sheet §5.1), and the OSDs named. */
function firstOsdMap(cluster: NewCluster): OSDMap {
  const uuids =
    typeof cluster.osds === 'number'
      ? new Array<string>(cluster.osds).fill(UUID_ZERO)
      : [...(cluster.osds ?? [])];
  const stamp = utimeOfMs(cluster.nowMs);
  const crush = createDefaultCrushMap({ failureDomain: cluster.failureDomain ?? 'osd' });
  const empty = new OSDMap(emptyMap(cluster.fsid, stamp, encodeCrushMap(crush)));
  if (uuids.length === 0) return withEpoch(empty, 1);
  const ids = uuids.map((_, id) => id);
  const change = emptyIncremental({ fsid: cluster.fsid, epoch: 1, modified: stamp });
  return empty.applyIncremental({
    ...change,
    newMaxOsd: uuids.length,
    newState: new Map(ids.map((id) => [id, OSD_STATE.exists | OSD_STATE.new])),
    newWeight: new Map(ids.map((id) => [id, 0])),
    newUuid: new Map(uuids.map((uuid, id) => [id, uuid])),
  });
}

function withEpoch(map: OSDMap, epoch: number): OSDMap {
  return new OSDMap({ ...map.data, epoch });
}

function emptyMap(fsid: string, stamp: OSDMapData['created'], crush: Buffer): OSDMapData {
  const profile = new Map([
    ['k', '2'],
    ['m', '2'],
    ['plugin', 'jerasure'],
    ['technique', 'reed_sol_van'],
  ]);
  const { sortbitwise, recovery_deletes, purged_snapdirs, pglog_hardlimit } = OSDMAP_FLAG;
  return {
    fsid,
    epoch: 0,
    created: stamp,
    modified: stamp,
    pools: new Map(),
    poolNames: new Map(),
    poolMax: 0,
    flags: sortbitwise | recovery_deletes | purged_snapdirs | pglog_hardlimit,
    maxOsd: 0,
    osdState: [],
    osdWeight: [],
    clientAddrs: [],
    pgTemp: new Map(),
    primaryTemp: new Map(),
    primaryAffinity: [],
    crush,
    erasureCodeProfiles: new Map([['default', profile]]),
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
    nearfullRatio: 0.85,
    fullRatio: 0.95,
    backfillfullRatio: 0.9,
    requireMinCompatClient: RELEASE.luminous,
    requireOsdRelease: RELEASE.pacific,
    removedSnapsQueue: new Map(),
    crushNodeFlags: new Map(),
    deviceClassFlags: new Map(),
  };
}
