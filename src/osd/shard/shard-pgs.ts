import type { OSDMap } from '../../maps/index.ts';
import type { OutgoingMessage } from '../../msgr/index.ts';
import type { BufferPool, Clock, Logger, ProcessMemory, Timer } from '../../runtime/index.ts';
import type { Collection, ObjectStore, Transaction } from '../../store/index.ts';
import type { EVersion, PgId } from '../../wire/index.ts';
import { Leases } from '../leases.ts';
import type { LogBounds } from '../log/log-bounds.ts';
import { leaseMsOf, lifeOf } from '../map-life.ts';
import type { OpLimits } from '../ops/index.ts';
import { type Partition, shardOf } from '../partition.ts';
import type { Lease } from '../peer-messages.ts';
import type { MonWish } from '../pg/mon-wishes.ts';
import type { Pg } from '../pg/pg.ts';
import type { PgHost } from '../pg/pg-host.ts';
import { recoveryOrders } from '../recovery/recovery-orders.ts';
import type { RecoveryOrders, RecoveryPort } from '../recovery/recovery-port.ts';
import type { RecoveryKind } from '../recovery/recovery-priority.ts';
import { ShardScrubs } from '../scrub/shard-scrubs.ts';
import type { ShardFront } from '../shard-front.ts';
import type { Superblock } from '../superblock.ts';
import { Acks } from './acks.ts';
import type { OsdCounters } from './counters.ts';
import { LateTurns } from './late-turns.ts';
import { MergeWatch } from './merge-watch.ts';
import { PgRegistry } from './pg-registry.ts';
import { ShardMemory } from './shard-memory.ts';
import { ShardStore } from './shard-store.ts';
import type { Standing } from './standing.ts';
import type { LatencySum } from './store-latency.ts';

/** How often a shard looks for what belongs to no PG. */
const SWEEP_MS = 600_000;

/** What the PGs of a shard run on. */
export interface ShardPgsOptions {
  readonly partition: Partition;
  readonly superblock: Superblock;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  readonly pool: BufferPool;
  readonly memory?: ProcessMemory | undefined;
  readonly front: ShardFront;
  readonly standing: Standing;
  readonly counters: OsdCounters;
  /** What was in the way of a PG is gone. */
  cleared(): void;
  /** All PGs have seen the newest map. */
  caughtUp(): void;
}

/** The PGs of a shard and what they share, which is all that they see of it. */
export class ShardPgs implements PgHost {
  readonly id: number;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  readonly recovery: RecoveryPort;
  readonly leases: Leases;
  readonly scrub: ShardScrubs;
  readonly memory: ShardMemory;
  readonly registry: PgRegistry;
  private readonly o: ShardPgsOptions;
  private readonly standing: Standing;
  private readonly storing: ShardStore;
  private readonly acks: Acks;
  private readonly merges: MergeWatch;
  private readonly turns: LateTurns;
  private sweeping: Timer | undefined;

  constructor(options: ShardPgsOptions) {
    const { partition, store, clock, log, front, standing, superblock } = options;
    this.o = options;
    this.standing = standing;
    this.id = standing.id;
    this.store = store;
    this.clock = clock;
    this.log = log;
    this.crc32c = options.crc32c;
    this.recovery = front.recovery;
    this.leases = leasesOf(standing, clock);
    this.storing = new ShardStore({ store, clock, log, standing, fatal: (e) => front.fatal(e) });
    this.acks = new Acks((osd, message) => front.send(osd, message));
    const isHere = (pgid: PgId): boolean => shardOf(pgid, partition.count) === partition.index;
    this.registry = new PgRegistry(this, superblock.untouched, isHere);
    const { pool, memory } = options;
    this.memory = new ShardMemory({
      ...{ clock, store, pool, memory, standing },
      shards: partition.count,
      pgs: this.registry,
    });
    this.merges = new MergeWatch(this);
    this.turns = new LateTurns({
      ...{ clock, registry: this.registry },
      submit: (group) => void this.submit(group),
      turned: () => this.turned(),
      caughtUp: () => {
        this.memory.afterMaps();
        options.caughtUp();
      },
    });
    this.scrub = new ShardScrubs({
      clock,
      get map() {
        return standing.map;
      },
      get scrubSettings() {
        return standing.settings.scrub;
      },
      scrubPlaces: front.scrubPlaces,
      clusterLog: (priority, text) => front.clusterLog(priority, text),
      all: () => this.registry.all(),
      pg: (pgid) => this.pg(pgid),
    });
  }

  /** Reads the PGs of the store. */
  load(): void {
    this.registry.load();
    this.sweepLater();
  }

  /** See ShardStore. */
  takeLatency(): LatencySum {
    return this.storing.takeLatency();
  }

  /** A map came. */
  mapChanged(): void {
    this.storing.mapChanged();
  }

  /** After the last map of a batch. */
  afterMaps(): void {
    if (this.standing.isUpNow) this.registry.settle();
    for (const pg of this.registry.all()) pg.places.look();
    this.merges.look();
    this.memory.afterMaps();
    this.turns.begin();
  }

  /** Options have changed. */
  configChanged(): void {
    this.memory.configChanged();
    this.storing.configChanged();
    for (const pg of this.registry.all()) pg.places.look();
  }

  /** Nothing is done any more. */
  stop(): void {
    this.memory.stop();
    this.scrub.stop();
    this.sweeping?.cancel();
    this.merges.stop();
    this.turns.stop();
    this.registry.stop();
  }

  // What PGs ask: where we stand

  get map(): OSDMap | undefined {
    return this.standing.map;
  }
  get epoch(): number {
    return this.standing.epoch;
  }
  get storeSince(): number {
    return this.o.superblock.storeSince;
  }
  get limits(): OpLimits {
    return this.standing.settings.limits;
  }
  get listMax(): number {
    return this.standing.settings.listMax;
  }
  get logBounds(): LogBounds {
    return this.memory.logBounds;
  }
  get contextsMax(): number {
    return this.memory.contextsMax;
  }
  recoveryOrders(pool: number): RecoveryOrders {
    return recoveryOrders(this.map, pool, this.standing.settings.recovery);
  }
  isUp(osd: number): boolean {
    return this.standing.isUp(osd);
  }
  upFrom(osd: number): number {
    return this.standing.upFrom(osd);
  }
  lostAt(osd: number): number {
    return this.standing.lostAt(osd);
  }
  isGivenUp(osd: number): boolean {
    return this.standing.isGivenUp(osd);
  }

  // ... of the store

  submit(txn: Transaction, applied?: () => void): Promise<void> {
    return this.storing.submit(txn, applied);
  }
  hasRoom(bytes: number): boolean {
    return this.storing.hasRoom(bytes);
  }
  reserve(c: Collection, bytes: number, kind: RecoveryKind): boolean {
    return this.storing.reserve(c, bytes, kind);
  }

  // ... of others

  send(osd: number, message: OutgoingMessage): void {
    this.o.front.send(osd, message);
  }
  ack(osd: number, pgid: PgId, since: number, version: EVersion, isEarly = false): void {
    if (!isEarly) this.o.counters.subopW++;
    this.acks.add(osd, { pgid, since, version, isEarly });
  }
  lease(): Lease {
    return this.leases.lease();
  }
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void {
    this.o.front.standBy(osd, lease, then);
  }
  askMon(wish: MonWish): void {
    this.o.front.askMon(wish);
  }
  statsChanged(): void {
    this.o.front.statsChanged();
  }
  fatal(error: unknown): void {
    this.o.front.fatal(error);
  }

  // ... of PGs

  pg(pgid: PgId): Pg | undefined {
    return this.registry.get(pgid);
  }
  /** Something that has to be split or merged first is here. */
  isLate(pgid: PgId): boolean {
    return this.lateSince(pgid) !== undefined;
  }
  /** See PgRegistry. */
  lateSince(pgid: PgId): number | undefined {
    return this.map && this.registry.lateSince(pgid, this.map);
  }
  discard(pgid: PgId): void {
    const pg = this.registry.get(pgid);
    if (pg) this.registry.remove(pg);
  }
  removed(pgid: PgId): void {
    const { map, standing } = this;
    if (!map || !standing.isServing) return;
    if (map.pool(pgid.pool)) {
      for (const group of this.registry.begin(map)) void this.submit(group);
      this.registry.settle();
    }
    this.o.cleared();
  }
  mergeChanged(): void {
    this.merges.look();
  }

  private turned(): void {
    if (!this.standing.isServing) return;
    this.registry.settle();
    this.merges.look();
    this.statsChanged();
    this.o.cleared();
  }

  private sweepLater(): void {
    this.sweeping = this.clock.setTimer(SWEEP_MS, () => {
      if (this.map && this.standing.isServing) this.registry.sweep(this.map);
      this.sweepLater();
    });
  }
}

function leasesOf(standing: Standing, clock: Clock): Leases {
  return new Leases({
    nowMs: () => clock.monotonicMs(),
    get leaseMs() {
      return leaseMsOf(standing.settings.graceSeconds);
    },
    get upFrom() {
      return lifeOf(standing.map, standing.id).upFrom;
    },
    life: (osd) => lifeOf(standing.map, osd),
  });
}
