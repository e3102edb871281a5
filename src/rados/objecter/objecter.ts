import { CephError } from '../../errors/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import type { Connection, IncomingMessage, Messenger } from '../../msgr/index.ts';
import type { Clock, Runtime, Timer } from '../../runtime/index.ts';
import {
  ACK_FLAGS,
  decodeFront,
  type MessageOf,
  MOSDBackoff,
  MOSDMap,
  MOSDOpReply,
  readOSDOpReply,
} from '../../wire/index.ts';
import { type CallOptions, Pending } from '../abort.ts';
import type { MonClient } from '../mon-client.ts';
import type { OpStep } from '../op-step.ts';
import type { WriteOptions } from '../write-op.ts';
import { InFlight } from './in-flight.ts';
import { MapFeed } from './map-feed.ts';
import { OsdSessions } from './osd-sessions.ts';
import { hasMoved, placementOf, type Target } from './placement.ts';
import { type Reply, type Request, type RequestKind, settle } from './request.ts';

const RETRY_MS = 500;
/** objecter_timeout of 16.2: after it a newer map is asked for. */
const LATE_MS = 10_000;

/**
 * Sends each request to the primary of its PG, and again when a map moves it or a connection breaks, until it is
 * answered. Order of requests to one object is the order of the calls. Source for when to resend: Objecter, 16.2.
 */
export class Objecter {
  private readonly runtime: Runtime;
  private readonly mon: MonClient;
  private readonly clock: Clock;
  private readonly maps: MapFeed;
  private readonly sessions: OsdSessions;
  /** What may be sent, in order of tid. */
  private readonly requests = new Map<number, Request>();
  private readonly inFlight = new InFlight<Request>((r) => this.start(r));
  /** OSDs that requests wait for since their connection broke: later ones wait with them, or they would overtake them. */
  private readonly broken = new Set<number>();
  private tid = 0;
  private retry: Timer | undefined;
  private lateness: Timer | undefined;
  private closed = false;

  constructor(runtime: Runtime, messenger: Messenger, mon: MonClient) {
    this.runtime = runtime;
    this.clock = runtime.clock;
    this.mon = mon;
    this.maps = new MapFeed(runtime, mon);
    this.sessions = new OsdSessions(messenger);
    mon.onOsdMap = (m) => this.onMaps(m);
  }

  /** The newest map that this client has; undefined before the first. */
  get map(): OSDMap | undefined {
    return this.maps.map;
  }

  /** Resolves when our map is at least of this epoch. */
  waitForMap(epoch: number, options?: CallOptions): Promise<void> {
    return this.maps.waitFor(epoch, options);
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
    const pending = new Pending<Reply>(this.clock, options, kind, () => this.finish(request));
    const request: Request = {
      tid: ++this.tid,
      target,
      steps,
      kind,
      mtimeMs: kind === 'write' ? this.clock.wallMs() : 0,
      ackFlags: kind === 'write' ? ACK_FLAGS[options?.ack ?? 'journal'] : 0,
      pending,
      bytes,
      startedMs: this.clock.monotonicMs(),
      attempts: 0,
      carrier: undefined,
      placement: undefined,
    };
    this.inFlight.add(request);
    return pending.promise;
  }

  onMessage(c: Connection, m: IncomingMessage): void {
    switch (m.type) {
      case MOSDOpReply.type:
        return this.onReply(m);
      case MOSDMap.type:
        return this.onMaps(decodeFront(MOSDMap, m));
      case MOSDBackoff.type:
        this.sessions.of(c)?.onBackoff(decodeFront(MOSDBackoff, m), this.maps.epoch);
        return;
      default:
        this.runtime.log('debug', 'unexpected message from an OSD', { type: m.type });
    }
  }

  /** The connection to an OSD broke: it may have restarted, or a map may be on its way that says it is down. */
  onReset(c: Connection): void {
    const session = this.sessions.of(c);
    if (!session) return;
    if (!session.isIdle) this.broken.add(session.osd);
    this.sessions.forget(session);
    this.maps.needNewer();
    this.retryLater();
  }

  close(): void {
    this.closed = true;
    this.retry?.cancel();
    this.lateness?.cancel();
    const gone = new CephError('ESHUTDOWN', 'the client was closed');
    this.sessions.close();
    const open = [...this.requests.values(), ...this.inFlight.giveUp()];
    this.requests.clear();
    for (const r of open) r.pending.reject(gone);
    this.maps.close(gone);
  }

  private start(r: Request): void {
    this.requests.set(r.tid, r);
    this.route(r);
    this.watchForLateness();
  }

  /** The last that is known of a request: its caller is told next. */
  private finish(r: Request): void {
    this.requests.delete(r.tid);
    r.carrier?.drop(r.tid);
    r.carrier = undefined;
    this.inFlight.remove(r);
  }

  private onReply(m: IncomingMessage): void {
    const r = this.requests.get(m.tid);
    if (!r) return;
    const reply = readOSDOpReply(m);
    // An answer to an earlier sending: the one that counts is still on its way.
    if (reply.retryAttempt >= 0 && reply.retryAttempt !== r.attempts - 1) return;
    this.finish(r);
    settle(r, reply, m);
  }

  /** Finds the primary and sends, or leaves the request to wait for the next map. */
  private route(r: Request): void {
    const { map } = this.maps;
    if (!map) return;
    const place = placementOf(map, r.target);
    if (!place) {
      void this.poolGone(r);
      return;
    }
    r.placement = place;
    const { primary } = place;
    const isServed = primary >= 0 && !this.broken.has(primary) && !this.maps.holds(r.kind);
    const session = isServed ? this.sessions.to(primary, map) : undefined;
    if (session) session.carry(r, map.epoch);
    else this.maps.needNewer();
  }

  /** A pool that our map lacks may be newer than our map: only the newest map proves that it does not exist. */
  private async poolGone(r: Request): Promise<void> {
    let error: unknown;
    try {
      const newest = await this.mon.newestVersion('osdmap');
      if (this.maps.epoch < newest) return this.maps.needNewer(newest);
      // A map that came meanwhile had all that wait routed.
      if (this.map!.pool(r.target.pool)) return;
      error = new CephError('ENOENT', `pool ${r.target.pool} does not exist`);
    } catch (e) {
      error = e;
    }
    if (!this.requests.has(r.tid)) return;
    this.finish(r);
    r.pending.reject(error);
  }

  /**
   * Looks at every epoch by itself: a request that one of them moves away and a later one moves back was dropped by its
   * OSD in between, and has to be sent again although it goes where it went.
   */
  private onMaps(m: MessageOf<typeof MOSDMap>): void {
    const moved = new Set<Request>();
    const isNewer = this.maps.receive(m, (map, isGap) => {
      this.sessions.follow(map);
      for (const r of this.requests.values()) {
        if (r.carrier && (isGap || hasMoved(map, r.target, r.placement!))) moved.add(r);
      }
    });
    if (!isNewer) return;
    this.broken.clear();
    for (const r of [...this.requests.values()]) if (!r.carrier || moved.has(r)) this.reroute(r);
  }

  private reroute(r: Request): void {
    r.carrier?.drop(r.tid);
    r.carrier = undefined;
    this.route(r);
  }

  /** Those that nobody carries, in order of tid. */
  private waiting(): Request[] {
    return [...this.requests.values()].filter((r) => !r.carrier);
  }

  private retryLater(): void {
    if (this.retry || this.closed) return;
    this.retry = this.clock.setTimer(RETRY_MS, () => {
      this.retry = undefined;
      this.broken.clear();
      for (const r of this.waiting()) this.route(r);
      if (this.waiting().length > 0) this.retryLater();
    });
  }

  /** While a request waits for long, its OSD may have lost it to a map that nobody told us of. */
  private watchForLateness(): void {
    if (this.lateness || this.closed) return;
    this.lateness = this.clock.setTimer(LATE_MS / 2, () => {
      this.lateness = undefined;
      const oldest = this.requests.values().next().value;
      if (!oldest) return;
      if (this.clock.monotonicMs() - oldest.startedMs >= LATE_MS) this.maps.needNewer();
      this.watchForLateness();
    });
  }
}
