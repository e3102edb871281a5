import { CephError, DecodeError, ERRNO } from '../../errors/index.ts';
import { EVERSION_ZERO } from '../../wire/index.ts';
import {
  execute,
  type ObjectContext,
  type OpEnv,
  type OpOutcome,
  type Prepared,
} from '../ops/index.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { answerOf, type ClientOp, refusal } from './client-request.ts';
import type { Mending } from './mending.ts';
import type { ObjectState, ObjectStates } from './object-states.ts';
import type { PendingOps } from './pending-ops.ts';

/** What executions need of their PG. */
export interface ExecutionScope {
  readonly host: PgHost;
  readonly state: PgState;
  count(outcome: OpOutcome): void;
}

/** The parts of the pipeline around them. */
interface ExecutionParts {
  readonly objects: ObjectStates;
  readonly pending: PendingOps;
  readonly mending: Mending;
  readonly writes: {
    commit(op: ClientOp, object: ObjectState, context: ObjectContext, prepared: Prepared): void;
  };
  /** A request does not wait for the device any more. */
  ended(object: ObjectState): void;
}

/** Where the ops of a PG's requests are executed. */
export function envOf(host: PgHost, state: Pick<PgState, 'c'>): OpEnv {
  return {
    store: host.store,
    collection: state.c,
    get limits() {
      return host.limits;
    },
    get nowMs() {
      return host.clock.wallMs();
    },
    crc32c: host.crc32c,
  };
}

/** Runs the ops of requests on their objects: reads are answered from here, what writes come to goes to the write path. */
export class Executions {
  /** Of all executions. */
  private readonly surroundings: OpEnv;
  private readonly scope: ExecutionScope;
  private readonly parts: ExecutionParts;

  constructor(scope: ExecutionScope, parts: ExecutionParts) {
    this.scope = scope;
    this.parts = parts;
    this.surroundings = envOf(scope.host, scope.state);
  }

  /** The request's turn has come. */
  begin(op: ClientOp, object: ObjectState): void {
    const context = this.contextOf(op, object);
    if (!context) return;
    const mode = op.mayWrite ? 'write' : 'read';
    const prepared = execute(this.env(op), op.request, mode, context);
    if (prepared instanceof Promise) this.wait(op, object, context, prepared);
    else this.executed(op, object, context, prepared);
  }

  private env({ copy }: ClientOp): OpEnv {
    return copy ? { ...this.surroundings, fetchCopy: () => copy } : this.surroundings;
  }

  /** What the object is; undefined when not even that can be read, and the request is looked after. */
  private contextOf(op: ClientOp, object: ObjectState): ObjectContext | undefined {
    const { objects, mending } = this.parts;
    try {
      return objects.contextOf(op, object);
    } catch (error) {
      if (!(error instanceof CephError || error instanceof DecodeError)) throw error;
      mending.mend(op, object, () => op.answer(refusal(-ERRNO.EIO)));
      return undefined;
    }
  }

  private wait(
    op: ClientOp,
    object: ObjectState,
    context: ObjectContext,
    prepared: Promise<Prepared>,
  ): void {
    const { pending, ended } = this.parts;
    const { number } = pending;
    if (op.mayWrite) object.isBusy = true;
    else object.readers++;
    pending.ops.add(op);
    prepared.then(
      (p) => {
        if (number !== pending.number) return;
        pending.ops.delete(op);
        if (op.mayWrite) object.isBusy = false;
        else object.readers--;
        this.executed(op, object, context, p);
        ended(object);
      },
      (e) => this.scope.host.fatal(e),
    );
  }

  /** All ops have run. */
  private executed(op: ClientOp, object: ObjectState, context: ObjectContext, p: Prepared): void {
    if (p.isDamaged) this.parts.mending.mend(op, object, () => this.finish(op, object, context, p));
    else this.finish(op, object, context, p);
  }

  private finish(op: ClientOp, object: ObjectState, context: ObjectContext, p: Prepared): void {
    if (op.mayWrite) {
      this.parts.writes.commit(op, object, context, p);
      return;
    }
    const outcome = p.finish(EVERSION_ZERO, 0n);
    this.scope.count(outcome);
    op.answer(answerOf(outcome, EVERSION_ZERO));
  }
}
