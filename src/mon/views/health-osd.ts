import { childrenOf, fullLocation, parentOf, typeNameOf } from '../../crush/index.ts';
import { OSD_STATE, OSDMAP_FLAG } from '../../maps/index.ts';
import type { MonState } from '../state.ts';
import { failure, type HealthCheck, warning } from './health-check.ts';

// Source for codes, texts and counts: OSDMap::check_health, osd/OSDMap.cc, release 16.2.

/** Flags that keep the cluster from doing its work, in the order in which they are named. */
const HINDERING = [
  'pauserd',
  'pausewr',
  'noup',
  'nodown',
  'noin',
  'noout',
  'nobackfill',
  'norebalance',
  'norecover',
  'noscrub',
  'nodeep-scrub',
  'notieragent',
  'nosnaptrim',
] as const;
const OSD_FLAGS = ['noup', 'nodown', 'noin', 'noout'] as const;

/** What the map says of the OSDs. */
export function osdChecks(state: MonState): HealthCheck[] {
  return [
    ...mapFlags(state),
    ...downChecks(state),
    ...fullChecks(state),
    ...osdFlags(state),
    ...tooFew(state),
  ];
}

function mapFlags(state: MonState): HealthCheck[] {
  const names = HINDERING.filter((name) => state.osdmap.hasFlag(OSDMAP_FLAG[name])).join(',');
  // The count is the length of the list's text: so it is in Ceph.
  return names ? [warning('OSDMAP_FLAGS', `${names} flag(s) set`, names.length)] : [];
}

function downChecks(state: MonState): HealthCheck[] {
  const map = state.osdmap;
  if (map.osds().length === 0) return [];
  const down = map.osds().filter((osd) => map.isIn(osd) && !map.isUp(osd));
  if (down.length === 0) return [];
  const crush = map.crushMap;
  const detail = down.map((osd) => `osd.${osd} (${locationText(state, osd)}) is down`);
  const checks = [warning('OSD_DOWN', `${down.length} osds down`, down.length, detail)];
  // Buckets in which every OSD is down, with how many of them should be up.
  const whole = new Map<number, { bucket: number; osds: number }[]>();
  const isDown = (item: number): boolean =>
    item >= 0 ? !map.isUp(item) : childrenOf(crush, item).every(isDown);
  const counts = new Map<number, number>();
  for (const osd of down) {
    for (let at = parentOf(crush, osd); at !== undefined && isDown(at); at = parentOf(crush, at)) {
      counts.set(at, (counts.get(at) ?? 0) + 1);
    }
  }
  for (const [bucket, osds] of counts) {
    const type = crush.buckets.get(bucket)?.type ?? 0;
    whole.set(type, [...(whole.get(type) ?? []), { bucket, osds }]);
  }
  for (const [type, list] of whole) {
    const name = crush.typeNames.get(type) ?? '';
    const osds = list.reduce((n, b) => n + b.osds, 0);
    const plural = list.length > 1 ? 's' : '';
    checks.push(
      warning(
        `OSD_${name.toUpperCase()}_DOWN`,
        `${list.length} ${name}${plural} (${osds} osds) down`,
        list.length,
        list.map(
          (b) =>
            `${name} ${crush.itemNames.get(b.bucket)} (${locationText(state, b.bucket)}) (${b.osds} osds) is down`,
        ),
      ),
    );
  }
  return checks;
}

/** `root=default,host=vm`: from the root down. */
function locationText(state: MonState, item: number): string {
  return fullLocation(state.osdmap.crushMap, item)
    .map(([type, name]) => `${type}=${name}`)
    .join(',');
}

function fullChecks(state: MonState): HealthCheck[] {
  const map = state.osdmap;
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
function osdFlags(state: MonState): HealthCheck[] {
  const map = state.osdmap;
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

function tooFew(state: MonState): HealthCheck[] {
  const wanted = Number(state.option('osd_pool_default_size'));
  const have = state.osdmap.osds().length;
  if (have >= wanted) return [];
  return [
    warning('TOO_FEW_OSDS', `OSD count ${have} < osd_pool_default_size ${wanted}`, wanted - have),
  ];
}
