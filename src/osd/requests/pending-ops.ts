import { Term } from '../term.ts';
import type { ClientOp } from './client-request.ts';

/** Requests of a PG that have left their queues, and wait for the device or for other members: a term is an interval. */
export class PendingOps extends Term {
  readonly ops = new Set<ClientOp>();

  /** The interval is over. */
  override end(): void {
    super.end();
    this.ops.clear();
  }
}
