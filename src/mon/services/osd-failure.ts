import { fullLocation } from '../../crush/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import {
  type EntityAddr,
  FAILURE_FLAG,
  type MessageOf,
  type MOSDFailure,
  sameAddr,
} from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { weighFailure } from './failure-weight.ts';
import { mayMarkDown } from './osd-state.ts';

type Failure = MessageOf<typeof MOSDFailure>;

/** An OSD that is to be marked down. */
export interface Verdict {
  readonly osd: number;
  /** For the cluster log. */
  readonly text: string;
  /** It is known to serve nobody any more. */
  readonly isDead: boolean;
}

/**
 * Accusations between OSDs, until they weigh enough. Those of one who must not be marked down are kept, and weighed again
 * when that changes. Source: preprocess_failure, prepare_failure and check_failures of src/mon/OSDMonitor.cc, release 16.2.
 */
export class FailureReports {
  /** Accused to accuser to since when, wall clock. */
  private readonly reports = new Map<number, Map<number, number>>();

  /** Takes what `reporter`, whose session it is, says. @returns the accused is to be marked down */
  take(state: MonState, reporter: number, m: Failure): Verdict | undefined {
    const { osdmap } = state;
    const counts =
      m.fsid === state.fsid &&
      m.osd !== reporter &&
      osdmap.isUp(reporter) &&
      isCurrent(osdmap, m.osd, m);
    if (!counts) return undefined;
    if ((m.flags & FAILURE_FLAG.failed) === 0) {
      this.withdraw(m.osd, reporter);
      return undefined;
    }
    if ((m.flags & FAILURE_FLAG.immediate) !== 0) {
      // Nobody listens at its address: that needs no second witness.
      if (!mayMarkDown(state, m.osd)) return undefined;
      const text = failed(osdmap, m.osd, `connection refused reported by osd.${reporter}`);
      return { osd: m.osd, text, isDead: true };
    }
    const accusers = this.reports.get(m.osd) ?? new Map<number, number>();
    this.reports.set(m.osd, accusers);
    accusers.set(reporter, state.nowMs - 1000 * Math.max(0, m.failedFor));
    return this.weigh(state, m.osd, accusers);
  }

  /** Those who are to be marked down now: because time has passed, or a flag is gone. One map change may change others. */
  next(state: MonState): Verdict | undefined {
    for (const [osd, accusers] of this.reports) {
      const verdict = this.weigh(state, osd, accusers);
      if (verdict) return verdict;
    }
    return undefined;
  }

  /** Its state changed: what was said before, by it and of it, is about another life of it. */
  forget(osd: number): void {
    this.reports.delete(osd);
    for (const accused of [...this.reports.keys()]) this.withdraw(accused, osd);
  }

  private withdraw(accused: number, accuser: number): void {
    const accusers = this.reports.get(accused);
    if (accusers?.delete(accuser) && accusers.size === 0) this.reports.delete(accused);
  }

  private weigh(state: MonState, osd: number, accusers: Map<number, number>): Verdict | undefined {
    const { osdmap } = state;
    // Who is down itself is no witness.
    for (const accuser of accusers.keys()) if (!osdmap.isUp(accuser)) accusers.delete(accuser);
    if (accusers.size === 0 || !osdmap.isUp(osd)) {
      this.reports.delete(osd);
      return undefined;
    }
    if (!mayMarkDown(state, osd)) return undefined;
    const { isEnough, reporters, level, failedFor, grace } = weighFailure(state, osd, accusers);
    if (!isEnough) return undefined;
    const why = `${reporters} reporters from different ${level} after ${failedFor.toFixed(6)} >= grace ${grace.toFixed(6)}`;
    return { osd, text: failed(osdmap, osd, why), isDead: false };
  }
}

function failed(osdmap: OSDMap, osd: number, why: string): string {
  const place = fullLocation(osdmap.crushMap, osd).map(([type, name]) => `${type}=${name}`);
  return `osd.${osd} failed (${place.join(',')}) (${why})`;
}

/** An accusation of addresses that the OSD no longer has, or from before it last came up, is about a former life. */
function isCurrent(osdmap: OSDMap, osd: number, m: Failure): boolean {
  if (!osdmap.isUp(osd) || osdmap.data.osdInfo.at(osd)!.upFrom > m.epoch) return false;
  return sameAddrs(osdmap.addrs(osd), m.addrs);
}

export function sameAddrs(a: readonly EntityAddr[], b: readonly EntityAddr[]): boolean {
  return a.length === b.length && a.every((x, i) => sameAddr(x, b[i]!));
}
