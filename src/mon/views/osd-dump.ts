import { general, type Json } from '../../codec/index.ts';
import { type OSDMap, WEIGHT_ONE } from '../../maps/index.ts';
import { type EntityAddr, formatAddrVec, formatLegacyAddr, stamp } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, type ReadCommand, refuse } from '../command.ts';
import { addrVecJson, legacyAddr } from './addrs.ts';
import { mapFor } from './epoch.ts';
import { RELEASE_NAMES } from './names.ts';
import { flagNames, stateNames } from './osd-stat.ts';
import { osdList } from './pg-view.ts';
import { poolJson, poolsText } from './pool-text.ts';
import { textOrValue } from './reply.ts';

// Source: OSDMap::print and OSDMap::dump, osd/OSDMap.cc, release 16.2.

const releaseName = (n: number): string => RELEASE_NAMES[n] ?? 'unknown';
/** What the map's features need of a client; all that our maps use is in jewel. */
const minCompatClient = (map: OSDMap): string => {
  const { pgUpmap, pgUpmapItems } = map.data;
  return pgUpmap.size > 0 || pgUpmapItems.size > 0 || map.crushMap.chooseArgs.size > 0
    ? 'luminous'
    : 'jewel';
};
const affinityOf = (map: OSDMap, osd: number): number =>
  (map.data.primaryAffinity[osd] ?? WEIGHT_ONE) / WEIGHT_ONE;

/** An empty list prints as nothing in a line of `osd dump`. */
const addrsText = (addrs: readonly EntityAddr[]): string =>
  addrs.length > 0 ? formatAddrVec(addrs) : '';

function osdLine(map: OSDMap, osd: number): string {
  const info = map.data.osdInfo[osd]!;
  const affinity = affinityOf(map, osd);
  const words = [
    `osd.${osd}`,
    map.isUp(osd) ? 'up  ' : 'down',
    map.isIn(osd) ? 'in ' : 'out',
    `weight ${general(map.data.osdWeight[osd]! / WEIGHT_ONE)}`,
  ];
  if (affinity !== 1) words.push(`primary_affinity ${general(affinity)}`);
  words.push(
    `up_from ${info.upFrom} up_thru ${info.upThru} down_at ${info.downAt}`,
    `last_clean_interval [${info.lastCleanBegin},${info.lastCleanEnd})`,
    addrsText(map.addrs(osd)),
    addrsText(map.clusterAddrs(osd)),
    stateNames(map.data.osdState[osd]!).join(','),
  );
  if (!/^[0-]*$/.test(map.data.osdUuid[osd]!)) words.push(map.data.osdUuid[osd]!);
  return `${words.join(' ')}\n`;
}

function dumpText(map: OSDMap): string {
  const m = map.data;
  const ratio = (v: number): string => general(Math.fround(v));
  const lines = [
    `epoch ${m.epoch}`,
    `fsid ${m.fsid}`,
    `created ${stamp(m.created)}`,
    `modified ${stamp(m.modified)}`,
    `flags ${flagNames(m.flags)}`,
    `crush_version ${m.crushVersion}`,
    `full_ratio ${ratio(m.fullRatio)}`,
    `backfillfull_ratio ${ratio(m.backfillfullRatio)}`,
    `nearfull_ratio ${ratio(m.nearfullRatio)}`,
  ];
  if (m.requireMinCompatClient > 0) {
    lines.push(`require_min_compat_client ${releaseName(m.requireMinCompatClient)}`);
  }
  lines.push(`min_compat_client ${minCompatClient(map)}`);
  if (m.requireOsdRelease > 0)
    lines.push(`require_osd_release ${releaseName(m.requireOsdRelease)}`);
  lines.push('stretch_mode_enabled false');
  if (m.clusterSnapshot) lines.push(`cluster_snapshot ${m.clusterSnapshot}`);
  const osds = map.osds().map((osd) => osdLine(map, osd));
  const entries: string[] = [];
  for (const [pg, osds] of m.pgUpmap) entries.push(`pg_upmap ${pg} ${osdList(osds)}`);
  for (const [pg, items] of m.pgUpmapItems) {
    entries.push(`pg_upmap_items ${pg} [${items.map(([from, to]) => `${from},${to}`).join(',')}]`);
  }
  for (const [pg, osds] of m.pgTemp) entries.push(`pg_temp ${pg} ${osdList(osds)}`);
  for (const [pg, osd] of m.primaryTemp) entries.push(`primary_temp ${pg} ${osd}`);
  for (const [addr, until] of m.blocklist) {
    entries.push(`blocklist ${formatLegacyAddr(addr)} expires ${stamp(until)}`);
  }
  const blocks = [lines.join('\n'), '\n', poolsText(map), `max_osd ${m.maxOsd}\n`, ...osds];
  return blocks.join('') + entries.map((e) => `${e}\n`).join('');
}

/** Everything about one OSD. */
function osdJson(map: OSDMap, osd: number): Json {
  const info = map.data.osdInfo[osd]!;
  const lists = {
    public: map.addrs(osd),
    cluster: map.clusterAddrs(osd),
    heartbeat_back: map.hbBackAddrs(osd),
    heartbeat_front: map.hbFrontAddrs(osd),
  };
  return {
    osd,
    uuid: map.data.osdUuid[osd]!,
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

function dumpJson(map: OSDMap): Json {
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
      const x = m.osdXInfo[osd]!;
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
    primary_temp: [...m.primaryTemp].map(([pgid, osd]) => ({ pgid, osd })),
    blocklist: new Map(m.blocklist.map(([addr, until]) => [formatLegacyAddr(addr), stamp(until)])),
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

function osdInfo(map: OSDMap, args: CommandArgs): CommandReply {
  const id = args.number('id');
  if (id === undefined) {
    return textOrValue(
      args,
      () =>
        map
          .osds()
          .map((osd) => osdLine(map, osd))
          .join(''),
      () => map.osds().map((osd) => osdJson(map, osd)),
      { end: 'newline' },
    );
  }
  if (!map.exists(id)) return refuse('EINVAL', `osd.${id} does not exist`);
  return textOrValue(
    args,
    () => osdLine(map, id),
    () => osdJson(map, id),
    { end: 'newline' },
  );
}

function poolLs(map: OSDMap, args: CommandArgs): CommandReply {
  const pools = [...map.data.pools].sort((a, b) => a[0] - b[0]);
  const nameOf = (id: number): string => map.poolName(id) ?? '';
  if (args.text('detail') !== 'detail') {
    const names = pools.map(([id]) => nameOf(id));
    return textOrValue(
      args,
      () => names.map((n) => `${n}\n`).join(''),
      () => names,
    );
  }
  return textOrValue(
    args,
    () => `${poolsText(map)}\n`,
    () => pools.map(([id, pool]) => ({ pool_id: id, pool_name: nameOf(id), ...poolJson(pool) })),
  );
}

export const osdDumpCommands: ReadCommand[] = [
  {
    sig: 'osd dump name=epoch,type=CephInt,range=0,req=false',
    help: 'Print the OSD map',
    module: 'osd',
    perm: 'r',
    run: (state, args) => {
      const map = mapFor(state, args);
      return textOrValue(
        args,
        () => dumpText(map),
        () => dumpJson(map),
        { end: 'newline' },
      );
    },
  },
  {
    sig: 'osd info name=id,type=CephOsdName,req=false',
    help: 'Print what the map says of one OSD, or of each',
    module: 'osd',
    perm: 'r',
    run: (state, args) => osdInfo(state.osdmap, args),
  },
  {
    sig: 'osd pool ls name=detail,type=CephChoices,strings=detail,req=false',
    help: 'List the pools',
    module: 'osd',
    perm: 'r',
    run: (state, args) => poolLs(state.osdmap, args),
  },
];
