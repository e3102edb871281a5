import { DecodeError } from '../errors/index.ts';
import type { OSDMap } from '../maps/index.ts';
import {
  type Connection,
  createMessenger,
  type IncomingMessage,
  type Messenger,
  type OutgoingMessage,
} from '../msgr/index.ts';
import {
  alignedMemory,
  BufferPool,
  type Clock,
  type Logger,
  type Timer,
} from '../runtime/index.ts';
import type { ObjectStore, StoreOp, Transaction } from '../store/index.ts';
import {
  CEPH_RELEASE,
  decodeFront,
  ENTITY,
  type EntityAddr,
  type EVersion,
  MCommand,
  MCommandReply,
  MConfig,
  MOSDBoot,
  MOSDMap,
  MOSDMarkMeDown,
  MOSDOp,
  MOSDOpReply,
  MPGStatsAck,
  MPing,
  outgoing,
  type PgId,
  sameAddr,
  VERSION_TEXT,
} from '../wire/index.ts';
import { ClientGate, type ClientGateHost } from './client-gate.ts';
import type { ClientOp, OpAnswer } from './client-request.ts';
import { type CommandScope, runCommand } from './commands.ts';
import { CopyFetcher } from './copy-fetcher.ts';
import { OsdCounters } from './counters.ts';
import type { Leases } from './leases.ts';
import { MonSession } from './mon-session.ts';
import { Neighbours, type NeighboursHost } from './neighbours.ts';
import type { OpLimits } from './ops/index.ts';
import type { Osd, OsdOptions } from './options.ts';
import { OsdConfig } from './osd-config.ts';
import { OsdMaps } from './osd-maps.ts';
import { ASK, type Lease, MOSDPing, MPgInfo, MPgQuery, MRepAck } from './peer-messages.ts';
import { Peers } from './peers.ts';
import { Permits } from './permits.ts';
import { type Pg, storedView } from './pg.ts';
import type { PgHost } from './pg-host.ts';
import { emptyInfo } from './pg-info.ts';
import { PgRegistry, viewOf } from './pg-registry.ts';
import { watchRefusals } from './refusals.ts';
import { Reporter, type ReporterHost } from './reporter.ts';

const BOOT_RETRY_MS = 1000;
/** Stats go out this soon after a change, and at least so often. */
const REPORT_SOON_MS = 500;
const REPORT_MS = 5000;
/** How soon a dead neighbour is noticed that nobody has anything to say to. */
const PING_MS = 1000;
const GOODBYE_MS = 1000;
/** Log entries in memory over all PGs, about 1 KiB each; each PG has a share of them, and at least its minimum. */
const LOG_ENTRIES = 30_000;
const COPIES_MAX = 12;
/** Fraction of the store beyond which writes are refused whatever the map says (osd_failsafe_full_ratio, 16.2). */
const FAILSAFE_FULL = 0.97;

/** Starts an OSD: opens its maps and PGs, listens, and asks the monitor to mark it up. */
export async function startOsd(options: OsdOptions): Promise<Osd> {
  const { fsid, uuid, id, runtime, store } = options;
  const maps = await OsdMaps.open(store, { fsid, uuid, id }, runtime.crc32c);
  const osd = new OsdDaemon(options, maps);
  await osd.start();
  return osd;
}

/** What a peer's message says first: about which PG, as of which map. */
function peek(front: Buffer): { pgid: PgId; epoch: number; since: number } {
  if (front.length < 25) throw new DecodeError('too short', front.length, 'PG message');
  return {
    pgid: { pool: Number(front.readBigInt64LE(1)), seed: front.readUInt32LE(9) },
    epoch: front.readUInt32LE(17),
    since: front.readUInt32LE(21),
  };
}

class OsdDaemon implements Osd, PgHost, ClientGateHost, NeighboursHost, ReporterHost {
  readonly id: number;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  readonly pool: BufferPool;
  readonly copies = new Permits(COPIES_MAX);
  readonly booted: Promise<void>;
  limits: OpLimits;
  logKeep = 250;
  private logMost = 1500;
  addr!: EntityAddr;
  private readonly options: OsdOptions;
  readonly maps: OsdMaps;
  private readonly config: OsdConfig;
  private readonly counters = new OsdCounters();
  private readonly messenger: Messenger;
  private readonly mon: MonSession;
  private readonly peers: Peers;
  private readonly pgs: PgRegistry;
  private readonly copyFetcher: CopyFetcher;
  private readonly clients: ClientGate;
  private readonly neighbours: Neighbours;
  private readonly reporter: Reporter;
  private readonly timers = new Map<string, Timer>();
  /** Messages that speak of a map we do not have yet, in the order they came. */
  private early: { epoch: number; handle: () => void }[] = [];
  private setBooted!: () => void;
  isUpNow = false;
  private bootedAtMs = 0;
  private state: 'booting' | 'active' | 'stopping' | 'stopped' = 'booting';
  private promisedBytes = 0;
  private usage: { atMs: number; total: number; available: number };

  constructor(options: OsdOptions, maps: OsdMaps) {
    const { runtime, id } = options;
    this.options = options;
    this.maps = maps;
    this.id = id;
    this.store = options.store;
    this.clock = runtime.clock;
    this.log = runtime.log;
    this.crc32c = runtime.crc32c;
    this.pool = runtime.pool ?? new BufferPool(alignedMemory);
    this.config = new OsdConfig(options.config);
    this.limits = this.config.limits();
    this.booted = new Promise((resolve) => {
      this.setBooted = resolve;
    });
    this.usage = this.measure();
    const network = watchRefusals(runtime.network, (a) => this.neighbours.refused(a));
    this.messenger = createMessenger(
      { ...runtime, network, pool: this.pool },
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
      epoch: () => maps.epoch,
      onConnected: () => this.onMonConnected(),
    });
    this.peers = new Peers(this.messenger, () => maps.current);
    this.pgs = new PgRegistry(this, maps.untouched);
    this.neighbours = new Neighbours(this, this.pgs);
    this.reporter = new Reporter(this, this.pgs, this.neighbours);
    this.copyFetcher = new CopyFetcher({
      id,
      get map() {
        return maps.current;
      },
      send: (osd, m) => this.peers.send(osd, m),
      executeHere: (op, data, tid) => this.clients.executeHere(op, data, tid),
    });
    this.clients = new ClientGate(this, this.copyFetcher);
  }

  async start(): Promise<void> {
    this.pgs.load();
    const nonce = 1 + this.options.runtime.random.below(2 ** 31);
    const { host, port } = this.options;
    this.addr = await this.messenger.listen({ host, port: port ?? 0, nonce });
    // Maps that the store holds may be newer than what the PGs saw only if a crash fell between; one transaction
    // writes both, so they are not.
    this.log('info', 'started', { epoch: this.maps.epoch, pgs: this.pgs.size });
    this.mon.connect();
    this.every('report', REPORT_MS, () => this.report());
    this.every('ping', PING_MS, () => this.neighbours.ping());
  }

  /** Tells the monitor how we are. */
  private report(): number {
    this.cancel('stats');
    return this.reporter.send();
  }

  // What the parts ask of the daemon.

  get fsid(): string {
    return this.options.fsid;
  }
  get map(): OSDMap | undefined {
    return this.maps.current;
  }
  get graceSeconds(): number {
    return this.config.number('osd_heartbeat_grace');
  }
  get leases(): Leases {
    return this.neighbours.leases;
  }
  lease(): Lease {
    return this.neighbours.lease();
  }
  sendToMon(message: OutgoingMessage): void {
    this.mon.send(message);
  }

  get epoch(): number {
    return this.maps.epoch;
  }
  /** The logs of all PGs share what memory there is for them. */
  get logMax(): number {
    const share = Math.floor(LOG_ENTRIES / Math.max(1, this.pgs.size));
    return Math.max(this.logKeep + 100, Math.min(this.logMost, share));
  }
  get storeSince(): number {
    return this.maps.storeSince;
  }
  get isServing(): boolean {
    return this.isUpNow && this.state === 'active';
  }
  isUp(osd: number): boolean {
    return this.maps.current?.isUp(osd) ?? false;
  }
  upFrom(osd: number): number {
    return this.isUp(osd) ? (this.maps.current!.data.osdInfo[osd]?.upFrom ?? 0) : 0;
  }
  send(osd: number, message: OutgoingMessage): void {
    this.peers.send(osd, message);
  }
  ack(osd: number, pgid: PgId, since: number, version: EVersion): void {
    this.counters.subopW++;
    this.peers.ack(osd, pgid, since, version);
  }

  submit(txn: Transaction): Promise<void> {
    const done = this.store.submit(txn);
    return done.catch((e: unknown) => {
      // Peers may have this change, or the log here lacks it: going on would be a lie.
      if (this.state !== 'stopped') this.fatal(e);
      return new Promise<void>(() => {});
    });
  }

  fatal(error: unknown): void {
    if (this.state === 'stopped') return;
    this.log('error', 'cannot go on', { error });
    this.halt();
    void this.messenger.shutdown();
    if (this.options.onFatal) this.options.onFatal(error);
    else throw error;
  }

  hasRoom(bytes: number): boolean {
    const now = this.clock.monotonicMs();
    // The store counts on demand; between counts, what was promised is added up.
    if (now - this.usage.atMs > 200 || this.promisedBytes > 0.001 * this.usage.total) {
      this.usage = this.measure();
      this.promisedBytes = 0;
    }
    this.promisedBytes += bytes;
    const left = this.usage.available - this.promisedBytes;
    return left > (1 - FAILSAFE_FULL) * this.usage.total;
  }

  statsChanged(): void {
    this.soon('stats', REPORT_SOON_MS, () => this.report());
  }

  removed(pgid: PgId): void {
    const { current } = this.maps;
    if (!current || this.state !== 'active') return;
    if (!current.pool(pgid.pool) || !viewOf(current, pgid).acting.includes(this.id)) {
      this.clients.retry();
      return;
    }
    void this.submit(this.pgs.advance(current, current, true));
    this.pgs.settle();
    this.clients.retry();
  }

  discard(pgid: PgId): void {
    const pg = this.pgs.get(pgid);
    if (pg) this.pgs.remove(pg);
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
    this.clients.forget(c);
    if (c.peer.type !== ENTITY.osd || this.state !== 'active') return;
    const osd = this.peers.osdOf(c);
    if (osd === undefined) return;
    this.peers.forget(osd);
    for (const pg of this.pgs.all()) {
      if (pg.view.acting.includes(osd) || pg.peering.consulted.has(osd)) pg.onPeerReset(osd);
    }
    this.copyFetcher.sendAgain();
  }

  private onMessage(c: Connection, m: IncomingMessage): void {
    if (this.state === 'stopped') return;
    switch (m.type) {
      case MOSDOp.type:
        return this.clients.submit(c, m);
      case MRepAck.type:
        if (c.peer.type !== ENTITY.osd) return this.ignore(c, m);
        for (const { pgid, since, version } of decodeFront(MRepAck, m).acks) {
          this.pgs.get(pgid)?.onAck(c.peer.num, since, version);
        }
        return;
      case MOSDMap.type:
        return this.mon.owns(c) ? this.onMap(m) : this.ignore(c, m);
      case MOSDOpReply.type:
        if (c.peer.type !== ENTITY.osd) return this.ignore(c, m);
        return this.copyFetcher.onReply(m);
      case MConfig.type:
        if (!this.mon.owns(c)) return this.ignore(c, m);
        this.config.setFromMon(decodeFront(MConfig, m).config);
        return this.configChanged();
      case MCommand.type:
        return this.onCommand(c, m);
      case MOSDPing.type:
        if (c.peer.type === ENTITY.osd) {
          this.neighbours.onPing(c.peer.num, decodeFront(MOSDPing, m));
        }
        return;
      case MPGStatsAck.type:
        return;
      case MPing.type:
        c.send(outgoing(MPing, {}));
        return;
      default:
        if (c.peer.type === ENTITY.osd) this.onPeerMessage(c.peer.num, m);
        else this.ignore(c, m);
    }
  }

  /** What this peer has no business to say, or nobody has. */
  private ignore({ peer }: Connection, { type }: IncomingMessage): void {
    this.log('debug', 'message ignored', { type, from: `${peer.type}.${peer.num}` });
  }

  private onPeerMessage(from: number, m: IncomingMessage): void {
    const { pgid, epoch, since } = peek(m.front);
    if (this.later(epoch, () => this.onPeerMessage(from, m))) return;
    if (!this.isUpNow) return;
    const pg = this.pgs.get(pgid);
    if (pg) pg.onMessage(from, m);
    else if (m.type === MPgQuery.type && !this.pgs.isRemoving(pgid))
      this.answerWithNothing(from, m, since);
  }

  /** A question about a PG that is not here. */
  private answerWithNothing(from: number, m: IncomingMessage, since: number): void {
    const { pgid, round, ask } = decodeFront(MPgQuery, m);
    if (ask !== ASK.info) return;
    const view = storedView(viewOf(this.maps.current!, pgid));
    const info = emptyInfo(0, view, this.storeSince);
    this.send(from, outgoing(MPgInfo, { pgid, epoch: this.epoch, since, round, info }));
  }

  private handleEarly(handle: () => void): void {
    try {
      handle();
    } catch (e) {
      // Its session is past it; whoever sent it peers again.
      if (!(e instanceof DecodeError)) throw e;
      this.log('warn', 'malformed message of a peer', { error: e.message });
    }
  }

  /** Keeps what needs a newer map. @returns false when we have it */
  private later(epoch: number, handle: () => void): boolean {
    if (epoch <= this.epoch) return false;
    if (this.early.length === 0) this.mon.subscribe();
    this.early.push({ epoch, handle });
    return true;
  }

  // Maps

  private onMap(m: IncomingMessage): void {
    const message = decodeFront(MOSDMap, m);
    if (message.fsid !== this.options.fsid) {
      this.fatal(new Error(`the monitor serves cluster ${message.fsid}`));
      return;
    }
    const pgOps: StoreOp[] = [];
    const before = this.epoch;
    let mapOps: StoreOp[];
    try {
      mapOps = this.maps.accept(message, (map, previous) => {
        pgOps.push(...this.pgs.advance(map, previous, this.isOurs(map)));
      });
    } catch (e) {
      // PGs have seen maps that are not going to be stored.
      if (this.epoch > before) this.fatal(e);
      throw e;
    }
    if (mapOps.length > 0) {
      void this.submit([...mapOps, ...pgOps]);
      this.afterMaps();
    }
    if (message.newestMap <= this.epoch) this.boot();
  }

  private showsUsUp(map: OSDMap): boolean {
    const mine = map.addrs(this.id)[0];
    return map.isUp(this.id) && mine !== undefined && sameAddr(mine, this.addr);
  }

  private isOurs(map: OSDMap): boolean {
    const upFrom = map.isUp(this.id) ? (map.data.osdInfo[this.id]?.upFrom ?? 0) : 0;
    if (this.showsUsUp(map)) this.maps.wasUpFrom(upFrom);
    return upFrom > 0 && upFrom === this.maps.upFrom;
  }

  private afterMaps(): void {
    const map = this.maps.current!;
    const isUpNow = this.showsUsUp(map);
    if (isUpNow !== this.isUpNow) {
      this.isUpNow = isUpNow;
      this.log('info', isUpNow ? 'up' : 'down', { epoch: map.epoch });
    }
    if (this.state === 'stopping') return;
    this.state = isUpNow ? 'active' : 'booting';
    this.peers.prune();
    if (isUpNow) {
      this.setBooted();
      this.pgs.settle();
    }
    const due = this.early.filter((e) => e.epoch <= map.epoch);
    this.early = this.early.filter((e) => e.epoch > map.epoch);
    for (const e of due) this.handleEarly(e.handle);
    this.clients.retry();
    this.copyFetcher.sendAgain();
    this.statsChanged();
  }

  private onMonConnected(): void {
    this.report();
    if (!this.isUpNow) this.boot();
  }

  /** Asks to be marked up, as long as we know all maps and are not. */
  private boot(): void {
    if (this.isUpNow || this.state !== 'booting' || !this.maps.current) return;
    this.soon('boot', BOOT_RETRY_MS, () => this.boot());
    const now = this.clock.monotonicMs();
    if (now - this.bootedAtMs < BOOT_RETRY_MS / 2 && this.bootedAtMs > 0) return;
    this.bootedAtMs = now;
    const { fsid, uuid, hostname, deviceClass } = this.options;
    const addrs = [this.addr];
    this.mon.send(
      outgoing(MOSDBoot, {
        fsid,
        osd: this.id,
        uuid,
        epoch: this.epoch,
        publicAddrs: addrs,
        clusterAddrs: addrs,
        hbBackAddrs: addrs,
        hbFrontAddrs: addrs,
        totalBytes: this.store.usage().totalBytes,
        deviceClass: deviceClass ?? 'ssd',
        metadata: new Map([
          ['hostname', hostname ?? 'localhost'],
          ['ceph_version', VERSION_TEXT],
          ['ceph_version_short', CEPH_RELEASE],
          ['ceph_release', 'pacific'],
          ['osd_objectstore', 'sepiola'],
        ]),
      }),
    );
  }

  // Clients

  pg(pgid: PgId): Pg | undefined {
    return this.pgs.get(pgid);
  }
  isRemoving(pgid: PgId): boolean {
    return this.pgs.isRemoving(pgid);
  }
  wantMap(): void {
    this.mon.subscribe();
  }
  answered(op: ClientOp, a: OpAnswer): void {
    this.counters.answered(op, a, this.clock.monotonicMs());
  }

  private onCommand(c: Connection, m: IncomingMessage): void {
    const { cmd } = decodeFront(MCommand, m);
    const scope: CommandScope = {
      id: this.id,
      fsid: this.options.fsid,
      uuid: this.options.uuid,
      state: this.state,
      config: this.config,
      counters: this.counters,
      maps: this.maps,
      pgs: this.pgs,
      nowMs: this.clock.monotonicMs(),
      flushStats: () => this.report(),
      configChanged: () => this.configChanged(),
    };
    const { result, status, data } = runCommand(scope, cmd[0] ?? '');
    const reply = { result, status };
    c.send(outgoing(MCommandReply, reply, { tid: m.tid, data: [Buffer.from(data)] }));
  }

  private configChanged(): void {
    this.limits = this.config.limits();
    this.logKeep = this.config.number('osd_min_pg_log_entries');
    this.logMost = Math.min(1500, this.config.number('osd_max_pg_log_entries'));
  }

  // Reports

  private measure(): { atMs: number; total: number; available: number } {
    const { totalBytes, availableBytes } = this.store.usage();
    return { atMs: this.clock.monotonicMs(), total: totalBytes, available: availableBytes };
  }

  // Timers and the end

  private every(name: string, ms: number, run: () => void): void {
    const again = (): void => {
      this.timers.set(name, this.clock.setTimer(ms, again));
      run();
    };
    this.timers.set(name, this.clock.setTimer(ms, again));
  }

  /** Runs once after `ms`, unless that is under way already. */
  private soon(name: string, ms: number, run: () => void): void {
    if (this.timers.has(name) || this.state === 'stopped') return;
    const fire = (): void => {
      this.timers.delete(name);
      run();
    };
    this.timers.set(name, this.clock.setTimer(ms, fire));
  }
  private cancel(name: string): void {
    this.timers.get(name)?.cancel();
    this.timers.delete(name);
  }

  async close(): Promise<void> {
    if (this.state === 'stopped') return;
    if (this.state === 'active') {
      this.state = 'stopping';
      // Others take over as soon as the map says that we are gone for good, so we are.
      this.pgs.stop();
      const { fsid } = this.options;
      this.mon.send(outgoing(MOSDMarkMeDown, { fsid, osd: this.id, epoch: this.epoch }));
      await this.waitUntilDown();
    }
    this.halt();
    await this.messenger.shutdown();
    await this.store.close();
  }

  async kill(): Promise<void> {
    if (this.state === 'stopped') return;
    this.halt();
    await this.messenger.shutdown();
    await this.store.close();
  }

  private async waitUntilDown(): Promise<void> {
    const deadline = this.clock.monotonicMs() + GOODBYE_MS;
    while (this.isUpNow && this.mon.isConnected && this.clock.monotonicMs() < deadline) {
      await new Promise<void>((go) => this.clock.setTimer(10, go));
    }
  }

  private halt(): void {
    this.state = 'stopped';
    this.pgs.stop();
    this.mon.close();
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
  }
}
