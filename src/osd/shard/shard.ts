import type { OSDMap } from '../../maps/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../../msgr/index.ts';
import type { BufferPool, Clock, Logger, ProcessMemory } from '../../runtime/index.ts';
import type { ObjectStore, StoreOp } from '../../store/index.ts';
import {
  type EntityAddr,
  FORCE_RECOVERY,
  type ForceRecovery,
  type PgId,
} from '../../wire/index.ts';
import type { OpLimits } from '../ops/index.ts';
import type { Partition } from '../partition.ts';
import type { Lease } from '../peer-messages.ts';
import { peekPg } from '../peer-peek.ts';
import { type Absence, answerForAbsent } from '../pg/absent-pg.ts';
import type { Pg } from '../pg/pg.ts';
import { emptyInfo, type PgInfo } from '../pg/pg-info.ts';
import { storedView } from '../pg/pg-life.ts';
import type { Requester } from '../requests/client-ops.ts';
import type { ClientOp, OpAnswer } from '../requests/client-request.ts';
import type { ScrubOrder } from '../scrub/shard-scrubs.ts';
import type { Settings } from '../settings.ts';
import type { Answer, ShardAnswers, ShardCalls, ShardFront } from '../shard-front.ts';
import type { Superblock } from '../superblock.ts';
import type { Ack } from './acks.ts';
import { ClientGate, type ClientGateHost } from './client-gate.ts';
import { CopyFetcher, type CopyFetcherHost } from './copy-fetcher.ts';
import { OsdCounters } from './counters.ts';
import { EarlyMessages } from './early-messages.ts';
import type { PgRegistry } from './pg-registry.ts';
import { viewOf } from './pg-view.ts';
import { ShardBooks } from './shard-books.ts';
import { ShardMaps } from './shard-maps.ts';
import { ShardPgs } from './shard-pgs.ts';
import { Standing } from './standing.ts';

/** What a shard runs on. */
export interface ShardOptions {
  readonly partition: Partition;
  /** The OSD's number. */
  readonly id: number;
  /** Owned by the shard from now on: closed with it. */
  readonly store: ObjectStore;
  readonly superblock: Superblock;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  readonly pool: BufferPool;
  /** See Runtime. */
  readonly memory?: ProcessMemory | undefined;
  readonly front: ShardFront;
}

/**
 * PGs of an OSD on one thread: all of them, or the part that a partition gives. It follows the maps by itself, keeps how
 * far it has come in its own store together with what the PGs make of it, and so may lag behind the front.
 *
 * Here stands who gets what the front says: the PGs (ShardPgs) by the gate for clients or by the epochs of peers, the
 * maps (ShardMaps), the books (ShardBooks).
 */
export class Shard implements ShardCalls, ClientGateHost, CopyFetcherHost {
  readonly id: number;
  readonly partition: Partition;
  readonly clock: Clock;
  readonly pool: BufferPool;
  /** Where we stand; for others to look at. */
  readonly standing: Standing;
  private readonly front: ShardFront;
  private readonly store: ObjectStore;
  private readonly pgs: ShardPgs;
  private readonly registry: PgRegistry;
  private readonly maps: ShardMaps;
  private readonly books: ShardBooks;
  private readonly clients: ClientGate;
  private readonly copyFetcher: CopyFetcher;
  private readonly early: EarlyMessages;
  /** What came for PGs that are late. */
  private readonly forLate: EarlyMessages;

  constructor(options: ShardOptions) {
    const { id, partition, store, superblock, settings, clock, log, front } = options;
    this.id = id;
    this.partition = partition;
    this.store = store;
    this.clock = clock;
    this.pool = options.pool;
    this.front = front;
    this.early = new EarlyMessages(log);
    this.forLate = new EarlyMessages(log);
    const standing = new Standing(id, settings);
    const counters = new OsdCounters();
    this.standing = standing;
    this.pgs = new ShardPgs({
      ...options,
      standing,
      counters,
      cleared: () => this.cleared(),
      caughtUp: () => void this.maps.caughtUp().then(() => this.front.stateChanged()),
    });
    const { registry: pgs, memory, scrub } = this.pgs;
    this.registry = pgs;
    this.maps = new ShardMaps({
      ...{ partition, superblock, log, standing, pgs },
      submit: (txn) => this.pgs.submit(txn),
      mapChanged: () => this.pgs.mapChanged(),
      afterMaps: (map) => this.afterMaps(map),
    });
    this.books = new ShardBooks({
      ...{ clock, store, standing, pgs, counters, memory, scrub },
      held: () => this.clients.open(),
      takeLatency: () => this.pgs.takeLatency(),
    });
    this.copyFetcher = new CopyFetcher(this);
    this.clients = new ClientGate(this, this.copyFetcher);
    this.pgs.load();
  }

  // Clients

  request(by: Requester, message: IncomingMessage): void {
    this.clients.submit(by, message);
  }
  forget(by: Requester): void {
    this.clients.forget(by);
  }
  copyReply(message: IncomingMessage): void {
    this.copyFetcher.onReply(message);
  }

  // What the gate and copies ask.

  get map(): OSDMap | undefined {
    return this.standing.map;
  }
  get epoch(): number {
    return this.standing.epoch;
  }
  get isServing(): boolean {
    return this.standing.isServing;
  }
  get limits(): OpLimits {
    return this.standing.settings.limits;
  }
  pg(pgid: PgId): Pg | undefined {
    return this.registry.get(pgid);
  }
  isComing(pgid: PgId): boolean {
    return this.isRemoving(pgid) || this.pgs.isLate(pgid);
  }
  wantMap(epoch: number): void {
    this.front.wantMap(epoch);
  }
  shareMaps(by: Requester, epoch: number): void {
    this.front.shareMaps(by, epoch);
  }
  answered(op: ClientOp, a: OpAnswer): void {
    this.books.answered(op, a);
  }
  send(osd: number, message: OutgoingMessage): void {
    this.front.send(osd, message);
  }

  // Peers

  peerMessage(from: number, m: IncomingMessage): void {
    const { pgid, epoch, since } = peekPg(m.front);
    if (epoch > this.epoch) return this.later(epoch, () => this.peerMessage(from, m));
    if (!this.standing.isUpNow) return;
    const pg = this.registry.get(pgid);
    if (pg) {
      pg.onMessage(from, m);
      return;
    }
    const late = this.pgs.lateSince(pgid);
    if (late !== undefined) {
      // Of the interval that the split or the merge ended there is nothing to be heard any more.
      if (since > late) this.forLate.keep(epoch, () => this.peerMessage(from, m));
      return;
    }
    const answer = answerForAbsent(m, this.absence(pgid));
    if (answer) this.send(from, answer);
  }
  acked(from: number, acks: readonly Ack[]): void {
    for (const { pgid, since, version, isEarly } of acks) {
      this.registry.get(pgid)?.onAck(from, since, version, isEarly);
    }
  }
  peerReset(osd: number): void {
    for (const pg of this.registry.all()) {
      if (pg.view.acting.includes(osd) || pg.peering.consulted.has(osd)) pg.onPeerReset(osd);
    }
    this.copyFetcher.sendAgain();
  }
  granted(by: number, { upFrom, sentMs, leaseMs }: Lease): void {
    this.pgs.leases.grant(by, upFrom, sentMs, leaseMs);
    for (const pg of this.registry.all()) pg.pipeline.leaseRenewed();
  }
  promised(osd: number, upFrom: number, leaseMs: number): void {
    this.pgs.leases.promised(osd, upFrom, leaseMs);
  }
  /** A primary asks us to stand by it, see Leases.promise. */
  promise(osd: number, upFrom: number, leaseMs: number): boolean {
    return this.pgs.leases.promise(osd, upFrom, leaseMs);
  }
  /** What to ask a member for. */
  lease(): Lease {
    return this.pgs.lease();
  }

  // Orders and options

  /**
   * PGs that are here once a map has come, or have been split or merged, hear it then: the monitor says it once. Source:
   * OSD::handle_fast_scrub, release 16.2.
   */
  orderScrub(order: ScrubOrder): void {
    const { epoch } = order;
    if (epoch > this.epoch) return this.later(epoch, () => this.orderScrub(order));
    const isLate = ({ pgid }: ScrubOrder['pgs'][number]): boolean =>
      !this.registry.get(pgid) && this.pgs.isLate(pgid);
    const late = order.pgs.filter(isLate);
    if (late.length > 0) this.forLate.keep(epoch, () => this.orderScrub({ ...order, pgs: late }));
    this.pgs.scrub.order(order);
  }
  force({ pgs, options }: ForceRecovery): void {
    const kind = (options & FORCE_RECOVERY.backfill) !== 0 ? 'backfill' : 'recovery';
    for (const { pgid } of pgs) {
      this.registry.get(pgid)?.force(kind, (options & FORCE_RECOVERY.cancel) === 0);
    }
  }
  apply(settings: Settings): void {
    this.standing.settings = settings;
    this.books.configChanged();
    this.pgs.configChanged();
  }

  // Questions

  ask<Q extends keyof ShardAnswers>(question: Q, pgid?: PgId): Answer<ShardAnswers[Q]> {
    return this.books.ask(question, pgid);
  }
  get neighbours(): Set<number> {
    const out = this.registry.members;
    out.delete(this.id);
    return out;
  }
  get pgCount(): number {
    return this.registry.size;
  }
  get durableEpoch(): number {
    return this.maps.durableEpoch;
  }
  /** What that is after the next commit. */
  get seenEpoch(): number {
    return this.maps.seenEpoch;
  }

  // Maps

  /** We listen here: from now on it can be told whether a map shows us up. */
  begin(addr: EntityAddr): void {
    this.maps.begin(addr);
  }
  /**
   * The next map. What the PGs make of it waits for {@link commitMaps}. Maps that the PGs have seen before the last
   * restart only tell what there is.
   */
  advance(map: OSDMap, previous: OSDMap | undefined): void {
    this.maps.advance(map, previous);
  }
  /**
   * After the last map of a batch; resolves when they are durable, with what the PGs made of them.
   * @param frontOps what must become durable together with that, in the front's own shard
   */
  commitMaps(frontOps: readonly StoreOp[]): Promise<void> {
    return this.maps.commit(frontOps);
  }

  private afterMaps(map: OSDMap): void {
    this.pgs.afterMaps();
    this.early.reached(map.epoch);
    this.forLate.reached(map.epoch);
    this.clients.retry();
    this.copyFetcher.sendAgain();
    this.front.statsChanged();
  }

  /** PGs that were not here may be. */
  private cleared(): void {
    this.forLate.reached(this.epoch);
    this.clients.retry();
  }

  private absence(pgid: PgId): Absence {
    const isRemoving = this.isRemoving(pgid);
    const view = viewOf(this.map!, pgid);
    const isComing = isRemoving && view.acting.includes(this.id);
    const blank = (): PgInfo => emptyInfo(0, storedView(view), this.pgs.storeSince);
    return { isRemoving, isComing, blank };
  }

  private isRemoving(pgid: PgId): boolean {
    return this.map !== undefined && this.registry.isRemoving(pgid, this.map);
  }

  /** Keeps what needs a newer map. */
  private later(epoch: number, handle: () => void): void {
    if (this.early.isEmpty) this.front.wantMap(epoch);
    this.early.keep(epoch, handle);
  }

  // The end

  async stop(): Promise<void> {
    if (this.standing.phase === 'running') this.standing.phase = 'stopping';
    this.registry.stop();
  }
  /** Nothing more comes from the front. */
  halt(): void {
    this.standing.phase = 'stopped';
    this.pgs.stop();
  }
  close(): Promise<void> {
    this.halt();
    return this.store.close();
  }
}
