import type { RecoveryOrders } from './recovery-port.ts';
import { type RecoveryKind, recoveryPriority } from './recovery-priority.ts';
import type { RecoveryNeed } from './recovery-turn.ts';

/** An acting member that is not whole, ourselves included. */
export interface Lacking {
  readonly osd: number;
  /** It compares all objects, since its log does not reach back far enough; else the log says what it lacks. */
  readonly imports: boolean;
}

/** What a PG's primary knows when it decides what to copy. */
export interface NeedScene {
  readonly self: number;
  readonly lacking: readonly Lacking[];
  /** Some object has fewer copies than the pool's size. */
  readonly isDegraded: boolean;
  readonly size: number;
  readonly minSize: number;
  readonly acting: number;
  /** Holders that lack nothing. */
  readonly whole: number;
  readonly forced: ReadonlySet<RecoveryKind>;
  readonly orders: Pick<
    RecoveryOrders,
    'norecover' | 'nobackfill' | 'norebalance' | 'poolPriority'
  >;
}

/** Which kind of recovery comes next, whatever the map forbids; undefined: nothing is lacking. Logs go first. */
export function kindOf(lacking: readonly Lacking[]): RecoveryKind | undefined {
  if (lacking.some((l) => !l.imports)) return 'recovery';
  return lacking.length > 0 ? 'backfill' : undefined;
}

/**
 * What a PG may copy in the background now; undefined: nothing. `norecover` stops all of it; `nobackfill` what is not by
 * the log; `norebalance` that too, unless copies are missing. Source: PrimaryLogPG::start_recovery_ops, 16.2.
 */
export function needOf(scene: NeedScene): RecoveryNeed | undefined {
  const { lacking, orders, isDegraded, self, forced } = scene;
  const kind = kindOf(lacking);
  if (!kind || orders.norecover) return undefined;
  if (kind === 'backfill' && (orders.nobackfill || (orders.norebalance && !isDegraded))) {
    return undefined;
  }
  const targets = lacking
    .filter((l) => l.osd !== self && l.imports === (kind === 'backfill'))
    .map((l) => l.osd)
    .sort((a, b) => a - b);
  const { poolPriority } = orders;
  const priority = recoveryPriority({ ...scene, kind, poolPriority, isForced: forced.has(kind) });
  return { kind, priority, targets };
}
