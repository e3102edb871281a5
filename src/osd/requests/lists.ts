import type { ScrubLsArg, ScrubLsResult } from '../../wire/index.ts';
import { executePg, type OpOutcome, pgEnd } from '../ops/index.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { answerOf, type ClientOp } from './client-request.ts';
import type { Answer } from './in-flight.ts';
import { KnownObjects } from './known-objects.ts';

/** What lists need of their PG. */
export interface ListScope {
  readonly host: PgHost;
  readonly state: PgState;
  /** PGs of the pool. */
  readonly pgCount: number;
  /** No other primary can have taken over: what is read here is the newest. */
  readonly isReadable: boolean;
  /** See ListableObjects. */
  readonly scrubErrors: (arg: ScrubLsArg) => ScrubLsResult | number;
  count(outcome: OpOutcome): void;
}

/** Requests that list a PG rather than touch an object. */
export class Lists {
  private readonly scope: ListScope;
  private readonly answerAfterWrites: (answer: Answer) => void;
  /** Those that wait for what they list to be known, or for a lease. */
  private held: ClientOp[] = [];

  /** @param answerAfterWrites answers when all writes that are under way are durable everywhere */
  constructor(scope: ListScope, answerAfterWrites: (answer: Answer) => void) {
    this.scope = scope;
    this.answerAfterWrites = answerAfterWrites;
  }

  get waiting(): readonly ClientOp[] {
    return this.held;
  }

  list(op: ClientOp): void {
    const { host, state, pgCount } = this.scope;
    const { pgid, log, totals, c: collection } = state;
    const from = { store: host.store, collection };
    const known = new KnownObjects(host.store, state, this.scope.scrubErrors);
    const outcome = this.scope.isReadable
      ? executePg(from, op.request, pgid.pool, pgEnd(pgid, pgCount), known)
      : undefined;
    if (!outcome || known.hasFailed) {
      this.held.push(op);
      return;
    }
    this.scope.count(outcome);
    const answer = { ...answerOf(outcome, log.head), userVersion: totals.lastUserVersion };
    // What is listed must be there to stay.
    this.answerAfterWrites({ op, answer });
  }

  /** More is known of what there is, or it may be read again. */
  again(): void {
    for (const op of this.held.splice(0)) this.list(op);
  }

  /** The interval is over. */
  clear(): void {
    this.held = [];
  }
}
