import type { OutgoingMessage } from '../../msgr/index.ts';
import type { Clock, Logger } from '../../runtime/index.ts';
import type { Collection, ObjectStore, Transaction } from '../../store/index.ts';
import type { EVersion, PgId } from '../../wire/index.ts';
import type { Leases } from '../leases.ts';
import type { LogBounds } from '../log/log-bounds.ts';
import type { OpLimits } from '../ops/index.ts';
import type { Lease } from '../peer-messages.ts';
import type { RecoveryOrders, RecoveryPort } from '../recovery/recovery-port.ts';
import type { RecoveryKind } from '../recovery/recovery-priority.ts';
import type { ScrubPort } from '../scrub/scrub-port.ts';
import type { MonWish } from './mon-wishes.ts';

/** What a PG needs of the daemon around it. */
export interface PgHost {
  readonly id: number;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  readonly limits: OpLimits;
  readonly logBounds: LogBounds;
  /** Objects of one page of a listing. */
  readonly listMax: number;
  /** Of how many idle objects a PG keeps what it knows of them. */
  readonly contextsMax: number;
  /** Places and leave to copy objects in the background. */
  readonly recovery: RecoveryPort;
  /** What map and options say now of recovery in a pool. */
  recoveryOrders(pool: number): RecoveryOrders;
  readonly epoch: number;
  /** Epoch in which this store was first up; 0 when it never was. */
  readonly storeSince: number;
  isUp(osd: number): boolean;
  readonly leases: Pick<Leases, 'grant' | 'isReadable' | 'waitMs'>;
  /** What to ask a member for. */
  lease(): Lease;
  /** A primary asks us to stand by it. @param then gets the lease's milliseconds, 0 when we do not; maybe at once */
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void;
  /** Epoch in which an OSD last came up; 0 while it is down. */
  upFrom(osd: number): number;
  /** See Others. */
  lostAt(osd: number): number;
  /** It is down, and what it held when it last was up is not coming back: `ceph osd lost`, or it was removed. */
  isGivenUp(osd: number): boolean;
  /** Asks for something in the next map, until it is there. */
  askMon(wish: MonWish): void;
  /** To the OSD as the current map has it; dropped if it is down, since peering follows. */
  send(osd: number, message: OutgoingMessage): void;
  /**
   * Tells the primary that everything up to `version` is durable here, or only applied. Joined with other answers of the
   * moment.
   */
  ack(osd: number, pgid: PgId, since: number, version: EVersion, isEarly?: boolean): void;
  /**
   * Durable when it resolves. Never rejects: a store that refuses here ends the daemon, and the promise stays open.
   * @param applied called before this returns, if the store has taken it
   */
  submit(txn: Transaction, applied?: () => void): Promise<void>;
  fatal(error: unknown): void;
  /** Room for a write of so many bytes, beside what was promised to others? */
  hasRoom(bytes: number): boolean;
  /**
   * Sets room aside for what a PG is about to take in.
   * @returns false when the store would become too full: backfillfull, or for recovery by the log full
   */
  reserve(c: Collection, bytes: number, kind: RecoveryKind): boolean;
  /** The last of a PG is gone from the store. */
  removed(pgid: PgId): void;
  /** The primary of a PG says that its members hold everything: our copy is of no use. */
  discard(pgid: PgId): void;
  /** What there is for scrubs. */
  readonly scrub: ScrubPort;
  /** A PG that is to be merged has come nearer to that. */
  mergeChanged(): void;
  /** The PG's report to the monitor has changed. */
  statsChanged(): void;
}
