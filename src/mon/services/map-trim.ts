import { formatPgId, type PgStat, pgState } from '../../wire/index.ts';
import type { MonState } from '../state.ts';

/** Trims go in strides, as each is a commit. */
const STRIDE = 100;
const CLEAN = pgState('clean');

/**
 * Up to where old OSD maps are to go now. The last mon_min_osdmap_epochs stay, and those since which a PG was not clean: its
 * OSDs may need them. Source: OSDMonitor::get_trim_to and pg_stat_t::get_effective_last_epoch_clean, release 16.2.
 * @returns the oldest epoch that stays; undefined while it is not worth a commit
 */
export function trimFloor(
  state: Pick<MonState, 'osdmap' | 'oldestEpoch' | 'pgStats' | 'option'>,
): number | undefined {
  const { osdmap, oldestEpoch } = state;
  const isWorth = (floor: number): boolean => floor - oldestEpoch >= STRIDE;
  let floor = osdmap.epoch - Number(state.option('mon_min_osdmap_epochs'));
  if (!isWorth(floor)) return undefined;
  for (const pgid of osdmap.pgs()) {
    floor = Math.min(floor, neededFrom(state.pgStats.get(formatPgId(pgid))));
  }
  return isWorth(floor) ? floor : undefined;
}

/** Of a PG that nobody reported it is not known what it needs; one that is clean needs nothing from before its report. */
function neededFrom(stat: PgStat | undefined): number {
  if (!stat) return 0;
  return (stat.state & CLEAN) !== 0n ? stat.reportedEpoch : stat.lastEpochClean;
}
