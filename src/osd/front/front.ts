import { CephError } from '../../errors/index.ts';
import type { MapMessage, OSDMap } from '../../maps/index.ts';
import type { OutgoingMessage } from '../../msgr/index.ts';
import { alignedMemory, BufferPool, type Clock, type Logger } from '../../runtime/index.ts';
import type { EntityAddr, LOG_PRIORITY, MessageOf, MOSDMap, PingTimes } from '../../wire/index.ts';
import { watchRefusals } from '../failure/refusals.ts';
import { Watch, type WatchHost } from '../failure/watch.ts';
import type { OsdOptions } from '../options.ts';
import type { Partition } from '../partition.ts';
import type { Lease } from '../peer-messages.ts';
import { type MonWish, MonWishes, type MonWishesHost } from '../pg/mon-wishes.ts';
import { RecoveryDesk } from '../recovery/recovery-desk.ts';
import type { Requester } from '../requests/client-ops.ts';
import { ScrubPlaces } from '../scrub/scrub-places.ts';
import { type Settings, settingsOf } from '../settings.ts';
import { Shard } from '../shard/shard.ts';
import type { ShardCalls } from '../shard-front.ts';
import type { Superblock } from '../superblock.ts';
import type { RemoteShardFront } from '../threads/remote-shard.ts';
import { Timers } from '../timers.ts';
import { Boot, type BootHost, type OsdAddrs } from './boot.ts';
import { ClusterLogger } from './cluster-logger.ts';
import { type DispatchHost, FrontDispatch } from './front-dispatch.ts';
import { FrontMaps } from './front-maps.ts';
import { MonSession } from './mon-session.ts';
import { OsdConfig } from './osd-config.ts';
import { OsdMessengers } from './osd-messengers.ts';
import { Peers } from './peers.ts';
import { Reporter, type ReporterHost } from './reporter.ts';
import { ShardSet } from './shard-set.ts';

/**
 * The front of an OSD, with shard 0: has each of its parts once, and is for each of them what it sees of the others.
 * Its life, from start to end, is told in osd.ts.
 */
export class Front
  implements RemoteShardFront, DispatchHost, WatchHost, ReporterHost, BootHost, MonWishesHost
{
  readonly id: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly booted: Promise<void>;
  /** Set once we listen. */
  addrs!: OsdAddrs;
  private readonly options: OsdOptions;
  private readonly partition: Partition;
  readonly maps: FrontMaps;
  readonly config: OsdConfig;
  readonly superblock: Superblock;
  settings: Settings;
  readonly messengers: OsdMessengers;
  readonly mon: MonSession;
  private readonly wishes: MonWishes;
  readonly peers: Peers;
  readonly own: Shard;
  readonly shardSet: ShardSet;
  readonly watch: Watch;
  readonly clog: ClusterLogger;
  readonly reporter: Reporter;
  readonly timers: Timers;
  readonly recovery: RecoveryDesk;
  readonly scrubPlaces: ScrubPlaces;
  readonly boot: Boot;
  private setBooted!: () => void;
  private neverBooted!: (why: CephError) => void;
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
    this.reporter = new Reporter(this, this.timers);
    this.config = new OsdConfig(options.config, options.monConfig);
    this.settings = settingsOf(this.config, 1, options);
    this.recovery = new RecoveryDesk(
      this.clock,
      this.settings.recovery.bounds,
      () => this.shardSet.router.requests,
    );
    this.scrubPlaces = new ScrubPlaces(() => this.settings.scrub.scrubsMax);
    this.booted = new Promise((resolve, reject) => {
      this.setBooted = resolve;
      this.neverBooted = reject;
    });
    this.booted.catch(() => {}); // it is no failure where nobody waits
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
    this.shardSet = new ShardSet(this.own);
    this.boot = new Boot(options, this, this.timers);
    this.wishes = new MonWishes(this, this.timers);
    this.maps = new FrontMaps({
      own: this.own,
      store,
      superblock,
      partition,
      sharing: this.config.mapSharing(),
      crc32c,
      neededFrom: () => this.shardSet.neededFrom,
      send: (to, message) => this.shardSet.sendMap(0, to, message),
      afterMaps: () => this.afterMaps(),
      malformed: (e) => {
        this.log('warn', 'malformed map', { error: e.message });
        this.mon.again();
      },
      fatal: (e) => this.fatal(e),
    });
  }

  // What the parts and the shards ask.

  get shards(): readonly ShardCalls[] {
    return this.shardSet.all;
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
    return this.shardSet.haveAll(epoch);
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
  pingTimes(): PingTimes[] {
    return this.watch.pingTimes();
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
    return this.shardSet.router.neighbours();
  }
  lease(): Lease {
    return this.own.lease();
  }
  granted(by: number, lease: Lease): void {
    for (const shard of this.shards) shard.granted(by, lease);
  }
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void {
    this.shardSet.standBy(osd, lease, then);
  }
  sendToMon(message: OutgoingMessage): void {
    this.mon.send(message);
  }
  send(osd: number, message: OutgoingMessage): boolean {
    if (osd !== this.id) return this.peers.send(osd, message);
    this.shardSet.router.requestOfOurs(osd, this.addr, message);
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
    this.reporter.soon();
  }
  stateChanged(): void {
    this.watch.mapsChanged();
  }
  cut(by: Requester): void {
    by.close();
    this.shardSet.forget(by);
  }
  /** A shard's follower of maps speaks to another one's. */
  passMap(from: number, to: number, message: MapMessage): void {
    if (to === 0) this.maps.receive(from, message);
    else this.shardSet.sendMap(from, to, message);
  }
  fatal(error: unknown): void {
    if (this.state === 'stopped') return;
    this.log('error', 'cannot go on', { error });
    this.halt();
    this.shardSet.abandon();
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
    void this.reporter.send();
    this.clog.again();
    this.watch.monConnected();
    this.boot.ask();
    this.wishes.again();
  }

  // Options and commands

  flushStats(): Promise<number> {
    return this.reporter.send();
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

  /** Our last words, when nobody is served here any more: others take over as soon as the map says so. */
  async leave(): Promise<void> {
    this.state = 'stopping';
    await this.shardSet.stop();
    this.mon.send(this.boot.goodbye());
  }

  /** Whatever comes or falls due from now on is passed over. */
  halt(): void {
    this.state = 'stopped';
    this.neverBooted(new CephError('ESHUTDOWN', `osd.${this.id} ended before it was up`));
    this.own.halt();
    this.recovery.stop();
    this.mon.close();
    this.timers.stop();
  }

  /** Closes all connections. */
  async shutdown(): Promise<void> {
    await Promise.all([this.messengers.shutdown(), this.watch.shutdown()]);
  }
}
