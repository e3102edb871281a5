import {
  type CrushMap,
  classOf,
  createOrMoveItem,
  itemByName,
  setDeviceClass,
  typeNameOf,
  weightOf,
} from '../../crush/index.ts';
import { CephError } from '../../errors/index.ts';
import { OSD_STATE, type OsdXInfo, WEIGHT_ONE } from '../../maps/index.ts';
import { type EntityAddr, type MessageOf, type MOSDBoot, UUID_ZERO } from '../../wire/index.ts';
import { type Change, clusterLine, type LogLine, type OsdMapPatch } from '../change.ts';
import type { MonState } from '../state.ts';
import { editCrush } from './crush-change.ts';
import { sameAddrs } from './osd-failure.ts';
import { laggyAtBoot } from './osd-laggy.ts';
import { isMarked } from './osd-marks.ts';
import { markDown } from './osd-state.ts';

type Boot = MessageOf<typeof MOSDBoot>;

/** What becomes of a boot: it is refused, it is in the map, or a change comes first and then it is looked at again. */
export type BootDecision =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'booted' }
  | { readonly kind: 'change'; readonly change: Change };

/**
 * Follows OSDMonitor::preprocess_boot and prepare_boot of src/mon/OSDMonitor.cc, release 16.2.
 * @param publicAddrs where the sender says that it listens for clients
 */
export function decideBoot(
  state: MonState,
  m: Boot,
  publicAddrs: readonly EntityAddr[],
): BootDecision {
  const { osdmap } = state;
  const { osd } = m.superblock;
  const refused = refusal(state, m, publicAddrs);
  if (refused) return { kind: 'refused', reason: refused };
  if (osdmap.isUp(osd)) {
    const isSame =
      sameAddrs(osdmap.addrs(osd), publicAddrs) &&
      sameAddrs(osdmap.clusterAddrs(osd), m.clusterAddrs);
    if (isSame) return { kind: 'booted' };
    // It started anew before its end was noticed. Its death gets an epoch of its own, so that every PG sees one.
    return { kind: 'change', change: { osdmap: markDown(osdmap, [osd], true) } };
  }
  return { kind: 'change', change: comeUp(state, m, publicAddrs) };
}

function refusal(
  state: MonState,
  { superblock }: Boot,
  publicAddrs: readonly EntityAddr[],
): string | undefined {
  const { osdmap } = state;
  const { osd, fsid, uuid: own } = superblock;
  if (fsid !== state.fsid) return `fsid ${fsid}, not ${state.fsid}`;
  if (!osdmap.exists(osd)) return 'no such OSD in the map';
  if (osdmap.data.osdState[osd]! & OSD_STATE.destroyed) return 'the OSD was destroyed';
  const uuid = osdmap.data.osdUuid.at(osd)!;
  if (uuid !== UUID_ZERO && uuid !== own) return `uuid ${own}, not ${uuid}`;
  if (publicAddrs.length === 0) return 'no address';
  if (isMarked(osdmap, osd, 'noup')) return 'noup is set';
  return undefined;
}

function comeUp(state: MonState, m: Boot, publicAddrs: readonly EntityAddr[]): Change {
  const { osdmap } = state;
  const { superblock, metadata } = m;
  const { osd } = superblock;
  const before = osdmap.data.osdXInfo.at(osd)!;
  const xinfo: OsdXInfo = {
    ...before,
    ...laggyAtBoot(state, before, m.bootEpoch > 0),
    features: m.features,
  };
  const weight = weightAtBoot(state, osd, xinfo);
  if (weight !== undefined) xinfo.oldWeight = 0;
  const { upFrom, lostAt } = osdmap.data.osdInfo.at(osd)!;
  // It was in service once, and now its store is new: what it held is lost.
  const isEmptied = superblock.mounted === 0 && upFrom > lostAt;
  const patch: OsdMapPatch = {
    newUpClient: new Map([[osd, [...publicAddrs]]]),
    newUpCluster: new Map([[osd, m.clusterAddrs]]),
    newHbBackUp: new Map([[osd, m.hbBackAddrs]]),
    newHbFrontUp: new Map([[osd, m.hbFrontAddrs]]),
    newXinfo: new Map([[osd, xinfo]]),
    ...(isEmptied ? { newLost: new Map([[osd, osdmap.epoch]]) } : {}),
    ...(weight === undefined ? {} : { newWeight: new Map([[osd, weight]]) }),
    ...(osdmap.data.osdUuid.at(osd) === UUID_ZERO
      ? { newUuid: new Map([[osd, superblock.uuid]]) }
      : {}),
  };
  const { crush, log } = placedCrush(state, osd, metadata);
  const deviceClass = metadata.get('default_device_class') ?? '';
  return {
    osdmap: crush ? { ...patch, crush } : patch,
    log,
    osdMetadata: new Map([[osd, new Map(metadata).set('device_class', deviceClass)]]),
  };
}

/** 16.16, or undefined when the weight stays: a new OSD gets data, one that only was away gets it back. */
function weightAtBoot(state: MonState, osd: number, xinfo: OsdXInfo): number | undefined {
  const bits = state.osdmap.data.osdState[osd]!;
  if (isMarked(state.osdmap, osd, 'noin')) return undefined;
  const wanted =
    ((bits & OSD_STATE.autoout) !== 0 && state.option('mon_osd_auto_mark_auto_out_in')) ||
    ((bits & OSD_STATE.new) !== 0 && state.option('mon_osd_auto_mark_new_in')) ||
    state.option('mon_osd_auto_mark_in');
  if (!wanted) return undefined;
  return xinfo.oldWeight > 0 ? xinfo.oldWeight : WEIGHT_ONE;
}

/**
 * The CRUSH map with the OSD in its place, if that changes it. Where it cannot be placed it comes up where it is: what it
 * holds may be the last copy.
 */
function placedCrush(
  state: MonState,
  osd: number,
  metadata: ReadonlyMap<string, string>,
): { crush?: Buffer | undefined; log: LogLine[] } {
  try {
    const crush = editCrush(state.osdmap, (map) => placeInCrush(state, map, osd, metadata));
    return { crush, log: [] };
  } catch (e) {
    if (!(e instanceof CephError)) throw e;
    const host = metadata.get('hostname');
    return { log: [clusterLine('warn', `osd.${osd} is not placed at host ${host}: ${e.message}`)] };
  }
}

const TIB = 1024 ** 4;

/** Puts the OSD under its host with its class, as an OSD of Ceph asks for before it boots. */
function placeInCrush(
  state: MonState,
  map: CrushMap,
  osd: number,
  metadata: ReadonlyMap<string, string>,
): boolean {
  let changed = false;
  // The class first, as an OSD of Ceph does it: shadow buckets then get the ids they have there.
  const deviceClass = metadata.get('default_device_class') ?? '';
  if (state.option('osd_class_update_on_start') && deviceClass !== '') {
    // A class that somebody set stays; only an OSD without one takes what it found out about its device.
    if (classOf(map, osd) === undefined) changed = setDeviceClass(map, osd, deviceClass);
  }
  const host = hostBucket(map, metadata.get('hostname') ?? '');
  if (state.option('osd_crush_update_on_start') && host !== '') {
    const initial = Number(state.option('osd_crush_initial_weight'));
    const totalBytes = Number(metadata.get('bluestore_bdev_size') ?? 0) || 0;
    const weight = weightOf(initial >= 0 ? initial : Math.max(0.00001, totalBytes / TIB));
    const loc = { host, root: 'default' };
    changed = createOrMoveItem(map, osd, weight, `osd.${osd}`, loc) || changed;
  }
  return changed;
}

/**
 * A bucket's name has fewer characters than a host's may have; the part before the first dot is used, as in Ceph. Unlike
 * there, a host that is called as a bucket of another type (`default`, or a rack) has a bucket all the same.
 */
function hostBucket(map: CrushMap, hostname: string): string {
  const name = hostname.split('.', 1)[0]!.replace(/[^A-Za-z0-9_.-]/g, '_');
  const item = itemByName(map, name);
  return item === undefined || typeNameOf(map, item) === 'host' ? name : `${name}-host`;
}
