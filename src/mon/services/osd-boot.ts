import {
  type CrushMap,
  classOf,
  createOrMoveItem,
  setDeviceClass,
  weightOf,
} from '../../crush/index.ts';
import { OSD_STATE, OSDMAP_FLAG, type OsdXInfo, WEIGHT_ONE } from '../../maps/index.ts';
import {
  type EntityAddr,
  type MessageOf,
  type MOSDBoot,
  sameAddr,
  UUID_ZERO,
} from '../../wire/index.ts';
import type { Change, OsdMapPatch } from '../change.ts';
import type { MonState } from '../state.ts';
import { editCrush } from './crush-change.ts';
import { markDown } from './osd-state.ts';

type Boot = MessageOf<typeof MOSDBoot>;

/** What becomes of a boot: it is refused, it is in the map, or a change comes first and then it is looked at again. */
export type BootDecision =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'booted' }
  | { readonly kind: 'change'; readonly change: Change };

/** Follows OSDMonitor::preprocess_boot and prepare_boot of src/mon/OSDMonitor.cc, release 16.2. */
export function decideBoot(state: MonState, m: Boot, features: bigint): BootDecision {
  const { osdmap } = state;
  const refused = refusal(state, m);
  if (refused) return { kind: 'refused', reason: refused };
  if (osdmap.isUp(m.osd)) {
    if (sameAddrs(osdmap.addrs(m.osd), m.publicAddrs)) return { kind: 'booted' };
    // It started anew before its end was noticed. Its death gets an epoch of its own, so that every PG sees one.
    return { kind: 'change', change: { osdmap: markDown(osdmap, [m.osd], true) } };
  }
  return { kind: 'change', change: comeUp(state, m, features) };
}

function refusal(state: MonState, m: Boot): string | undefined {
  const { osdmap } = state;
  if (m.fsid !== state.fsid) return `fsid ${m.fsid}, not ${state.fsid}`;
  if (!osdmap.exists(m.osd)) return 'no such OSD in the map';
  const bits = osdmap.data.osdState[m.osd]!;
  if (bits & OSD_STATE.destroyed) return 'the OSD was destroyed';
  const uuid = osdmap.data.osdUuid.at(m.osd)!;
  if (uuid !== UUID_ZERO && uuid !== m.uuid) return `uuid ${m.uuid}, not ${uuid}`;
  if (m.publicAddrs.length === 0) return 'no address';
  if (osdmap.hasFlag(OSDMAP_FLAG.noup) || bits & OSD_STATE.noup) return 'noup is set';
  return undefined;
}

function comeUp(state: MonState, m: Boot, features: bigint): Change {
  const { osdmap } = state;
  const { osd } = m;
  const xinfo: OsdXInfo = { ...osdmap.data.osdXInfo[osd]!, features };
  const weight = weightAtBoot(state, osd, xinfo);
  if (weight !== undefined) xinfo.oldWeight = 0;
  const patch: OsdMapPatch = {
    newUpClient: new Map([[osd, m.publicAddrs]]),
    newUpCluster: new Map([[osd, m.clusterAddrs]]),
    newHbBackUp: new Map([[osd, m.hbBackAddrs]]),
    newHbFrontUp: new Map([[osd, m.hbFrontAddrs]]),
    newXinfo: new Map([[osd, xinfo]]),
    ...(weight === undefined ? {} : { newWeight: new Map([[osd, weight]]) }),
    ...(osdmap.data.osdUuid.at(osd) === UUID_ZERO ? { newUuid: new Map([[osd, m.uuid]]) } : {}),
  };
  const crush = editCrush(osdmap, (map) => placeInCrush(state, map, m));
  const metadata = new Map(m.metadata).set('device_class', m.deviceClass);
  return {
    osdmap: crush ? { ...patch, crush } : patch,
    osdMetadata: new Map([[osd, metadata]]),
  };
}

/** 16.16, or undefined when the weight stays: a new OSD gets data, one that only was away gets it back. */
function weightAtBoot(state: MonState, osd: number, xinfo: OsdXInfo): number | undefined {
  const bits = state.osdmap.data.osdState[osd]!;
  const noin = state.osdmap.hasFlag(OSDMAP_FLAG.noin) || (bits & OSD_STATE.noin) !== 0;
  if (noin) return undefined;
  const wanted =
    ((bits & OSD_STATE.autoout) !== 0 && state.option('mon_osd_auto_mark_auto_out_in')) ||
    ((bits & OSD_STATE.new) !== 0 && state.option('mon_osd_auto_mark_new_in')) ||
    state.option('mon_osd_auto_mark_in');
  if (!wanted) return undefined;
  return xinfo.oldWeight > 0 ? xinfo.oldWeight : WEIGHT_ONE;
}

const TIB = 1024 ** 4;

/** Puts the OSD under its host with its class, as an OSD of Ceph asks for before it boots. */
function placeInCrush(state: MonState, map: CrushMap, m: Boot): boolean {
  let changed = false;
  // The class first, as an OSD of Ceph does it: shadow buckets then get the ids they have there.
  if (state.option('osd_class_update_on_start') && m.deviceClass !== '') {
    // A class that somebody set stays; only an OSD without one takes what it found out about its device.
    if (classOf(map, m.osd) === undefined) changed = setDeviceClass(map, m.osd, m.deviceClass);
  }
  const host = hostBucket(m.metadata.get('hostname') ?? '');
  if (state.option('osd_crush_update_on_start') && host !== '') {
    const initial = Number(state.option('osd_crush_initial_weight'));
    const weight = weightOf(initial >= 0 ? initial : Math.max(0.00001, m.totalBytes / TIB));
    const loc = { host, root: 'default' };
    changed = createOrMoveItem(map, m.osd, weight, `osd.${m.osd}`, loc) || changed;
  }
  return changed;
}

/** A bucket's name has fewer characters than a host's may have; the part before the first dot is used, as in Ceph. */
function hostBucket(hostname: string): string {
  return hostname.split('.', 1)[0]!.replace(/[^A-Za-z0-9_.-]/g, '_');
}

function sameAddrs(a: readonly EntityAddr[], b: readonly EntityAddr[]): boolean {
  return a.length === b.length && a.every((x, i) => sameAddr(x, b[i]!));
}
