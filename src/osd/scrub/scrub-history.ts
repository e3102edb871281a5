import { u32, u53, type ValueOf, versioned } from '../../codec/index.ts';
import {
  EVERSION_ZERO,
  EVersion,
  msOfUtime,
  TIME_ZERO,
  UTime,
  utimeOfMs,
} from '../../wire/index.ts';

/** When a PG was scrubbed and what of its errors is left. All members keep it, so that a new primary goes on with it. */
export const ScrubHistory = versioned(
  'ScrubHistory',
  { v: 1, compat: 1 },
  {
    lastScrub: EVersion,
    lastScrubStamp: UTime,
    lastDeepScrub: EVersion,
    lastDeepScrubStamp: UTime,
    /** When no errors were found last. */
    lastCleanScrubStamp: UTime,
    shallowErrors: u53,
    deepErrors: u53,
    /** Of the last deep scrub, see osd_deep_scrub_large_omap_object_*. */
    largeOmapObjects: u32,
    omapBytes: u53,
    omapKeys: u53,
    /** Copies that repairs of reads and of scrubs have replaced, ever. */
    objectsRepaired: u53,
  },
);
export type ScrubHistory = ValueOf<typeof ScrubHistory>;

/** Nobody knows when it was scrubbed. */
export const NEVER_SCRUBBED: ScrubHistory = {
  lastScrub: EVERSION_ZERO,
  lastScrubStamp: TIME_ZERO,
  lastDeepScrub: EVERSION_ZERO,
  lastDeepScrubStamp: TIME_ZERO,
  lastCleanScrubStamp: TIME_ZERO,
  shallowErrors: 0,
  deepErrors: 0,
  largeOmapObjects: 0,
  omapBytes: 0,
  omapKeys: 0,
  objectsRepaired: 0,
};

/** Of a PG that has just come into being: nothing in it can have gone bad. */
export function scrubbedAtBirth(nowMs: number): ScrubHistory {
  const now = utimeOfMs(nowMs);
  return {
    ...NEVER_SCRUBBED,
    lastScrubStamp: now,
    lastDeepScrubStamp: now,
    lastCleanScrubStamp: now,
  };
}

export function scrubErrors(h: ScrubHistory): number {
  return h.shallowErrors + h.deepErrors;
}

/** Of what several members know, the newest. */
export function newestHistory(all: Iterable<ScrubHistory>): ScrubHistory {
  let newest = NEVER_SCRUBBED;
  let repaired = 0;
  for (const h of all) {
    repaired = Math.max(repaired, h.objectsRepaired);
    if (msOfUtime(h.lastScrubStamp) > msOfUtime(newest.lastScrubStamp)) newest = h;
  }
  return newest.objectsRepaired === repaired ? newest : { ...newest, objectsRepaired: repaired };
}

/** Of PGs that become one: scrubbed when the one was that it was longer ago for, with the errors of all. */
export function joinedHistory(a: ScrubHistory, b: ScrubHistory): ScrubHistory {
  const older = (x: UTime, y: UTime): UTime => (msOfUtime(x) < msOfUtime(y) ? x : y);
  const scrub = msOfUtime(a.lastScrubStamp) < msOfUtime(b.lastScrubStamp) ? a : b;
  const deep = msOfUtime(a.lastDeepScrubStamp) < msOfUtime(b.lastDeepScrubStamp) ? a : b;
  return {
    lastScrub: scrub.lastScrub,
    lastScrubStamp: scrub.lastScrubStamp,
    lastDeepScrub: deep.lastDeepScrub,
    lastDeepScrubStamp: deep.lastDeepScrubStamp,
    lastCleanScrubStamp: older(a.lastCleanScrubStamp, b.lastCleanScrubStamp),
    shallowErrors: a.shallowErrors + b.shallowErrors,
    deepErrors: a.deepErrors + b.deepErrors,
    largeOmapObjects: a.largeOmapObjects + b.largeOmapObjects,
    omapBytes: a.omapBytes + b.omapBytes,
    omapKeys: a.omapKeys + b.omapKeys,
    objectsRepaired: a.objectsRepaired + b.objectsRepaired,
  };
}
