import { CephError } from '../errors/index.ts';
import type { MapMessage, OSDMap } from '../maps/index.ts';
import type { OutgoingMessage } from '../msgr/index.ts';
import { alignedMemory, BufferPool, type Clock, type Logger } from '../runtime/index.ts';
import type { EntityAddr, LOG_PRIORITY, MessageOf, MOSDMap } from '../wire/index.ts';
import { Boot, type BootHost, type OsdAddrs } from './boot.ts';
import type { Requester } from './client-ops.ts';
import { ClusterLogger } from './cluster-logger.ts';
import { type DispatchHost, FrontDispatch } from './front-dispatch.ts';
import { FrontMaps } from './front-maps.ts';
import { FrontShards } from './front-shards.ts';
import { MonSession } from './mon-session.ts';
import { type MonWish, MonWishes, type MonWishesHost } from './mon-wishes.ts';
import type { Osd, OsdOptions } from './options.ts';
import { OsdConfig } from './osd-config.ts';
import { OsdMessengers } from './osd-messengers.ts';
import type { Partition } from './partition.ts';
import type { Lease } from './peer-messages.ts';
import { Peers } from './peers.ts';
import { RecoveryDesk } from './recovery-desk.ts';
import { watchRefusals } from './refusals.ts';
import type { RemoteShardFront } from './remote-shard.ts';
import { Reporter, type ReporterHost } from './reporter.ts';
import { ScrubPlaces } from './scrub/scrub-places.ts';
import { type Settings, settingsOf } from './settings.ts';
import { Shard } from './shard.ts';
import type { ShardCalls } from './shard-front.ts';
import { openSuperblock, type Superblock } from './superblock.ts';
import { Timers } from './timers.ts';
import { Watch, type WatchHost } from './watch.ts';

/** Stats go out this soon after a change, and at least so often. */
const REPORT_SOON_MS = 500;
const REPORT_MS = 5000;
/** Leases, heartbeats and what follows from them are looked at so often. */
const WATCH_MS = 1000;
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
class OsdDaemon
  implements Osd, RemoteShardFront, DispatchHost, WatchHost, ReporterHost, BootHost, MonWishesHost
{
  readonly id: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly booted: Promise<void>;
  addrs!: OsdAddrs;
  private readonly options: OsdOptions;
  private readonly partition: Partition;
  readonly maps: FrontMaps;
  readonly config: OsdConfig;
  readonly superblock: Superblock;
  private settings: Settings;
  private readonly messengers: OsdMessengers;
  readonly mon: MonSession;
  private readonly wishes: MonWishes;
  readonly peers: Peers;
  private readonly own: Shard;
  readonly front: FrontShards;
  readonly watch: Watch;
  readonly clog: ClusterLogger;
  private readonly reporter: Reporter;
  private readonly timers: Timers;
  readonly recovery: RecoveryDesk;
  readonly scrubPlaces: ScrubPlaces;
  private readonly boot: Boot;
  private setBooted!: () => void;
  /** Since when this process was first up. */
  firstUpFrom = 0;
  state: 'booting' | 'active' | 'stopping' | 'stopped' = 'booting';

  constructor(options: OsdOptions, superblock: Superblock) {
    const { runtime, id, store } = options;
    const { crc32c } = runtime;
    this.options = options;
    this.superblock = superblock;
    this.id = id;
    this.clock = runtime.clock;
    this.log = runtime.log;
    this.timers = new Timers(this.clock);
    this.config = new OsdConfig(options.config);
    this.settings = settingsOf(this.config, 1, options);
    this.recovery = new RecoveryDesk(
      this.clock,
      this.settings.recovery.bounds,
      () => this.front.router.requests,
    );
    this.scrubPlaces = new ScrubPlaces(() => this.settings.scrub.scrubsMax);
    this.booted = new Promise((resolve) => {
      this.setBooted = resolve;
    });
    const pool = runtime.pool ?? new BufferPool(alignedMemory);
    const network = watchRefusals(runtime.network, (a) => this.watch.refused(a));
    this.messengers = new OsdMessengers(
      { ...runtime, pool },
      network,
      id,
      new FrontDispatch(this),
      (e) => this.fatal(e),
    );
    this.watch = new Watch(this, { ...runtime, network }, (e) => this.fatal(e));
    this.mon = new MonSession(this.messengers.clients, {
      clock: this.clock,
      log: this.log,
      hostname: options.hostname ?? 'localhost',
      addrs: options.monAddrs,
      epoch: () => this.maps.epoch,
      onConnected: () => this.onMonConnected(),
    });
    this.peers = new Peers(this.messengers.osds, () => this.maps.current);
    this.clog = new ClusterLogger(this);
    this.partition = { index: 0, count: options.shards?.count ?? 1 };
    const { settings, clock, log, partition } = this;
    const { memory } = runtime;
    const own = { partition, id, store, superblock, settings, clock, log, crc32c, pool, memory };
    this.own = new Shard({ ...own, front: this });
    this.front = new FrontShards(this.own);
    this.boot = new Boot(options, this, this.timers);
    this.wishes = new MonWishes(this, this.timers);
    this.maps = new FrontMaps({
      own: this.own,
      store,
      superblock,
      partition,
      sharing: this.config.mapSharing(),
      crc32c,
      neededFrom: () => this.front.neededFrom(this.epoch),
      send: (to, message) => this.front.sendMap(0, to, message),
      afterMaps: () => this.afterMaps(),
      malformed: (e) => {
        this.log('warn', 'malformed map', { error: e.message });
        this.mon.again();
      },
      fatal: (e) => this.fatal(e),
    });
    this.reporter = new Reporter(this);
  }

  async start(): Promise<void> {
    const { shards } = this.options;
    try {
      if (shards) await this.front.open(shards, this, this.settings);
    } catch (e) {
      await this.kill();
      throw e;
    }
    this.addrs = await this.listen();
    const { maps, epoch } = this;
    this.front.begin(this.addr, this.config.mapSharing(), epoch, (e) => maps.fullAt(e));
    this.log('info', 'started', { epoch, pgs: this.own.pgCount });
    this.mon.connect();
    this.timers.every('report', REPORT_MS, () => this.report());
    this.timers.every('watch', WATCH_MS, () => this.keepWatch());
  }

  private keepWatch(): void {
    this.watch.tick();
    // By now enough of our peers may answer.
    if (this.maps.isNewest) this.boot.ask();
  }

  private async listen(): Promise<OsdAddrs> {
    const { host, port, runtime } = this.options;
    const clusterHost = this.options.clusterHost ?? this.config.host('cluster_addr') ?? host;
    const nonce = 1 + runtime.random.below(2 ** 31);
    const [addrs, { front, back }] = await Promise.all([
      this.messengers.listen({ host, port: port ?? 0, clusterHost, nonce }),
      this.watch.listen({ front: host, back: clusterHost }, nonce),
    ]);
    return { ...addrs, hbFront: front, hbBack: back };
  }

  /** Tells the monitor how we are. */
  private report(): Promise<number> {
    this.timers.cancel('stats');
    return this.reporter.send();
  }

  // What the parts and the shards ask.

  get shards(): readonly ShardCalls[] {
    return this.front.all;
  }
  get addr(): EntityAddr {
    return this.addrs.public;
  }
  get mayBoot(): boolean {
    return !this.isUpNow && this.state === 'booting' && this.watch.mayBoot;
  }
  get isLeaving(): boolean {
    return this.state === 'stopping' || this.state === 'stopped';
  }
  haveAll(epoch: number): boolean {
    return this.front.haveAll(epoch);
  }
  get beaconSeconds(): number {
    return this.config.number('osd_beacon_report_interval');
  }
  get isSlownessLogged(): boolean {
    return this.config.get('osd_aggregated_slow_ops_logging')?.value === 'true';
  }
  heartbeatPeers(): number[] {
    return this.watch.peers;
  }
  clusterLog(priority: keyof typeof LOG_PRIORITY, text: string): void {
    this.clog.write(priority, text);
  }
  retire(reason: string): void {
    this.fatal(new CephError('ESHUTDOWN', reason));
  }
  get totalBytes(): number {
    return this.partition.count * this.options.store.usage().totalBytes;
  }
  get fsid(): string {
    return this.options.fsid;
  }
  get uuid(): string {
    return this.options.uuid;
  }
  get map(): OSDMap | undefined {
    return this.maps.current;
  }
  get epoch(): number {
    return this.maps.epoch;
  }
  get isUpNow(): boolean {
    return this.own.standing.isUpNow;
  }
  upFrom(osd: number): number {
    return this.own.standing.upFrom(osd);
  }
  neighbours(): Set<number> {
    return this.front.router.neighbours();
  }
  lease(): Lease {
    return this.own.lease();
  }
  granted(by: number, lease: Lease): void {
    for (const shard of this.shards) shard.granted(by, lease);
  }
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void {
    this.front.standBy(osd, lease, then);
  }
  sendToMon(message: OutgoingMessage): void {
    this.mon.send(message);
  }
  send(osd: number, message: OutgoingMessage): boolean {
    if (osd !== this.id) return this.peers.send(osd, message);
    this.front.router.requestOfOurs(osd, this.addr, message);
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
    this.front.forget(by);
  }
  /** A shard's follower of maps speaks to another one's. */
  passMap(from: number, to: number, message: MapMessage): void {
    if (to === 0) this.maps.receive(from, message);
    else this.front.sendMap(from, to, message);
  }
  fatal(error: unknown): void {
    if (this.state === 'stopped') return;
    this.log('error', 'cannot go on', { error });
    this.halt();
    this.front.abandon();
    void this.shutdown();
    if (this.options.onFatal) this.options.onFatal(error);
    else throw error;
  }

  // Maps

  onMap(message: MessageOf<typeof MOSDMap>): void {
    if (message.fsid !== this.options.fsid) {
      this.fatal(new Error(`the monitor serves cluster ${message.fsid}`));
      return;
    }
    this.maps.accept(message);
    if (this.maps.isNewest) this.boot.ask();
  }

  private afterMaps(): void {
    if (this.isLeaving) return;
    this.state = this.isUpNow ? 'active' : 'booting';
    this.peers.prune();
    if (this.isUpNow) {
      if (!this.firstUpFrom) this.reporter.again();
      this.firstUpFrom ||= this.upFrom(this.id);
      this.setBooted();
    }
    this.watch.mapsChanged();
    if (this.isLeaving) return;
    if (this.maps.isNewest) this.boot.ask();
  }

  private onMonConnected(): void {
    this.reporter.again();
    void this.report();
    this.clog.again();
    this.watch.monConnected();
    this.boot.ask();
    this.wishes.again();
  }

  // Options and commands

  flushStats(): Promise<number> {
    return this.report();
  }
  onConfig(values: ReadonlyMap<string, string>): void {
    this.config.setFromMon(values);
    this.configChanged();
  }
  configChanged(): void {
    this.settings = settingsOf(this.config, this.settings.version + 1, this.options);
    this.recovery.setBounds(this.settings.recovery.bounds);
    for (const shard of this.shards) shard.apply(this.settings);
    this.watch.configChanged();
  }

  // The end

  async close(): Promise<void> {
    if (this.state === 'stopped') return;
    if (this.state === 'active') {
      this.state = 'stopping';
      // Others take over as soon as the map says that we are gone for good, so we are.
      await this.front.stop();
      this.mon.send(this.boot.goodbye());
      await this.waitUntilDown();
    }
    await this.kill();
  }

  async kill(): Promise<void> {
    if (this.state === 'stopped') return;
    this.halt();
    await this.shutdown();
    await this.front.close();
  }

  private async shutdown(): Promise<void> {
    await Promise.all([this.messengers.shutdown(), this.watch.shutdown()]);
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
