import { crc32c } from '../../codec/index.ts';
import { msOfUtime } from '../../wire/index.ts';
import type { ScrubHistory } from './scrub-history.ts';
import { type ScrubPlan, scheduledPlan } from './scrub-plan.ts';
import type { ScrubOrders, ScrubSettings } from './scrub-port.ts';

/** What tells whether a PG is to be scrubbed. */
export interface ScrubScene {
  readonly nowMs: number;
  readonly history: ScrubHistory;
  readonly settings: ScrubSettings;
  readonly orders: ScrubOrders;
  /** 0 <= x < 1, by chance, but the same for a PG until it is scrubbed: when in its time, and whether deep. */
  readonly chance: number;
  readonly deepChance: number;
}

/** A PG's chances, which are new after each of its scrubs. @param pg its id */
export function scrubChances(
  pg: string,
  { lastScrubStamp }: ScrubHistory,
): Pick<ScrubScene, 'chance' | 'deepChance'> {
  const name = `${pg} ${lastScrubStamp.sec}.${lastScrubStamp.nsec}`;
  return { chance: chanceOf(name), deepChance: chanceOf(`deep ${name}`) };
}

/** 0 <= x < 1: the same for the same text, and as good as by chance. */
function chanceOf(text: string): number {
  return crc32c(0xffff_ffff, Buffer.from(text)) / 2 ** 32;
}

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The first of January 1970 was a Thursday. */
const FIRST_WEEK_DAY = 4;

/** May scrubs begin at this time of the day and of the week? By UTC: this code knows no other time. */
export function isTimeToScrub(nowMs: number, s: ScrubSettings): boolean {
  const hour = Math.floor(nowMs / HOUR_MS) % 24;
  const day = (Math.floor(nowMs / DAY_MS) + FIRST_WEEK_DAY) % 7;
  return isBetween(day, s.beginWeekDay, s.endWeekDay) && isBetween(hour, s.beginHour, s.endHour);
}

/** Equal bounds are all around the clock. */
function isBetween(x: number, begin: number, end: number): boolean {
  return begin < end ? x >= begin && x < end : x >= begin || x < end;
}

/** When a PG may be scrubbed again, and from when on it is whatever the hour. Milliseconds of the wall clock. */
export function scrubTimes(scene: ScrubScene): { dueMs: number; deadlineMs: number } {
  const { history, settings, orders, chance } = scene;
  const last = msOfUtime(history.lastScrubStamp);
  const min = (orders.minIntervalSeconds || settings.minIntervalSeconds) * SECOND_MS;
  const max = (orders.maxIntervalSeconds || settings.maxIntervalSeconds) * SECOND_MS;
  return {
    dueMs: last + min + min * settings.randomizeRatio * chance,
    deadlineMs: max > 0 ? last + max : Number.POSITIVE_INFINITY,
  };
}

/**
 * What a PG's next scrub is, if it is time for one. Rules: OSD::sched_scrub, OSD::scrub_time_permit,
 * PG::verify_periodic_scrub_mode and PG::is_time_for_deep, release 16.2. The load of the machine (osd_scrub_load_threshold)
 * is left out: all OSDs of a machine share it with everything else there, and p99 of clients is held by small chunks.
 */
export function scrubDue(scene: ScrubScene): ScrubPlan | undefined {
  const { nowMs, settings, orders, history } = scene;
  const { dueMs, deadlineMs } = scrubTimes(scene);
  if (nowMs < dueMs) return undefined;
  if (nowMs <= deadlineMs && !isTimeToScrub(nowMs, settings)) return undefined;
  const hasDeepErrors = history.deepErrors > 0;
  if (orders.nodeepScrub && (orders.noscrub || hasDeepErrors)) return undefined;
  const deep = !orders.nodeepScrub && (hasDeepErrors || isDeepDue(scene));
  if (!deep && orders.noscrub) return undefined;
  return scheduledPlan(deep, settings.autoRepair);
}

function isDeepDue({ nowMs, settings, orders, history, deepChance }: ScrubScene): boolean {
  const interval = (orders.deepIntervalSeconds || settings.deepIntervalSeconds) * SECOND_MS;
  if (nowMs >= msOfUtime(history.lastDeepScrubStamp) + interval) return true;
  return !orders.noscrub && deepChance < settings.deepRandomizeRatio;
}
