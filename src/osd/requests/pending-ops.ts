import type { ClientOp } from './client-request.ts';

/** Requests of a PG that have left their queues, and wait for the device or for other members. */
export class PendingOps {
  readonly ops = new Set<ClientOp>();
  /** Counts intervals: who waits keeps it, and leaves everything alone when it has changed meanwhile. */
  interval = 0;

  /** The interval is over. */
  end(): void {
    this.interval++;
    this.ops.clear();
  }
}
