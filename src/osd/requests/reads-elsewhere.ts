import { EVERSION_ZERO } from '../../wire/index.ts';
import type { OpOutcome } from '../ops/index.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { answerOf, type ClientOp } from './client-request.ts';
import type { ObjectState } from './object-states.ts';
import type { PendingOps } from './pending-ops.ts';
import { bytesRead, isWorthAsking } from './range-reads.ts';

/** What reads that are done elsewhere need of their PG. */
export interface ElsewhereScope {
  readonly host: PgHost;
  readonly state: PgState;
  /**
   * Has a holder read an object that is not here. Nobody changes it meanwhile.
   * @returns undefined: it is to be brought, and read here
   */
  readElsewhere(op: ClientOp): Promise<OpOutcome | undefined>;
  count(outcome: OpOutcome): void;
}

/**
 * Reads of objects that are not here yet, where a holder is sooner than an import.
 *
 * They are linearizable, at the moment when {@link begin} is called. Then the lease holds: whoever could serve the PG in a
 * later interval tells nobody what it has, so nobody else has accepted a write. We have not either since the object is
 * missing here, as a write brings it first; so the newest answered version is the one that our log, or the listing where
 * the log says nothing, names as missing. The holder reads just that version or says that it has not got it; a version
 * names one content for ever. It is as durable as any, since it was when the holder told us what it has. And while the read is
 * under way it counts as a reader of the object, so that no write to it begins in this interval; if the interval ends, the
 * request is held or dropped as all are, and an answer that comes then is not looked at. The bytes have passed the
 * checksums of the holder's store and of the session.
 */
export class ReadsElsewhere {
  private readonly scope: ElsewhereScope;
  private readonly pending: PendingOps;
  private readonly ended: (object: ObjectState) => void;
  /** Of which nothing came: they wait for their object. */
  private readonly refused = new WeakSet<ClientOp>();

  /** @param ended hears that others may get at an object again */
  constructor(scope: ElsewhereScope, pending: PendingOps, ended: (object: ObjectState) => void) {
    this.scope = scope;
    this.pending = pending;
    this.ended = ended;
  }

  /** Whether to try that with a request whose object is missing here. */
  isSooner(op: ClientOp): boolean {
    if (op.mayWrite || this.refused.has(op)) return false;
    const bytes = bytesRead(op.request.op);
    return bytes !== undefined && isWorthAsking(bytes, this.scope.state.totals);
  }

  /** The request has left its queue; if nothing comes of it, it is the first there again. */
  begin(op: ClientOp, object: ObjectState): void {
    const { scope, pending } = this;
    const { number } = pending;
    object.readers++;
    pending.ops.add(op);
    scope.readElsewhere(op).then(
      (outcome) => {
        if (number !== pending.number) return;
        pending.ops.delete(op);
        object.readers--;
        if (outcome) {
          scope.count(outcome);
          op.answer(answerOf(outcome, EVERSION_ZERO));
        } else {
          this.refused.add(op);
          object.queue.unshift(op);
        }
        this.ended(object);
      },
      (e) => scope.host.fatal(e),
    );
  }
}
