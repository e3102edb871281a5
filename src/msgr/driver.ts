import { DEFAULT_FEATURES } from '../codec/index.ts';
import { CephError, DecodeError } from '../errors/index.ts';
import type { Listener, Runtime, SocketEvents, Timer } from '../runtime/index.ts';
import { ADDR, ENTITY, type EntityAddr, formatAddrVec, sameAddr } from '../wire/index.ts';
import type { AuthedPeer, AuthSetup } from './authenticate.ts';
import { type ConnectionOwner, PeerConnection } from './connection.ts';
import { type ControlFrame, IDENT_LOSSY } from './control.ts';
import {
  addrKey,
  decideIdent,
  decideReconnect,
  type Existing,
  isOwnAddr,
  namingAddr,
} from './establish.ts';
import { ProtocolError } from './format.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Incoming } from './incoming.ts';
import { Link, type LinkOwner } from './link.ts';
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

/** MSG_ADDR2: addresses are encoded in no other way here. */
const FEATURES_REQUIRED = 1n << 59n;
/** Rounds of "ask again" on one socket before it is given up. */
const RETRIES_MAX = 8;
/** A session that lived so long has earned an immediate redial. */
const STABLE_MS = 1000;
const TICK_MAX_MS = 1000;

type Frame<K extends ControlFrame['kind']> = Extract<ControlFrame, { kind: K }>;

/** Runs sockets, timers and the registry of sessions around the pure parts. */
export class MessengerDriver implements Messenger, LinkOwner, ConnectionOwner {
  addrs: EntityAddr[];
  globalId: number;
  readonly runtime: Runtime;
  readonly bounds: MessengerBounds;
  readonly times: MessengerTimes;
  readonly writer: FrameWriter;
  private readonly options: MessengerOptions;
  private readonly policy: (peerType: number) => Policy;
  private number: number;
  private globalSeq = 0;
  private listeners: Listener[] = [];
  private readonly links = new Set<Link>();
  private accepted = 0;
  private full = false;
  /** Accepted sessions and lossless ones, by the address that names the peer. */
  private readonly registry = new Map<string, PeerConnection>();
  /** Every session that has no socket but a redial timer, or is in the registry, or owns a link. */
  private readonly connections = new Set<PeerConnection>();
  private dirty: Link[] = [];
  private deferred: (() => void)[] = [];
  private turnScheduled = false;
  private ticker: Timer | undefined;
  private readonly tickMs: number;
  private down = false;

  constructor(runtime: Runtime, options: MessengerOptions) {
    this.runtime = runtime;
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
      this.defer(() => this.sessionLost(connection, cause));
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

  authenticated(link: Link, _peer: AuthedPeer): void {
    if (link.connection !== undefined) this.ask(link, link.connection);
  }

  establish(link: Link, frame: ControlFrame): void {
    if (++link.retries > RETRIES_MAX) throw new ProtocolError('the handshake does not end');
    if (link.setup.role === 'acceptor') this.acceptorFrame(link, frame);
    else this.connectorFrame(link, link.connection!, frame);
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

  // --- the session part of the handshake, connector's side --------------------------------------------------------

  /** Asks for the session: a new one, or the one that both still know. */
  private ask(link: Link, connection: PeerConnection): void {
    const { state } = connection;
    const addrs = this.addrs;
    const globalSeq = ++this.globalSeq;
    if (state.serverCookie !== 0n) {
      state.connectSeq++;
      link.send({
        kind: 'sessionReconnect',
        addrs,
        clientCookie: state.clientCookie,
        serverCookie: state.serverCookie,
        globalSeq,
        connectSeq: state.connectSeq,
        messageSeq: state.inSeq,
      });
      return;
    }
    if (!state.lossy && state.clientCookie === 0n) state.clientCookie = this.cookie();
    link.send({
      kind: 'clientIdent',
      addrs,
      target: connection.target!.addr,
      gid: this.number,
      globalSeq,
      supported: DEFAULT_FEATURES,
      required: FEATURES_REQUIRED,
      flags: state.lossy ? IDENT_LOSSY : 0n,
      cookie: state.lossy ? 0n : state.clientCookie,
    });
  }

  private connectorFrame(link: Link, connection: PeerConnection, frame: ControlFrame): void {
    const { state } = connection;
    switch (frame.kind) {
      case 'serverIdent':
        this.onServerIdent(link, connection, frame);
        return;
      case 'identMissingFeatures':
        link.drop(
          new CephError('EOPNOTSUPP', `peer requires features 0x${frame.missing.toString(16)}`),
        );
        return;
      case 'sessionReset':
        if (frame.full !== 0) this.resetByPeer(connection);
        else {
          state.serverCookie = 0n;
          state.restart();
        }
        break;
      case 'sessionRetry':
        state.connectSeq = Math.max(state.connectSeq, frame.seq);
        break;
      case 'sessionRetryGlobal':
        this.globalSeq = Math.max(this.globalSeq, frame.seq);
        break;
      case 'sessionReconnectOk':
        state.resume(frame.seq);
        this.opened(link, connection);
        return;
      case 'wait':
        // The peer's own socket is on its way here; ours was one too many.
        this.forget(link);
        link.discard();
        connection.link = undefined;
        this.redialLater(connection, this.times.backoffMaxMs);
        return;
      default:
        throw new ProtocolError(`${frame.kind} while asking for a session`);
    }
    if (!link.dead) this.ask(link, connection);
  }

  private onServerIdent(link: Link, connection: PeerConnection, frame: Frame<'serverIdent'>): void {
    const target = connection.target!;
    if (!frame.addrs.some((a) => sameAddr(a, target.addr))) {
      throw new ProtocolError(`dialled another daemon: ${formatAddrVec(frame.addrs)}`);
    }
    const missing = frame.required & ~DEFAULT_FEATURES;
    if (missing !== 0n) throw new ProtocolError(`peer requires 0x${missing.toString(16)}`);
    const { state } = connection;
    state.lossy ||= (frame.flags & IDENT_LOSSY) !== 0n;
    state.peerAddrs = frame.addrs;
    state.serverCookie = state.lossy ? 0n : frame.cookie;
    state.peerGlobalSeq = frame.globalSeq;
    state.restart();
    connection.peer = { type: target.type, num: frame.gid };
    connection.features = frame.supported & DEFAULT_FEATURES;
    this.opened(link, connection);
  }

  // --- the session part of the handshake, acceptor's side ---------------------------------------------------------

  private acceptorFrame(link: Link, frame: ControlFrame): void {
    switch (frame.kind) {
      case 'clientIdent':
        this.onClientIdent(link, link.peer!, frame);
        return;
      case 'sessionReconnect':
        this.onReconnect(link, frame);
        return;
      default:
        throw new ProtocolError(`${frame.kind} instead of an ident`);
    }
  }

  private onClientIdent(link: Link, peer: AuthedPeer, frame: Frame<'clientIdent'>): void {
    const addr = namingAddr(frame.addrs);
    if (addr === undefined) throw new ProtocolError('ident without an address');
    if (!isOwnAddr(frame.target, this.addrs)) {
      throw new ProtocolError(`ident for ${formatAddrVec([frame.target])}, which is not us`);
    }
    const missing = FEATURES_REQUIRED & ~frame.supported;
    if (missing !== 0n) {
      link.send({ kind: 'identMissingFeatures', missing });
      return;
    }
    const foreign = frame.required & ~DEFAULT_FEATURES;
    if (foreign !== 0n) throw new ProtocolError(`peer requires 0x${foreign.toString(16)}`);

    const key = addrKey(addr);
    const known = this.registry.get(key);
    const decision = decideIdent(known && existing(known), frame, addr, this.own);
    switch (decision.kind) {
      case 'retryGlobal':
        link.send({ kind: 'sessionRetryGlobal', seq: decision.globalSeq });
        return;
      case 'wait':
        link.send({ kind: 'wait' });
        return;
      case 'begin':
        if (known !== undefined) this.sessionLost(known, new CephError('ECONNRESET', 'replaced'));
        this.welcome(link, this.newcomer(key, peer, addr, frame), peer, frame);
        return;
      case 'replace':
        if (decision.forget) this.resetByPeer(known!);
        if (!link.dead) this.welcome(link, known!, peer, frame);
    }
  }

  private newcomer(
    key: string,
    peer: AuthedPeer,
    addr: EntityAddr,
    frame: Frame<'clientIdent'>,
  ): PeerConnection {
    if (this.registry.size >= this.bounds.connectionsMax) this.evict();
    const policy = this.policy(peer.type);
    // Only one that listens can be dialled back.
    const dial = addr.port === 0 ? undefined : { type: peer.type, addr };
    const name = { type: peer.type, num: frame.gid };
    const connection = new PeerConnection(this, name, policy, frame.addrs, dial);
    connection.state.lossy ||= (frame.flags & IDENT_LOSSY) !== 0n;
    this.connections.add(connection);
    this.register(key, connection);
    return connection;
  }

  /** Makes room in the registry. Peers that never come back would fill it otherwise. */
  private evict(): void {
    for (const connection of this.registry.values()) {
      if (connection.link !== undefined || connection.state.pending) continue;
      this.sessionLost(connection, new CephError('ETIMEDOUT', 'at rest for too long'));
      return;
    }
    throw new ProtocolError('no room for one more session');
  }

  /** Answers CLIENT_IDENT: the session begins, with new numbers on both sides. */
  private welcome(
    link: Link,
    connection: PeerConnection,
    peer: AuthedPeer,
    frame: Frame<'clientIdent'>,
  ): void {
    const { state } = connection;
    this.takeOver(link, connection);
    state.peerAddrs = frame.addrs;
    state.clientCookie = state.lossy ? 0n : frame.cookie;
    state.serverCookie = state.lossy ? 0n : this.cookie();
    state.peerGlobalSeq = frame.globalSeq;
    state.restart();
    connection.peer = { type: peer.type, num: frame.gid === -1 ? peer.globalId : frame.gid };
    connection.features = frame.supported & DEFAULT_FEATURES;
    link.send({
      kind: 'serverIdent',
      addrs: this.addrs,
      gid: this.number,
      globalSeq: ++this.globalSeq,
      supported: DEFAULT_FEATURES,
      required: FEATURES_REQUIRED,
      flags: state.lossy ? IDENT_LOSSY : 0n,
      cookie: state.serverCookie,
    });
    this.opened(link, connection);
  }

  private onReconnect(link: Link, frame: Frame<'sessionReconnect'>): void {
    const addr = namingAddr(frame.addrs);
    if (addr === undefined) throw new ProtocolError('reconnect without an address');
    const known = this.registry.get(addrKey(addr));
    const decision = decideReconnect(known && existing(known), frame, addr, this.own);
    switch (decision.kind) {
      case 'reset':
        link.send({ kind: 'sessionReset', full: decision.full ? 1 : 0 });
        return;
      case 'retryGlobal':
        link.send({ kind: 'sessionRetryGlobal', seq: decision.globalSeq });
        return;
      case 'retry':
        link.send({ kind: 'sessionRetry', seq: decision.connectSeq });
        return;
      case 'wait':
        link.send({ kind: 'wait' });
        return;
      case 'resume': {
        const connection = known!;
        const { state } = connection;
        this.takeOver(link, connection);
        state.connectSeq = frame.connectSeq;
        state.peerGlobalSeq = frame.globalSeq;
        state.resume(frame.messageSeq);
        link.send({ kind: 'sessionReconnectOk', seq: state.inSeq });
        this.opened(link, connection);
      }
    }
  }

  private get own(): EntityAddr {
    return namingAddr(this.addrs)!;
  }

  /** The session leaves whatever socket it had for this one. */
  private takeOver(link: Link, connection: PeerConnection): void {
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

  private opened(link: Link, connection: PeerConnection): void {
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
    if (connection.state.unsent) this.markDirty(link);
  }

  // --- ends of sessions ----------------------------------------------------------------------------------------

  /** The session is over; the dispatcher hears of it. */
  private sessionLost(connection: PeerConnection, cause: CephError | undefined): void {
    if (connection.closed) return;
    this.ended(connection);
    this.notifyReset(connection, cause);
  }

  /** A lossless peer forgot the session; the connection begins anew with nothing queued. */
  private resetByPeer(connection: PeerConnection): void {
    connection.state.reset();
    this.notifyReset(connection, new CephError('ECONNRESET', 'the peer forgot the session'));
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
    const max = state.lossy ? this.bounds.lossyQueueBytesMax : this.bounds.losslessQueueBytesMax;
    if (state.keptBytes > max) {
      this.defer(() => this.overflowed(connection));
      return;
    }
    if (link !== undefined) this.markDirty(link);
    else if (connection.redial === undefined) this.redialLater(connection, 0);
  }

  private overflowed(connection: PeerConnection): void {
    if (connection.closed) return;
    const reason = `${connection.state.keptBytes} bytes queued and not taken`;
    const peer = formatAddrVec(connection.peerAddrs);
    this.runtime.log('warn', 'peer cut off', { peer, reason });
    this.sessionLost(connection, new CephError('ETIMEDOUT', reason));
  }

  unthrottled(connection: PeerConnection): void {
    this.defer(() => {
      if (!connection.throttled) connection.link?.resume();
    });
  }

  ended(connection: PeerConnection): void {
    connection.closed = true;
    connection.redial?.cancel();
    connection.redial = undefined;
    connection.state.reset();
    this.connections.delete(connection);
    const { key, link } = connection;
    if (key !== undefined && this.registry.get(key) === connection) this.registry.delete(key);
    if (link !== undefined) {
      connection.link = undefined;
      this.forget(link);
      link.discard();
    }
  }

  private forget(link: Link): void {
    if (!this.links.delete(link) || link.setup.role !== 'acceptor') return;
    this.accepted--;
    this.full = false;
  }

  // --- turns and ticks -----------------------------------------------------------------------------------------

  /** What is queued while one chunk is worked off leaves in one write at its end. */
  private markDirty(link: Link): void {
    if (link.dirty || !link.open) return;
    link.dirty = true;
    this.dirty.push(link);
    this.scheduleTurn();
  }

  /** Runs `act` soon, but not from inside the caller's call. */
  private defer(act: () => void): void {
    this.deferred.push(act);
    this.scheduleTurn();
  }

  private scheduleTurn(): void {
    if (this.turnScheduled) return;
    this.turnScheduled = true;
    queueMicrotask(this.turn);
  }

  private readonly turn = (): void => {
    this.turnScheduled = false;
    const links = this.dirty;
    this.dirty = [];
    for (const link of links) {
      link.dirty = false;
      if (!link.dead) link.flush();
    }
    if (this.deferred.length === 0) return;
    const acts = this.deferred;
    this.deferred = [];
    for (const act of acts) act();
  };

  private readonly tick = (): void => {
    this.ticker = undefined;
    const now = this.runtime.clock.monotonicMs();
    for (const link of [...this.links]) this.checkLink(link, now);
    if (this.links.size > 0) this.ticker = this.runtime.clock.setTimer(this.tickMs, this.tick);
  };

  private checkLink(link: Link, now: number): void {
    const { handshakeMs, keepaliveMs, keepaliveTimeoutMs, idleMs } = this.times;
    if (!link.open) {
      if (now - link.startedMs < handshakeMs) return;
      if (link.setup.role === 'acceptor') link.cut('handshake timed out');
      else link.drop(new CephError('ETIMEDOUT', 'handshake timed out'));
      return;
    }
    if (link.paused) return; // it is we who do not read
    const silentMs = now - link.lastReceivedMs;
    const lossy = link.connection?.state.lossy ?? true;
    const idleSince = lossy ? link.lastReceivedMs : link.lastMessageMs;
    if (now - idleSince >= idleMs) {
      link.drop(new CephError('ETIMEDOUT', 'idle'));
      return;
    }
    if (link.setup.role === 'acceptor' || keepaliveMs === 0) return;
    if (silentMs >= keepaliveTimeoutMs) {
      link.cut(`silent for ${Math.round(silentMs)} ms`);
    } else if (silentMs >= keepaliveMs && now - link.keepaliveSentMs >= keepaliveMs) {
      link.keepalive(now);
    }
  }

  /** Never zero, which means none. */
  private cookie(): bigint {
    const b = Buffer.from(this.runtime.random.bytes(8));
    return b.readBigUInt64LE(0) | 1n;
  }
}

function existing(connection: PeerConnection): Existing {
  const { state, link } = connection;
  const open = link?.open === true;
  return {
    lossy: state.lossy,
    server: state.server,
    clientCookie: state.clientCookie,
    serverCookie: state.serverCookie,
    connectSeq: state.connectSeq,
    peerGlobalSeq: state.peerGlobalSeq,
    dialling: link !== undefined && !open,
    open,
  };
}
