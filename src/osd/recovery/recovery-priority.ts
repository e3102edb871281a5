/** Which of Ceph's two ways of making a member whole: by the log, or by comparing all objects. */
export type RecoveryKind = 'recovery' | 'backfill';

/** What the priority of a PG's recovery depends on. */
export interface RecoveryStanding {
  readonly kind: RecoveryKind;
  /** By `ceph pg force-recovery` or `force-backfill`. */
  readonly isForced: boolean;
  /** Fewer copies of some object than the pool's size. */
  readonly isDegraded: boolean;
  readonly size: number;
  readonly minSize: number;
  /** Acting members. */
  readonly acting: number;
  /** Holders that miss nothing. */
  readonly whole: number;
  /** The pool's `recovery_priority`, -10 to 10. */
  readonly poolPriority: number;
}

/** Highest: data at risk or clients that wait. Source: src/osd/osd_types.h, 16.2. */
const BASE = { plain: 100, degraded: 140, recovery: 180, inactive: 220 } as const;
const CEILING = { plain: 139, degraded: 179, recovery: 219, inactive: 253 } as const;
const FORCED = { recovery: 255, backfill: 254 } as const;
const POOL_PRIORITY_MOST = 10;

/**
 * How urgent the recovery of a PG is: 0 to 255, the most urgent highest. Source:
 * PeeringState::get_recovery_priority, get_backfill_priority and clamp_recovery_priority, src/osd/PeeringState.cc, 16.2.
 */
export function recoveryPriority(s: RecoveryStanding): number {
  if (s.isForced) return FORCED[s.kind];
  const [base, more] = s.kind === 'recovery' ? ofRecovery(s) : ofBackfill(s);
  const pool = Math.min(POOL_PRIORITY_MOST, Math.max(-POOL_PRIORITY_MOST, s.poolPriority));
  return Math.min(CEILING[base], BASE[base] + more + pool + POOL_PRIORITY_MOST);
}

type Graded = [base: keyof typeof BASE, more: number];

function ofRecovery({ isDegraded, whole, minSize }: RecoveryStanding): Graded {
  return isDegraded && whole < minSize ? ['inactive', minSize - whole] : ['recovery', 0];
}

function ofBackfill({ acting, size, minSize, isDegraded }: RecoveryStanding): Graded {
  if (acting < minSize) return ['inactive', minSize - acting];
  if (acting < size) return ['degraded', size - acting];
  return [isDegraded ? 'degraded' : 'plain', 0];
}
