import { OSD_STATE, type OSDMap, type OsdXInfo } from '../../maps/index.ts';
import type { OsdMapPatch } from '../change.ts';
import type { MonState } from '../state.ts';
import { isMarked } from './osd-marks.ts';

/**
 * The change that marks OSDs down; those that are not up are left out.
 * @param isDead they are known to serve nobody any more, so that others need not wait for their leases to run out
 */
export function markDown(osdmap: OSDMap, osds: readonly number[], isDead: boolean): OsdMapPatch {
  const up = osds.filter((osd) => osdmap.isUp(osd));
  const patch = { newState: new Map(up.map((osd) => [osd, OSD_STATE.up])) };
  return isDead ? { ...patch, ...markDead(osdmap, up) } : patch;
}

/** The change that says of OSDs that are down, or go down with it, that they serve nobody any more. */
export function markDead(osdmap: OSDMap, osds: readonly number[]): OsdMapPatch {
  const deadEpoch = osdmap.epoch + 1;
  const dead = (osd: number): OsdXInfo => ({ ...osdmap.data.osdXInfo.at(osd)!, deadEpoch });
  return { newXinfo: new Map(osds.map((osd) => [osd, dead(osd)])) };
}

/** Is it up, and did nobody say that it must stay so? */
export function canGoDown(osdmap: OSDMap, osd: number): boolean {
  return osdmap.isUp(osd) && !isMarked(osdmap, osd, 'nodown');
}

/**
 * May this OSD be marked down because others say so, or because it is silent? Not when so many are down that those who
 * are left look suspicious. Source: OSDMonitor::can_mark_down, release 16.2.
 */
export function mayMarkDown({ osdmap, option }: Pick<MonState, 'osdmap' | 'option'>, osd: number) {
  if (!canGoDown(osdmap, osd)) return false;
  const all = osdmap.osds();
  const up = all.filter((o) => osdmap.isUp(o)).length;
  return up / all.length >= Number(option('mon_osd_min_up_ratio'));
}
