import type { EntityAddr } from '../wire/index.ts';
import { ProtocolError } from './format.ts';
import { messageBytes } from './frame-writer.ts';
import type { OutgoingMessage } from './messenger.ts';

/** Acknowledged entries at the front of the queue are cut off when they are so many and half of it. */
const COMPACT_FROM = 1024;

/**
 * What one side remembers of a session between and over its sockets: cookies, sequence numbers and messages. Plain
 * state, no I/O.
 *
 * All messages lie in one queue: first those sent and not yet acknowledged, then, from `cursor`, those not yet sent on
 * the present socket. Numbers in it are consecutive, so a replay only moves the cursor back. A lossy session forgets a
 * message as it is sent, and leaves its end to whoever sends it.
 */
export class Session {
  lossy: boolean;
  /** The peer dials; we wait for it. */
  readonly server: boolean;
  peerAddrs: readonly EntityAddr[];
  /** Chosen by whoever dialled first and by who accepted; both zero before the first handshake ends. */
  clientCookie = 0n;
  serverCookie = 0n;
  /** Counts reconnects; the larger one is the newer attempt. */
  connectSeq = 0;
  peerGlobalSeq = 0;
  /** Last message received. */
  inSeq = 0;
  /** Last number the peer has been told it can forget. */
  ackedSeq = 0;
  /** Bytes of all messages in the queue. */
  keptBytes = 0;

  private queue: (OutgoingMessage | undefined)[] = [];
  private first = 0;
  private cursor = 0;
  /** Number of the message at `first`. */
  private firstSeq = 1;

  constructor(lossy: boolean, server: boolean, peerAddrs: readonly EntityAddr[]) {
    this.lossy = lossy;
    this.server = server;
    this.peerAddrs = peerAddrs;
  }

  /** Something is queued or not acknowledged: worth a socket. */
  get pending(): boolean {
    return this.first < this.queue.length;
  }
  /** Something waits to be sent on the present socket. */
  get unsent(): boolean {
    return this.cursor < this.queue.length;
  }
  /** Number of the message that `next` returned last. */
  get outSeq(): number {
    return this.firstSeq + (this.cursor - this.first) - 1;
  }

  enqueue(message: OutgoingMessage): void {
    this.queue.push(message);
    this.keptBytes += messageBytes(message);
  }

  /** The next message to put on the wire; its number is `outSeq` afterwards. Only while `unsent`. */
  next(): OutgoingMessage {
    const message = this.queue[this.cursor]!;
    this.cursor++;
    if (this.lossy) this.forgetTo(this.cursor);
    return message;
  }

  /** The peer has all messages up to `seq`. */
  acknowledged(seq: number): void {
    if (seq < this.firstSeq) return;
    if (seq > this.outSeq) {
      if (this.lossy) return;
      throw new ProtocolError(`message ${seq} acknowledged, ${this.outSeq} sent`);
    }
    const end = this.first + (seq - this.firstSeq) + 1;
    for (let i = this.first; i < end; i++) this.queue[i]!.done?.();
    this.forgetTo(end);
  }

  private forgetTo(end: number): void {
    for (let i = this.first; i < end; i++) {
      this.keptBytes -= messageBytes(this.queue[i]!);
      this.queue[i] = undefined;
    }
    this.firstSeq += end - this.first;
    this.first = end;
    if (end === this.queue.length) {
      // An array that once was long is dropped, a short one is used again.
      if (end > COMPACT_FROM) this.queue = [];
      else this.queue.length = 0;
      this.first = 0;
      this.cursor = 0;
    } else if (end > COMPACT_FROM && end * 2 > this.queue.length) {
      this.queue = this.queue.slice(end);
      this.cursor -= end;
      this.first = 0;
    }
  }

  /** @returns false for one that came before and must not be delivered again */
  received(seq: number): boolean {
    if (seq <= this.inSeq) return false;
    if (seq !== this.inSeq + 1 && !this.lossy) {
      throw new ProtocolError(`message ${seq} after ${this.inSeq}`);
    }
    this.inSeq = seq;
    return true;
  }

  /** A new session with the peer begins (an ident was exchanged): all kept messages go out again, numbered from 1. */
  restart(): void {
    this.inSeq = 0;
    this.ackedSeq = 0;
    this.connectSeq = 0;
    this.cursor = this.first;
    this.firstSeq = 1;
  }

  /** The session goes on with another socket; the peer has everything up to `peerInSeq`. */
  resume(peerInSeq: number): void {
    this.acknowledged(peerInSeq);
    if (peerInSeq < this.firstSeq - 1) {
      throw new ProtocolError(`peer has ${peerInSeq}, but acknowledged ${this.firstSeq - 1}`);
    }
    this.cursor = this.first;
    this.ackedSeq = this.inSeq;
  }

  /** The peer forgot the session: nothing of it is left here either. */
  reset(): void {
    for (const message of this.queue) message?.done?.();
    this.queue = [];
    this.first = 0;
    this.cursor = 0;
    this.keptBytes = 0;
    this.clientCookie = 0n;
    this.serverCookie = 0n;
    this.peerGlobalSeq = 0;
    this.restart();
  }
}
