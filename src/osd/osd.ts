import type { MapMessage, OSDMap } from '../maps/index.ts';
import {
  type Connection,
  createMessenger,
  type IncomingMessage,
  type Messenger,
  type OutgoingMessage,
} from '../msgr/index.ts';
import { alignedMemory, BufferPool, type Clock, type Logger } from '../runtime/index.ts';
import {
  decodeFront,
  ENTITY,
  type EntityAddr,
  MCommand,
  MConfig,
  MOSDMap,
  MOSDMarkMeDown,
  MOSDOp,
  MOSDOpReply,
  MPGStatsAck,
  MPing,
  outgoing,
} from '../wire/index.ts';
import { Boot, type BootHost } from './boot.ts';
import type { Requester } from './client-ops.ts';
import { answerCommand } from './commands.ts';
import { FrontMaps } from './front-maps.ts';
import { MonSession } from './mon-session.ts';
import { type MonWish, MonWishes } from './mon-wishes.ts';
import { Neighbours, type NeighboursHost } from './neighbours.ts';
import type { Osd, OsdOptions } from './options.ts';
import { OsdConfig } from './osd-config.ts';
import type { Partition } from './partition.ts';
import { type Lease, MOSDPing, MRepAck } from './peer-messages.ts';
import { Peers } from './peers.ts';
import { RecoveryDesk } from './recovery-desk.ts';
import { watchRefusals } from './refusals.ts';
import { RemoteShard } from './remote-shard.ts';
import { Reporter, type ReporterHost } from './reporter.ts';
import { type Settings, settingsOf } from './settings.ts';
import { Shard } from './shard.ts';
import type { ShardCalls, ShardFront } from './shard-front.ts';
import { ShardRouter } from './shard-router.ts';
import { openSuperblock, type Superblock } from './superblock.ts';
import { Timers } from './timers.ts';

/** Stats go out this soon after a change, and at least so often. */
const REPORT_SOON_MS = 500;
const REPORT_MS = 5000;
/** How soon a dead neighbour is noticed that nobody has anything to say to. */
const PING_MS = 1000;
const GOODBYE_MS = 1000;

/** Starts an OSD: opens its maps and PGs, listens, and asks the monitor to mark it up. */
export async function startOsd(options: OsdOptions): Promise<Osd> {
  const { fsid, uuid, id, store, shards } = options;
  const partition = { index: 0, count: shards?.count ?? 1 };
  const superblock = await openSuperblock(store, { fsid, uuid, id, partition });
  const osd = new OsdDaemon(options, superblock);
  await osd.start();
  return osd;
}

/** The front of an OSD, with shard 0. */
class OsdDaemon implements Osd, ShardFront, NeighboursHost, ReporterHost, BootHost {
  readonly id: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly booted: Promise<void>;
  addr!: EntityAddr;
  private readonly options: OsdOptions;
  private readonly partition: Partition;
  private readonly maps: FrontMaps;
  private readonly config: OsdConfig;
  private settings: Settings;
  private readonly messenger: Messenger;
  private readonly mon: MonSession;
  private readonly wishes: MonWishes;
  private readonly peers: Peers;
  private readonly own: Shard;
  private readonly others: RemoteShard[] = [];
  private readonly neighbourhood: Neighbours;
  private readonly reporter: Reporter;
  private readonly timers: Timers;
  readonly recovery: RecoveryDesk;
  private readonly router: ShardRouter;
  private readonly boot: Boot;
  private setBooted!: () => void;
  private state: 'booting' | 'active' | 'stopping' | 'stopped' = 'booting';

  constructor(options: OsdOptions, superblock: Superblock) {
    const { runtime, id, store } = options;
    const { crc32c } = runtime;
    this.options = options;
    this.id = id;
    this.clock = runtime.clock;
    this.log = runtime.log;
    this.timers = new Timers(this.clock);
    this.config = new OsdConfig(options.config);
    this.settings = settingsOf(this.config, 1, options.deviceClass);
    this.recovery = new RecoveryDesk(this.clock, this.settings.recovery.bounds);
    this.booted = new Promise((resolve) => {
      this.setBooted = resolve;
    });
    const pool = runtime.pool ?? new BufferPool(alignedMemory);
    const network = watchRefusals(runtime.network, (a) => this.neighbourhood.refused(a));
    this.messenger = createMessenger(
      { ...runtime, network, pool },
      {
        name: { type: ENTITY.osd, num: id },
        authName: { type: ENTITY.osd, id: String(id) },
        dispatcher: {
          onMessage: (c, m) => this.onMessage(c, m),
          onReady: (c) => this.onReady(c),
          onReset: (c) => this.onReset(c),
        },
        onFatal: (e) => this.fatal(e),
      },
    );
    this.mon = new MonSession(this.messenger, {
      clock: this.clock,
      log: this.log,
      hostname: options.hostname ?? 'localhost',
      addrs: options.monAddrs,
      epoch: () => this.maps.epoch,
      onConnected: () => this.onMonConnected(),
    });
    this.peers = new Peers(this.messenger, () => this.maps.current);
    this.partition = { index: 0, count: options.shards?.count ?? 1 };
    const { settings, clock, log, partition } = this;
    const { memory } = runtime;
    const own = { partition, id, store, superblock, settings, clock, log, crc32c, pool, memory };
    this.own = new Shard({ ...own, front: this });
    this.router = new ShardRouter(this.own);
    this.boot = new Boot(options, this, this.timers);
    this.wishes = new MonWishes(this, this.timers);
    this.maps = new FrontMaps({
      own: this.own,
      store,
      superblock,
      partition,
      sharing: this.config.mapSharing(),
      crc32c,
      neededFrom: () => this.neededFrom,
      send: (to, message) => this.others[to - 1]!.map(0, message),
      afterMaps: () => this.afterMaps(),
      malformed: (e) => {
        this.log('warn', 'malformed map', { error: e.message });
        this.mon.again();
      },
      fatal: (e) => this.fatal(e),
    });
    this.neighbourhood = new Neighbours(this);
    this.reporter = new Reporter(this);
  }

  async start(): Promise<void> {
    const { host, port, shards, runtime } = this.options;
    try {
      for (let index = 1; index < this.partition.count; index++) {
        this.others.push(new RemoteShard(shards!, index, this, this.settings));
      }
      this.router.all.push(...this.others);
      await Promise.all(this.others.map((shard) => shard.opened));
    } catch (e) {
      await this.kill();
      throw e;
    }
    const nonce = 1 + runtime.random.below(2 ** 31);
    this.addr = await this.messenger.listen({ host, port: port ?? 0, nonce });
    this.own.begin(this.addr);
    const sharing = this.config.mapSharing();
    for (const shard of this.others) {
      // One that is ahead goes through the maps with us again: it must not miss those that follow.
      const from = Math.min(shard.durableEpoch, this.epoch);
      shard.beginAt(this.addr, sharing, this.maps.fullAt(from));
    }
    this.log('info', 'started', { epoch: this.epoch, pgs: this.own.pgCount });
    this.mon.connect();
    this.timers.every('report', REPORT_MS, () => this.report());
    this.timers.every('ping', PING_MS, () => this.neighbourhood.ping());
  }

  /** The oldest epoch from which a shard would go on after a crash now. */
  private get neededFrom(): number {
    return this.others.reduce((min, s) => Math.min(min, s.durableEpoch), this.epoch);
  }

  /** Tells the monitor how we are. */
  private report(): Promise<number> {
    this.timers.cancel('stats');
    return this.reporter.send();
  }

  // What the parts and the shards ask.

  get shards(): readonly ShardCalls[] {
    return this.router.all;
  }
  get isDown(): boolean {
    return !this.isUpNow && this.state === 'booting';
  }
  get totalBytes(): number {
    return this.partition.count * this.options.store.usage().totalBytes;
  }
  get fsid(): string {
    return this.options.fsid;
  }
  get map(): OSDMap | undefined {
    return this.maps.current;
  }
  get epoch(): number {
    return this.maps.epoch;
  }
  get isUpNow(): boolean {
    return this.own.isUpNow;
  }
  get graceSeconds(): number {
    return this.settings.graceSeconds;
  }
  upFrom(osd: number): number {
    return this.own.upFrom(osd);
  }
  neighbours(): Set<number> {
    return this.router.neighbours();
  }
  lease(): Lease {
    return this.own.lease();
  }
  granted(by: number, lease: Lease): void {
    for (const shard of this.shards) shard.granted(by, lease);
  }
  standBy(osd: number, { upFrom, leaseMs }: Lease, then: (leaseMs: number) => void): void {
    const isGiven = this.own.leases.promise(osd, upFrom, leaseMs);
    if (isGiven) for (const shard of this.others) shard.promised(osd, upFrom, leaseMs);
    then(isGiven ? leaseMs : 0);
  }
  sendToMon(message: OutgoingMessage): void {
    this.mon.send(message);
  }
  send(osd: number, message: OutgoingMessage): boolean {
    if (osd !== this.id) return this.peers.send(osd, message);
    this.router.requestOfOurs(osd, this.addr, message);
    return true;
  }
  wantMap(epoch: number): void {
    if (epoch > this.epoch) this.mon.subscribe();
  }
  askMon(wish: MonWish): void {
    this.wishes.wish(wish);
  }
  shareMaps(by: Requester, epoch: number): void {
    this.maps.share(by, epoch);
  }
  statsChanged(): void {
    if (this.state !== 'stopped') {
      this.timers.soon('stats', REPORT_SOON_MS, () => void this.report());
    }
  }
  cut(by: Requester): void {
    by.close();
    for (const shard of this.shards) shard.forget(by);
  }
  /** A shard's follower of maps speaks to another one's. */
  passMap(from: number, to: number, message: MapMessage): void {
    if (to === 0) this.maps.receive(from, message);
    else this.others[to - 1]!.map(from, message);
  }
  fatal(error: unknown): void {
    if (this.state === 'stopped') return;
    this.log('error', 'cannot go on', { error });
    this.halt();
    for (const shard of this.others) shard.abandon();
    void this.messenger.shutdown();
    if (this.options.onFatal) this.options.onFatal(error);
    else throw error;
  }

  // Sessions

  private onReady(c: Connection): void {
    if (this.mon.owns(c)) this.mon.onReady();
  }

  private onReset(c: Connection): void {
    if (this.mon.owns(c)) {
      this.mon.onReset();
      return;
    }
    for (const shard of this.shards) shard.forget(c);
    if (c.peer.type !== ENTITY.osd || this.state !== 'active') return;
    const osd = this.peers.osdOf(c);
    if (osd === undefined) return;
    this.peers.forget(osd);
    for (const shard of this.shards) shard.peerReset(osd);
  }

  private onMessage(c: Connection, m: IncomingMessage): void {
    if (this.state === 'stopped') return;
    const isOsd = c.peer.type === ENTITY.osd;
    switch (m.type) {
      case MOSDOp.type:
        return this.router.request(c, m);
      case MRepAck.type:
        if (!isOsd) return this.ignore(c, m);
        return this.router.acked(c.peer.num, decodeFront(MRepAck, m).acks);
      case MOSDMap.type:
        return this.mon.owns(c) ? this.onMap(m) : this.ignore(c, m);
      case MOSDOpReply.type:
        return isOsd ? this.router.copyReply(m) : this.ignore(c, m);
      case MConfig.type:
        if (!this.mon.owns(c)) return this.ignore(c, m);
        this.config.setFromMon(decodeFront(MConfig, m).config);
        return this.configChanged();
      case MCommand.type:
        return this.onCommand(c, m);
      case MOSDPing.type:
        if (isOsd) this.neighbourhood.onPing(c.peer.num, decodeFront(MOSDPing, m));
        return;
      case MPGStatsAck.type:
        return;
      case MPing.type:
        c.send(outgoing(MPing, {}));
        return;
      default:
        if (!isOsd) return this.ignore(c, m);
        this.router.peerMessage(c.peer.num, m);
    }
  }

  /** What this peer has no business to say, or nobody has. */
  private ignore({ peer }: Connection, { type }: IncomingMessage): void {
    this.log('debug', 'message ignored', { type, from: `${peer.type}.${peer.num}` });
  }

  // Maps

  private onMap(m: IncomingMessage): void {
    const message = decodeFront(MOSDMap, m);
    if (message.fsid !== this.options.fsid) {
      this.fatal(new Error(`the monitor serves cluster ${message.fsid}`));
      return;
    }
    this.maps.accept(message);
    if (this.maps.isNewest) this.boot.ask();
  }

  private afterMaps(): void {
    if (this.state === 'stopping' || this.state === 'stopped') return;
    this.state = this.isUpNow ? 'active' : 'booting';
    this.peers.prune();
    if (this.isUpNow) this.setBooted();
    if (this.maps.isNewest) this.boot.ask();
  }

  private onMonConnected(): void {
    void this.report();
    this.boot.ask();
    this.wishes.again();
  }

  // Options and commands

  private onCommand(c: Connection, m: IncomingMessage): void {
    const { cmd } = decodeFront(MCommand, m);
    const scope = {
      id: this.id,
      fsid: this.options.fsid,
      uuid: this.options.uuid,
      state: this.state,
      config: this.config,
      maps: this.maps,
      shards: this.shards,
      recovery: this.recovery,
      flushStats: () => this.report(),
      configChanged: () => this.configChanged(),
    };
    answerCommand(scope, cmd[0] ?? '', (reply) => c.send({ ...reply, tid: m.tid })).catch((e) =>
      this.fatal(e),
    );
  }

  private configChanged(): void {
    this.settings = settingsOf(this.config, this.settings.version + 1, this.options.deviceClass);
    this.recovery.setBounds(this.settings.recovery.bounds);
    for (const shard of this.shards) shard.apply(this.settings);
  }

  // The end

  async close(): Promise<void> {
    if (this.state === 'stopped') return;
    if (this.state === 'active') {
      this.state = 'stopping';
      // Others take over as soon as the map says that we are gone for good, so we are.
      await Promise.all(this.shards.map((shard) => shard.stop()));
      const { fsid } = this.options;
      this.mon.send(outgoing(MOSDMarkMeDown, { fsid, osd: this.id, epoch: this.epoch }));
      await this.waitUntilDown();
    }
    await this.kill();
  }

  async kill(): Promise<void> {
    if (this.state === 'stopped') return;
    this.halt();
    await this.messenger.shutdown();
    await Promise.all(this.shards.map((shard) => shard.close()));
  }

  private async waitUntilDown(): Promise<void> {
    const deadline = this.clock.monotonicMs() + GOODBYE_MS;
    while (this.isUpNow && this.mon.isConnected && this.clock.monotonicMs() < deadline) {
      await new Promise<void>((go) => this.clock.setTimer(10, go));
    }
  }

  private halt(): void {
    this.state = 'stopped';
    this.own.halt();
    this.recovery.stop();
    this.mon.close();
    this.timers.stop();
  }
}
