import type { CephError } from '../errors/index.ts';
import type { Timer } from '../runtime/index.ts';
import { ADDR_BLANK, type AuthName, type EntityAddr, type EntityName } from '../wire/index.ts';
import type { Throttle } from './incoming.ts';
import type { Watched } from './liveness.ts';
import type { Connection, OutgoingMessage, Policy } from './messenger.ts';
import { Session } from './session.ts';
import type { Flushable } from './turns.ts';

/** What a connection asks of its messenger. */
export interface ConnectionOwner {
  /** A message was queued on it. */
  queued(connection: PeerConnection): void;
  /** Held messages fell below the throttle. */
  unthrottled(connection: PeerConnection): void;
  /** The dispatcher ended it. */
  ended(connection: PeerConnection): void;
}

/** A connection's socket as the messenger handles it. */
export interface PeerLink extends Flushable, Watched {
  readonly socketBytes: number;
  /** The throttle opened again. */
  resume(): void;
  keepalive(nowMs: number): void;
  /** Ends the socket of a peer that misbehaves: one log line. */
  cut(reason: string): void;
  /** Ends the socket; the messenger decides what becomes of the session. */
  drop(cause: CephError | undefined): void;
  /** Ends the socket without a word to anyone. */
  discard(): void;
}

/** Where a session can be dialled. */
export interface DialTarget {
  readonly type: number;
  readonly addr: EntityAddr;
}

/** One session with a peer as the dispatcher sees it, and what the driver keeps for it. */
export class PeerConnection implements Connection, Throttle {
  peer: EntityName;
  peerAuth: AuthName | undefined;
  peerSocketAddr: EntityAddr = ADDR_BLANK;
  peerGlobalId = 0;
  features = 0n;
  session: unknown;

  readonly state: Session;
  readonly policy: Policy;
  readonly target: DialTarget | undefined;
  /** The socket in use: dialling, in its handshake, or open. */
  link: PeerLink | undefined;
  closed = false;
  /** Key in the messenger's registry, where it is in it. */
  key: string | undefined;
  heldBytes = 0;
  heldMessages = 0;
  /** What is held waits for something that may take long: the pace does not count. */
  stalled = false;
  /** Dials that failed since a session last did some work. */
  failures = 0;
  redial: Timer | undefined;
  private readonly owner: ConnectionOwner;

  constructor(
    owner: ConnectionOwner,
    peer: EntityName,
    policy: Policy,
    peerAddrs: readonly EntityAddr[],
    target: DialTarget | undefined,
  ) {
    this.owner = owner;
    this.peer = peer;
    this.policy = policy;
    this.target = target;
    this.state = new Session(policy.lossy, policy.server || target === undefined, peerAddrs);
  }

  get peerAddrs(): readonly EntityAddr[] {
    return this.state.peerAddrs;
  }
  get ready(): boolean {
    return this.link?.open === true;
  }
  get queuedBytes(): number {
    return this.state.keptBytes + (this.link?.socketBytes ?? 0);
  }

  send(message: OutgoingMessage): void {
    if (this.closed) return;
    this.state.enqueue(message);
    this.owner.queued(this);
  }

  close(): void {
    if (!this.closed) this.owner.ended(this);
  }

  /** @returns true when the dispatcher holds as much as the policy allows */
  get throttled(): boolean {
    const { throttleBytes, throttleMessages, paceBytes } = this.policy;
    return (
      (paceBytes > 0 && this.heldBytes >= paceBytes && !this.stalled) ||
      (throttleBytes > 0 && this.heldBytes >= throttleBytes) ||
      (throttleMessages > 0 && this.heldMessages >= throttleMessages)
    );
  }

  released(bytes: number): void {
    this.heldBytes -= bytes;
    this.heldMessages--;
    if (this.heldBytes < this.policy.paceBytes) this.stalled = false;
    if (this.link?.paused && !this.throttled) this.owner.unthrottled(this);
  }
}
