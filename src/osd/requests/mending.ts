import type { HObject } from '../../wire/index.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { ClientOp } from './client-request.ts';
import type { ObjectState } from './object-states.ts';
import type { PendingOps } from './pending-ops.ts';

/** What the mending of objects needs of its PG. */
export interface MendingScope {
  readonly host: Pick<PgHost, 'fatal'>;
  /**
   * Our copy of an object does not pass its checksums. Nobody changes it meanwhile. @returns whether a good one is to be
   * had: then ours counts as missing from now on
   */
  mend(oid: HObject): Promise<boolean>;
}

/** A request that met damage, and what happens where no good copy is to be had. */
interface Waiting {
  readonly op: ClientOp;
  otherwise(): void;
}

/** Objects whose copy here turns out to be damaged while requests are served. */
export class Mending {
  private readonly scope: MendingScope;
  private readonly pending: PendingOps;
  private readonly ended: (object: ObjectState) => void;
  /** By object: all that wait for one look at its copies. */
  private readonly waiting = new Map<ObjectState, Waiting[]>();
  /** What waits for the writes of an object that are under way. */
  private readonly afterWrites = new Map<ObjectState, () => void>();

  /** @param ended hears that others may get at an object again */
  constructor(scope: MendingScope, pending: PendingOps, ended: (object: ObjectState) => void) {
    this.scope = scope;
    this.pending = pending;
    this.ended = ended;
  }

  /**
   * What a request needs of its object is damaged here. It is done again once a good copy has been brought; where there
   * is none, `otherwise` happens. Until then nobody else gets at the object.
   */
  mend(op: ClientOp, object: ObjectState, otherwise: () => void): void {
    object.isBusy = true;
    this.pending.ops.add(op);
    const others = this.waiting.get(object);
    // Looked at once more, it would be let go before both are done, and what the later one saw be older than a write.
    if (others) {
      others.push({ op, otherwise });
      return;
    }
    this.waiting.set(object, [{ op, otherwise }]);
    const begin = (): void => this.begin(op.oid, object);
    // Only then all members have the same.
    if (object.writes === 0) begin();
    else this.afterWrites.set(object, begin);
  }

  /** All writes of an object are durable everywhere. */
  writesEnded(object: ObjectState): void {
    if (this.afterWrites.size === 0) return;
    const begin = this.afterWrites.get(object);
    this.afterWrites.delete(object);
    begin?.();
  }

  /** The interval is over. */
  clear(): void {
    this.waiting.clear();
    this.afterWrites.clear();
  }

  private begin(oid: HObject, object: ObjectState): void {
    const { pending, scope } = this;
    const { number } = pending;
    scope.mend(oid).then(
      (isMended) => {
        if (number !== pending.number) return;
        const all = this.waiting.get(object)!;
        this.waiting.delete(object);
        for (const { op } of all) pending.ops.delete(op);
        object.isBusy = false;
        object.context = undefined;
        if (isMended) object.queue.unshift(...all.map(({ op }) => op));
        else for (const { otherwise } of all) otherwise();
        this.ended(object);
      },
      (e) => scope.host.fatal(e),
    );
  }
}
