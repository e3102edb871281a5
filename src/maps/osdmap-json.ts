import type { Json } from '../codec/index.ts';
import { addrVecJson, formatLegacyAddr, legacyAddr, stamp } from '../wire/index.ts';
import { minCompatClient } from './min-compat-client.ts';
import { flagNames, releaseName, stateNames } from './names.ts';
import type { OSDMap } from './osdmap.ts';
import { WEIGHT_ONE } from './osdmap-data.ts';
import { affinityOf, blocklistEntries } from './osdmap-print.ts';
import { poolJson } from './pool-print.ts';

// Source: OSDMap::dump, osd/OSDMap.cc, release 16.2.

/** Everything about one OSD. */
export function osdJson(map: OSDMap, osd: number): Json {
  const info = map.data.osdInfo.at(osd)!;
  const lists = {
    public: map.addrs(osd),
    cluster: map.clusterAddrs(osd),
    heartbeat_back: map.hbBackAddrs(osd),
    heartbeat_front: map.hbFrontAddrs(osd),
  };
  return {
    osd,
    uuid: map.data.osdUuid.at(osd)!,
    up: map.isUp(osd) ? 1 : 0,
    in: map.isIn(osd) ? 1 : 0,
    weight: map.data.osdWeight[osd]! / WEIGHT_ONE,
    primary_affinity: affinityOf(map, osd),
    last_clean_begin: info.lastCleanBegin,
    last_clean_end: info.lastCleanEnd,
    up_from: info.upFrom,
    up_thru: info.upThru,
    down_at: info.downAt,
    lost_at: info.lostAt,
    ...Object.fromEntries(Object.entries(lists).map(([k, v]) => [`${k}_addrs`, addrVecJson(v)])),
    ...Object.fromEntries(Object.entries(lists).map(([k, v]) => [`${k}_addr`, legacyAddr(v)])),
    state: stateNames(map.data.osdState[osd]!),
  };
}

/** What `osd dump` and `osdmaptool --dump json` print. */
export function osdMapJson(map: OSDMap): Json {
  const m = map.data;
  const pairs = (of: ReadonlyMap<string, readonly number[]>): Json =>
    [...of].map(([pgid, osds]) => ({ pgid, osds }));
  const snaps = (of: typeof m.removedSnapsQueue): Json =>
    [...of].map(([pool, set]) => ({
      pool,
      snaps: set.map((i) => ({ begin: i.start, length: i.length })),
    }));
  const crush = map.crushMap;
  return {
    epoch: m.epoch,
    fsid: m.fsid,
    created: stamp(m.created),
    modified: stamp(m.modified),
    last_up_change: stamp(m.lastUpChange),
    last_in_change: stamp(m.lastInChange),
    flags: flagNames(m.flags),
    flags_num: m.flags,
    flags_set: flagNames(m.flags).split(',').filter(Boolean).sort(),
    crush_version: m.crushVersion,
    full_ratio: m.fullRatio,
    backfillfull_ratio: m.backfillfullRatio,
    nearfull_ratio: m.nearfullRatio,
    cluster_snapshot: m.clusterSnapshot,
    pool_max: m.poolMax,
    max_osd: m.maxOsd,
    require_min_compat_client: releaseName(m.requireMinCompatClient),
    min_compat_client: minCompatClient(map),
    require_osd_release: releaseName(m.requireOsdRelease),
    pools: [...m.pools]
      .sort((a, b) => a[0] - b[0])
      .map(([id, pool]) => ({ pool: id, pool_name: map.poolName(id) ?? '', ...poolJson(pool) })),
    osds: map.osds().map((osd) => osdJson(map, osd)),
    osd_xinfo: map.osds().map((osd) => {
      const x = m.osdXInfo.at(osd)!;
      return {
        osd,
        down_stamp: stamp(x.downStamp),
        laggy_probability: Math.fround(x.laggyProbability),
        laggy_interval: x.laggyInterval,
        features: x.features,
        old_weight: x.oldWeight,
        last_purged_snaps_scrub: stamp(x.lastPurgedSnapsScrub),
        dead_epoch: x.deadEpoch,
      };
    }),
    pg_upmap: pairs(m.pgUpmap),
    pg_upmap_items: [...m.pgUpmapItems].map(([pgid, mappings]) => ({
      pgid,
      mappings: mappings.map(([from, to]) => ({ from, to })),
    })),
    pg_temp: pairs(m.pgTemp),
    // Without a section per entry, so Ceph prints it.
    primary_temp: [...m.primaryTemp].flat(),
    blocklist: new Map(
      blocklistEntries(map).map(([addr, until]) => [formatLegacyAddr(addr), stamp(until)]),
    ),
    range_blocklist: {},
    erasure_code_profiles: new Map(
      [...m.erasureCodeProfiles].map(([name, profile]): [string, Json] => [name, new Map(profile)]),
    ),
    removed_snaps_queue: snaps(m.removedSnapsQueue),
    new_removed_snaps: snaps(m.newRemovedSnaps),
    new_purged_snaps: snaps(m.newPurgedSnaps),
    crush_node_flags: new Map(
      [...m.crushNodeFlags].map(([id, bits]): [string, Json] => [
        crush.itemNames.get(id) ?? `osd.${id}`,
        stateNames(bits),
      ]),
    ),
    device_class_flags: new Map(
      [...m.deviceClassFlags].map(([id, bits]): [string, Json] => [
        crush.classNames.get(id) ?? String(id),
        stateNames(bits),
      ]),
    ),
    stretch_mode: {
      stretch_mode_enabled: false,
      stretch_bucket_count: 0,
      degraded_stretch_mode: 0,
      recovering_stretch_mode: 0,
      stretch_mode_bucket: 0,
    },
  };
}
