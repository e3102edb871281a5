import { OSD_STATE, OSDMAP_FLAG, type OSDMap, type OsdXInfo } from '../../maps/index.ts';
import type { OsdMapPatch } from '../change.ts';
import type { MonState } from '../state.ts';

/**
 * The change that marks OSDs down; those that are not up are left out.
 * @param isDead they are known to serve nobody any more, so that others need not wait for their leases to run out
 */
export function markDown(osdmap: OSDMap, osds: readonly number[], isDead: boolean): OsdMapPatch {
  const up = osds.filter((osd) => osdmap.isUp(osd));
  const patch = { newState: new Map(up.map((osd) => [osd, OSD_STATE.up])) };
  if (!isDead) return patch;
  const deadEpoch = osdmap.epoch + 1;
  const dead = (osd: number): OsdXInfo => ({ ...osdmap.data.osdXInfo[osd]!, deadEpoch });
  return { ...patch, newXinfo: new Map(up.map((osd) => [osd, dead(osd)])) };
}

/** Is it up, and did nobody say that it must stay so? */
export function canGoDown(osdmap: OSDMap, osd: number): boolean {
  if (!osdmap.isUp(osd) || osdmap.hasFlag(OSDMAP_FLAG.nodown)) return false;
  return (osdmap.data.osdState[osd]! & OSD_STATE.nodown) === 0;
}

/** May this OSD be marked down because others say so? Not when so many are down that the accusers look suspicious. */
export function mayMarkDown(state: MonState, osd: number): boolean {
  const { osdmap } = state;
  if (!canGoDown(osdmap, osd)) return false;
  const all = osdmap.osds();
  const left = all.filter((o) => osdmap.isUp(o)).length - 1;
  return left / all.length >= Number(state.option('mon_osd_min_up_ratio'));
}

/**
 * OSDs that were down for so long that their data should be placed elsewhere, and the change that does so.
 * Source: OSDMonitor::tick and can_mark_out, release 16.2.
 */
export function markOutLongDown(
  state: MonState,
): { osds: number[]; patch: OsdMapPatch } | undefined {
  const { osdmap } = state;
  const afterMs = Number(state.option('mon_osd_down_out_interval')) * 1000;
  if (afterMs <= 0 || osdmap.hasFlag(OSDMAP_FLAG.noout)) return undefined;
  const all = osdmap.osds();
  let left = all.filter((osd) => osdmap.isIn(osd)).length;
  const least = Number(state.option('mon_osd_min_in_ratio')) * all.length;
  const osds: number[] = [];
  for (const osd of all) {
    if (osdmap.isUp(osd) || !osdmap.isIn(osd)) continue;
    if (osdmap.data.osdState[osd]! & OSD_STATE.noout) continue;
    const { sec } = osdmap.data.osdXInfo[osd]!.downStamp;
    // One that never was up has no stamp, and no data to place elsewhere.
    if (sec === 0 || state.nowMs - sec * 1000 < afterMs) continue;
    if (left - 1 < least) break;
    left--;
    osds.push(osd);
  }
  if (osds.length === 0) return undefined;
  const remembered = (osd: number): OsdXInfo => ({
    ...osdmap.data.osdXInfo[osd]!,
    oldWeight: osdmap.data.osdWeight[osd]!,
  });
  return {
    osds,
    patch: {
      newWeight: new Map(osds.map((osd) => [osd, 0])),
      newState: new Map(osds.map((osd) => [osd, OSD_STATE.autoout])),
      newXinfo: new Map(osds.map((osd) => [osd, remembered(osd)])),
    },
  };
}
