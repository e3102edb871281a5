import { classOf, parentOf } from '../../crush/index.ts';
import { OSD_STATE, OSDMAP_FLAG, type OSDMap } from '../../maps/index.ts';

/** What an OSD may be spared, by itself, by a bucket above it, by its device class, or with all others. */
export const MARKS = ['noup', 'nodown', 'noin', 'noout'] as const;
export type Mark = (typeof MARKS)[number];

/** Whether somebody said that this must not be done to an OSD. Source: OSDMap::is_noup and its like, release 16.2. */
export function isMarked(map: OSDMap, osd: number, mark: Mark): boolean {
  if (map.hasFlag(OSDMAP_FLAG[mark])) return true;
  return (marksOf(map, osd) & OSD_STATE[mark]) !== 0;
}

/** The bits that are set for an OSD by any of these ways, but for the whole cluster's. */
function marksOf(map: OSDMap, osd: number): number {
  const { osdState, crushNodeFlags, deviceClassFlags } = map.data;
  let bits = osdState[osd] ?? 0;
  if (crushNodeFlags.size > 0) {
    for (let at = parentOf(map.crushMap, osd); at !== undefined; at = parentOf(map.crushMap, at)) {
      bits |= crushNodeFlags.get(at) ?? 0;
    }
  }
  if (deviceClassFlags.size === 0) return bits;
  const name = classOf(map.crushMap, osd);
  for (const [id, flags] of deviceClassFlags) {
    if (map.crushMap.classNames.get(id) === name) bits |= flags;
  }
  return bits;
}
