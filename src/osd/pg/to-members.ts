import type { StoreOp } from '../../store/index.ts';
import { type EVersion, type HObject, outgoing } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import type { Logged } from '../log/logged.ts';
import { repOp } from '../log/rep-op.ts';
import type { ChangeMemory } from '../requests/op-memory.ts';
import { MScrubReserve, SCRUB_WORD } from '../scrub/scrub-messages.ts';
import type { Peering } from './peering.ts';
import type { PgHost } from './pg-host.ts';
import type { PgState } from './pg-state.ts';

/** What changes on their way to the members see of their PG. */
export interface ToMembersScope {
  readonly host: PgHost;
  readonly state: PgState;
  /** The other acting members. */
  readonly replicas: readonly number[];
  readonly peering: Pick<Peering, 'missing'>;
  readonly recovery: { start(): void };
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
}

/** What a PG's primary has its members do to objects, beside what copies bring: changes, and to replace what is wrong. */
export class ToMembers {
  private readonly scope: ToMembersScope;

  constructor(scope: ToMembersScope) {
    this.scope = scope;
  }

  /** See WriteScope. */
  readonly replicate = (
    item: Logged,
    txn: readonly StoreOp[],
    trimTo: EVersion,
    memory: ChangeMemory,
    isEarly: boolean,
  ): ((osd: number) => void) => {
    const { scope } = this;
    const { replicas, host } = scope;
    if (replicas.length === 0) return nobody;
    const message = repOp(scope.header(), item, txn, trimTo, isEarly);
    const send = (osd: number): void => {
      host.send(osd, memory.isLarge ? { ...message, done: memory.use() } : message);
    };
    for (const osd of replicas) send(osd);
    return send;
  };

  /** What scrubs and damaged reads find out: these members' copies count as missing, and are brought anew. */
  readonly replaceCopies = (oid: HObject, need: EVersion, members: readonly number[]): void => {
    const { host, state, peering, recovery } = this.scope;
    const item = { oid, need };
    const message = { ...this.scope.header(), word: SCRUB_WORD.replaced, number: 0 };
    for (const osd of members) {
      if (osd === host.id) {
        void host.submit(state.addMissing([item]));
        host.scrub.copyReplaced();
      } else {
        peering.missing.get(osd)?.set(oidKey(oid), item);
        host.send(osd, outgoing(MScrubReserve, message));
      }
    }
    recovery.start();
    host.statsChanged();
  };
}

function nobody(): void {}
