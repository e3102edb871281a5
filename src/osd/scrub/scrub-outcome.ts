import { type EVersion, type LOG_PRIORITY, utimeOfMs } from '../../wire/index.ts';
import type { ScrubHistory } from './scrub-history.ts';
import { AUTO_REPAIR_PLAN, CHECK_PLAN, modeOf, type ScrubPlan } from './scrub-plan.ts';
import type { ScrubTally } from './scrub-tally.ts';

/** A scrub that has seen all of its PG. */
export interface EndedScrub {
  /** As printed. */
  readonly pg: string;
  readonly plan: ScrubPlan;
  readonly tally: ScrubTally;
  /** What the PG counts wrongly of itself, see ScrubTally.mismatch; a repair has put it right. */
  readonly mismatch: string | undefined;
  readonly before: ScrubHistory;
  readonly lastUpdate: EVersion;
  readonly nowMs: number;
  /** osd_scrub_auto_repair_num_errors. */
  readonly autoRepairErrorsMax: number;
}

/** What follows from it. */
export interface ScrubOutcome {
  readonly lines: readonly (readonly [priority: keyof typeof LOG_PRIORITY, text: string])[];
  readonly history: ScrubHistory;
  /** The scrub that must come next. */
  readonly next: ScrubPlan | undefined;
  /** Errors are left after a repair. */
  readonly hasFailed: boolean;
}

/** Rules and words: PgScrubber::scrub_finish, src/osd/pg_scrubber.cc, release 16.2. */
export function conclude(scrub: EndedScrub): ScrubOutcome {
  const { plan, tally, mismatch } = scrub;
  const stats = mismatch === undefined ? 0 : 1;
  const shallow = tally.shallowErrors + stats;
  const errors = shallow + tally.deepErrors;
  const fixed = tally.fixed + (plan.repair ? stats : 0);
  const isFixed = plan.repair && fixed === errors;
  return {
    lines: linesOf(scrub, errors, fixed),
    history: historyOf(scrub, isFixed ? 0 : shallow, isFixed ? 0 : tally.deepErrors),
    next: nextPlan(scrub, errors, fixed),
    hasFailed: errors > 0 && (plan.checksRepair || (plan.repair && fixed === 0)),
  };
}

function linesOf(scrub: EndedScrub, errors: number, fixed: number): ScrubOutcome['lines'] {
  const { pg, plan, tally, mismatch, before } = scrub;
  const mode = modeOf(plan);
  const lines: ['error' | 'debug', string][] = [];
  if (mismatch !== undefined) lines.push(['error', `${pg} ${mode} : ${mismatch}`]);
  if (tally.repairable > 0) {
    const { missing, inconsistent } = tally;
    lines.push(['error', `${pg} ${mode} ${missing} missing, ${inconsistent} inconsistent objects`]);
  }
  let line = `${pg} ${mode} ${errors > 0 ? `${errors} errors` : 'ok'}`;
  if (!plan.deep && before.deepErrors > 0) {
    line += ` ( ${before.deepErrors} remaining deep scrub error details lost)`;
  }
  if (plan.repair) line += `, ${fixed} fixed`;
  lines.push([errors > 0 ? 'error' : 'debug', line]);
  return lines;
}

/** A repair goes on when it can; one that left something of its errors is checked; a few errors of a scheduled scrub are repaired. */
function nextPlan(scrub: EndedScrub, errors: number, fixed: number): ScrubPlan | undefined {
  const { plan, tally, autoRepairErrorsMax } = scrub;
  if (plan.repair && tally.postponed > 0) return AUTO_REPAIR_PLAN;
  if (plan.repair) return fixed > 0 && fixed !== errors ? CHECK_PLAN : undefined;
  const bad = tally.repairable;
  return plan.mayRepairAfter && bad > 0 && bad <= autoRepairErrorsMax
    ? AUTO_REPAIR_PLAN
    : undefined;
}

function historyOf(scrub: EndedScrub, shallowErrors: number, deepErrors: number): ScrubHistory {
  const { plan, tally, before, lastUpdate, nowMs } = scrub;
  const now = utimeOfMs(nowMs);
  const shallow: ScrubHistory = {
    ...before,
    lastScrub: lastUpdate,
    lastScrubStamp: now,
    shallowErrors,
    objectsRepaired: before.objectsRepaired + tally.fixed,
  };
  if (!plan.deep) {
    return shallowErrors === 0 ? { ...shallow, lastCleanScrubStamp: now } : shallow;
  }
  const { largeOmapObjects, omapBytes, omapKeys } = tally;
  const isClean = shallowErrors + deepErrors === 0;
  return {
    ...shallow,
    deepErrors,
    lastDeepScrub: lastUpdate,
    lastDeepScrubStamp: now,
    lastCleanScrubStamp: isClean ? now : before.lastCleanScrubStamp,
    largeOmapObjects,
    omapBytes,
    omapKeys,
  };
}
