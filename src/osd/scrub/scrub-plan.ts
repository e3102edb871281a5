/** What one scrub of a PG is to do. */
export interface ScrubPlan {
  /** Data and omap are read, not only looked at from outside. */
  readonly deep: boolean;
  /** Wrong copies are replaced as they are found. Always deep. */
  readonly repair: boolean;
  /** Somebody asked for it: flags, hours and intervals do not count. */
  readonly required: boolean;
  /** After a repair, to see what is left of the errors. */
  readonly checksRepair: boolean;
  /** A few errors found are repaired: osd_scrub_auto_repair. */
  readonly mayRepairAfter: boolean;
}

const PLAIN: ScrubPlan = {
  deep: false,
  repair: false,
  required: false,
  checksRepair: false,
  mayRepairAfter: false,
};

/** By command, see the monitor's `pg scrub|deep-scrub|repair`. */
export function requestedPlan(order: { deep: boolean; repair: boolean }): ScrubPlan {
  const { deep, repair } = order;
  return { ...PLAIN, deep: deep || repair, repair, required: true };
}

/** When its time has come. */
export function scheduledPlan(deep: boolean, mayRepairAfter: boolean): ScrubPlan {
  return { ...PLAIN, deep, mayRepairAfter };
}

/** What a PG that was repaired in part is looked at with once more. */
export const CHECK_PLAN: ScrubPlan = { ...PLAIN, deep: true, required: true, checksRepair: true };
/** What follows a scheduled scrub that found a few errors. */
export const AUTO_REPAIR_PLAN: ScrubPlan = { ...PLAIN, deep: true, repair: true, required: true };

/** The word that the cluster log has for it. */
export function modeOf({ deep, repair }: ScrubPlan): string {
  return repair ? 'repair' : deep ? 'deep-scrub' : 'scrub';
}

/** Of two that are wanted, the one that does more; the later of equals. */
export function stronger(a: ScrubPlan, b: ScrubPlan): ScrubPlan {
  const weight = (p: ScrubPlan): number =>
    (p.repair ? 4 : 0) + (p.deep ? 2 : 0) + (p.required ? 1 : 0);
  return weight(b) >= weight(a) ? b : a;
}
