import { fullLocation } from '../../crush/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import { msOfUtime } from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { laggyGrace } from './osd-laggy.ts';

/** How the accusations of one OSD weigh. Times in seconds. */
export interface FailureWeight {
  readonly isEnough: boolean;
  /** Different buckets that accusers come from, and how many are needed. */
  readonly reporters: number;
  readonly needed: number;
  /** The kind of bucket. */
  readonly level: string;
  /** Since the accuser who saw the accused last saw it. */
  readonly failedFor: number;
  readonly grace: number;
}

/**
 * Weighs what accusers say, as OSDMonitor::check_failure does (src/mon/OSDMonitor.cc, release 16.2), but for one thing:
 * where there are not so many buckets whose OSDs could accuse it, all that there are suffice. In a cluster of two OSDs
 * nobody could ever be found dead otherwise.
 * @param accusers at least one: since when the accused is silent to each, wall clock
 */
export function weighFailure(
  state: Pick<MonState, 'osdmap' | 'option' | 'nowMs'>,
  accused: number,
  accusers: ReadonlyMap<number, number>,
): FailureWeight {
  const { osdmap, option, nowMs } = state;
  const level = String(option('mon_osd_reporter_subtree_level'));
  const others = osdmap.osds().filter((osd) => osd !== accused && osdmap.isUp(osd));
  const bucketsOf = (osds: Iterable<number>): number =>
    new Set([...osds].map((osd) => bucketOf(osdmap, osd, level))).size;
  const reporters = bucketsOf(accusers.keys());
  const needed = Math.max(
    1,
    Math.min(Number(option('mon_osd_min_down_reporters')), bucketsOf(others)),
  );
  const failedFor = (nowMs - Math.max(...accusers.values())) / 1000;
  const grace = graceOf(state, accused, accusers, failedFor);
  return {
    isEnough: reporters >= needed && failedFor >= grace,
    reporters,
    needed,
    level,
    failedFor,
    grace,
  };
}

function graceOf(
  state: Pick<MonState, 'osdmap' | 'option' | 'nowMs'>,
  accused: number,
  accusers: ReadonlyMap<number, number>,
  failedFor: number,
): number {
  const { osdmap, option, nowMs } = state;
  const grace = Number(option('osd_heartbeat_grace'));
  if (!option('mon_osd_adjust_heartbeat_grace')) return grace;
  const xinfo = (osd: number) => osdmap.data.osdXInfo.at(osd)!;
  const own = laggyGrace(state, xinfo(accused), failedFor);
  // Accusers with a history of their own may be behind one bad switch.
  let theirs = 0;
  for (const osd of accusers.keys()) {
    const agoSeconds = (nowMs - msOfUtime(xinfo(osd).downStamp)) / 1000;
    theirs += laggyGrace(state, xinfo(osd), agoSeconds);
  }
  return grace + own + theirs / accusers.size;
}

/** The bucket of this kind that an OSD lies in; itself where there is none. */
function bucketOf(osdmap: OSDMap, osd: number, level: string): string {
  return fullLocation(osdmap.crushMap, osd).find(([type]) => type === level)?.[1] ?? `osd.${osd}`;
}
