import { CephError } from '../errors/index.ts';
import type { Runtime } from '../runtime/index.ts';
import { type EntityAddr, formatAddrVec } from '../wire/index.ts';
import type { AuthedPeer } from './authenticate.ts';
import { type ConnectionOwner, type DialTarget, PeerConnection } from './connection.ts';
import { IDENT_LOSSY } from './control.ts';
import { ProtocolError } from './format.ts';
import type { Link } from './link.ts';
import type { ConnectTarget, Dispatcher, Policy } from './messenger.ts';
import type { MessengerBounds, MessengerTimes } from './options.ts';
import type { Self } from './self.ts';
import { SessionBook } from './session-book.ts';
import type { Frame, SessionHost } from './session-host.ts';
import type { Sockets } from './sockets.ts';
import { Turns } from './turns.ts';

/** A session that lived so long has earned an immediate redial. */
const STABLE_MS = 1000;

/** What sessions ask of their messenger. */
export interface SessionNeeds {
  readonly runtime: Runtime;
  readonly bounds: MessengerBounds;
  readonly times: MessengerTimes;
  readonly dispatcher: Dispatcher;
  readonly self: Self;
  readonly sockets: Sockets;
  policy(peerType: number): Policy;
  /** Opens a socket to the peer; the session takes it as its link. */
  dial(connection: PeerConnection, target: DialTarget): void;
  fatal(error: unknown): void;
}

/**
 * The sessions of a messenger: which socket each has, when one without a socket dials again, when it rests, and when it
 * is over. A lossy one ends with its socket; a lossless one begins anew with the next message.
 */
export class Sessions implements SessionHost, ConnectionOwner {
  globalSeq = 0;
  private readonly needs: SessionNeeds;
  private readonly book = new SessionBook();
  private readonly turns = new Turns();
  private down = false;

  constructor(needs: SessionNeeds) {
    this.needs = needs;
  }

  get addrs(): EntityAddr[] {
    return this.needs.self.addrs;
  }
  get number(): number {
    return this.needs.self.number;
  }

  /** The session with this peer, made and dialled if there is none; a lossy one is always made. */
  connect(target: ConnectTarget, addr: EntityAddr | undefined): PeerConnection {
    const policy = this.needs.policy(target.type);
    const known = policy.lossy || addr === undefined ? undefined : this.book.find(addr);
    if (known !== undefined && !known.state.lossy) return known;
    const dial = addr && { type: target.type, addr };
    const peer = { type: target.type, num: -1 };
    const connection = new PeerConnection(this, peer, policy, target.addrs, dial);
    this.book.add(connection, policy.lossy ? undefined : addr);
    if (dial === undefined) {
      const cause = new CephError('ENXIO', `no msgr2 address in ${formatAddrVec(target.addrs)}`);
      this.turns.defer(() => this.sessionLost(connection, cause));
      return connection;
    }
    connection.peerSocketAddr = dial.addr;
    this.dial(connection);
    return connection;
  }

  /** Ends all sessions without a word; no more are dialled. */
  close(): void {
    this.down = true;
    for (const connection of this.book.list()) this.ended(connection);
  }

  /** The socket is gone. */
  lost(link: Link, connection: PeerConnection, cause: CephError | undefined): void {
    if (connection.link !== link) return;
    connection.link = undefined;
    if (connection.closed) return;
    if (connection.state.lossy) {
      this.sessionLost(connection, cause);
      return;
    }
    const { openedMs } = link;
    if (openedMs > 0 && this.needs.runtime.clock.monotonicMs() - openedMs >= STABLE_MS) {
      connection.failures = 0;
    }
    this.redialLater(connection, this.backoffMs(connection));
  }

  // --- SessionHost ---------------------------------------------------------------------------------------------

  known(addr: EntityAddr): PeerConnection | undefined {
    return this.book.find(addr);
  }

  newcomer(peer: AuthedPeer, addr: EntityAddr, frame: Frame<'clientIdent'>): PeerConnection {
    const policy = this.needs.policy(peer.type);
    // Only one that listens can be dialled back.
    const dial = addr.port === 0 ? undefined : { type: peer.type, addr };
    const name = { type: peer.type, num: frame.gid };
    const connection = new PeerConnection(this, name, policy, frame.addrs, dial);
    connection.state.lossy ||= (frame.flags & IDENT_LOSSY) !== 0n;
    const { lossy } = connection.state;
    if (!lossy && this.book.findable >= this.needs.bounds.connectionsMax) this.evict();
    // A client may have several lossy sessions from one address: `ceph tell mon.a` dials a second one for its command.
    // Nothing is kept for them, so nobody has to find them again (ProtocolV2::handle_client_ident, 16.2).
    this.book.add(connection, lossy ? undefined : addr);
    return connection;
  }

  /** Makes room. Peers that never come back would fill it otherwise. */
  private evict(): void {
    const resting = this.book.resting();
    if (resting === undefined) throw new ProtocolError('no room for one more session');
    this.ended(resting);
    this.notifyReset(resting, new CephError('ETIMEDOUT', 'at rest for too long'));
  }

  /** The session leaves whatever socket it had for this one. */
  takeOver(link: Link, connection: PeerConnection): void {
    this.cancelRedial(connection);
    this.dropSocket(connection);
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
      this.needs.dispatcher.onReady?.(connection);
    } catch (e) {
      this.needs.fatal(e);
    }
    if (connection.state.unsent) this.turns.flushLater(link);
  }

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

  stepBack(connection: PeerConnection): void {
    this.dropSocket(connection);
    this.redialLater(connection, this.needs.times.backoffMaxMs);
  }

  /** Never zero, which means none. */
  cookie(): bigint {
    const b = Buffer.from(this.needs.runtime.random.bytes(8));
    return b.readBigUInt64LE(0) | 1n;
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

  unthrottled(connection: PeerConnection): void {
    this.turns.defer(() => {
      if (!connection.throttled) connection.link?.resume();
    });
  }

  ended(connection: PeerConnection): void {
    connection.closed = true;
    this.book.remove(connection);
    this.rest(connection);
  }

  private queueMax(connection: PeerConnection): number {
    const { lossyQueueBytesMax, losslessQueueBytesMax } = this.needs.bounds;
    return connection.state.lossy ? lossyQueueBytesMax : losslessQueueBytesMax;
  }

  private overflowed(connection: PeerConnection): void {
    // Several messages of one turn may have been too much; the first call has made room.
    if (connection.closed || connection.state.keptBytes <= this.queueMax(connection)) return;
    const reason = `${connection.state.keptBytes} bytes queued and not taken`;
    const peer = formatAddrVec(connection.peerAddrs);
    this.needs.runtime.log('warn', 'peer cut off', { peer, reason });
    this.sessionLost(connection, new CephError('ETIMEDOUT', reason));
  }

  private notifyReset(connection: PeerConnection, cause: CephError | undefined): void {
    try {
      this.needs.dispatcher.onReset?.(connection, cause);
    } catch (e) {
      this.needs.fatal(e);
    }
  }

  // --- sockets of a session ------------------------------------------------------------------------------------

  private dial(connection: PeerConnection): void {
    const { target } = connection;
    if (target === undefined || connection.closed || this.down) return;
    this.cancelRedial(connection);
    this.needs.dial(connection, target);
  }

  /** Without anything to send the session rests until someone queues a message or the peer dials. */
  private redialLater(connection: PeerConnection, delayMs: number): void {
    if (connection.closed || this.down || connection.state.server) return;
    if (!connection.state.pending && connection.state.serverCookie !== 0n) return;
    connection.redial?.cancel();
    const { clock } = this.needs.runtime;
    connection.redial = clock.setTimer(delayMs, () => this.dial(connection));
  }

  private backoffMs(connection: PeerConnection): number {
    const { backoffMs, backoffMaxMs } = this.needs.times;
    const n = connection.failures++;
    return n === 0 ? 0 : Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(n - 1, 20));
  }

  /** No socket, nothing queued, nothing planned. */
  private rest(connection: PeerConnection): void {
    this.cancelRedial(connection);
    connection.state.reset();
    this.dropSocket(connection);
  }

  private cancelRedial(connection: PeerConnection): void {
    connection.redial?.cancel();
    connection.redial = undefined;
  }

  private dropSocket(connection: PeerConnection): void {
    const { link } = connection;
    if (link === undefined) return;
    connection.link = undefined;
    this.needs.sockets.remove(link);
    link.discard();
  }
}
