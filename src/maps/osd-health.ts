import { general } from '../codec/index.ts';
import {
  childrenOf,
  crushTunablesDump,
  fullLocation,
  parentOf,
  typeNameOf,
} from '../crush/index.ts';
import { failure, type HealthCheck, warning } from './health-check.ts';
import { flagNames } from './names.ts';
import type { OSDMap } from './osdmap.ts';
import { OSD_STATE, OSDMAP_FLAG, RELEASE } from './osdmap-data.ts';

// Source for codes, texts and counts: OSDMap::check_health, osd/OSDMap.cc, release 16.2.

/** Flags that keep the cluster from doing its work. */
const HINDERING = [
  'pauserd',
  'pausewr',
  'pauserec',
  'noup',
  'nodown',
  'noout',
  'noin',
  'nobackfill',
  'norebalance',
  'norecover',
  'noscrub',
  'nodeep-scrub',
  'notieragent',
  'nosnaptrim',
] as const;
/** In the order in which they are named. */
const OSD_FLAGS = ['nodown', 'noin', 'noout', 'noup'] as const;
/** `osd_failsafe_full_ratio`. */
const FAILSAFE_FULL_RATIO = Math.fround(0.97);
/** Oldest release whose tunables are not complained about: `mon_crush_min_required_version`. */
const CRUSH_RELEASE_MIN = 'hammer';
const TUNABLES_HELP = 'see http://docs.ceph.com/en/latest/rados/operations/crush-map/#tunables';

/** What the map says of the OSDs, its own flags and its CRUSH map. */
export function osdHealthChecks(map: OSDMap): HealthCheck[] {
  return [
    ...mapFlags(map),
    ...downChecks(map),
    ...orphans(map),
    ...ratioOrder(map),
    ...fullChecks(map),
    ...osdFlags(map),
    ...crushChecks(map),
    ...upgradeFinished(map),
  ];
}

function mapFlags(map: OSDMap): HealthCheck[] {
  const bits = HINDERING.reduce((all, name) => all | OSDMAP_FLAG[name], 0);
  const names = flagNames(map.data.flags & bits);
  const checks: HealthCheck[] = [];
  // The count is the length of the list's text: so it is in Ceph.
  if (names) checks.push(warning('OSDMAP_FLAGS', `${names} flag(s) set`, names.length));
  if (!map.hasFlag(OSDMAP_FLAG.sortbitwise)) {
    checks.push(warning('OSD_NO_SORTBITWISE', "'sortbitwise' flag is not set", 0));
  }
  return checks;
}

/** OSDs that are down though in, and buckets below which every OSD is down. */
function downChecks(map: OSDMap): HealthCheck[] {
  const { down, buckets } = findDown(map);
  if (down.size === 0) return [];
  const crush = map.crushMap;
  const osds = [...down].sort((a, b) => a - b);
  const detail = osds.map((osd) => `osd.${osd} (${locationText(map, osd)}) is down`);
  const checks = [warning('OSD_DOWN', `${osds.length} osds down`, osds.length, detail)];
  const typeMax = Math.max(...crush.typeNames.keys());
  for (const [type, name] of crush.typeNames) {
    const whole = [...buckets]
      .filter((id) => crush.buckets.get(id)?.type === type)
      .sort((a, b) => b - a);
    if (type === 0 || whole.length === 0) continue;
    const counts = whole.map((id) => placesBelow(map, id));
    const count = counts.reduce((sum, n) => sum + n, 0);
    const summary = `${whole.length} ${name}${whole.length > 1 ? 's' : ''} (${count} osds) down`;
    const lines = whole.map((id, i) => {
      const location = type === typeMax ? '' : ` (${locationText(map, id)})`;
      return `${name} ${crush.itemNames.get(id)}${location} (${counts[i]} osds) is down`;
    });
    checks.push(warning(`OSD_${name.toUpperCase()}_DOWN`, summary, whole.length, lines));
  }
  return checks;
}

/** Looks upwards from each OSD that is missed, as far as everything below is down. One that never was up is not missed. */
function findDown(map: OSDMap): { down: Set<number>; buckets: Set<number> } {
  const down = new Set<number>();
  const buckets = new Set<number>();
  const isDown = (id: number): boolean => {
    if (id < 0) {
      const all = buckets.has(id) || childrenOf(map.crushMap, id).every(isDown);
      if (all) buckets.add(id);
      return all;
    }
    if (map.isUp(id)) return false;
    if (map.isIn(id)) down.add(id);
    return true;
  };
  for (const osd of map.osds()) {
    const isNew = (map.data.osdState[osd]! & OSD_STATE.new) !== 0;
    if (!map.isIn(osd) || map.isUp(osd) || isNew || down.has(osd)) continue;
    down.add(osd);
    let at = parentOf(map.crushMap, osd);
    while (at !== undefined && isDown(at)) at = parentOf(map.crushMap, at);
  }
  return { down, buckets };
}

/** Devices below a bucket; each place counts. */
function placesBelow(map: OSDMap, id: number): number {
  if (id >= 0) return 1;
  return childrenOf(map.crushMap, id).reduce((sum, child) => sum + placesBelow(map, child), 0);
}

/** `root=default,host=vm`: from the root down. */
function locationText(map: OSDMap, item: number): string {
  return fullLocation(map.crushMap, item)
    .map(([type, name]) => `${type}=${name}`)
    .join(',');
}

/** Devices of the CRUSH map that are no OSDs. */
function orphans(map: OSDMap): HealthCheck[] {
  const lost: string[] = [];
  for (let osd = 0; osd < map.data.maxOsd; osd++) {
    if (map.exists(osd) || !map.crushMap.itemNames.has(osd)) continue;
    lost.push(`osd.${osd} exists in crush map but not in osdmap`);
  }
  if (lost.length === 0) return [];
  const summary = `${lost.length} osds exist in the crush map but not in the osdmap`;
  return [warning('OSD_ORPHAN', summary, lost.length, lost)];
}

/** Each ratio counts as at least the one before. */
function ratioOrder(map: OSDMap): HealthCheck[] {
  const { nearfullRatio, backfillfullRatio, fullRatio } = map.data;
  const detail: string[] = [];
  let [lower, below] = ['nearfull_ratio', nearfullRatio];
  for (const [name, ratio] of [
    ['backfillfull_ratio', backfillfullRatio],
    ['full_ratio', fullRatio],
    ['osd_failsafe_full_ratio', FAILSAFE_FULL_RATIO],
  ] as const) {
    if (ratio < below) {
      detail.push(`${name} (${general(ratio)}) < ${lower} (${general(below)}), increased`);
    }
    lower = name;
    below = Math.max(ratio, below);
  }
  if (detail.length === 0) return [];
  return [failure('OSD_OUT_OF_ORDER_FULL', 'full ratio(s) out of order', 0, detail)];
}

function fullChecks(map: OSDMap): HealthCheck[] {
  const having = (bit: number): number[] =>
    map.osds().filter((osd) => map.isUp(osd) && (map.data.osdState[osd]! & bit) !== 0);
  const checks: HealthCheck[] = [];
  const full = having(OSD_STATE.full);
  const backfillfull = having(OSD_STATE.backfillfull);
  const nearfull = having(OSD_STATE.nearfull);
  const lines = (osds: number[], what: string): string[] =>
    osds.map((osd) => `osd.${osd} is ${what}`);
  if (full.length > 0) {
    checks.push(
      failure('OSD_FULL', `${full.length} full osd(s)`, full.length, lines(full, 'full')),
    );
  }
  if (backfillfull.length > 0) {
    const summary = `${backfillfull.length} backfillfull osd(s)`;
    const detail = lines(backfillfull, 'backfill full');
    checks.push(warning('OSD_BACKFILLFULL', summary, backfillfull.length, detail));
  }
  if (nearfull.length > 0) {
    const summary = `${nearfull.length} nearfull osd(s)`;
    checks.push(warning('OSD_NEARFULL', summary, nearfull.length, lines(nearfull, 'near full')));
  }
  return checks;
}

/** Flags of single OSDs, CRUSH nodes and device classes. */
function osdFlags(map: OSDMap): HealthCheck[] {
  const names = (bits: number): string =>
    OSD_FLAGS.filter((n) => (bits & OSD_STATE[n]) !== 0).join(',');
  const detail: string[] = [];
  for (const osd of map.osds()) {
    const flags = names(map.data.osdState[osd]!);
    if (flags) detail.push(`osd.${osd} has flags ${flags}`);
  }
  for (const [item, bits] of map.data.crushNodeFlags) {
    const flags = names(bits);
    const name = map.crushMap.itemNames.get(item) ?? `osd.${item}`;
    if (flags) detail.push(`${typeNameOf(map.crushMap, item)} ${name} has flags ${flags}`);
  }
  for (const [id, bits] of map.data.deviceClassFlags) {
    const flags = names(bits);
    if (flags) detail.push(`device class '${map.crushMap.classNames.get(id)}' has flags ${flags}`);
  }
  if (detail.length === 0) return [];
  const summary = `${detail.length} OSDs or CRUSH {nodes, device-classes} have {NOUP,NODOWN,NOIN,NOOUT} flags set`;
  return [warning('OSD_FLAGS', summary, detail.length, detail)];
}

function crushChecks(map: OSDMap): HealthCheck[] {
  const checks: HealthCheck[] = [];
  const { minimum_required_version: needs } = crushTunablesDump(map.crushMap);
  if (needs < CRUSH_RELEASE_MIN) {
    const summary = `crush map has legacy tunables (require ${needs}, min is ${CRUSH_RELEASE_MIN})`;
    checks.push(warning('OLD_CRUSH_TUNABLES', summary, 0, [TUNABLES_HELP]));
  }
  if (map.crushMap.tunables.strawCalcVersion === 0) {
    const summary = 'crush map has straw_calc_version=0';
    checks.push(warning('OLD_CRUSH_STRAW_CALC_VERSION', summary, 0, [TUNABLES_HELP]));
  }
  return checks;
}

/** Feature bits that OSDs of a release have, the newest first. Source: include/ceph_features.h, release 16.2. */
const RELEASE_FEATURES = [
  ['pacific', (1n << 20n) | (1n << 57n) | (1n << 28n)],
  ['octopus', (1n << 16n) | (1n << 57n) | (1n << 28n)],
  ['nautilus', (1n << 2n) | (1n << 57n) | (1n << 28n)],
] as const;

/** All that are up could do more than they are allowed to. */
function upgradeFinished(map: OSDMap): HealthCheck[] {
  const up = map.osds().filter((osd) => map.isUp(osd));
  const features = up.reduce((all, osd) => all & map.data.osdXInfo.at(osd)!.features, -1n);
  const { requireOsdRelease } = map.data;
  const found = RELEASE_FEATURES.find(
    ([name, bits]) =>
      up.length > 0 && (features & bits) === bits && requireOsdRelease < RELEASE[name],
  );
  if (!found) return [];
  const [name] = found;
  const text = `all OSDs are running ${name} or later but require_osd_release < ${name}`;
  return [warning('OSD_UPGRADE_FINISHED', text, 0, [text])];
}
