import type { OSDMap } from '../maps/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../msgr/index.ts';
import type { BufferPool, Clock, Logger, ProcessMemory, Timer } from '../runtime/index.ts';
import type { Collection, ObjectStore, StoreOp, Transaction } from '../store/index.ts';
import {
  decodeFront,
  type EntityAddr,
  type EVersion,
  FORCE_RECOVERY,
  type ForceRecovery,
  outgoing,
  type PgId,
  sameAddr,
} from '../wire/index.ts';
import { type Ack, Acks } from './acks.ts';
import { ClientGate, type ClientGateHost } from './client-gate.ts';
import type { Requester } from './client-ops.ts';
import type { ClientOp, OpAnswer } from './client-request.ts';
import { CopyFetcher } from './copy-fetcher.ts';
import { OsdCounters } from './counters.ts';
import { EarlyMessages } from './early-messages.ts';
import { Leases } from './leases.ts';
import { type LogBounds, LogBudget } from './log-bounds.ts';
import { isGivenUp, leaseMsOf, lifeOf, lostAt } from './map-life.ts';
import { MemoryKeeper } from './memory-keeper.ts';
import { sumOf } from './mempools.ts';
import { MergeWatch } from './merge-watch.ts';
import type { MonWish } from './mon-wishes.ts';
import { OpHistory, type SlowOps, slowOpsOf } from './op-history.ts';
import { recordOf } from './op-record.ts';
import type { OpLimits } from './ops/index.ts';
import { type Partition, shardOf } from './partition.ts';
import { ASK, type Lease, MPgInfo, MPgQuery, MPgRemove, MPgRemoved } from './peer-messages.ts';
import { peekPg } from './peer-peek.ts';
import type { Pg } from './pg.ts';
import { factsOf } from './pg-facts.ts';
import type { PgHost } from './pg-host.ts';
import { emptyInfo } from './pg-info.ts';
import { storedView } from './pg-life.ts';
import { queryPg } from './pg-query.ts';
import { type Group, PgRegistry, viewOf } from './pg-registry.ts';
import { PgReports } from './pg-report.ts';
import { listUnfound, markUnfoundLost } from './pg-unfound.ts';
import { PoolCompression } from './pool-compression.ts';
import { recoveryOrders } from './recovery-orders.ts';
import type { RecoveryOrders, RecoveryPort } from './recovery-port.ts';
import type { RecoveryKind } from './recovery-priority.ts';
import { Room } from './room.ts';
import { type ScrubOrder, ShardScrubs } from './scrub/shard-scrubs.ts';
import type { Settings } from './settings.ts';
import type { Answer, ShardAnswers, ShardCalls, ShardFront } from './shard-front.ts';
import { putMeta, type Superblock, superEntry } from './superblock.ts';

/** Slow requests are looked for so often at most. */
const SLOW_OPS_MS = 5000;
/** Operations after which what a batch of maps makes of PGs is submitted, when it is much. */
const MAP_OPS_MAX = 256;
/** mon_osd_backfillfull_ratio and mon_osd_full_ratio of 16.2, for maps without them. */
const BACKFILL_FULL = 0.9;
const FULL = 0.95;

/** How often a shard looks for what belongs to no PG. */
const SWEEP_MS = 600_000;

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
 */
export class Shard implements ShardCalls, PgHost, ClientGateHost {
  readonly id: number;
  readonly partition: Partition;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  readonly pool: BufferPool;
  readonly leases: Leases;
  readonly recovery: RecoveryPort;
  readonly scrub: ShardScrubs;
  map: OSDMap | undefined;
  /** The map shows us up. */
  isUpNow = false;
  durableEpoch: number;
  private readonly front: ShardFront;
  private readonly superblock: Superblock;
  private readonly pgs: PgRegistry;
  private readonly clients: ClientGate;
  private readonly merges: MergeWatch;
  private readonly copyFetcher: CopyFetcher;
  private readonly counters = new OsdCounters();
  private readonly history: OpHistory;
  private slow: { readonly atMs: number; readonly found: SlowOps } | undefined;
  private readonly reports = new PgReports();
  private readonly room: Room;
  private readonly acks: Acks;
  private readonly compression: PoolCompression;
  private readonly keeper: MemoryKeeper;
  /** PGs that we are primary of: the others have no contexts. */
  private primaries = 0;
  private settings: Settings;
  private readonly logBudget = new LogBudget();
  private addr: EntityAddr | undefined;
  private state: 'running' | 'stopping' | 'stopped' = 'running';
  /** What the maps of a batch make of the PGs, to become durable with them. */
  private mapOps: Group[] = [];
  private hasNewMaps = false;
  private readonly early: EarlyMessages;
  private sweeping: Timer | undefined;

  constructor(options: ShardOptions) {
    const { partition, superblock, front, clock } = options;
    this.id = options.id;
    this.partition = partition;
    this.store = options.store;
    this.clock = clock;
    this.log = options.log;
    this.crc32c = options.crc32c;
    this.pool = options.pool;
    this.front = front;
    this.superblock = superblock;
    this.settings = options.settings;
    this.history = new OpHistory(options.settings.history);
    this.durableEpoch = superblock.newest;
    this.recovery = front.recovery;
    this.early = new EarlyMessages(options.log);
    this.room = new Room(options.store, clock);
    this.compression = new PoolCompression(options.store);
    const shard = this;
    this.leases = new Leases({
      nowMs: () => clock.monotonicMs(),
      get leaseMs() {
        return leaseMsOf(shard.settings.graceSeconds);
      },
      get upFrom() {
        return lifeOf(shard.map, shard.id).upFrom;
      },
      life: (osd) => lifeOf(shard.map, osd),
    });
    this.acks = new Acks((osd, message) => front.send(osd, message));
    this.keeper = new MemoryKeeper(
      {
        clock,
        store: options.store,
        pool: options.pool,
        memory: options.memory,
        shards: partition.count,
        logs: () => sumOf([...this.pgs.all()].map((pg) => pg.state.log.held)),
        contexts: () => [...this.pgs.all()].reduce((n, pg) => n + pg.pipeline.contextCount, 0),
      },
      options.settings.memoryTargetBytes,
    );
    this.pgs = new PgRegistry(this, superblock.untouched, (pgid) => this.isHere(pgid));
    this.merges = new MergeWatch(this);
    this.copyFetcher = new CopyFetcher(this);
    this.clients = new ClientGate(this, this.copyFetcher);
    this.pgs.load();
    this.setDirect();
    this.scrub = new ShardScrubs({
      clock,
      get map() {
        return shard.map;
      },
      get scrubSettings() {
        return shard.settings.scrub;
      },
      scrubPlaces: front.scrubPlaces,
      clusterLog: (priority, text) => front.clusterLog(priority, text),
      all: () => this.pgs.all(),
      pg: (pgid) => this.pgs.get(pgid),
    });
    this.sweepLater();
  }

  // What PGs and the gate ask.

  get epoch(): number {
    return this.map?.epoch ?? 0;
  }
  get limits(): OpLimits {
    return this.settings.limits;
  }
  get listMax(): number {
    return this.settings.listMax;
  }
  get logBounds(): LogBounds {
    const pgs = Math.max(1, this.pgs.size);
    const { partition, keeper, settings } = this;
    // The logs of all PGs share what memory there is for them.
    const inMemory = Math.floor(keeper.logEntries / pgs);
    return this.logBudget.of(settings.logs, inMemory, pgs * partition.count);
  }
  get contextsMax(): number {
    return Math.floor(this.keeper.contexts / Math.max(1, this.primaries));
  }
  get storeSince(): number {
    return this.superblock.storeSince;
  }
  get isServing(): boolean {
    return this.isUpNow && this.state === 'running';
  }
  isUp(osd: number): boolean {
    return this.map?.isUp(osd) ?? false;
  }
  upFrom(osd: number): number {
    return this.isUp(osd) ? lifeOf(this.map, osd).upFrom : 0;
  }
  lostAt(osd: number): number {
    return lostAt(this.map, osd);
  }
  isGivenUp(osd: number): boolean {
    return isGivenUp(this.map, osd);
  }
  askMon(wish: MonWish): void {
    this.front.askMon(wish);
  }
  mergeChanged(): void {
    this.merges.look();
  }
  lease(): Lease {
    const sentMs = Math.floor(this.clock.monotonicMs());
    const { graceSeconds } = this.settings;
    return { upFrom: lifeOf(this.map, this.id).upFrom, sentMs, leaseMs: leaseMsOf(graceSeconds) };
  }
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void {
    this.front.standBy(osd, lease, then);
  }
  send(osd: number, message: OutgoingMessage): void {
    this.front.send(osd, message);
  }
  ack(osd: number, pgid: PgId, since: number, version: EVersion, isEarly = false): void {
    if (!isEarly) this.counters.subopW++;
    this.acks.add(osd, { pgid, since, version, isEarly });
  }
  submit(txn: Transaction, applied?: () => void): Promise<void> {
    return this.store.submit(txn, applied).catch((e: unknown) => {
      // Peers may have this change, or the log here lacks it: going on would be a lie.
      if (this.state !== 'stopped') this.fatal(e);
      return new Promise<void>(() => {});
    });
  }
  fatal(error: unknown): void {
    this.front.fatal(error);
  }
  hasRoom(bytes: number): boolean {
    return this.room.has(bytes);
  }
  reserve(c: Collection, bytes: number, kind: RecoveryKind): boolean {
    const { fullRatio, backfillfullRatio } = this.map?.data ?? {};
    const share = kind === 'backfill' ? backfillfullRatio || BACKFILL_FULL : fullRatio || FULL;
    return this.room.reserve(c, bytes, share);
  }
  recoveryOrders(pool: number): RecoveryOrders {
    return recoveryOrders(this.map, pool, this.settings.recovery);
  }
  statsChanged(): void {
    this.front.statsChanged();
  }
  removed(pgid: PgId): void {
    const { map } = this;
    if (!map || !this.isServing) return;
    if (map.pool(pgid.pool)) {
      for (const group of this.pgs.advance(map, map, true)) void this.submit(group);
      this.pgs.settle();
    }
    this.clients.retry();
  }
  discard(pgid: PgId): void {
    const pg = this.pgs.get(pgid);
    if (pg) this.pgs.remove(pg);
  }
  pg(pgid: PgId): Pg | undefined {
    return this.pgs.get(pgid);
  }
  isRemoving(pgid: PgId): boolean {
    return this.map !== undefined && this.pgs.isRemoving(pgid, this.map);
  }
  wantMap(epoch: number): void {
    this.front.wantMap(epoch);
  }
  shareMaps(by: Requester, epoch: number): void {
    this.front.shareMaps(by, epoch);
  }
  answered(op: ClientOp, a: OpAnswer): void {
    const now = this.clock.monotonicMs();
    this.counters.answered(op, a, now);
    this.history.answered(op, now);
  }

  // What the front says.

  request(by: Requester, message: IncomingMessage): void {
    this.clients.submit(by, message);
  }
  forget(by: Requester): void {
    this.clients.forget(by);
  }
  peerMessage(from: number, m: IncomingMessage): void {
    const { pgid, epoch, since } = peekPg(m.front);
    if (this.later(epoch, () => this.peerMessage(from, m))) return;
    if (!this.isUpNow) return;
    const pg = this.pgs.get(pgid);
    if (pg) pg.onMessage(from, m);
    else if (this.isRemoving(pgid)) return;
    else if (m.type === MPgQuery.type) this.answerWithNothing(from, m, since);
    else if (m.type === MPgRemove.type) {
      this.send(from, outgoing(MPgRemoved, { pgid, epoch: this.epoch, since }));
    }
  }
  acked(from: number, acks: readonly Ack[]): void {
    for (const { pgid, since, version, isEarly } of acks) {
      this.pgs.get(pgid)?.onAck(from, since, version, isEarly);
    }
  }
  copyReply(message: IncomingMessage): void {
    this.copyFetcher.onReply(message);
  }
  peerReset(osd: number): void {
    for (const pg of this.pgs.all()) {
      if (pg.view.acting.includes(osd) || pg.peering.consulted.has(osd)) pg.onPeerReset(osd);
    }
    this.copyFetcher.sendAgain();
  }
  granted(by: number, { upFrom, sentMs, leaseMs }: Lease): void {
    this.leases.grant(by, upFrom, sentMs, leaseMs);
    for (const pg of this.pgs.all()) pg.pipeline.leaseRenewed();
  }
  promised(osd: number, upFrom: number, leaseMs: number): void {
    this.leases.promised(osd, upFrom, leaseMs);
  }
  orderScrub(order: ScrubOrder): void {
    this.scrub.order(order);
  }
  force({ pgs, options }: ForceRecovery): void {
    const kind = (options & FORCE_RECOVERY.backfill) !== 0 ? 'backfill' : 'recovery';
    for (const { pgid } of pgs) {
      this.pgs.get(pgid)?.force(kind, (options & FORCE_RECOVERY.cancel) === 0);
    }
  }
  apply(settings: Settings): void {
    this.settings = settings;
    this.history.apply(settings.history);
    this.keeper.setTarget(settings.memoryTargetBytes);
    this.setDirect();
    for (const pg of this.pgs.all()) pg.places.look();
    if (this.map) this.compression.update(this.map, settings.compression);
  }
  private sweepLater(): void {
    this.sweeping = this.clock.setTimer(SWEEP_MS, () => {
      if (this.map && this.isServing) this.pgs.sweep(this.map);
      this.sweepLater();
    });
  }
  private setDirect(): void {
    try {
      this.store.setDirect?.(this.settings.storeDirect);
    } catch (error) {
      this.log('warn', 'osd_store_direct stays as it was', { error });
    }
  }
  async stop(): Promise<void> {
    if (this.state === 'running') this.state = 'stopping';
    this.pgs.stop();
  }
  /** Nothing more comes from the front. */
  halt(): void {
    this.state = 'stopped';
    this.keeper.stop();
    this.scrub.stop();
    this.sweeping?.cancel();
    this.merges.stop();
    this.pgs.stop();
  }
  close(): Promise<void> {
    this.halt();
    return this.store.close();
  }
  ask<Q extends keyof ShardAnswers>(question: Q, pgid?: PgId): Answer<ShardAnswers[Q]> {
    const pg = pgid && this.pgs.get(pgid);
    const answers: { [A in keyof ShardAnswers]: () => Answer<ShardAnswers[A]> } = {
      report: () => ({
        pgs: this.reports.of(this.pgs.all(), this.clock.wallMs()),
        pgCount: this.pgs.size,
        usage: this.store.usage(),
        copiesReplaced: this.scrub.replaced,
        slowOps: this.slowOps(),
      }),
      counters: () => this.counters.sums(),
      mempools: () => this.keeper.mempools(),
      ops: () => ({ nowMs: this.clock.monotonicMs(), ops: this.openOps().map((o) => recordOf(o)) }),
      historicOps: () => {
        const nowMs = this.clock.monotonicMs();
        return { nowMs, ops: this.history.bySlowness(nowMs) };
      },
      historicSlowOps: () => ({ nowMs: this.clock.monotonicMs(), ops: this.history.slowOnes }),
      pg: () => pg && queryPg(pg, this.reports.one(pg, this.clock.wallMs())),
      pgFacts: () => pg && factsOf(pg),
      pgUnfound: () => pg && listUnfound(pg),
      pgRevert: () => pg && markUnfoundLost(pg, 'revert'),
      pgDelete: () => pg && markUnfoundLost(pg, 'delete'),
    };
    return answers[question]();
  }
  get neighbours(): Set<number> {
    const out = new Set<number>();
    for (const pg of this.pgs.all()) for (const osd of pg.view.acting) out.add(osd);
    out.delete(this.id);
    return out;
  }
  /** To find them is work, so not each of several reports in a short time looks anew. */
  private slowOps(): SlowOps {
    const { complaintMs } = this.settings.history;
    const now = this.clock.monotonicMs();
    if (!this.slow || now - this.slow.atMs >= Math.min(SLOW_OPS_MS, complaintMs)) {
      this.slow = { atMs: now, found: slowOpsOf(this.openOps(), now, complaintMs) };
    }
    return this.slow.found;
  }
  /** Requests that are being served or held. */
  private openOps(): ClientOp[] {
    return [...this.pgs.all()].flatMap((pg) => pg.pipeline.open());
  }
  get pgCount(): number {
    return this.pgs.size;
  }

  // Maps

  /** We listen here: from now on it can be told whether a map shows us up. */
  begin(addr: EntityAddr): void {
    this.addr = addr;
  }

  /**
   * The next map. What the PGs make of it waits for {@link commitMaps}. Maps that the PGs have seen before the last
   * restart only tell what there is.
   */
  advance(map: OSDMap, previous: OSDMap | undefined): void {
    this.map = map;
    this.compression.update(map, this.settings.compression);
    if (map.epoch <= this.superblock.newest) {
      if (map.epoch === this.superblock.newest) this.pgs.resume(map);
      return;
    }
    const groups = this.pgs.advance(map, previous, this.isOurs(map));
    this.superblock.newest = map.epoch;
    this.mapOps.push(...groups);
    this.hasNewMaps = true;
  }

  /**
   * After the last map of a batch; resolves when they are durable, with what the PGs made of them.
   * @param frontOps what must become durable together with that, in the front's own shard
   */
  async commitMaps(frontOps: readonly StoreOp[]): Promise<void> {
    const { newest } = this.superblock;
    const ops: StoreOp[] = [];
    if (this.hasNewMaps) {
      for (const group of this.mapOps.splice(0)) {
        ops.push(...group);
        // Splits write much. A crash between finds some PGs ahead of the map, which then pass it without a change.
        if (ops.length >= MAP_OPS_MAX) void this.submit(ops.splice(0));
      }
      ops.push(...frontOps, this.putSuper());
    }
    this.hasNewMaps = false;
    const durable = this.submit(ops);
    this.afterMaps();
    await durable;
    this.durableEpoch = newest;
  }

  private isHere(pgid: PgId): boolean {
    const { index, count } = this.partition;
    return shardOf(pgid, count) === index;
  }

  private putSuper(): StoreOp {
    return putMeta([superEntry(this.superblock)]);
  }

  private showsUsUp(map: OSDMap): boolean {
    const mine = map.addrs(this.id)[0];
    const { addr } = this;
    return map.isUp(this.id) && mine !== undefined && !!addr && sameAddr(mine, addr);
  }

  private isOurs(map: OSDMap): boolean {
    const { superblock } = this;
    const upFrom = map.isUp(this.id) ? lifeOf(map, this.id).upFrom : 0;
    if (this.showsUsUp(map)) {
      superblock.upFrom = upFrom;
      if (superblock.storeSince === 0) superblock.storeSince = upFrom;
    }
    return upFrom > 0 && upFrom === superblock.upFrom;
  }

  private afterMaps(): void {
    const { map } = this;
    if (!map || this.state === 'stopped') return;
    const isUpNow = this.showsUsUp(map);
    if (isUpNow !== this.isUpNow) {
      this.isUpNow = isUpNow;
      const { index, count } = this.partition;
      const who = count > 1 ? { shard: index } : {};
      this.log('info', isUpNow ? 'up' : 'down', { epoch: map.epoch, ...who });
    }
    if (this.state === 'stopping') return;
    if (isUpNow) this.pgs.settle();
    for (const pg of this.pgs.all()) pg.places.look();
    this.merges.look();
    this.primaries = [...this.pgs.all()].filter((pg) => pg.isPrimary).length;
    this.early.reached(map.epoch);
    this.clients.retry();
    this.copyFetcher.sendAgain();
    this.statsChanged();
  }

  /** Keeps what needs a newer map. @returns false when we have it */
  private later(epoch: number, handle: () => void): boolean {
    if (epoch <= this.epoch) return false;
    if (this.early.isEmpty) this.front.wantMap(epoch);
    this.early.keep(epoch, handle);
    return true;
  }

  /** A question about a PG that is not here. */
  private answerWithNothing(from: number, m: IncomingMessage, since: number): void {
    const { pgid, round, ask } = decodeFront(MPgQuery, m);
    if (ask !== ASK.info) return;
    const view = storedView(viewOf(this.map!, pgid));
    const info = emptyInfo(0, view, this.storeSince);
    this.send(from, outgoing(MPgInfo, { pgid, epoch: this.epoch, since, round, info }));
  }
}
