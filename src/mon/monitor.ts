import { CephError } from '../errors/index.ts';
import {
  type AuthDecision,
  type AuthRequest,
  type Connection,
  createMessenger,
  type Dispatcher,
  type IncomingMessage,
  type Messenger,
} from '../msgr/index.ts';
import type { KeyValue, Runtime, Timer } from '../runtime/index.ts';
import {
  type AuthName,
  CEPH_RELEASE,
  ENTITY,
  type EntityAddr,
  messageName,
  sameAddr,
  VERSION_TEXT,
} from '../wire/index.ts';
import { Balancer } from './balancer/balancer.ts';
import { balancerCommands } from './balancer/commands.ts';
import type { Change, LogLine } from './change.ts';
import { clientHandlers } from './client-messages.ts';
import { ClusterLog } from './cluster-log.ts';
import { type ClusterMaps, numberBytes } from './cluster-maps.ts';
import type { CommandSpec } from './command.ts';
import type { MonContext } from './context.ts';
import { daemonHandlers } from './daemon-messages.ts';
import { CommandTable } from './dispatch.ts';
import { GlobalIds } from './global-ids.ts';
import { KEYS } from './keys.ts';
import { Ledger } from './ledger.ts';
import { LiveState } from './live-state.ts';
import { MapsFeed } from './maps-feed.ts';
import { type ClusterIdentity, MonStore } from './mon-store.ts';
import { OsdLife } from './osd-life.ts';
import { PgMap } from './pg-map.ts';
import { Progress } from './progress.ts';
import { progressCommands } from './progress-commands.ts';
import { OsdWishes } from './services/osd-wishes.ts';
import { Session } from './session.ts';
import type { MgrInfo, MonState, SessionInfo } from './state.ts';
import { publish, publishLog } from './subscriptions.ts';
import { tellCommands } from './tell.ts';
import { Tick } from './tick.ts';

export interface MonitorOptions {
  readonly runtime: Runtime;
  /** Holds a cluster (see `createMonStore`). Owned by the monitor from now on: closed with it. */
  readonly store: KeyValue;
  /** Address to listen on, 0 for a port of the system's choice. The monitor's map follows it. */
  readonly host: string;
  readonly port: number;
  /** Where the manager's part listens; 0: the system chooses. Left out: there is no manager in the map. */
  readonly mgrPort?: number;
  /** Default `x`. */
  readonly mgrName?: string;
  /** Name of this machine, shown in listings. */
  readonly hostname?: string;
  /** Options by name: what the configuration file says. What is stored in the cluster comes on top. */
  readonly config?: ReadonlyMap<string, string>;
  /**
   * The store failed or an invariant broke: the monitor has stopped answering. Default: the error is thrown, which ends
   * the process.
   */
  readonly onFatal?: (error: unknown) => void;
}

const TICK_MS = 1_000;
/** Sessions of the manager's part have an id of their own in every run. */
const MGR_NUMBER = 0;

/** A running monitor with the manager's part. */
export class Monitor implements MonContext {
  readonly runtime: Runtime;
  readonly ledger: Ledger;
  readonly live: LiveState;
  readonly feed: MapsFeed;
  readonly pgMap = new PgMap();
  readonly clusterLog = new ClusterLog();
  readonly commands: CommandTable;
  readonly tell: CommandTable;
  readonly mgrTell: CommandTable;
  readonly osdLife = new OsdLife();
  readonly wishes = new OsdWishes();
  readonly sessions = new Set<Session>();
  readonly balancer: Balancer;
  readonly progress: Progress;
  readonly identity: ClusterIdentity;
  mgr: MgrInfo;
  private readonly store: MonStore;
  private readonly kv: KeyValue;
  private readonly ids: GlobalIds;
  private readonly onFatal: (error: unknown) => void;
  private readonly tick: Tick;
  private readonly messengers: Messenger[] = [];
  private timer: Timer | undefined;
  private closed = false;

  /** @internal Use {@link startMonitor}. */
  constructor(parts: {
    options: MonitorOptions;
    commands: readonly CommandSpec[];
    store: MonStore;
    identity: ClusterIdentity;
    maps: ClusterMaps;
    ids: GlobalIds;
    electionEpoch: number;
  }) {
    const { options, store, identity, maps } = parts;
    const { runtime } = options;
    this.runtime = runtime;
    this.store = store;
    this.kv = options.store;
    this.identity = identity;
    this.ids = parts.ids;
    this.onFatal =
      options.onFatal ??
      ((error) => {
        throw error;
      });
    this.balancer = new Balancer(() => runtime.clock.monotonicMs());
    this.progress = new Progress(() => uuidOf(runtime.random.bytes(16)));
    const commands = [
      ...parts.commands,
      ...balancerCommands(this.balancer),
      ...progressCommands(this.progress),
    ];
    this.commands = new CommandTable(commands);
    this.tell = new CommandTable(tellCommands);
    this.mgrTell = new CommandTable([...tellCommands, ...commands]);
    const now = (): number => runtime.clock.wallMs();
    this.ledger = new Ledger(store, maps, now, (before, after, change) =>
      this.onDurable(before, after, change),
    );
    this.feed = new MapsFeed(this.ledger, store);
    const startedMs = now();
    this.mgr = {
      // A new manager address has to look newer than that of the run before.
      epoch: parts.electionEpoch,
      available: false,
      name: options.mgrName ?? 'x',
      globalId: 0,
      addrs: [],
      startedMs,
    };
    const metadata = new Map([
      ['ceph_version', VERSION_TEXT],
      ['ceph_version_short', CEPH_RELEASE],
      ['ceph_release', 'pacific'],
      ['hostname', options.hostname ?? 'localhost'],
    ]);
    const self = this;
    this.live = new LiveState({
      identity,
      store,
      pgMap: this.pgMap,
      log: this.clusterLog,
      startedMs,
      electionEpoch: parts.electionEpoch,
      get mgr() {
        return self.mgr;
      },
      monMetadata: metadata,
      mgrMetadata: metadata,
      config: options.config ?? new Map(),
      sessions: () => this.sessionInfos(),
      progress: () => this.progress.events,
      now,
    });
    this.tick = new Tick(this);
  }

  /** @internal */
  async listen(options: MonitorOptions): Promise<void> {
    const { host, port, mgrPort } = options;
    const mon = this.messenger(
      { type: ENTITY.mon, num: 0 },
      { type: ENTITY.mon, id: this.identity.name },
    );
    const addr = await mon.listen({ host, port, nonce: 0 });
    const { monmap } = this.ledger.durable;
    const known = monmap.monInfo.get(this.identity.name)!.publicAddrs;
    if (!known.some((a) => sameAddr(a, addr))) await this.ledger.propose({ monAddr: addr });
    if (mgrPort !== undefined) {
      const name: AuthName = { type: ENTITY.mgr, id: this.mgr.name };
      const mgr = this.messenger({ type: ENTITY.mgr, num: MGR_NUMBER }, name);
      const nonce = this.runtime.random.below(2 ** 32);
      const mgrAddr = await mgr.listen({ host, port: mgrPort, nonce });
      const globalId = this.ids.take()!;
      this.mgr = { ...this.mgr, available: true, globalId, addrs: [mgrAddr] };
    }
    this.schedule();
  }

  /** Where clients reach this monitor. */
  get addr(): EntityAddr {
    return this.messengers[0]!.addrs[0]!;
  }

  state(): MonState {
    return this.live.of(this.ledger.durable);
  }
  head(): MonState {
    return this.live.of(this.ledger.head);
  }

  propose(change: Change, then?: () => void): void {
    this.run(this.ledger.propose(change), then);
  }
  trim(floor: number): void {
    this.run(this.ledger.trim(floor));
  }
  afterAll(then: () => void): void {
    if (this.ledger.idle) then();
    else this.run(this.ledger.settled(), then);
  }

  writeLog(lines: readonly LogLine[]): void {
    for (const line of lines) {
      this.clusterLog.append({
        who: `mon.${this.identity.name}`,
        entity: { type: ENTITY.mon, num: 0 },
        addrs: [this.addr],
        stampMs: this.runtime.clock.wallMs(),
        ...line,
      });
    }
    if (lines.length > 0) publishLog(this);
  }

  /** Ends all sessions. What was acknowledged is durable. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.timer?.cancel();
    await Promise.all(this.messengers.map((m) => m.shutdown()));
    await this.ledger.settled().catch(() => {});
    await this.kv.close();
  }

  private run(durable: Promise<void>, then?: () => void): void {
    durable.then(
      () => {
        if (!this.closed) then?.();
      },
      (error) => this.fatal(error),
    );
  }

  private fatal(error: unknown): void {
    if (this.closed) return;
    this.closed = true;
    this.timer?.cancel();
    this.runtime.log('error', 'the monitor stops', { error: String(error) });
    for (const m of this.messengers) void m.shutdown();
    this.onFatal(error);
  }

  /** Readers see a change only now, and peers are told of it only now. */
  private onDurable(before: ClusterMaps, after: ClusterMaps, change: Change): void {
    if (after.osdmap !== before.osdmap) {
      const { osdmap } = after;
      this.pgMap.prune(
        (pgid) => osdmap.hasPg(pgid),
        (osd) => osdmap.exists(osd),
      );
      publish(this, 'osdmap');
    }
    if (after.config !== before.config || after.osdMetadata !== before.osdMetadata) {
      publish(this, 'config');
    }
    if (change.log) this.writeLog(change.log);
  }

  private messenger(name: { type: number; num: number }, authName: AuthName): Messenger {
    const dispatcher: Dispatcher = {
      onMessage: (c, m) => this.onMessage(c, m, name.type === ENTITY.mgr),
      onReset: (c) => this.sessions.delete(c.session as Session),
    };
    const messenger = createMessenger(this.runtime, {
      name,
      authName,
      dispatcher,
      authenticate: (request) => this.authenticate(request),
      onFatal: (error) => this.fatal(error),
    });
    this.messengers.push(messenger);
    return messenger;
  }

  private authenticate(request: AuthRequest): AuthDecision {
    if (request.globalId !== 0) return { ok: true, globalId: request.globalId };
    const globalId = this.ids.take();
    if (globalId !== undefined) return { ok: true, globalId };
    return { ok: false, error: new CephError('EAGAIN', 'no global id is reserved') };
  }

  private onMessage(connection: Connection, m: IncomingMessage, withManager: boolean): void {
    if (this.closed) return;
    const session = this.sessionOf(connection, withManager);
    const handler = clientHandlers.get(m.type) ?? daemonHandlers.get(m.type);
    if (!handler) {
      this.runtime.log('debug', 'message ignored', { message: messageName(m.type) });
      return;
    }
    handler(this, session, m);
  }

  private sessionOf(connection: Connection, withManager: boolean): Session {
    if (!(connection.session instanceof Session)) {
      const session = new Session(connection, withManager);
      connection.session = session;
      this.sessions.add(session);
    }
    return connection.session as Session;
  }

  private sessionInfos(): SessionInfo[] {
    return [...this.sessions].map(({ connection: c }) => ({
      entity: c.peer,
      addr: c.peerSocketAddr,
      globalId: c.peerGlobalId,
      features: c.features,
    }));
  }

  private schedule(): void {
    this.timer = this.runtime.clock.setTimer(TICK_MS, () => {
      try {
        this.tick.run();
      } catch (e) {
        return this.fatal(e);
      }
      this.schedule();
    });
  }
}

/** 16 random bytes as a uuid of version 4. */
function uuidOf(bytes: Uint8Array): string {
  const b = Buffer.from(bytes);
  b[6] = (b[6]! & 0x0f) | 0x40;
  b[8] = (b[8]! & 0x3f) | 0x80;
  const hex = b.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

/**
 * Starts the monitor of the cluster in `options.store`; it serves when this resolves.
 * @param commands all commands it serves
 * @throws CephError ENOENT when the store holds no cluster, EADDRINUSE
 */
export async function openMonitor(
  options: MonitorOptions,
  commands: readonly CommandSpec[],
): Promise<Monitor> {
  const store = new MonStore(options.store);
  const { identity, maps } = store.load();
  const electionEpoch = store.counter(KEYS.election, 1) + 2;
  const election = store.commit([
    { op: 'put', key: KEYS.election, value: numberBytes(electionEpoch) },
  ]);
  const [ids] = await Promise.all([GlobalIds.open(store), election]);
  const monitor = new Monitor({ options, commands, store, identity, maps, ids, electionEpoch });
  try {
    await monitor.listen(options);
  } catch (e) {
    await monitor.close();
    throw e;
  }
  return monitor;
}
