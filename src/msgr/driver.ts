import { CephError, DecodeError } from '../errors/index.ts';
import {
  BufferPool,
  type Listener,
  type Runtime,
  type SocketEvents,
  type Timer,
} from '../runtime/index.ts';
import { ADDR, ENTITY, type EntityAddr, formatAddrVec } from '../wire/index.ts';
import { onAsked } from './answer.ts';
import { askSession, onAnswer } from './ask.ts';
import type { AuthedPeer, AuthSetup } from './authenticate.ts';
import { type ConnectionOwner, PeerConnection, type PeerLink } from './connection.ts';
import { type ControlFrame, IDENT_LOSSY } from './control.ts';
import { addrKey } from './establish.ts';
import { ProtocolError } from './format.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Incoming } from './incoming.ts';
import { Link, type LinkOwner } from './link.ts';
import { watch } from './liveness.ts';
import type { Connection, ConnectTarget, Messenger, Policy } from './messenger.ts';
import {
  type AuthDecision,
  type AuthRequest,
  DEFAULT_BOUNDS,
  DEFAULT_TIMES,
  type MessengerBounds,
  type MessengerOptions,
  type MessengerTimes,
} from './options.ts';
import { defaultPolicy } from './policy.ts';
import type { Frame, SessionHost } from './session-host.ts';
import { Turns } from './turns.ts';

/** Rounds of "ask again" on one socket before it is given up. */
const RETRIES_MAX = 8;
/** A session that lived so long has earned an immediate redial. */
const STABLE_MS = 1000;
const TICK_MAX_MS = 1000;

/** Runs sockets, timers and the registry of sessions around the pure parts. */
export class MessengerDriver implements Messenger, LinkOwner, ConnectionOwner, SessionHost {
  addrs: EntityAddr[];
  globalId: number;
  readonly runtime: Runtime;
  readonly bounds: MessengerBounds;
  readonly times: MessengerTimes;
  readonly writer: FrameWriter;
  readonly pool: BufferPool;
  private readonly options: MessengerOptions;
  private readonly policy: (peerType: number) => Policy;
  number: number;
  globalSeq = 0;
  private listeners: Listener[] = [];
  private readonly links = new Set<PeerLink>();
  private accepted = 0;
  private full = false;
  /** Accepted sessions and lossless ones, by the address that names the peer. */
  private readonly registry = new Map<string, PeerConnection>();
  /** Every session that has no socket but a redial timer, or is in the registry, or owns a link. */
  private readonly connections = new Set<PeerConnection>();
  private readonly turns = new Turns();
  private ticker: Timer | undefined;
  private readonly tickMs: number;
  private down = false;

  constructor(runtime: Runtime, options: MessengerOptions) {
    this.runtime = runtime;
    this.pool = runtime.pool ?? new BufferPool();
    this.options = options;
    this.bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
    this.times = { ...DEFAULT_TIMES, ...options.times };
    this.policy = options.policy ?? ((type) => defaultPolicy(options.name.type, type));
    this.number = options.name.num;
    this.globalId = options.globalId ?? 0;
    if (this.globalId > 0 && options.name.type === ENTITY.client) this.number = this.globalId;
    const nonce = options.nonce ?? runtime.random.below(2 ** 32);
    this.addrs = [{ type: ADDR.any, nonce, host: '', port: 0 }];
    this.writer = new FrameWriter(runtime.crc32c);
    const { handshakeMs, keepaliveMs, keepaliveTimeoutMs, idleMs } = this.times;
    const shortest = Math.min(handshakeMs, keepaliveMs || handshakeMs, keepaliveTimeoutMs, idleMs);
    this.tickMs = Math.min(TICK_MAX_MS, Math.max(10, shortest / 4));
  }

  // --- Messenger -----------------------------------------------------------------------------------------------

  async listen(addr: { host: string; port: number; nonce: number }): Promise<EntityAddr> {
    const listener = await this.runtime.network.listen(addr, (socket) => this.accept(socket));
    this.listeners.push(listener);
    const own = {
      type: ADDR.msgr2,
      nonce: addr.nonce,
      host: addr.host,
      port: listener.address.port,
    };
    this.addrs = this.listeners.length === 1 ? [own] : [...this.addrs, own];
    return own;
  }

  connect(target: ConnectTarget): Connection {
    const policy = this.policy(target.type);
    const addr = target.addrs.find((a) => a.type === ADDR.msgr2);
    if (!policy.lossy && addr !== undefined) {
      const known = this.registry.get(addrKey(addr));
      if (known !== undefined && !known.state.lossy) return known;
    }
    const dial = addr && { type: target.type, addr };
    const peer = { type: target.type, num: -1 };
    const connection = new PeerConnection(this, peer, policy, target.addrs, dial);
    this.connections.add(connection);
    if (dial === undefined) {
      const cause = new CephError('ENXIO', `no msgr2 address in ${formatAddrVec(target.addrs)}`);
      this.turns.defer(() => this.sessionLost(connection, cause));
      return connection;
    }
    connection.peerSocketAddr = dial.addr;
    if (!policy.lossy) this.register(addrKey(dial.addr), connection);
    this.dial(connection);
    return connection;
  }

  async shutdown(): Promise<void> {
    this.down = true;
    this.ticker?.cancel();
    this.ticker = undefined;
    for (const link of this.links) link.discard();
    this.links.clear();
    for (const connection of [...this.connections]) this.ended(connection);
    const listeners = this.listeners;
    this.listeners = [];
    await Promise.all(listeners.map((l) => l.close()));
  }

  // --- dialling and accepting ----------------------------------------------------------------------------------

  private setup(part: Pick<AuthSetup, 'role' | 'peerSocketAddr' | 'targetType'>): AuthSetup {
    const { name, authName } = this.options;
    return { ownType: name.type, authName, globalId: this.globalId, ...part };
  }

  private accept(socket: Parameters<Link['attach']>[0]): SocketEvents {
    const { host, port } = socket.remote;
    const peerSocketAddr = { type: ADDR.msgr2, nonce: 0, host, port };
    const link = new Link(this, this.setup({ role: 'acceptor', peerSocketAddr }));
    if (this.accepted >= this.bounds.connectionsMax || this.down) {
      // One line when the bound is reached, not one per refused socket.
      if (!this.full && !this.down) {
        this.full = true;
        this.runtime.log('warn', 'too many connections', { max: this.bounds.connectionsMax });
      }
      link.discard();
      socket.destroy();
      return link;
    }
    this.accepted++;
    this.track(link);
    link.attach(socket);
    return link;
  }

  private dial(connection: PeerConnection): void {
    const target = connection.target;
    if (target === undefined || connection.closed || this.down) return;
    connection.redial?.cancel();
    connection.redial = undefined;
    const setup = this.setup({
      role: 'connector',
      peerSocketAddr: target.addr,
      targetType: target.type,
    });
    const link = new Link(this, setup, connection);
    connection.link = link;
    this.track(link);
    const { host, port } = target.addr;
    const attach = (socket: Parameters<Link['attach']>[0]): SocketEvents => {
      link.attach(socket);
      return link;
    };
    this.runtime.network.connect({ host, port }, attach).catch((e: unknown) => {
      if (e instanceof CephError) link.drop(e);
      else this.fatal(e);
    });
  }

  private track(link: Link): void {
    this.links.add(link);
    this.ticker ??= this.runtime.clock.setTimer(this.tickMs, this.tick);
  }

  // --- LinkOwner -----------------------------------------------------------------------------------------------

  decide(request: AuthRequest): AuthDecision {
    return this.options.authenticate?.(request) ?? { ok: true, globalId: request.globalId };
  }

  adoptGlobalId(globalId: number): void {
    this.globalId = globalId;
    if (this.options.name.type === ENTITY.client) this.number = globalId;
  }

  seenAt(addr: EntityAddr): void {
    const own = this.addrs[0]!;
    if (own.host === '') this.addrs = [{ ...own, host: addr.host }];
  }

  authenticated(link: Link): void {
    if (link.connection !== undefined) askSession(this, link, link.connection);
  }

  establish(link: Link, frame: ControlFrame): void {
    if (++link.retries > RETRIES_MAX) throw new ProtocolError('the handshake does not end');
    if (link.dialled) onAnswer(this, link, link.connection!, frame);
    else onAsked(this, link, frame);
  }

  deliver(connection: PeerConnection, message: Incoming): void {
    try {
      this.options.dispatcher.onMessage(connection, message);
    } catch (e) {
      if (!(e instanceof DecodeError)) {
        this.fatal(e);
        return;
      }
      // The message cannot be had again, so a lossless session cannot go on either.
      connection.link?.cut(`message ${message.type}: ${e.message}`);
      if (!connection.closed) this.sessionLost(connection, new CephError('EPROTO', e.message));
    }
  }

  fatal(error: unknown): void {
    if (this.options.onFatal === undefined) throw error;
    this.options.onFatal(error);
  }

  lost(link: Link, cause: CephError | undefined): void {
    this.forget(link);
    const connection = link.connection;
    if (connection === undefined || connection.link !== link) return;
    connection.link = undefined;
    if (connection.closed) return;
    if (connection.state.lossy) {
      this.sessionLost(connection, cause);
      return;
    }
    if (link.openedMs > 0 && this.runtime.clock.monotonicMs() - link.openedMs >= STABLE_MS) {
      connection.failures = 0;
    }
    this.redialLater(connection, this.backoffMs(connection));
  }

  // --- SessionHost ---------------------------------------------------------------------------------------------

  known(addr: EntityAddr): PeerConnection | undefined {
    return this.registry.get(addrKey(addr));
  }

  newcomer(peer: AuthedPeer, addr: EntityAddr, frame: Frame<'clientIdent'>): PeerConnection {
    const policy = this.policy(peer.type);
    // Only one that listens can be dialled back.
    const dial = addr.port === 0 ? undefined : { type: peer.type, addr };
    const name = { type: peer.type, num: frame.gid };
    const connection = new PeerConnection(this, name, policy, frame.addrs, dial);
    connection.state.lossy ||= (frame.flags & IDENT_LOSSY) !== 0n;
    const { lossy } = connection.state;
    if (!lossy && this.registry.size >= this.bounds.connectionsMax) this.evict();
    this.connections.add(connection);
    // A client may have several lossy sessions from one address: `ceph tell mon.a` dials a second one for its command.
    // Nothing is kept for them, so nobody has to find them again (ProtocolV2::handle_client_ident, 16.2).
    if (!lossy) this.register(addrKey(addr), connection);
    return connection;
  }

  /** Makes room in the registry. Peers that never come back would fill it otherwise. */
  private evict(): void {
    for (const connection of this.registry.values()) {
      if (connection.link !== undefined || connection.state.pending) continue;
      this.ended(connection);
      this.notifyReset(connection, new CephError('ETIMEDOUT', 'at rest for too long'));
      return;
    }
    throw new ProtocolError('no room for one more session');
  }

  /** The session leaves whatever socket it had for this one. */
  takeOver(link: Link, connection: PeerConnection): void {
    connection.redial?.cancel();
    connection.redial = undefined;
    const old = connection.link;
    if (old !== undefined) {
      this.forget(old);
      old.discard();
    }
    connection.link = link;
    link.connection = connection;
  }

  opened(link: Link, connection: PeerConnection): void {
    const { peer, setup } = link;
    connection.peerAuth = peer!.name;
    connection.peerGlobalId = peer!.globalId;
    connection.peerSocketAddr = setup.peerSocketAddr;
    link.opened(connection);
    try {
      this.options.dispatcher.onReady?.(connection);
    } catch (e) {
      this.fatal(e);
    }
    if (connection.state.unsent) this.turns.flushLater(link);
  }

  // --- ends of sessions ----------------------------------------------------------------------------------------

  /** The session is over. A lossy one ends with it; a lossless one begins anew with the next message. */
  sessionLost(connection: PeerConnection, cause: CephError | undefined): void {
    if (connection.closed) return;
    if (connection.state.lossy || connection.target === undefined) this.ended(connection);
    else this.rest(connection);
    this.notifyReset(connection, cause);
  }

  forgotten(connection: PeerConnection): void {
    connection.state.reset();
    this.notifyReset(connection, new CephError('ECONNRESET', 'the peer forgot the session'));
  }

  stepBack(link: Link, connection: PeerConnection): void {
    this.forget(link);
    link.discard();
    connection.link = undefined;
    this.redialLater(connection, this.times.backoffMaxMs);
  }

  private notifyReset(connection: PeerConnection, cause: CephError | undefined): void {
    try {
      this.options.dispatcher.onReset?.(connection, cause);
    } catch (e) {
      this.fatal(e);
    }
  }

  private register(key: string, connection: PeerConnection): void {
    connection.key = key;
    this.registry.set(key, connection);
  }

  private backoffMs(connection: PeerConnection): number {
    const { backoffMs, backoffMaxMs } = this.times;
    const n = connection.failures++;
    return n === 0 ? 0 : Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(n - 1, 20));
  }

  /** Without anything to send the session rests until someone queues a message or the peer dials. */
  private redialLater(connection: PeerConnection, delayMs: number): void {
    if (connection.closed || this.down || connection.state.server) return;
    if (!connection.state.pending && connection.state.serverCookie !== 0n) return;
    connection.redial?.cancel();
    connection.redial = this.runtime.clock.setTimer(delayMs, () => this.dial(connection));
  }

  // --- ConnectionOwner -----------------------------------------------------------------------------------------

  queued(connection: PeerConnection): void {
    const { link, state } = connection;
    if (state.keptBytes > this.queueMax(connection)) {
      this.turns.defer(() => this.overflowed(connection));
      return;
    }
    if (link !== undefined) {
      if (link.open) this.turns.flushLater(link);
    } else if (connection.redial === undefined) {
      this.redialLater(connection, 0);
    }
  }

  private queueMax(connection: PeerConnection): number {
    const { lossyQueueBytesMax, losslessQueueBytesMax } = this.bounds;
    return connection.state.lossy ? lossyQueueBytesMax : losslessQueueBytesMax;
  }

  private overflowed(connection: PeerConnection): void {
    // Several messages of one turn may have been too much; the first call has made room.
    if (connection.closed || connection.state.keptBytes <= this.queueMax(connection)) return;
    const reason = `${connection.state.keptBytes} bytes queued and not taken`;
    const peer = formatAddrVec(connection.peerAddrs);
    this.runtime.log('warn', 'peer cut off', { peer, reason });
    this.sessionLost(connection, new CephError('ETIMEDOUT', reason));
  }

  unthrottled(connection: PeerConnection): void {
    this.turns.defer(() => {
      if (!connection.throttled) connection.link?.resume();
    });
  }

  ended(connection: PeerConnection): void {
    connection.closed = true;
    this.connections.delete(connection);
    const { key } = connection;
    if (key !== undefined && this.registry.get(key) === connection) this.registry.delete(key);
    this.rest(connection);
  }

  /** No socket, nothing queued, nothing planned. */
  private rest(connection: PeerConnection): void {
    connection.redial?.cancel();
    connection.redial = undefined;
    connection.state.reset();
    const { link } = connection;
    if (link === undefined) return;
    connection.link = undefined;
    this.forget(link);
    link.discard();
  }

  private forget(link: PeerLink): void {
    if (!this.links.delete(link) || link.dialled) return;
    this.accepted--;
    this.full = false;
  }

  // --- time ----------------------------------------------------------------------------------------------------

  private readonly tick = (): void => {
    this.ticker = undefined;
    const now = this.runtime.clock.monotonicMs();
    for (const link of [...this.links]) this.checkLink(link, now);
    this.pool.age(now);
    if (this.links.size > 0) this.ticker = this.runtime.clock.setTimer(this.tickMs, this.tick);
  };

  private checkLink(link: PeerLink, nowMs: number): void {
    switch (watch(link, nowMs, this.times)) {
      case 'fine':
        return;
      case 'handshakeTimeout':
        if (!link.dialled) link.cut('handshake timed out');
        else link.drop(new CephError('ETIMEDOUT', 'handshake timed out'));
        return;
      case 'idle':
        link.drop(new CephError('ETIMEDOUT', 'idle'));
        return;
      case 'silent':
        link.cut(`silent for ${Math.round(nowMs - link.lastReceivedMs)} ms`);
        return;
      case 'keepalive':
        link.keepalive(nowMs);
    }
  }

  /** Never zero, which means none. */
  cookie(): bigint {
    const b = Buffer.from(this.runtime.random.bytes(8));
    return b.readBigUInt64LE(0) | 1n;
  }
}
