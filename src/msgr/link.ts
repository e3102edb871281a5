import { CephError, DecodeError } from '../errors/index.ts';
import type { BufferPool, Clock, Runtime, Socket, SocketEvents, Timer } from '../runtime/index.ts';
import { type EntityAddr, formatAddr, utimeOfMs } from '../wire/index.ts';
import {
  type AuthEffect,
  type AuthedPeer,
  type AuthInput,
  type AuthSetup,
  type AuthState,
  stepAuth,
} from './authenticate.ts';
import type { PeerConnection, PeerLink } from './connection.ts';
import { type ControlFrame, decodeControl, encodeControl } from './control.ts';
import { ProtocolError, TAG } from './format.ts';
import { FrameParser } from './frame-parser.ts';
import type { FrameWriter } from './frame-writer.ts';
import { Incoming } from './incoming.ts';
import type { AuthDecision, AuthRequest, MessengerBounds, MessengerTimes } from './options.ts';

/** Bytes given to a socket ahead of the kernel; the rest waits in the session, where an ack can still cancel it. */
const WRITE_AHEAD_BYTES = 4 << 20;
/** A lossless receiver says what it has at the latest after so many messages, or so long. */
const ACK_MESSAGES = 64;
const ACK_DELAY_MS = 50;
/** What is held at the pace for so long waits for something else; most requests are done in a tenth of it. */
const STALL_MS = 250;

/** What a link asks of its messenger. */
export interface LinkOwner {
  readonly runtime: Runtime;
  readonly bounds: MessengerBounds;
  readonly times: MessengerTimes;
  readonly writer: FrameWriter;
  readonly pool: BufferPool;
  decide(request: AuthRequest): AuthDecision;
  adoptGlobalId(globalId: number): void;
  seenAt(addr: EntityAddr): void;
  /** Authentication is over: a connector now asks for its session. */
  authenticated(link: Link): void;
  /** A frame of the session part of the handshake. */
  establish(link: Link, frame: ControlFrame): void;
  deliver(connection: PeerConnection, message: Incoming): void;
  /** The socket is gone; called once. */
  lost(link: Link, cause: CephError | undefined): void;
  fatal(error: unknown): void;
}

/** One socket: bytes to frames to events, and the gathered writes. It serves at most one connection. */
export class Link implements SocketEvents, PeerLink {
  readonly setup: AuthSetup;
  connection: PeerConnection | undefined;
  /** Authentication and session are established; messages flow. */
  open = false;
  dead = false;
  paused = false;
  dirty = false;
  /** Times the acceptor sent us back to ask again, or we sent the peer. */
  retries = 0;
  readonly startedMs: number;
  openedMs = 0;
  lastReceivedMs: number;
  lastMessageMs: number;
  keepaliveSentMs = 0;
  private readonly owner: LinkOwner;
  private readonly clock: Clock;
  private readonly parser: FrameParser;
  private socket: Socket | undefined;
  private auth: AuthState = { at: 'banner' };
  private ackTimer: Timer | undefined;
  private stallTimer: Timer | undefined;

  constructor(owner: LinkOwner, setup: AuthSetup, connection?: PeerConnection) {
    this.owner = owner;
    this.clock = owner.runtime.clock;
    this.setup = setup;
    this.connection = connection;
    this.parser = new FrameParser(owner.runtime.crc32c, owner.pool);
    this.startedMs = this.clock.monotonicMs();
    this.lastReceivedMs = this.startedMs;
    this.lastMessageMs = this.startedMs;
  }

  get socketBytes(): number {
    return this.socket?.queuedBytes ?? 0;
  }
  get dialled(): boolean {
    return this.setup.role === 'connector';
  }
  get lossy(): boolean {
    return this.connection?.state.lossy ?? true;
  }
  get peer(): AuthedPeer | undefined {
    return this.auth.at === 'done' ? this.auth.peer : undefined;
  }

  /** The socket is connected. */
  attach(socket: Socket): void {
    if (this.dead) {
      socket.destroy();
      return;
    }
    this.socket = socket;
    this.owner.writer.banner();
    socket.write(this.owner.writer.take());
  }

  onData(chunk: Buffer): void {
    if (this.dead) return;
    this.lastReceivedMs = this.clock.monotonicMs();
    this.parser.push(chunk);
    this.pump();
    this.parser.settle();
  }

  room(): Buffer | undefined {
    return this.dead ? undefined : this.parser.room();
  }

  onDrain(): void {
    if (this.open && this.connection?.state.unsent) this.flush();
  }

  onClose(error?: Error): void {
    if (this.dead) return;
    if (!this.dialled && !this.open) this.leftEarly();
    const message = error?.message ?? `${this.peerText} closed`;
    this.drop(error instanceof CephError ? error : new CephError('ECONNRESET', message));
  }

  /**
   * An acceptor's peer went away before it had a session. Between whole frames that is nothing to tell: of two daemons
   * that dial each other at once, one gives its socket up, wherever its handshake stands (ProtocolV2::_fault, 16.2,
   * says so at debug level too).
   */
  private leftEarly(): void {
    if (this.parser.isMidway) this.warn('closed during the handshake');
    else this.owner.runtime.log('debug', 'peer left', { peer: this.peerText });
  }

  /** Works off what has arrived, until bytes are missing, the throttle closes, or the link dies. */
  pump(): void {
    try {
      if (this.auth.at === 'banner') {
        if (!this.parser.nextBanner()) return;
        const { bannerSupported: supported, bannerRequired: required } = this.parser;
        this.step({ kind: 'banner', supported, required });
      }
      while (!this.dead && !this.paused && this.parser.next()) {
        if (this.parser.tag === TAG.message) this.onMessage();
        else this.onControl(decodeControl(this.parser.tag, this.parser.header));
      }
    } catch (e) {
      if (e instanceof DecodeError) this.cut(e.message);
      else this.owner.fatal(e);
    }
  }

  private onMessage(): void {
    const connection = this.connection;
    if (!this.open || connection === undefined) throw new ProtocolError('message out of turn');
    const message = new Incoming(this.parser, connection, this.owner.pool);
    this.lastMessageMs = this.lastReceivedMs;
    const state = connection.state;
    if (!state.received(message.seq)) return;
    if (!state.lossy) {
      state.acknowledged(message.ackSeq);
      this.noteAck();
    }
    connection.heldBytes += message.bytes;
    connection.heldMessages++;
    this.owner.deliver(connection, message);
    if (!message.held) message.release();
    if (connection.throttled && !this.dead) {
      this.paused = true;
      this.socket?.pause();
      this.stallTimer = this.clock.setTimer(STALL_MS, () => {
        connection.stalled = true;
        if (!connection.throttled) this.resume();
      });
    }
  }

  resume(): void {
    if (!this.paused || this.dead) return;
    this.paused = false;
    this.stallTimer?.cancel();
    this.lastReceivedMs = this.clock.monotonicMs();
    this.socket?.resume();
    this.pump();
  }

  private onControl(frame: ControlFrame): void {
    if (this.auth.at !== 'done') {
      this.step({ kind: 'frame', frame });
      return;
    }
    if (!this.open) {
      this.owner.establish(this, frame);
      return;
    }
    switch (frame.kind) {
      case 'keepalive':
        this.send({ kind: 'keepaliveAck', stamp: frame.stamp });
        return;
      case 'keepaliveAck':
        return; // that bytes came is all we wanted to know
      case 'ack':
        this.connection?.state.acknowledged(frame.seq);
        return;
      default:
        throw new ProtocolError(`${frame.kind} on an open session`);
    }
  }

  private step(input: AuthInput): void {
    const { next, effects } = stepAuth(this.setup, this.auth, input);
    this.auth = next;
    for (const effect of effects) this.run(effect);
    if (next.at === 'done' && !this.dead) this.owner.authenticated(this);
  }

  private run(effect: AuthEffect): void {
    switch (effect.kind) {
      case 'send':
        this.send(effect.frame);
        return;
      case 'decide': {
        const { request } = effect;
        this.step({ kind: 'decision', request, decision: this.owner.decide(request) });
        return;
      }
      case 'globalId':
        this.owner.adoptGlobalId(effect.globalId);
        return;
      case 'seenAt':
        this.owner.seenAt(effect.addr);
        return;
      case 'refused':
        this.drop(effect.error);
        return;
    }
  }

  /** Handshake over: from here on messages flow both ways. */
  opened(connection: PeerConnection): void {
    this.connection = connection;
    this.open = true;
    this.openedMs = this.clock.monotonicMs();
    this.lastMessageMs = this.openedMs;
    this.parser.limits = this.owner.bounds;
  }

  /** Sends a control frame at once. */
  send(frame: ControlFrame): void {
    const { writer } = this.owner;
    writer.control(TAG[frame.kind], encodeControl(frame));
    this.socket?.write(writer.take());
  }

  keepalive(nowMs: number): void {
    this.keepaliveSentMs = nowMs;
    this.send({ kind: 'keepalive', stamp: utimeOfMs(this.clock.wallMs()) });
  }

  /** Hands queued messages to the socket in one gathered write, as far as it should hold them. */
  flush(): void {
    const { socket, connection } = this;
    if (socket === undefined || connection === undefined || !this.open) return;
    const { state } = connection;
    const { writer } = this.owner;
    const ahead = WRITE_AHEAD_BYTES - socket.queuedBytes;
    if (!state.unsent || ahead <= 0) return;
    const dones: (() => void)[] = [];
    while (state.unsent && writer.bytes < ahead) {
      const message = state.next();
      writer.message(message, state.outSeq, state.inSeq);
      if (message.done && state.lossy) dones.push(message.done);
    }
    state.ackedSeq = state.inSeq;
    this.lastMessageMs = this.clock.monotonicMs();
    socket.write(writer.take(), dones.length > 0 ? () => dones.forEach(call) : undefined);
  }

  private noteAck(): void {
    const state = this.connection!.state;
    if (state.inSeq - state.ackedSeq >= ACK_MESSAGES) this.sendAck();
    else this.ackTimer ??= this.clock.setTimer(ACK_DELAY_MS, this.sendAck);
  }
  private readonly sendAck = (): void => {
    this.ackTimer?.cancel();
    this.ackTimer = undefined;
    const state = this.connection?.state;
    if (this.dead || state === undefined || state.inSeq === state.ackedSeq) return;
    state.ackedSeq = state.inSeq;
    this.send({ kind: 'ack', seq: state.inSeq });
  };

  cut(reason: string): void {
    if (this.dead) return;
    this.warn(reason);
    this.drop(new CephError('EPROTO', reason));
  }

  private warn(reason: string): void {
    this.owner.runtime.log('warn', 'peer cut off', { peer: this.peerText, reason });
  }

  private get peerText(): string {
    return formatAddr(this.setup.peerSocketAddr);
  }

  drop(cause: CephError | undefined): void {
    if (this.dead) return;
    this.discard();
    this.owner.lost(this, cause);
  }

  discard(): void {
    this.dead = true;
    this.open = false;
    this.ackTimer?.cancel();
    this.stallTimer?.cancel();
    this.socket?.destroy();
  }
}

function call(f: () => void): void {
  f();
}
