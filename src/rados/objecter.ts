import { DEFAULT_FEATURES } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import { decodeIncremental, isMergePart, OSDMap, splitBits } from '../maps/index.ts';
import type { Connection, IncomingMessage, Messenger } from '../msgr/index.ts';
import type { Clock, Runtime, Timer } from '../runtime/index.ts';
import {
  ACK_FLAGS,
  ADDR,
  BACKOFF_OP,
  compareHObject,
  decodeFront,
  ENTITY,
  formatPgId,
  type HObject,
  type MessageOf,
  MOSDBackoff,
  MOSDMap,
  MOSDOp,
  MOSDOpReply,
  OSD_FLAG,
  type OSDOpReply,
  outgoing,
  outgoingFront,
  type PgId,
  readOSDOpReply,
  SNAP_HEAD,
  TIME_ZERO,
  utimeOfMs,
  writeOSDOp,
} from '../wire/index.ts';
import { type CallOptions, Pending } from './abort.ts';
import type { MonClient } from './mon-client.ts';
import type { OpStep, WriteOptions } from './operation.ts';

/** What a request is about: an object, or with `pgHash` the whole PG that has this hash. Names are byte strings. */
export interface Target {
  readonly pool: number;
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  readonly pgHash: number | undefined;
}

export interface Reply {
  readonly result: number;
  readonly userVersion: bigint;
  /** One per step; windows of one buffer. */
  readonly outputs: readonly Buffer[];
}

export type RequestKind = 'read' | 'write' | 'list';

interface Request {
  readonly tid: number;
  readonly target: Target;
  readonly steps: readonly OpStep[];
  readonly kind: RequestKind;
  readonly mtimeMs: number;
  readonly ackFlags: number;
  readonly pending: Pending<Reply>;
  readonly bytes: number;
  readonly startedMs: number;
  attempts: number;
  /** Where it was last sent; undefined while it waits. */
  session: OsdSession | undefined;
  pgid: PgId | undefined;
  hash: number;
  /** What it was sent in, see {@link intervalOf}: in another one it must be sent again. */
  interval: string;
}

interface OsdSession {
  readonly osd: number;
  readonly connection: Connection;
  readonly addr: string;
  readonly requests: Map<number, Request>;
  readonly backoffs: Map<string, { begin: HObject; end: HObject }>;
}

const FLAGS: Record<RequestKind, number> = {
  read: 0x400000 | OSD_FLAG.READ | OSD_FLAG.ONDISK,
  write: 0x400000 | OSD_FLAG.WRITE, // and what its acknowledgement asks for
  list: 0x420000 | OSD_FLAG.READ | OSD_FLAG.ONDISK,
};
/** objecter_inflight_ops and objecter_inflight_op_bytes of 16.2. */
const IN_FLIGHT_MAX = 1024;
const IN_FLIGHT_BYTES_MAX = 100 << 20;
const RETRY_MS = 500;
/** objecter_timeout of 16.2: after it a newer map is asked for. */
const LATE_MS = 10_000;
/** CEPH_OSDMAP_PAUSERD, PAUSEWR, FULL. */
const MAP_FULL = 1 << 1;
const MAP_PAUSERD = 1 << 2;
const MAP_PAUSEWR = 1 << 3;

/**
 * Sends each request to the primary of its PG, and again when a map moves it or a connection breaks, until it is
 * answered. Order of requests to one object is the order of the calls. Source for when to resend: Objecter, 16.2.
 */
export class Objecter {
  map: OSDMap | undefined;
  private readonly runtime: Runtime;
  private readonly messenger: Messenger;
  private readonly mon: MonClient;
  private readonly clock: Clock;
  private tid = 0;
  /** In order of tid. */
  private readonly requests = new Map<number, Request>();
  private readonly sessions = new Map<number, OsdSession>();
  private readonly mapWaiters = new Set<{ epoch: number; pending: Pending<void> }>();
  private readonly room: { bytes: number; go: () => void }[] = [];
  private inFlightBytes = 0;
  private retry: Timer | undefined;
  private lateness: Timer | undefined;
  private closed = false;

  constructor(runtime: Runtime, messenger: Messenger, mon: MonClient) {
    this.runtime = runtime;
    this.clock = runtime.clock;
    this.messenger = messenger;
    this.mon = mon;
    mon.onOsdMap = (m) => this.onMaps(m);
  }

  /**
   * Runs one op vector.
   * @throws CephError with the OSD's errno; ETIMEDOUT; ESHUTDOWN; ENOENT when the pool is gone
   */
  async submit(
    target: Target,
    steps: readonly OpStep[],
    kind: RequestKind,
    options?: WriteOptions,
  ): Promise<Reply> {
    options?.signal?.throwIfAborted();
    if (this.closed) throw new CephError('ESHUTDOWN', 'the client was closed');
    let bytes = 0;
    for (const s of steps) bytes += s.dataLength;
    const tid = ++this.tid;
    const pending = new Pending<Reply>(this.clock, options, kind, () => this.forget(tid));
    const request: Request = {
      tid,
      target,
      steps,
      kind,
      mtimeMs: kind === 'write' ? this.clock.wallMs() : 0,
      ackFlags: kind === 'write' ? ACK_FLAGS[options?.ack ?? 'journal'] : 0,
      pending,
      bytes,
      startedMs: this.clock.monotonicMs(),
      attempts: 0,
      session: undefined,
      pgid: undefined,
      hash: 0,
      interval: '',
    };
    const start = (): void => {
      if (pending.settled) return;
      this.requests.set(tid, request);
      this.inFlightBytes += bytes;
      this.route(request);
      this.watchForLateness();
    };
    if (this.room.length > 0 || this.isFull(bytes)) this.room.push({ bytes, go: start });
    else start();
    return pending.promise;
  }

  private isFull(bytes: number): boolean {
    if (this.requests.size >= IN_FLIGHT_MAX) return true;
    return this.requests.size > 0 && this.inFlightBytes + bytes > IN_FLIGHT_BYTES_MAX;
  }

  private forget(tid: number): Request | undefined {
    const r = this.requests.get(tid);
    if (!r) return undefined;
    this.requests.delete(tid);
    this.inFlightBytes -= r.bytes;
    r.session?.requests.delete(tid);
    r.session = undefined;
    while (this.room.length > 0 && !this.isFull(this.room[0]!.bytes)) this.room.shift()!.go();
    return r;
  }

  /** Finds the primary and sends, or leaves the request to wait for the next map. */
  private route(r: Request): void {
    const map = this.map;
    if (!map) return;
    const place = placeOf(map, r.target);
    if (!place) {
      void this.poolGone(r);
      return;
    }
    r.hash = place.hash;
    r.pgid = place.pgid;
    const { actingPrimary } = map.pgToUpActing(r.pgid);
    r.interval = intervalOf(map, r.pgid);
    if (actingPrimary < 0 || this.isPaused(map, r)) return this.needNewerMap();
    const session = this.sessionOf(actingPrimary);
    if (!session) return this.needNewerMap();
    r.session = session;
    session.requests.set(r.tid, r);
    if (!this.isHeldBack(session, r)) this.send(session, r, map);
  }

  private isPaused(map: OSDMap, r: Request): boolean {
    const flags = map.data.flags;
    return r.kind === 'write'
      ? (flags & (MAP_PAUSEWR | MAP_FULL)) !== 0
      : (flags & MAP_PAUSERD) !== 0;
  }

  /** A pool that our map lacks may be newer than our map: only the newest map proves that it does not exist. */
  private async poolGone(r: Request): Promise<void> {
    try {
      const newest = await this.mon.newestVersion('osdmap');
      if ((this.map?.data.epoch ?? 0) < newest) return this.needNewerMap(newest);
      if (this.map!.data.pools.has(r.target.pool)) return this.route(r);
      if (this.forget(r.tid))
        r.pending.reject(new CephError('ENOENT', `pool ${r.target.pool} does not exist`));
    } catch (e) {
      if (this.forget(r.tid)) r.pending.reject(e);
    }
  }

  private send(session: OsdSession, r: Request, map: OSDMap): void {
    const retry = r.attempts++;
    const front = writeOSDOp({
      pgid: { pgid: r.pgid!, shard: -1 },
      hash: r.hash,
      epoch: map.data.epoch,
      flags: FLAGS[r.kind] | r.ackFlags | (retry > 0 ? OSD_FLAG.RETRY : 0),
      reqid: NO_REQID,
      clientInc: 0,
      mtime: r.mtimeMs > 0 ? utimeOfMs(r.mtimeMs) : TIME_ZERO,
      locator: {
        pool: r.target.pool,
        key: r.target.key,
        namespace: r.target.namespace,
        hash: r.target.pgHash === undefined ? -1n : BigInt(r.pgid!.seed),
      },
      name: r.target.name,
      ops: r.steps.map((s) => ({
        code: s.code,
        flags: s.flags,
        args: s.args,
        argsOffset: 0,
        payloadLength: s.dataLength,
      })),
      snapid: SNAP_HEAD,
      snapSeq: 0n,
      snaps: [],
      retryAttempt: retry,
      features: DEFAULT_FEATURES,
    });
    const data = r.steps.length === 1 ? r.steps[0]!.data : r.steps.flatMap((s) => [...s.data]);
    session.connection.send(outgoingFront(MOSDOp, front, { tid: r.tid, data }));
  }

  private sessionOf(osd: number): OsdSession | undefined {
    const addr = this.map!.addrs(osd).find((a) => a.type === ADDR.msgr2);
    if (!addr) return undefined;
    const text = `${addr.host}:${addr.port}/${addr.nonce}`;
    const known = this.sessions.get(osd);
    if (known?.addr === text) return known;
    if (known) this.dropSession(known);
    const connection = this.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
    const session: OsdSession = {
      osd,
      connection,
      addr: text,
      requests: new Map(),
      backoffs: new Map(),
    };
    connection.session = session;
    this.sessions.set(osd, session);
    return session;
  }

  private dropSession(s: OsdSession): void {
    s.connection.close();
    this.orphan(s);
  }

  /** Takes the requests off a session that is gone; they wait to be routed again. */
  private orphan(s: OsdSession): void {
    if (this.sessions.get(s.osd) === s) this.sessions.delete(s.osd);
    for (const r of s.requests.values()) r.session = undefined;
    s.requests.clear();
  }

  /** The connection to an OSD broke: it may have restarted, or a map may be on its way that says it is down. */
  onReset(c: Connection): void {
    const s = c.session as OsdSession | undefined;
    if (!s || this.sessions.get(s.osd) !== s) return;
    this.orphan(s);
    this.needNewerMap();
    this.retryLater();
  }

  private retryLater(): void {
    if (this.retry || this.closed) return;
    this.retry = this.clock.setTimer(RETRY_MS, () => {
      this.retry = undefined;
      this.routeWaiting();
      if ([...this.requests.values()].some((r) => !r.session)) this.retryLater();
    });
  }

  private routeWaiting(): void {
    for (const r of [...this.requests.values()]) if (!r.session) this.route(r);
  }

  /** While a request waits for long, its OSD may have lost it to a map that nobody told us of. */
  private watchForLateness(): void {
    if (this.lateness || this.closed) return;
    this.lateness = this.clock.setTimer(LATE_MS / 2, () => {
      this.lateness = undefined;
      const oldest = this.requests.values().next().value;
      if (!oldest) return;
      if (this.clock.monotonicMs() - oldest.startedMs >= LATE_MS) this.needNewerMap();
      this.watchForLateness();
    });
  }

  onMessage(c: Connection, m: IncomingMessage): void {
    switch (m.type) {
      case MOSDOpReply.type:
        return this.onReply(m);
      case MOSDMap.type:
        return this.onMaps(decodeFront(MOSDMap, m));
      case MOSDBackoff.type:
        return this.onBackoff(c, decodeFront(MOSDBackoff, m));
      default:
        this.runtime.log('debug', 'unexpected message from an OSD', { type: m.type });
    }
  }

  private onReply(m: IncomingMessage): void {
    const r = this.requests.get(m.tid);
    if (!r) return;
    const reply = readOSDOpReply(m);
    // An answer to an earlier sending: the one that counts is still on its way.
    if (reply.retryAttempt >= 0 && reply.retryAttempt !== r.attempts - 1) return;
    this.forget(r.tid);
    if (reply.result < 0) r.pending.reject(errorOf(r, reply));
    else {
      r.pending.resolve({
        result: reply.result,
        userVersion: reply.userVersion,
        outputs: outputsOf(reply, m.data),
      });
    }
  }

  private onBackoff(c: Connection, b: MessageOf<typeof MOSDBackoff>): void {
    const s = c.session as OsdSession | undefined;
    if (!s) return;
    const key = `${formatPgId(b.pgid.pgid)}/${b.id}`;
    if (b.op === BACKOFF_OP.block) {
      s.backoffs.set(key, { begin: b.begin, end: b.end });
      c.send(outgoing(MOSDBackoff, { ...b, op: BACKOFF_OP.ackBlock }));
    } else if (b.op === BACKOFF_OP.unblock && s.backoffs.delete(key)) {
      for (const r of s.requests.values()) {
        if (isWithin(r, b) && !this.isHeldBack(s, r)) this.send(s, r, this.map!);
      }
    }
  }

  private isHeldBack(s: OsdSession, r: Request): boolean {
    for (const range of s.backoffs.values()) if (isWithin(r, range)) return true;
    return false;
  }

  /**
   * Looks at every epoch by itself: a request that one of them moves away and a later one moves back was dropped by its
   * OSD in between, and has to be sent again although it goes where it went.
   */
  private onMaps(m: MessageOf<typeof MOSDMap>): void {
    const before = this.map;
    const moved = new Set<Request>();
    for (const [epoch, bytes] of m.maps) {
      if (this.map && epoch <= this.map.epoch) continue;
      const isGap = this.map !== undefined && epoch > this.map.epoch + 1;
      this.adopt(OSDMap.decode(bytes, this.runtime.crc32c), moved, isGap);
    }
    for (const [epoch, bytes] of m.incrementals) {
      if (!this.map || epoch !== this.map.epoch + 1) continue;
      const change = decodeIncremental(bytes, this.runtime.crc32c);
      this.adopt(this.map.applyIncremental(change), moved, false);
    }
    const map = this.map;
    if (!map) return this.mon.subscribeOsdMap(0, false);
    this.mon.gotOsdMap(map.epoch);
    if (map !== before) {
      for (const r of [...this.requests.values()]) if (!r.session || moved.has(r)) this.reroute(r);
      for (const w of [...this.mapWaiters]) {
        if (map.epoch < w.epoch) continue;
        this.mapWaiters.delete(w);
        w.pending.resolve();
      }
    }
    if (m.newestMap > map.epoch) this.needNewerMap();
  }

  /** @param isGap epochs in between are unknown: anything may have moved in them */
  private adopt(map: OSDMap, moved: Set<Request>, isGap: boolean): void {
    this.map = map;
    for (const s of [...this.sessions.values()]) {
      const addr = map.isUp(s.osd)
        ? map.addrs(s.osd).find((a) => a.type === ADDR.msgr2)
        : undefined;
      if (!addr || `${addr.host}:${addr.port}/${addr.nonce}` !== s.addr) this.dropSession(s);
    }
    for (const r of this.requests.values()) {
      if (r.session && (isGap || this.hasMoved(map, r))) moved.add(r);
    }
  }

  private reroute(r: Request): void {
    r.session?.requests.delete(r.tid);
    r.session = undefined;
    this.route(r);
  }

  private hasMoved(map: OSDMap, r: Request): boolean {
    const place = placeOf(map, r.target);
    if (!place || place.pgid.seed !== r.pgid!.seed) return true;
    return intervalOf(map, place.pgid) !== r.interval;
  }

  private needNewerMap(atLeast?: number): void {
    const next = (this.map?.data.epoch ?? 0) + 1;
    if (atLeast === undefined || atLeast >= next) {
      // While the map pauses or blocks, every change of it matters; otherwise one newer map is enough.
      const flags = this.map?.data.flags ?? 0;
      const follow = (flags & (MAP_PAUSERD | MAP_PAUSEWR | MAP_FULL)) !== 0;
      this.mon.subscribeOsdMap(this.map ? next : 0, follow);
    }
  }

  /** Resolves when our map is at least of this epoch. */
  async waitForMap(epoch: number, options?: CallOptions): Promise<void> {
    if ((this.map?.data.epoch ?? 0) >= epoch) return;
    const waiter: { epoch: number; pending: Pending<void> } = {
      epoch,
      pending: new Pending<void>(this.clock, options, 'map', () => this.mapWaiters.delete(waiter)),
    };
    this.mapWaiters.add(waiter);
    this.needNewerMap(epoch);
    return waiter.pending.promise;
  }

  close(): void {
    this.closed = true;
    this.retry?.cancel();
    this.lateness?.cancel();
    const gone = new CephError('ESHUTDOWN', 'the client was closed');
    for (const s of [...this.sessions.values()]) this.dropSession(s);
    for (const r of [...this.requests.values()]) {
      this.requests.delete(r.tid);
      r.pending.reject(gone);
    }
    for (const { go } of this.room.splice(0)) go();
    for (const r of [...this.requests.values()]) r.pending.reject(gone);
    for (const w of this.mapWaiters) w.pending.reject(gone);
    this.mapWaiters.clear();
  }
}

const NO_REQID = { name: { type: 0, num: 0 }, tid: 0n, inc: 0 };

/** Where a target is in a map; undefined when the map lacks its pool. */
function placeOf(map: OSDMap, t: Target): { hash: number; pgid: PgId } | undefined {
  if (t.pgHash === undefined) return map.locate(t.pool, t.name, t.key, t.namespace);
  const pgid = map.rawPgToPg(t.pool, t.pgHash);
  return pgid && { hash: t.pgHash, pgid };
}

/** A PG forgets what it was sent when its members change, or when it is split, to be merged, or merged. */
function intervalOf(map: OSDMap, pgid: PgId): string {
  const pool = map.pool(pgid.pool)!;
  const { acting, actingPrimary } = map.pgToUpActing(pgid);
  const bits = splitBits(pgid.seed, pool.pgNum);
  return `${actingPrimary}:${acting.join(',')}:${bits}:${isMergePart(pool, pgid.seed)}`;
}

/** Whether the request's object stands in [begin, end). */
function isWithin(r: Request, range: { begin: HObject; end: HObject }): boolean {
  const oid: HObject = {
    key: r.target.key,
    name: r.target.name,
    snap: SNAP_HEAD,
    hash: r.hash,
    max: false,
    namespace: r.target.namespace,
    pool: r.target.pool,
  };
  return compareHObject(oid, range.begin) >= 0 && compareHObject(oid, range.end) < 0;
}

function errorOf(r: Request, reply: OSDOpReply): CephError {
  const at = reply.ops.findIndex((o) => o.result < 0);
  const where = at >= 0 && r.steps.length > 1 ? ` at step ${at + 1} of ${r.steps.length}` : '';
  const name = Buffer.from(r.target.name, 'latin1').toString('utf8');
  return new CephError(reply.result, `${r.kind} of '${name}' failed${where}`);
}

function outputsOf(reply: OSDOpReply, data: Buffer): Buffer[] {
  let at = 0;
  return reply.ops.map((o) => {
    const start = at;
    at += o.payloadLength;
    return data.subarray(start, at);
  });
}
