import { createDefaultCrushMap } from '../crush/index.ts';
import { emptyIncremental, firstOSDMap, newMonMap, OSD_STATE, OSDMap } from '../maps/index.ts';
import type { KeyValue } from '../runtime/index.ts';
import { ADDR, type EntityAddr, UUID_ZERO, utimeOfMs } from '../wire/index.ts';
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
  await new MonStore(kv).create(identity, monmap, firstMap(cluster));
}

/** The first map of a fresh Pacific cluster, and the OSDs named. */
function firstMap(cluster: NewCluster): OSDMap {
  const uuids =
    typeof cluster.osds === 'number'
      ? new Array<string>(cluster.osds).fill(UUID_ZERO)
      : [...(cluster.osds ?? [])];
  const stamp = utimeOfMs(cluster.nowMs);
  const crush = createDefaultCrushMap({ failureDomain: cluster.failureDomain ?? 'osd' });
  const first = firstOSDMap({ fsid: cluster.fsid, stamp, crush });
  if (uuids.length === 0) return new OSDMap(first);
  const ids = uuids.map((_, id) => id);
  // The OSDs are part of epoch 1, so they are a change of what is before it.
  return new OSDMap({ ...first, epoch: 0 }).applyIncremental({
    ...emptyIncremental({ fsid: cluster.fsid, epoch: 1, modified: stamp }),
    newMaxOsd: uuids.length,
    newState: new Map(ids.map((id) => [id, OSD_STATE.exists | OSD_STATE.new])),
    newWeight: new Map(ids.map((id) => [id, 0])),
    newUuid: new Map(uuids.map((uuid, id) => [id, uuid])),
  });
}
