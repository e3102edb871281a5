import { CephError, DecodeError } from '../errors/index.ts';
import { BufferPool, type Listener, type Runtime, type SocketEvents } from '../runtime/index.ts';
import { ADDR, type EntityAddr } from '../wire/index.ts';
import { onAsked } from './answer.ts';
import { askSession, onAnswer } from './ask.ts';
import type { AuthSetup } from './authenticate.ts';
import type { DialTarget, PeerConnection } from './connection.ts';
import type { ControlFrame } from './control.ts';
import { ProtocolError } from './format.ts';
import { FrameWriter } from './frame-writer.ts';
import type { Incoming } from './incoming.ts';
import { Link, type LinkOwner } from './link.ts';
import type { Connection, ConnectTarget, Messenger } from './messenger.ts';
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
import { Self } from './self.ts';
import { Sessions } from './sessions.ts';
import { Sockets } from './sockets.ts';

/** Rounds of "ask again" on one socket before it is given up. */
const RETRIES_MAX = 8;

/** Listens, dials and accepts: joins sockets, through the handshake, to sessions and their dispatcher. */
export class MessengerDriver implements Messenger, LinkOwner {
  readonly runtime: Runtime;
  readonly bounds: MessengerBounds;
  readonly times: MessengerTimes;
  readonly writer: FrameWriter;
  readonly pool: BufferPool;
  private readonly options: MessengerOptions;
  private readonly self: Self;
  private readonly sockets: Sockets;
  private readonly sessions: Sessions;
  private listeners: Listener[] = [];
  private isDown = false;

  constructor(runtime: Runtime, options: MessengerOptions) {
    this.runtime = runtime;
    this.pool = runtime.pool ?? new BufferPool();
    this.options = options;
    this.bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
    this.times = { ...DEFAULT_TIMES, ...options.times };
    this.writer = new FrameWriter(runtime.crc32c);
    const { bounds, times } = this;
    const nonce = options.nonce ?? runtime.random.below(2 ** 32);
    const self = new Self(options, nonce);
    const sockets = new Sockets(runtime, this.pool, times, bounds.connectionsMax);
    this.self = self;
    this.sockets = sockets;
    this.sessions = new Sessions({
      runtime,
      bounds,
      times,
      self,
      sockets,
      dispatcher: options.dispatcher,
      policy: options.policy ?? ((type) => defaultPolicy(options.name.type, type)),
      dial: (connection, target) => this.dial(connection, target),
      fatal: (error) => this.fatal(error),
    });
  }

  // --- Messenger -----------------------------------------------------------------------------------------------

  get addrs(): EntityAddr[] {
    return this.self.addrs;
  }
  get globalId(): number {
    return this.self.globalId;
  }

  async listen(addr: { host: string; port: number; nonce: number }): Promise<EntityAddr> {
    const listener = await this.runtime.network.listen(addr, (socket) => this.accept(socket));
    if (this.isDown) {
      await listener.close();
      throw new CephError('ESHUTDOWN', 'the messenger was shut down');
    }
    this.listeners.push(listener);
    const { host, nonce } = addr;
    const own = { type: ADDR.msgr2, nonce, host, port: listener.address.port };
    this.self.listensAt(own);
    return own;
  }

  connect(target: ConnectTarget): Connection {
    const addr = target.addrs.find((a) => a.type === ADDR.msgr2);
    return this.sessions.connect(target, addr);
  }

  async shutdown(): Promise<void> {
    this.isDown = true;
    this.sockets.close();
    this.sessions.close();
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
    if (this.sockets.add(link)) {
      link.attach(socket);
    } else {
      link.discard();
      socket.destroy();
    }
    return link;
  }

  private dial(connection: PeerConnection, { type, addr }: DialTarget): void {
    const setup = this.setup({ role: 'connector', peerSocketAddr: addr, targetType: type });
    const link = new Link(this, setup, connection);
    connection.link = link;
    this.sockets.add(link);
    const { host, port } = addr;
    const attach = (socket: Parameters<Link['attach']>[0]): SocketEvents => {
      link.attach(socket);
      return link;
    };
    this.runtime.network.connect({ host, port }, attach).catch((e: unknown) => {
      if (e instanceof CephError) link.drop(e);
      else this.fatal(e);
    });
  }

  // --- LinkOwner -----------------------------------------------------------------------------------------------

  decide(request: AuthRequest): AuthDecision {
    return this.options.authenticate?.(request) ?? { ok: true, globalId: request.globalId };
  }

  adoptGlobalId(globalId: number): void {
    this.self.adoptGlobalId(globalId);
  }

  seenAt(addr: EntityAddr): void {
    this.self.seenAt(addr);
  }

  authenticated(link: Link): void {
    if (link.connection !== undefined) askSession(this.sessions, link, link.connection);
  }

  establish(link: Link, frame: ControlFrame): void {
    if (++link.retries > RETRIES_MAX) throw new ProtocolError('the handshake does not end');
    if (link.dialled) onAnswer(this.sessions, link, link.connection!, frame);
    else onAsked(this.sessions, link, frame);
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
      if (!connection.closed) {
        this.sessions.sessionLost(connection, new CephError('EPROTO', e.message));
      }
    }
  }

  lost(link: Link, cause: CephError | undefined): void {
    this.sockets.remove(link);
    const { connection } = link;
    if (connection !== undefined) this.sessions.lost(link, connection, cause);
  }

  fatal(error: unknown): void {
    if (this.options.onFatal === undefined) throw error;
    this.options.onFatal(error);
  }
}
