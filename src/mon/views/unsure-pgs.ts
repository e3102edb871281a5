import type { OSDMap } from '../../maps/index.ts';
import type { PgId, PgStat } from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { allPgs } from './pg-view.ts';

/** So many maps are looked at for what has happened since a report. */
const EPOCHS_MAX = 16;

/**
 * PGs of which nobody can tell how they are now: never reported, or reported before their present interval began, in
 * which an OSD that is counted on may have lost what it had. Reports follow a map within a moment.
 *
 * Ceph takes any report for one of now (DaemonServer::_handle_command, 16.2), and so lets go of the last copy when two
 * OSDs are given up shortly after one another.
 */
export function unsurePgs(state: MonState): PgStat[] {
  const { osdmap } = state;
  const unsure: PgStat[] = [];
  let late: PgStat[] = [];
  for (const pg of allPgs(state)) {
    if (pg.state === 0n || osdmap.epoch - pg.reportedEpoch > EPOCHS_MAX) unsure.push(pg);
    else if (pg.reportedEpoch < osdmap.epoch) late.push(pg);
  }
  for (let epoch = osdmap.epoch - 1; late.length > 0; epoch--) {
    const map = state.osdmapAt(epoch);
    const left: PgStat[] = [];
    for (const pg of late) {
      if (!map || isOtherInterval(map, osdmap, pg.pgid)) unsure.push(pg);
      else if (pg.reportedEpoch < epoch) left.push(pg);
    }
    late = left;
  }
  return unsure;
}

/** Source: PastIntervals::is_new_interval, src/osd/osd_types.cc, release 16.2; and who was started anew since. */
function isOtherInterval(then: OSDMap, now: OSDMap, pgid: PgId): boolean {
  const [before, after] = [then.pool(pgid.pool), now.pool(pgid.pool)];
  if (!before || !after) return true;
  if (before.size !== after.size || before.minSize !== after.minSize) return true;
  if (before.pgNum !== after.pgNum) return true;
  const [from, to] = [then.pgToUpActing(pgid), now.pgToUpActing(pgid)];
  if (from.actingPrimary !== to.actingPrimary || from.upPrimary !== to.upPrimary) return true;
  if (from.acting.join() !== to.acting.join() || from.up.join() !== to.up.join()) return true;
  return [...to.acting, ...to.up].some(
    (osd) => then.data.osdInfo.at(osd)?.upFrom !== now.data.osdInfo.at(osd)?.upFrom,
  );
}
