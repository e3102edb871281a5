import { crc32c } from '../../src/codec/index.ts';
import { CephError } from '../../src/errors/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../../src/msgr/index.ts';
import { OsdConfig } from '../../src/osd/front/osd-config.ts';
import { Leases, type MapLife } from '../../src/osd/leases.ts';
import type { LogBounds } from '../../src/osd/log/log-bounds.ts';
import { oidKey, reqidKey } from '../../src/osd/log/log-entry.ts';
import { OP_LIMITS } from '../../src/osd/ops/index.ts';
import { type Lease, MOSDLease, MRepAck } from '../../src/osd/peer-messages.ts';
import { answerForAbsent } from '../../src/osd/pg/absent-pg.ts';
import type { PgView } from '../../src/osd/pg/intervals.ts';
import { Pg } from '../../src/osd/pg/pg.ts';
import { listObjects } from '../../src/osd/pg/pg-collection.ts';
import type { PgHost } from '../../src/osd/pg/pg-host.ts';
import { emptyInfo, type PgInfo } from '../../src/osd/pg/pg-info.ts';
import { restoredView, storedView } from '../../src/osd/pg/pg-life.ts';
import { PgState } from '../../src/osd/pg/pg-state.ts';
import { type RecoveryBounds, RecoveryDesk } from '../../src/osd/recovery/recovery-desk.ts';
import type { RecoveryOrders } from '../../src/osd/recovery/recovery-port.ts';
import type { ClientOp, OpAnswer } from '../../src/osd/requests/client-request.ts';
import { OpMemory } from '../../src/osd/requests/op-memory.ts';
import { ScrubPlaces } from '../../src/osd/scrub/scrub-places.ts';
import type { ScrubOrders, ScrubPort, ScrubSettings } from '../../src/osd/scrub/scrub-port.ts';
import { scrubSettings } from '../../src/osd/scrub/scrub-settings.ts';
import { BufferPool, type Clock, type Timer } from '../../src/runtime/index.ts';
import { MemoryStore, type ObjectStore, type Transaction } from '../../src/store/index.ts';
import {
  type AckLevel,
  argsBytes,
  decodeFront,
  type EVersion,
  type HObject,
  type MessageOf,
  OSD_FLAG,
  OSD_OP,
  type OSDOp,
  outgoing,
  type PgId,
  SNAP_HEAD,
  TIME_ZERO,
} from '../../src/wire/index.ts';

const LOG_BOUNDS = {
  bytes: 2 ** 20,
  listingBytes: 2 ** 22,
  stride: 10,
  strideMax: 100,
  remembered: 1000,
};
const PGID: PgId = { pool: 1, seed: 0 };
const LEASE_MS = 400;
const PING_MS = 60;

/** mulberry32: one seed, one run. */
function seeded(seed: number): (n: number) => number {
  let a = seed >>> 0;
  return (n) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

interface Event {
  at: number;
  order: number;
  run: () => void;
}

/** Virtual time: events in order of time, then of scheduling. */
class Timeline {
  now = 0;
  private events: Event[] = [];
  private order = 0;

  after(ms: number, run: () => void): Timer {
    const event = { at: this.now + ms, order: this.order++, run };
    this.events.push(event);
    return {
      cancel: () => {
        event.run = () => {};
      },
    };
  }

  async step(): Promise<boolean> {
    if (this.events.length === 0) return false;
    let best = 0;
    for (let i = 1; i < this.events.length; i++) {
      const a = this.events[i]!;
      const b = this.events[best]!;
      if (a.at < b.at || (a.at === b.at && a.order < b.order)) best = i;
    }
    const [event] = this.events.splice(best, 1);
    this.now = Math.max(this.now, event!.at);
    event!.run();
    await new Promise((done) => setImmediate(done));
    return true;
  }

  async until(ms: number): Promise<void> {
    const end = this.now + ms;
    let isEnd = false;
    this.after(ms, () => {
      isEnd = true;
    });
    while (!isEnd && this.now <= end && (await this.step()));
  }
}

/** One OSD with one PG: its store loses at a crash what was not yet durable, but for a random prefix. */
export class SimNode {
  readonly id: number;
  readonly world: SimWorld;
  isAlive = false;
  life = 0;
  pg: Pg | undefined;
  fatal: unknown;
  /** Its store has no room for what it lacks. */
  isFull = false;
  isRemoving = false;
  private durable: Transaction[] = [];
  private volatile: { txn: Transaction; done: () => void }[] = [];
  private store = new MemoryStore();
  /** Messages that speak of a map not yet here. */
  early: { epoch: number; handle: () => void }[] = [];
  /** Names of objects whose data the device cannot read, until they are removed. */
  readonly damaged = new Set<string>();
  /** Names of those of which not even the record can be read. */
  readonly unknown = new Set<string>();
  private seen = 0;
  leases!: Leases;
  scrubPlaces!: ScrubPlaces;
  /** Damaged copies of its own that it was told to be replaced. */
  copiesReplaced = 0;
  desk!: RecoveryDesk;
  /** Lives of this OSD that had this disk. */
  private readonly lives = new Set<number>();

  constructor(world: SimWorld, id: number) {
    this.world = world;
    this.id = id;
  }

  /** What this OSD believes. */
  get view(): PgView | undefined {
    return this.world.views[this.seen - 1];
  }
  get contents(): MemoryStore {
    return this.store;
  }
  get isUpInView(): boolean {
    return this.isAlive && this.world.livesIn(this.seen).get(this.id) === this.life;
  }

  /** First epoch in which a life with this disk was up. */
  get storeSince(): number {
    const { world } = this;
    const at = world.views.findIndex((_, i) => this.lives.has(world.livesIn(i + 1).get(this.id)!));
    return at + 1;
  }

  async start(): Promise<void> {
    this.isAlive = true;
    const life = ++this.life;
    this.lives.add(life);
    const { world, id } = this;
    const node = this;
    this.leases = new Leases({
      nowMs: () => world.time.now,
      leaseMs: LEASE_MS,
      get upFrom() {
        return world.upFromIn(node.seen, id);
      },
      life: (osd) => world.lifeIn(node.seen, osd),
    });
    const clock = this.clock(life);
    this.desk = new RecoveryDesk(clock, { ...world.recoveryBounds, active: world.options.copies });
    this.scrubPlaces = new ScrubPlaces(() => world.scrubs.scrubsMax);
    this.store = new MemoryStore();
    for (const txn of this.durable) await this.store.submit(txn);
    const host = this.host(life);
    const state = this.store.hasCollection('1.0') ? PgState.load(this.store, PGID) : undefined;
    this.pg = undefined;
    this.seen = 0;
    this.isRemoving = false;
    if (!state && this.store.hasCollection('1.0')) this.clear(life);
    if (state) {
      this.pg = new Pg(host, state, restoredView(state.info, PGID));
      this.seen = state.info.view.epoch;
    }
  }

  crash(): void {
    this.isAlive = false;
    this.early = [];
    this.pg?.stop();
    this.pg = undefined;
    const kept = this.world.random(this.volatile.length + 1);
    this.durable.push(...this.volatile.slice(0, kept).map((v) => copied(v.txn)));
    this.volatile = [];
  }

  /** Empties the disk, as a replaced one. */
  wipe(): void {
    this.durable = [];
    this.lives.clear();
  }

  /** The next map reaches this OSD. */
  learn(view: PgView): void {
    if (!this.isAlive || view.epoch <= this.seen) return;
    for (let epoch = this.seen + 1; epoch <= view.epoch; epoch++) this.advance(epoch);
    if (this.isUpInView) this.pg?.settle();
    const due = this.early.filter((e) => e.epoch <= view.epoch);
    this.early = this.early.filter((e) => e.epoch > view.epoch);
    for (const e of due) e.handle();
  }

  private advance(epoch: number): void {
    const view = this.world.views[epoch - 1]!;
    this.seen = epoch;
    const host = this.host(this.life);
    if (this.pg) {
      const ops = this.pg.advance(view);
      if (ops.length > 0) void host.submit(ops);
    } else if (
      !this.isRemoving &&
      view.acting.includes(this.id) &&
      this.lives.has(this.world.livesIn(epoch).get(this.id)!)
    ) {
      this.make(view, epoch === 1 ? 1 : 0);
    }
  }

  /** Its timers end with this life. */
  private clock(life: number): Clock {
    const { world } = this;
    const isOld = (): boolean => this.life !== life || !this.isAlive;
    return {
      monotonicMs: () => world.time.now,
      wallMs: () => world.time.now,
      setTimer: (ms, fire) => world.time.after(ms, () => !isOld() && fire()),
    };
  }

  private host(life: number): PgHost {
    const { world } = this;
    const node = this;
    return {
      id: this.id,
      get store() {
        const { readMs } = world.options;
        const isDamaged = node.damaged.size + node.unknown.size > 0;
        return readMs > 0 || isDamaged ? device(node, world) : node.store;
      },
      clock: this.clock(life),
      log: (level, message, fields) => world.trace(`osd.${node.id} ${level} ${message}`, fields),
      crc32c,
      limits: OP_LIMITS,
      logBounds: world.logBounds,
      listMax: world.options.listMax,
      contextsMax: 64,
      recovery: node.desk,
      scrub: node.scrubPort(),
      recoveryOrders: () => world.orders,
      get epoch() {
        return node.seen;
      },
      storeSince: this.storeSince,
      leases: node.leases,
      lease: () => node.lease(),
      standBy: (osd, { upFrom, leaseMs }, then) =>
        then(node.leases.promise(osd, upFrom, leaseMs) ? leaseMs : 0),
      isUp: (osd) => world.livesIn(node.seen).has(osd),
      upFrom: (osd) => world.upFromIn(node.seen, osd),
      lostAt: (osd) => world.lost.get(osd) ?? 0,
      isGivenUp: (osd) => {
        const { isUp, upFrom } = world.lifeIn(node.seen, osd);
        return !isUp && (world.lost.get(osd) ?? 0) > upFrom;
      },
      askMon: (wish) => {
        if (wish.kind === 'upThru') world.vouchFor(node, life);
      },
      send: (osd, message) => world.send(node.id, osd, node.seen, message),
      ack: (osd, pgid, since, version, isEarly = false) => {
        world.send(
          node.id,
          osd,
          node.seen,
          outgoing(MRepAck, { acks: [{ pgid, since, version, isEarly }] }),
        );
      },
      submit: (txn, applied) => node.submit(txn, life, applied),
      fatal: (e) => {
        node.fatal ??= e;
      },
      hasRoom: () => true,
      reserve: (c, bytes) => {
        if (!node.isFull) node.store.reserve(c, bytes);
        return !node.isFull;
      },
      removed: () => {},
      mergeChanged: () => {},
      discard: () => node.discard(life),
      statsChanged: () => {},
    };
  }

  /** As the registry does: the PG ends at once, its objects go one transaction later. */
  private discard(life: number): void {
    const { pg } = this;
    if (!pg) return;
    pg.stop();
    this.pg = undefined;
    void this.submit([{ op: 'remove', c: pg.state.c, oid: pg.state.meta }], life);
    this.clear(life);
  }

  private clear(life: number): void {
    const c = '1.0';
    this.isRemoving = true;
    const { objects } = listObjects(this.store, PGID, undefined, 10_000);
    const rest: Transaction = objects.map((oid) => ({ op: 'remove', c, oid }));
    void this.submit([...rest, { op: 'rmcoll', c }], life).then(() => {
      this.isRemoving = false;
      const view = this.view!;
      if (view.acting.includes(this.id)) this.make(view, 0);
      this.pg?.settle();
    });
  }

  private make(view: PgView, created: number): void {
    const host = this.host(this.life);
    const state = new PgState(PGID, emptyInfo(created, storedView(view), this.storeSince));
    this.pg = new Pg(host, state, view);
    void host.submit(state.create());
  }

  private scrubPort(): ScrubPort {
    const { world } = this;
    const node = this;
    return {
      get settings() {
        return world.scrubs;
      },
      orders: () => world.scrubOrders,
      get isRecovering() {
        return (node.pg?.recovery.activeCount ?? 0) > 0;
      },
      takePlace: (then) => this.scrubPlaces.take(then),
      copyReplaced: () => {
        node.copiesReplaced++;
      },
      clusterLog: (priority, text) => world.clusterLog.push(`${priority} ${text}`),
    };
  }

  lease(): Lease {
    const upFrom = this.world.upFromIn(this.seen, this.id);
    return { upFrom, sentMs: this.world.time.now, leaseMs: LEASE_MS };
  }

  /** As the daemon does once in a while. */
  ping(): void {
    if (!this.isUpInView) return;
    for (const to of this.view!.acting) {
      if (to === this.id) continue;
      const ping = outgoing(MOSDLease, { epoch: this.seen, isReply: false, lease: this.lease() });
      this.world.send(this.id, to, this.seen, ping);
    }
  }

  onPing(from: number, { isReply, lease }: MessageOf<typeof MOSDLease>): void {
    const { upFrom, sentMs, leaseMs } = lease;
    if (isReply) {
      this.leases.grant(from, upFrom, sentMs, leaseMs);
      this.pg?.pipeline.leaseRenewed();
    } else if (this.isUpInView && this.leases.promise(from, upFrom, leaseMs)) {
      const reply = outgoing(MOSDLease, { epoch: this.seen, isReply: true, lease });
      this.world.send(this.id, from, this.seen, reply);
    }
  }

  private submit(txn: Transaction, life: number, applied?: () => void): Promise<void> {
    if (this.life !== life || !this.isAlive) return new Promise(() => {});
    for (const op of txn) {
      if (op.op !== 'remove') continue;
      this.damaged.delete(op.oid.name);
      this.unknown.delete(op.oid.name);
    }
    this.store.submit(txn, applied).catch((e) => {
      this.fatal ??= e;
    });
    return new Promise((done) => {
      this.volatile.push({ txn, done });
      const count = this.volatile.length;
      this.world.time.after(1 + this.world.random(this.world.options.commitMs), () => {
        if (this.life !== life || !this.isAlive) return;
        // A commit takes everything that was submitted before.
        const n = Math.min(count, this.volatile.length);
        for (const v of this.volatile.splice(0, n)) {
          this.durable.push(copied(v.txn));
          v.done();
        }
      });
    });
  }
}

/** As a disk has it: whatever becomes of the memory that was written. */
function copied(txn: Transaction): Transaction {
  return txn.map((op) => (op.op === 'write' ? { ...op, data: Buffer.from(op.data) } : op));
}

export interface SimOptions {
  readonly osds: number;
  readonly size: number;
  readonly minSize: number;
  readonly objects: number;
  readonly logKeep: number;
  readonly logMax: number;
  /** Entries of a log at which writes wait while somebody lists. */
  readonly logListing: number;
  /** Objects of one page of a listing. */
  readonly listMax: number;
  /** Objects that an OSD copies at once. */
  readonly copies: number;
  /** Longest time a commit takes. */
  readonly commitMs: number;
  /** Longest time a read of data takes; 0: it is there at once. */
  readonly readMs: number;
}

/** A store whose device answers reads after a while with what was there when it was asked, or cannot read. */
function device(node: SimNode, world: SimWorld): ObjectStore {
  return new Proxy(node.contents, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      if (key === 'getattr' || key === 'getattrs' || key === 'stat') {
        return (...args: Parameters<MemoryStore['getattr']>) => {
          if (node.unknown.has(args[1].name)) throw new CephError('EIO', 'damaged object record');
          return value.apply(target, args);
        };
      }
      if (key !== 'read') return value.bind(target);
      return (...args: Parameters<MemoryStore['read']>) => {
        if (node.damaged.has(args[1].name)) throw new CephError('EIO', 'damaged');
        const got = target.read(...args);
        if (world.options.readMs === 0) return got;
        return new Promise((done) =>
          world.time.after(world.random(world.options.readMs), () => done(got)),
        );
      };
    },
  });
}

/** N OSDs with one PG, a map authority, a network that delays and cuts, and clients that append and read. */
export class SimWorld {
  readonly time = new Timeline();
  readonly random: (n: number) => number;
  readonly options: SimOptions;
  readonly nodes: SimNode[];
  recoveryBounds: Omit<RecoveryBounds, 'active'> = {
    backfills: 1,
    opPriority: 1,
    clientPriority: 0,
    lowestPriority: 0,
    together: 1,
    sleepMs: 0,
  };
  scrubs: ScrubSettings = scrubSettings(new OsdConfig());
  scrubOrders: ScrubOrders = {
    noscrub: false,
    nodeepScrub: false,
    minIntervalSeconds: 0,
    maxIntervalSeconds: 0,
    deepIntervalSeconds: 0,
  };
  readonly clusterLog: string[] = [];
  orders: RecoveryOrders = {
    norecover: false,
    nobackfill: false,
    norebalance: false,
    poolPriority: 0,
    opPriority: 0,
    retryMs: { recovery: 1000, backfill: 1000 },
    chunkBytes: 8 << 20,
  };
  readonly views: PgView[] = [];
  readonly lines: string[] = [];
  /** Requests that an OSD has taken and neither answered nor dropped. */
  readonly taken = new Set<ClientOp>();
  private readonly lives: Map<number, number>[] = [];
  private readonly upFroms: Map<number, number>[] = [];
  private readonly cuts = new Set<string>();
  private readonly links = new Map<string, { until: number; queue: (() => void)[] }>();
  private up = new Map<number, { life: number; since: number; thru?: number }>();
  private placed: readonly number[] | undefined;
  /** Sees what an OSD sends to another. @returns false: it is lost */
  onSend: (from: number, to: number, message: OutgoingMessage) => boolean = () => true;
  /** Whose data was given up, and when. */
  readonly lost = new Map<number, number>();
  /** Where objects stand in their order. */
  hashOf: (name: string) => number = () => 0;

  constructor(seed: number, options: Partial<SimOptions> = {}) {
    this.random = seeded(seed);
    this.options = {
      osds: 3,
      size: 3,
      minSize: 2,
      objects: 4,
      logKeep: 10,
      logMax: 20,
      logListing: 1000,
      listMax: 512,
      copies: 2,
      commitMs: 20,
      readMs: 0,
      ...options,
    };
    const { logKeep: least, logMax, logListing: listing } = this.options;
    this.logBounds = { ...LOG_BOUNDS, least, whole: logMax, away: logMax, listing };
    this.nodes = Array.from({ length: this.options.osds }, (_, id) => new SimNode(this, id));
  }

  readonly logBounds: LogBounds;

  trace(line: string, fields?: unknown): void {
    this.lines.push(`${this.time.now} ${line} ${JSON.stringify(fields ?? '')}`);
  }

  livesIn(epoch: number): ReadonlyMap<number, number> {
    return this.lives[epoch - 1] ?? new Map();
  }
  /** As the monitor knows it: who crashed is dead, of one that was cut off it is not known. */
  lifeIn(epoch: number, osd: number): MapLife {
    const isUp = this.livesIn(epoch).has(osd);
    for (let e = epoch; e > 0; e--) {
      const life = this.livesIn(e).get(osd);
      if (life === undefined) continue;
      const node = this.nodes[osd]!;
      const isDead = !isUp && (node.life !== life || !node.isAlive);
      return { isUp, upFrom: this.upFromIn(e, osd), isDead };
    }
    return { isUp, upFrom: 0, isDead: false };
  }
  upFromIn(epoch: number, osd: number): number {
    return this.upFroms[epoch - 1]?.get(osd) ?? 0;
  }
  get view(): PgView {
    return this.views[this.views.length - 1]!;
  }

  async begin(): Promise<void> {
    for (const node of this.nodes) {
      await node.start();
      this.up.set(node.id, { life: node.life, since: 1 });
    }
    this.publish();
    const ping = (): void => {
      for (const node of this.nodes) node.ping();
      this.time.after(PING_MS, ping);
    };
    ping();
  }

  /** From now on every OSD may copy so many objects at once. */
  allowCopies(active: number): void {
    for (const { desk } of this.nodes) desk.setBounds({ ...this.recoveryBounds, active });
  }

  /** From now on these are the members, as far as they are up. */
  place(osds: readonly number[]): void {
    this.placed = osds;
    this.publish();
  }

  /** The next epoch, told to everybody after a while. */
  publish(): void {
    const epoch = this.views.length + 1;
    const { size, minSize } = this.options;
    const acting = this.placed
      ? this.placed.filter((osd) => this.up.has(osd))
      : [...this.up.keys()].sort((a, b) => a - b).slice(0, size);
    const primary = acting[0] ?? -1;
    this.lives.push(new Map([...this.up].map(([osd, u]) => [osd, u.life])));
    this.upFroms.push(new Map([...this.up].map(([osd, u]) => [osd, u.since])));
    const upFrom = acting.map((osd) => this.up.get(osd)!.since);
    this.views.push({
      epoch,
      up: acting,
      upPrimary: primary,
      acting,
      primary,
      size,
      minSize,
      pgCount: 1,
      upFrom,
      upThru: this.up.get(primary)?.thru ?? 0,
      bits: 0,
      isMerging: false,
    });
    this.trace(`map ${epoch}`, acting);
    for (const node of this.nodes) this.tell(node, epoch);
  }

  private tell(node: SimNode, epoch: number): void {
    const { life } = node;
    this.time.after(1 + this.random(30), () => {
      if (node.life !== life) return;
      if (this.cuts.has(`mon-${node.id}`)) this.tell(node, epoch);
      else node.learn(this.views[epoch - 1]!);
    });
  }

  /** An OSD asks to be shown alive as of the newest map it knows; as long as it takes to reach the monitor. */
  vouchFor(node: SimNode, life: number): void {
    this.time.after(1 + this.random(20), () => {
      const up = this.up.get(node.id);
      if (node.life !== life || !node.isAlive || up?.life !== life) return;
      if (this.cuts.has(`mon-${node.id}`)) return this.vouchFor(node, life);
      const seen = node.view!.epoch;
      if ((up.thru ?? 0) >= seen) return;
      up.thru = seen;
      this.publish();
    });
  }

  markDown(osd: number, life: number): void {
    if (this.up.get(osd)?.life !== life) return;
    this.up.delete(osd);
    this.publish();
  }

  crash(osd: number): void {
    const node = this.nodes[osd]!;
    if (!node.isAlive) return;
    this.trace(`crash osd.${osd}`);
    const { life } = node;
    node.crash();
    this.time.after(20 + this.random(200), () => this.markDown(osd, life));
  }

  async restart(osd: number): Promise<void> {
    const node = this.nodes[osd]!;
    if (node.isAlive) return;
    await node.start();
    this.trace(`start osd.${osd}`);
    this.boot(node, node.life);
  }

  /** Catches up with the maps, then is marked up; one that was not yet marked down is replaced in one step. */
  private boot(node: SimNode, life: number): void {
    this.time.after(5 + this.random(20), () => {
      if (node.life !== life || !node.isAlive) return;
      if (this.cuts.has(`mon-${node.id}`)) {
        this.boot(node, life);
        return;
      }
      node.learn(this.view);
      this.up.set(node.id, { life, since: this.views.length + 1 });
      this.publish();
    });
  }

  cut(a: number | 'mon', b: number): void {
    this.cuts.add(`${a}-${b}`);
    this.cuts.add(`${b}-${a}`);
    if (a !== 'mon') return;
    const { life } = this.nodes[b]!;
    this.time.after(50 + this.random(200), () => {
      if (this.cuts.has(`mon-${b}`)) this.markDown(b, life);
    });
  }
  /** Cuts the primary off from the monitor and all other OSDs for a while; clients still reach it. */
  async isolatePrimary(): Promise<void> {
    const { primary } = this.view;
    if (primary >= 0) {
      this.cut('mon', primary);
      for (const { id } of this.nodes) if (id !== primary) this.cut(id, primary);
    }
    await this.time.until(300 + this.random(1500));
    this.heal();
  }

  heal(): void {
    this.cuts.clear();
    // Who was taken for dead says that it lives.
    for (const node of this.nodes) {
      if (node.isAlive && this.up.get(node.id)?.life !== node.life) this.boot(node, node.life);
    }
  }

  /** The session between two OSDs forgets what was on its way. */
  reset(a: number, b: number): void {
    for (const [x, y] of [
      [a, b],
      [b, a],
    ] as const) {
      const link = this.link(x, y);
      link.queue = link.queue.map(() => () => {});
      this.time.after(1, () => this.nodes[x]!.pg?.onPeerReset(y));
    }
  }

  private link(from: number, to: number) {
    const key = `${from}-${to}`;
    let link = this.links.get(key);
    if (!link) {
      link = { until: 0, queue: [] };
      this.links.set(key, link);
    }
    return link;
  }

  send(from: number, to: number, epoch: number, message: OutgoingMessage): void {
    const life = this.livesIn(epoch).get(to);
    if (life === undefined || !this.onSend(from, to, message)) return;
    const sender = this.nodes[from]!;
    const senderLife = sender.life;
    const link = this.link(from, to);
    const incoming = (data: Buffer): IncomingMessage => ({
      type: message.type,
      version: message.version,
      compatVersion: message.compatVersion,
      tid: message.tid ?? 0,
      seq: 0,
      priority: 127,
      front: Buffer.from(message.front),
      middle: Buffer.alloc(0),
      data,
      dataCrcs: undefined,
      isLarge: true,
      hold: () => {},
      release: () => {},
      recycle: () => data.fill(0xdb),
    });
    link.until = Math.max(link.until + 1, this.time.now + 1 + this.random(15));
    link.queue.push(() => {
      const node = this.nodes[to]!;
      // Only now: until then the sender keeps what it sends as it is.
      const data = Buffer.concat(message.data ?? []);
      message.done?.();
      if (node.life !== life || !node.isAlive || sender.life !== senderLife) return;
      this.handle(node, from, incoming(data));
    });
    // Whatever the delays, a session keeps its order; while it is cut, everything waits.
    const deliver = (): void => {
      if (this.cuts.has(`${from}-${to}`)) this.time.after(10, deliver);
      else link.queue.shift()?.();
    };
    this.time.after(link.until - this.time.now, deliver);
  }

  /** As the daemon does: acknowledgements by PG, the rest when its map is there. */
  private handle(node: SimNode, from: number, m: IncomingMessage): void {
    if (m.type === MRepAck.type) {
      for (const { since, version, isEarly } of decodeFront(MRepAck, m).acks) {
        node.pg?.onAck(from, since, version, isEarly);
      }
      return;
    }
    if (m.type === MOSDLease.type) {
      node.onPing(from, decodeFront(MOSDLease, m));
      return;
    }
    const epoch = m.front.readUInt32LE(17);
    if (epoch > (node.view?.epoch ?? 0)) {
      node.early.push({ epoch, handle: () => this.handle(node, from, m) });
      return;
    }
    if (!node.isUpInView) return;
    if (node.pg) {
      node.pg.onMessage(from, m);
      return;
    }
    const blank = (): PgInfo => emptyInfo(0, storedView(node.view!), node.storeSince);
    const { isRemoving } = node;
    const isComing = isRemoving && node.view!.acting.includes(node.id);
    const answer = answerForAbsent(m, { isRemoving, isComing, blank });
    if (answer) this.send(node.id, from, node.view!.epoch, answer);
  }
}

function objectNamed(name: string, hash: number): HObject {
  return { key: '', name, snap: SNAP_HEAD, hash, max: false, namespace: '', pool: PGID.pool };
}

function request(name: string, hash: number, code: number, data: Buffer): OSDOp {
  const args = argsBytes('extent', {
    offset: 0,
    length: data.length,
    truncateSize: 0,
    truncateSeq: 0,
  });
  return {
    pgid: { pgid: PGID, shard: -1 },
    hash,
    epoch: 1,
    flags: OSD_FLAG.ONDISK,
    reqid: { name: { type: 8, num: 0 }, tid: 0n, inc: 0 },
    clientInc: 0,
    mtime: TIME_ZERO,
    locator: { pool: PGID.pool, key: '', namespace: '', hash: -1n },
    name,
    ops: [{ code, flags: 0, args, argsOffset: 0, payloadLength: data.length }],
    snapid: SNAP_HEAD,
    snapSeq: 0n,
    snaps: [],
    retryAttempt: 0,
    features: 0n,
  };
}

/** What a client saw, for the checks at the end. */
export interface Seen {
  readonly acked: Map<string, string[]>;
  readonly sent: Map<string, string[]>;
  readonly reads: { name: string; content: string }[];
  /** Appends by the level they were answered at. */
  readonly answered: { name: string; token: string; version: EVersion; ack: AckLevel }[];
  /** Reads that missed what was answered before they began. */
  readonly stale: string[];
}

/** What a client asks for. */
export interface SimRequest {
  readonly client: number;
  readonly tid: number;
  readonly name: string;
  readonly code: number;
  readonly data?: Buffer;
  readonly args?: Buffer;
  readonly flags?: number;
  readonly mayWrite: boolean;
  readonly isPgOp?: boolean;
  readonly ack?: AckLevel;
  /** Its client always has the newest map. */
  readonly isInformed?: boolean;
  /** Whom its client takes for the primary, whatever the maps say. */
  readonly to?: number;
}

/** Appends to an object or reads it. */
export function perform(
  world: SimWorld,
  client: number,
  tid: number,
  name: string,
  append: string | undefined,
  done: (a: OpAnswer) => void,
  ack: AckLevel = 'journal',
): void {
  const code = append === undefined ? OSD_OP.READ : OSD_OP.APPEND;
  const data = Buffer.from(append ?? '');
  ask(world, { client, tid, name, code, data, mayWrite: append !== undefined, ack }, done);
}

/** Sends one request to whoever it takes for the primary, again and again, until it is answered. */
export function ask(world: SimWorld, asked: SimRequest, done: (a: OpAnswer) => void): void {
  const { client, tid, name, mayWrite, isPgOp = false, ack = 'journal' } = asked;
  let isDone = false;
  const input = asked.data ?? Buffer.alloc(0);
  const hash = world.hashOf(name);
  const plain = request(name, hash, asked.code, input);
  const ops = plain.ops.map((o) => ({
    ...o,
    flags: asked.flags ?? 0,
    args: asked.args ?? o.args,
  }));
  const op = { ...plain, ops };
  const oid = objectNamed(name, hash);
  const reqid = { name: { type: 8, num: client }, tid: BigInt(tid), inc: 0 };
  const attempt = (): void => {
    if (isDone) return;
    world.time.after(200 + world.random(300), attempt);
    // A client may have an old map.
    const isOld = !asked.isInformed && world.random(3) === 0;
    const age = isOld ? Math.min(world.views.length - 1, 1 + world.random(3)) : 0;
    const node = world.nodes[asked.to ?? world.views[world.views.length - 1 - age]!.primary];
    if (!node) return;
    world.time.after(1 + world.random(10), () => {
      const { pg, life } = node;
      if (!pg?.isPrimary || !node.isUpInView) return;
      const data = Buffer.from(input);
      // Who looks at it when everybody should be done gets wrong bytes.
      const message = {
        isLarge: true,
        recycle: () => data.fill(0xdb),
      } as unknown as IncomingMessage;
      const memory = new OpMemory(message, new BufferPool());
      const made: ClientOp = {
        request: { op, data, memory, reqid },
        memory,
        oid,
        key: oidKey(oid),
        reqid,
        reqidKey: reqidKey(reqid),
        mayWrite,
        ack,
        isPgOp,
        growth: 1,
        startedMs: world.time.now,
        copy: undefined,
        isFenced: () => false,
        drop: () => world.taken.delete(made),
        answer: (a) => {
          world.taken.delete(made);
          memory.end();
          world.time.after(1 + world.random(10), () => {
            if (isDone || node.life !== life) return;
            isDone = true;
            done(a);
          });
        },
      };
      world.taken.add(made);
      pg.submitOp(made);
    });
  };
  attempt();
}

/** Objects of a node as text, for comparison. */
export async function contentsOf(node: SimNode): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  for (const oid of listObjects(node.contents, PGID, undefined, 1000).objects) {
    const data = await node.contents.read('1.0', oid, 0, 1 << 20);
    const attrs = [...node.contents.getattrs('1.0', oid)].map(
      ([k, v]) => `${k}=${Buffer.from(v).toString('hex')}`,
    );
    out.set(oid.name, `${Buffer.from(data).toString()}|${attrs.sort().join()}`);
  }
  return out;
}
