import type { IncomingMessage, Messenger } from '../msgr/index.ts';
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
import type { ClusterMaps } from './cluster-maps.ts';
import type { CommandSpec } from './command.ts';
import type { MonContext } from './context.ts';
import { daemonHandlers } from './daemon-messages.ts';
import { CommandTable } from './dispatch.ts';
import { Doors } from './doors.ts';
import type { GlobalIds } from './global-ids.ts';
import { Ledger } from './ledger.ts';
import { LiveState } from './live-state.ts';
import { MapsFeed } from './maps-feed.ts';
import type { ClusterIdentity, MonStore } from './mon-store.ts';
import type { MonitorOptions } from './monitor-options.ts';
import { OsdLife } from './osd-life.ts';
import { PgMap } from './pg-map.ts';
import { Progress } from './progress.ts';
import { progressCommands } from './progress-commands.ts';
import { randomUuid } from './random-uuid.ts';
import { OsdWishes } from './services/osd-wishes.ts';
import type { Session } from './session.ts';
import type { MgrInfo, MonState } from './state.ts';
import { publish, publishLog } from './subscriptions.ts';
import { tellCommands } from './tell.ts';
import { Tick } from './tick.ts';

/** What a monitor is made of: its options, and what its store holds. */
export interface MonitorParts {
  readonly options: MonitorOptions;
  readonly commands: readonly CommandSpec[];
  readonly store: MonStore;
  readonly identity: ClusterIdentity;
  readonly maps: ClusterMaps;
  readonly ids: GlobalIds;
  readonly electionEpoch: number;
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
  readonly balancer: Balancer;
  readonly progress: Progress;
  readonly identity: ClusterIdentity;
  mgr: MgrInfo;
  private readonly kv: KeyValue;
  private readonly ids: GlobalIds;
  private readonly onFatal: (error: unknown) => void;
  private readonly tick: Tick;
  private readonly doors: Doors;
  /** That of clients and OSDs, once it listens. */
  private door: Messenger | undefined;
  private timer: Timer | undefined;
  private closed = false;

  /** @internal Use {@link startMonitor}. */
  constructor(parts: MonitorParts) {
    const { options, store, identity, maps } = parts;
    const { runtime } = options;
    this.runtime = runtime;
    this.kv = options.store;
    this.identity = identity;
    this.ids = parts.ids;
    this.onFatal =
      options.onFatal ??
      ((error) => {
        throw error;
      });
    this.balancer = new Balancer(() => runtime.clock.monotonicMs());
    this.progress = new Progress(() => randomUuid(runtime.random));
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
      conf: options.conf ?? new Map(),
      sessions: () => this.doors.infos(),
      progress: () => this.progress.events,
      now,
    });
    this.tick = new Tick(this);
    this.doors = new Doors({
      runtime,
      ids: parts.ids,
      onMessage: (session, m) => this.onMessage(session, m),
      fatal: (error) => this.fatal(error),
    });
  }

  /** @internal */
  async listen(options: MonitorOptions): Promise<void> {
    const { host, port, mgrPort } = options;
    const mon = this.doors.add(
      { type: ENTITY.mon, num: 0 },
      { type: ENTITY.mon, id: this.identity.name },
    );
    this.door = mon;
    const addr = await mon.listen({ host, port, nonce: 0 });
    const { monmap } = this.ledger.durable;
    const known = monmap.monInfo.get(this.identity.name)!.publicAddrs;
    if (!known.some((a) => sameAddr(a, addr))) await this.ledger.propose({ monAddr: addr });
    if (mgrPort !== undefined) {
      const name: AuthName = { type: ENTITY.mgr, id: this.mgr.name };
      const mgr = this.doors.add({ type: ENTITY.mgr, num: MGR_NUMBER }, name);
      const nonce = this.runtime.random.below(2 ** 32);
      const mgrAddr = await mgr.listen({ host, port: mgrPort, nonce });
      const globalId = this.ids.take()!;
      this.mgr = { ...this.mgr, available: true, globalId, addrs: [mgrAddr] };
    }
    this.schedule();
  }

  get sessions(): ReadonlySet<Session> {
    return this.doors.sessions;
  }

  /** Where clients reach this monitor. */
  get addr(): EntityAddr {
    return this.door!.addrs[0]!;
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
    await this.doors.close();
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
    void this.doors.close();
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

  private onMessage(session: Session, m: IncomingMessage): void {
    if (this.closed) return;
    const handler = clientHandlers.get(m.type) ?? daemonHandlers.get(m.type);
    if (!handler) {
      this.runtime.log('debug', 'message ignored', { message: messageName(m.type) });
      return;
    }
    handler(this, session, m);
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
