import { createDefaultCrushMap, encodeCrushMap } from '../../src/crush/index.ts';
import {
  emptyIncremental,
  encodeIncremental,
  firstOSDMap,
  newPgPool,
  OSD_STATE,
  OSDMap,
  WEIGHT_ONE,
} from '../../src/maps/index.ts';
import { nativeCrc32c } from '../../src/runtime-node/index.ts';
import { ADDR, type EntityAddr } from '../../src/wire/index.ts';

const FSID = '11111111-2222-3333-4444-555555555555';
const OSDS_PER_HOST = 12;
const stamp = { sec: 1_700_000_000, nsec: 0 };

/** The map of a cluster in use: all OSDs up with eight addresses each, some pools, upmaps of a tenth of the OSDs' PGs. */
export function mapOfCluster(osds: number): OSDMap {
  const ids = Array.from({ length: osds }, (_, id) => id);
  const crush = createDefaultCrushMap({
    failureDomain: osds > OSDS_PER_HOST * 3 ? 'host' : 'osd',
    osds: ids.map((id) => ({
      id,
      weight: 1 + (id % 3),
      loc: { root: 'default', host: `host${Math.floor(id / OSDS_PER_HOST)}` },
    })),
  });
  const addrs = (id: number, port: number): EntityAddr[] =>
    [ADDR.msgr2, ADDR.legacy].map((type, i) => ({
      type,
      nonce: 1000 + id,
      host: `10.0.${id >> 8}.${id & 255}`,
      port: port + i,
    }));
  const pgNum = Math.max(32, 2 ** Math.ceil(Math.log2(osds * 8)));
  const pool = newPgPool({ type: 1, size: 3, minSize: 2, crushRule: 0, pgNum, createTime: stamp });
  const pools = [1, 2, 3, 4];
  const upmaps = ids.filter((id) => id % 10 === 5);
  return new OSDMap(
    {
      ...firstOSDMap({ fsid: FSID, stamp, crush }),
      crush: encodeCrushMap(crush),
      maxOsd: osds,
      osdState: ids.map(() => OSD_STATE.exists | OSD_STATE.up),
      osdWeight: ids.map(() => WEIGHT_ONE),
      osdUuid: ids.map((id) => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`),
      clientAddrs: ids.map((id) => addrs(id, 6800)),
      clusterAddrs: ids.map((id) => addrs(id, 6802)),
      hbBackAddrs: ids.map((id) => addrs(id, 6804)),
      hbFrontAddrs: ids.map((id) => addrs(id, 6806)),
      osdInfo: ids.map((id) => ({
        ...{ lastCleanBegin: id, lastCleanEnd: id + 1, upFrom: id + 2, upThru: id + 3 },
        ...{ downAt: id + 1, lostAt: 0 },
      })),
      osdXInfo: ids.map(() => ({
        ...{ downStamp: stamp, laggyProbability: 0, laggyInterval: 0, features: 2n ** 61n - 1n },
        ...{ oldWeight: 0, lastPurgedSnapsScrub: stamp, deadEpoch: 0 },
      })),
      pools: new Map(pools.map((id) => [id, pool])),
      poolNames: new Map(pools.map((id) => [id, `pool${id}`])),
      pgUpmapItems: new Map(upmaps.map((id) => [`1.${id.toString(16)}`, [[id, id - 1]]])),
    },
    nativeCrc32c,
  );
}

/** The next map, in which one OSD changed: every fourth time down or up again, else its up_thru. */
export function nextOf(map: OSDMap): { map: OSDMap; change: Buffer } {
  const epoch = map.epoch + 1;
  const osd = epoch % map.data.maxOsd;
  const inc = {
    ...emptyIncremental({ fsid: FSID, epoch, modified: { sec: stamp.sec + epoch, nsec: 0 } }),
    ...(epoch % 4 === 0 ? { newState: new Map([[0, 2]]) } : { newUpThru: new Map([[osd, epoch]]) }),
  };
  const next = map.applyIncremental(inc);
  return { map: next, change: encodeIncremental(inc, next, nativeCrc32c) };
}
