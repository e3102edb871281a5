import type { PgId } from '../../wire/index.ts';
import type { OpPriority } from './recovery-pace.ts';
import type { RecoveryKind } from './recovery-priority.ts';

/** Local: as primary. Remote: as a member that is given objects by another OSD's primary. */
export type ReservationSide = 'local' | 'remote';

/** A PG wants one of the OSD's places for recovery. */
export interface ReservationWish {
  readonly side: ReservationSide;
  readonly pgid: PgId;
  readonly priority: number;
  /** The place is ours, until released or preempted. Never called from inside `reserve`. */
  granted(): void;
  /** The place is lost; nothing needs to be released. */
  preempted(): void;
}

/** A place, or the wish for one. After `release` nothing is called any more. */
export interface Reservation {
  setPriority(priority: number): void;
  release(): void;
}

/** What map and options say about the recovery of a pool's PGs now. */
export interface RecoveryOrders {
  readonly norecover: boolean;
  readonly nobackfill: boolean;
  readonly norebalance: boolean;
  /** The pool's `recovery_priority`, -10 to 10. */
  readonly poolPriority: number;
  /** The pool's `recovery_op_priority`, see OpPriority. */
  readonly opPriority: OpPriority;
  /** When to ask again whoever had no room, ms: osd_recovery_retry_interval, osd_backfill_retry_interval. */
  readonly retryMs: Readonly<Record<RecoveryKind, number>>;
  /** Bytes of an object that go in one message: osd_recovery_max_chunk. */
  readonly chunkBytes: number;
}

/**
 * What PGs ask of their OSD as a whole before they copy objects in the background: bounds are the OSD's, however many
 * shards it has. Objects that clients wait for ask nobody.
 */
export interface RecoveryPort {
  reserve(wish: ReservationWish): Reservation;
  /**
   * Asks to begin copies; in turn with the other PGs.
   * @param start called once, later, with how many may begin: at least 1, each to be ended by `copyDone`
   */
  askCopies(of: OpPriority, start: (count: number) => void): { cancel(): void };
  /** @param of as when it was asked for */
  copyDone(of: OpPriority): void;
}
