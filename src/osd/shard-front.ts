import type { Json } from '../codec/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../msgr/index.ts';
import type { StoreUsage } from '../store/index.ts';
import type { ForceRecovery, LOG_PRIORITY, PgId, PgStat } from '../wire/index.ts';
import type { ShardOps } from './front/op-dumps.ts';
import type { Lease } from './peer-messages.ts';
import type { MonWish } from './pg/mon-wishes.ts';
import type { PgFacts } from './pg/pg-facts.ts';
import type { PgReply } from './pg/pg-unfound.ts';
import type { RecoveryPort } from './recovery/recovery-port.ts';
import type { Requester } from './requests/client-ops.ts';
import type { ScrubPlaceGiver } from './scrub/scrub-places.ts';
import type { ScrubOrder } from './scrub/shard-scrubs.ts';
import type { Settings } from './settings.ts';
import type { Ack } from './shard/acks.ts';
import type { CounterSums } from './shard/counters.ts';
import type { Mempools } from './shard/mempools.ts';
import type { SlowOps } from './shard/op-history.ts';
import type { LatencySum } from './shard/store-latency.ts';

// An OSD is a front and its shards. The front has what there is once in an OSD: the messenger, the session with the
// monitor, options, heartbeats, reports. A shard has PGs, a store for them, and the clients' requests to them. They say
// to each other what stands here, and nothing else: by calls where they share a thread (shard 0 is always with the
// front), else by posts that arrive in order.

/** What the front says to a shard. */
export interface ShardCalls {
  /** A client's request to a PG of this shard. @throws DecodeError */
  request(by: Requester, message: IncomingMessage): void;
  /** The session is gone: its client sends again what was not answered. */
  forget(by: Requester): void;
  /** What a peer says about a PG of this shard. @throws DecodeError */
  peerMessage(from: number, message: IncomingMessage): void;
  /** A peer acknowledges changes of PGs of this shard. */
  acked(from: number, acks: readonly Ack[]): void;
  /** The answer to a request that a copy of this shard needed. @throws DecodeError */
  copyReply(message: IncomingMessage): void;
  /** The session with an OSD forgot what was on its way. */
  peerReset(osd: number): void;
  /** A member stands by us, see Leases.grant. */
  granted(by: number, lease: Lease): void;
  /** We stand by a primary. Said before any map that shows it down. */
  promised(osd: number, upFrom: number, leaseMs: number): void;
  /** Scrubs those of the PGs that are this shard's and that we are primary of. */
  orderScrub(order: ScrubOrder): void;
  /** PGs are to be recovered before all others, or not any more. */
  force(order: ForceRecovery): void;
  /** Options have changed. */
  apply(settings: Settings): void;
  /** Resolves when the shard's PGs answer nobody any more. */
  stop(): Promise<void>;
  /** Closes the store. */
  close(): Promise<void>;
  ask<Q extends keyof ShardAnswers>(question: Q, pgid?: PgId): Answer<ShardAnswers[Q]>;
  /** OSDs that share a PG of this shard with us. */
  readonly neighbours: ReadonlySet<number>;
  readonly pgCount: number;
  /** The newest epoch that this shard's store has. */
  readonly durableEpoch: number;
}

export type Answer<A> = A | Promise<A>;

/** What a shard can be asked. */
export interface ShardAnswers {
  report: ShardReport;
  counters: CounterSums;
  mempools: Mempools;
  /** Requests that are being served or held. */
  ops: ShardOps;
  /** Answered ones: the slowest of late, and the newest that were slow. */
  historicOps: ShardOps;
  historicSlowOps: ShardOps;
  /** As its primary, or a member, sees a PG; undefined: it is not here. Json for `query`, see pg-query.ts. */
  pg: Json | undefined;
  pgFacts: PgFacts | undefined;
  pgUnfound: Json | undefined;
  pgRevert: PgReply | undefined;
  pgDelete: PgReply | undefined;
}

/** How a shard's store and the PGs that it is primary of are. */
export interface ShardReport {
  readonly pgs: PgStat[];
  readonly pgCount: number;
  readonly usage: StoreUsage;
  /** Damaged copies that were replaced since the start. */
  readonly copiesReplaced: number;
  readonly slowOps: SlowOps;
  /** Of the store's transactions since the last report. */
  readonly latency: LatencySum;
}

/** What a shard says to the front. */
export interface ShardFront {
  /** Places and leave for recovery, over all shards. */
  readonly recovery: RecoveryPort;
  /** Places for scrubs, likewise. */
  readonly scrubPlaces: ScrubPlaceGiver;
  /** A line for the cluster log. */
  clusterLog(priority: keyof typeof LOG_PRIORITY, text: string): void;
  /** To the OSD, ourselves included, as the front's map has it; dropped if it is down, since peering follows. */
  send(osd: number, message: OutgoingMessage): void;
  /** Something speaks of an epoch that this shard does not have. */
  wantMap(epoch: number): void;
  /** Asks the monitor for something in the next map, until it is there. */
  askMon(wish: MonWish): void;
  /** A client had an old map when it sent its request. */
  shareMaps(by: Requester, epoch: number): void;
  /**
   * A primary asks us to stand by it. Whether we do is decided by the front, which knows every map before any shard does:
   * all shards hear of it before they hear of a map that shows that primary down, so none of them tells others what it
   * holds while the primary counts on us.
   * @param then gets the lease's milliseconds; 0: we do not
   */
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void;
  /** The PGs' reports to the monitor have changed. */
  statsChanged(): void;
  /** What the shard has made durable, and its PGs, have changed, though no map came. */
  stateChanged(): void;
  /** The shard cannot go on, so the OSD cannot. */
  fatal(error: unknown): void;
}
