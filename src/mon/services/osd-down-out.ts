import { childrenOf, parentOf } from '../../crush/index.ts';
import { OSD_STATE, type OSDMap, type OsdXInfo } from '../../maps/index.ts';
import { msOfUtime } from '../../wire/index.ts';
import type { OsdMapPatch } from '../change.ts';
import type { MonState } from '../state.ts';
import { laggyGrace } from './osd-laggy.ts';
import { isMarked } from './osd-marks.ts';

/** OSDs that are to be marked out, with the seconds that each was down. */
export interface OutDecision {
  readonly osds: readonly { readonly osd: number; readonly downFor: number }[];
  readonly patch: OsdMapPatch;
}

/**
 * Marks OSDs out that are down for so long that their data should be placed elsewhere; but not when a whole bucket of
 * some size is down (that is a power cut or a switch, and moving its data would do more harm), nor when too few would be
 * left. Source: OSDMonitor::tick and can_mark_out of src/mon/OSDMonitor.cc, release 16.2.
 */
export class OsdDownOut {
  /** When its bucket was last seen down as a whole: only from then on does an OSD's time run. */
  private readonly waitsMs = new Map<number, number>();

  next(state: MonState): OutDecision | undefined {
    const { osdmap, nowMs } = state;
    const all = osdmap.osds();
    const least = Number(state.option('mon_osd_min_in_ratio'));
    let left = all.filter((osd) => osdmap.isIn(osd)).length;
    const osds: { osd: number; downFor: number }[] = [];
    for (const osd of all) {
      if (osdmap.isUp(osd) || !osdmap.isIn(osd)) {
        this.waitsMs.delete(osd);
        continue;
      }
      if (isMarked(osdmap, osd, 'noout') || left / all.length < least) continue;
      const downMs = msOfUtime(osdmap.data.osdXInfo.at(osd)!.downStamp);
      // One that never was up has no stamp, and no data to place elsewhere.
      if (downMs === 0) continue;
      const downFor = (nowMs - Math.max(downMs, this.waitsMs.get(osd) ?? 0)) / 1000;
      if (isBucketDown(state, osd)) this.waitsMs.set(osd, nowMs);
      else if (isLongDown(state, osd, downFor)) {
        left--;
        osds.push({ osd, downFor });
      }
    }
    if (osds.length === 0) return undefined;
    return {
      osds,
      patch: markOut(
        osdmap,
        osds.map(({ osd }) => osd),
      ),
    };
  }
}

function isLongDown(state: MonState, osd: number, downFor: number): boolean {
  const { osdmap, option } = state;
  if ((osdmap.data.osdState[osd]! & OSD_STATE.destroyed) !== 0) {
    const after = Number(option('mon_osd_destroyed_out_interval'));
    return after > 0 && downFor >= after;
  }
  const after = Number(option('mon_osd_down_out_interval'));
  if (after <= 0) return false;
  const isAdjusted = option('mon_osd_adjust_down_out_interval');
  const more = isAdjusted ? laggyGrace(state, osdmap.data.osdXInfo.at(osd)!, downFor) : 0;
  return downFor >= after + more;
}

/** Out by itself, to be taken in again with the weight it had when it comes back. */
function markOut(osdmap: OSDMap, osds: readonly number[]): OsdMapPatch {
  const remembered = (osd: number): OsdXInfo => ({
    ...osdmap.data.osdXInfo.at(osd)!,
    oldWeight: osdmap.data.osdWeight[osd]!,
  });
  return {
    newWeight: new Map(osds.map((osd) => [osd, 0])),
    newState: new Map(osds.map((osd) => [osd, OSD_STATE.autoout])),
    newXinfo: new Map(osds.map((osd) => [osd, remembered(osd)])),
  };
}

/** Whether the bucket of mon_osd_down_out_subtree_limit, or the first larger one, has nobody up. */
function isBucketDown({ osdmap, option }: MonState, osd: number): boolean {
  const { crushMap } = osdmap;
  const limit = String(option('mon_osd_down_out_subtree_limit'));
  const type = [...crushMap.typeNames].find(([, name]) => name === limit)?.[0] ?? 0;
  if (type <= 0) return false;
  const isDown = (id: number): boolean =>
    id >= 0 ? !osdmap.isUp(id) : childrenOf(crushMap, id).every(isDown);
  for (let at = parentOf(crushMap, osd); at !== undefined; at = parentOf(crushMap, at)) {
    if (!isDown(at)) return false;
    if (crushMap.buckets.get(at)!.type >= type) return true;
  }
  return false;
}
