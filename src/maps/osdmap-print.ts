import { general } from '../codec/index.ts';
import { type EntityAddr, formatAddrVec, formatLegacyAddr, stamp } from '../wire/index.ts';
import type { Blocklist } from './codecs.ts';
import { minCompatClient } from './min-compat-client.ts';
import { flagNames, osdList, releaseName, stateNames } from './names.ts';
import type { OSDMap } from './osdmap.ts';
import { WEIGHT_ONE } from './osdmap-data.ts';
import { poolsText } from './pool-print.ts';

// Source: OSDMap::print, osd/OSDMap.cc, release 16.2.

/** From 0 to 1. */
export const affinityOf = (map: OSDMap, osd: number): number =>
  (map.data.primaryAffinity[osd] ?? WEIGHT_ONE) / WEIGHT_ONE;

/** An empty list prints as nothing in a line of `osd dump`. */
const addrsText = (addrs: readonly EntityAddr[]): string =>
  addrs.length > 0 ? formatAddrVec(addrs) : '';

/** In the order in which Ceph's hash table has them after decoding: the newest first, as long as it is small. */
export const blocklistEntries = (map: OSDMap): Blocklist => map.data.blocklist.toReversed();

/** The line of an OSD in `osd dump`. */
export function osdLine(map: OSDMap, osd: number): string {
  const info = map.data.osdInfo.at(osd)!;
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
  if (!/^[0-]*$/.test(map.data.osdUuid.at(osd)!)) words.push(map.data.osdUuid.at(osd)!);
  return `${words.join(' ')}\n`;
}

/**
 * What `osd dump` and `osdmaptool --print` print.
 * @param gap stands after the header, the pools and the OSDs: nothing for a monitor, an empty line for the tool
 */
export function osdMapText(map: OSDMap, gap = ''): string {
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
  for (const [addr, until] of blocklistEntries(map)) {
    entries.push(`blocklist ${formatLegacyAddr(addr)} expires ${stamp(until)}`);
  }
  const maxOsd = `max_osd ${m.maxOsd}\n`;
  const blocks = [lines.join('\n'), '\n', gap, poolsText(map), gap, maxOsd, ...osds, gap];
  return blocks.join('') + entries.map((e) => `${e}\n`).join('');
}
