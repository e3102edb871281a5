import { type EntityAddr, type MessageOf, type MOSDFailure, sameAddr } from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { mayMarkDown } from './osd-state.ts';

type Failure = MessageOf<typeof MOSDFailure>;

/** An accusation counts for so many grace periods; then the accuser has to say it again. */
const REPORT_GRACES = 3;

/** Accusations between OSDs, until enough of them agree. */
export class FailureReports {
  /** Accused to accuser to the time. */
  private readonly reports = new Map<number, Map<number, number>>();

  /** Takes an accusation. @returns whether the accused is to be marked down */
  accuse(state: MonState, m: Failure): boolean {
    const { osdmap } = state;
    const counts =
      m.fsid === state.fsid &&
      m.osd !== m.reporter &&
      osdmap.isUp(m.reporter) &&
      mayMarkDown(state, m.osd) &&
      isCurrent(osdmap.addrs(m.osd), m.addrs);
    if (!counts) return false;
    // Nobody listens at its address: that needs no second witness.
    if (isRefusal(m)) return true;
    const accusers = this.reports.get(m.osd) ?? new Map<number, number>();
    accusers.set(m.reporter, state.nowMs);
    this.reports.set(m.osd, accusers);
    const oldest = state.nowMs - REPORT_GRACES * 1000 * Number(state.option('osd_heartbeat_grace'));
    for (const [osd, atMs] of accusers) {
      if (atMs < oldest || !osdmap.isUp(osd)) accusers.delete(osd);
    }
    return accusers.size >= neededReporters(state, m.osd);
  }

  /** Its state changed: what was said before is about another life of it. */
  forget(osd: number): void {
    this.reports.delete(osd);
    for (const accusers of this.reports.values()) accusers.delete(osd);
  }
}

/** Its host says that nobody listens at its address: the process is gone. */
export function isRefusal(m: Failure): boolean {
  return m.reason.includes('refused');
}

/** A cluster of two could never agree on the death of one, so no more are asked for than there are others up. */
function neededReporters(state: MonState, accused: number): number {
  const others = state.osdmap.osds().filter((o) => o !== accused && state.osdmap.isUp(o)).length;
  return Math.max(1, Math.min(Number(state.option('mon_osd_min_down_reporters')), others));
}

/** An accusation of an address that the OSD no longer has is about its former life. */
function isCurrent(known: readonly EntityAddr[], accused: readonly EntityAddr[]): boolean {
  return accused.some((a) => known.some((b) => sameAddr(a, b)));
}
