import { CephError } from '../../errors/index.ts';
import type { MapMessage } from '../../maps/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../../msgr/index.ts';
import type { Logger, Shards, ShardThread } from '../../runtime/index.ts';
import type { EntityAddr, PgId } from '../../wire/index.ts';
import type { MapSharing } from '../map-follower.ts';
import type { Requester } from '../requests/client-ops.ts';
import { ScrubClerk } from '../scrub/scrub-places.ts';
import type { Settings } from '../settings.ts';
import type { Ack } from '../shard/acks.ts';
import type { ShardAnswers, ShardCalls, ShardFront } from '../shard-front.ts';
import { inBytes, MessagePosts } from './message-posts.ts';
import { callPosted, posted } from './posted-calls.ts';
import { RecoveryClerk } from './recovery-posts.ts';
import { errorOf, type ShardState, type ToFront, type ToShard } from './shard-posts.ts';

/** What a shard on another thread needs of the front here. */
export interface RemoteShardFront extends Omit<ShardFront, 'send'> {
  readonly log: Logger;
  /** @returns false when the message goes nowhere */
  send(osd: number, message: OutgoingMessage): boolean;
  passMap(from: number, to: number, message: MapMessage): void;
  /** Ends a session whose bytes make no sense, for all shards. */
  cut(by: Requester): void;
}

/** A shard on another thread, as the front sees it. */
export class RemoteShard implements ShardCalls {
  /** Resolves when the shard has its store and its PGs. */
  readonly opened: Promise<void>;
  private readonly index: number;
  private readonly front: RemoteShardFront;
  private readonly thread: ShardThread;
  private readonly messages = new MessagePosts((returned) => this.post(returned));
  readonly peerReset = posted<ShardCalls, 'peerReset'>('peerReset', (call) => this.post(call));
  readonly granted = posted<ShardCalls, 'granted'>('granted', (call) => this.post(call));
  readonly promised = posted<ShardCalls, 'promised'>('promised', (call) => this.post(call));
  readonly orderScrub = posted<ShardCalls, 'orderScrub'>('orderScrub', (call) => this.post(call));
  readonly force = posted<ShardCalls, 'force'>('force', (call) => this.post(call));
  readonly apply = posted<ShardCalls, 'apply'>('apply', (call) => this.post(call));
  private readonly numbers = new Map<Requester, number>();
  private readonly sessions = new Map<number, Requester>();
  private nextSession = 1;
  private readonly clerk: RecoveryClerk;
  private readonly scrubClerk: ScrubClerk;
  private readonly questions = new Map<number, (value: unknown) => void>();
  private nextQuestion = 1;
  private state: ShardState = { durableEpoch: 0, pgCount: 0, neighbours: new Set() };
  private phase: 'opening' | 'open' | 'ended' = 'opening';
  private setOpened!: () => void;
  private setGone!: () => void;
  /** Resolves when nothing more is to be expected of it. */
  private readonly gone: Promise<void>;
  private failOpening!: (e: Error) => void;

  constructor(shards: Shards, index: number, front: RemoteShardFront, settings: Settings) {
    this.index = index;
    this.front = front;
    this.clerk = new RecoveryClerk(front.recovery, (answer) =>
      this.post({ kind: 'recovery', answer }),
    );
    this.scrubClerk = new ScrubClerk(front.scrubPlaces, (answer) =>
      this.post({ kind: 'scrubPlace', answer }),
    );
    this.opened = new Promise((resolve, reject) => {
      this.setOpened = resolve;
      this.failOpening = reject;
    });
    this.gone = new Promise((resolve) => {
      this.setGone = resolve;
    });
    this.thread = shards.start(index, {
      onPost: (head, bytes) => this.onPost(head as ToFront, bytes),
      onEnd: (e) => this.fail(e ?? new Error(`the thread of shard ${index} has ended`)),
    });
    this.post({ kind: 'open', settings });
  }

  get durableEpoch(): number {
    return this.state.durableEpoch;
  }
  get pgCount(): number {
    return this.state.pgCount;
  }
  get neighbours(): ReadonlySet<number> {
    return this.state.neighbours;
  }

  // What the front says.

  /** @param base the map that its PGs have seen last, in full; undefined when there is none, or not any more */
  beginAt(addr: EntityAddr, sharing: MapSharing, base: Uint8Array | undefined): void {
    this.post({ kind: 'begin', addr, sharing }, base ? [base] : []);
  }
  /** What another shard's follower of maps says to this one's. */
  map(from: number, message: MapMessage): void {
    this.post({ kind: 'map', from, message });
  }
  request(by: Requester, m: IncomingMessage): void {
    const session = this.sessionOf(by);
    this.post({ kind: 'request', session, m: this.messages.inHead(m, true) }, inBytes(m));
  }
  forget(by: Requester): void {
    const session = this.numbers.get(by);
    if (session === undefined) return;
    this.numbers.delete(by);
    this.sessions.delete(session);
    this.post({ kind: 'forget', session });
  }
  peerMessage(from: number, m: IncomingMessage): void {
    this.post({ kind: 'peerMessage', from, m: this.messages.inHead(m, false) }, inBytes(m));
  }
  acked(from: number, acks: readonly Ack[]): void {
    this.post({ kind: 'acked', from, acks });
  }
  copyReply(m: IncomingMessage): void {
    this.post({ kind: 'copyReply', m: this.messages.inHead(m, false) }, inBytes(m));
  }
  async stop(): Promise<void> {
    await Promise.race([this.question('stop'), this.gone]);
  }
  async close(): Promise<void> {
    if (this.phase === 'open') await Promise.race([this.question('close'), this.gone]);
    await this.abandon();
  }
  /** Ends the thread whatever it does. */
  abandon(): Promise<void> {
    this.phase = 'ended';
    return this.thread.end();
  }
  ask<Q extends keyof ShardAnswers>(what: Q, pgid?: PgId): Promise<ShardAnswers[Q]> {
    return this.question(what, pgid) as Promise<ShardAnswers[Q]>;
  }

  private question(what: keyof ShardAnswers | 'stop' | 'close', pgid?: PgId): Promise<unknown> {
    const question = this.nextQuestion++;
    return new Promise((resolve) => {
      this.questions.set(question, resolve);
      this.post({ kind: 'ask', question, what, pgid });
    });
  }

  private sessionOf(by: Requester): number {
    const known = this.numbers.get(by);
    if (known !== undefined) return known;
    const session = this.nextSession++;
    this.numbers.set(by, session);
    this.sessions.set(session, by);
    const { peer, peerAddrs } = by;
    this.post({ kind: 'session', session, peer, peerAddrs });
    return session;
  }

  private post(head: ToShard, bytes?: readonly Uint8Array[]): void {
    if (this.phase !== 'ended') this.thread.post(head, bytes);
  }

  // What the shard says.

  private onPost(head: ToFront, bytes: readonly Buffer[]): void {
    if (this.phase === 'ended') return;
    try {
      this.handle(head, bytes);
    } catch (e) {
      this.front.fatal(e);
    }
  }

  private handle(head: ToFront, bytes: readonly Buffer[]): void {
    const { front } = this;
    switch (head.kind) {
      case 'state':
        this.state = head.state;
        if (this.phase === 'opening') {
          this.phase = 'open';
          this.setOpened();
        }
        return;
      case 'reply': {
        const by = this.sessions.get(head.session);
        return this.messages.sendOut(head.m, bytes, (m) => {
          by?.send(m);
          return by !== undefined;
        });
      }
      case 'send':
        return this.messages.sendOut(head.m, bytes, (m) => front.send(head.osd, m));
      case 'cut': {
        const by = this.sessions.get(head.session);
        if (by) front.cut(by);
        return;
      }
      case 'call':
        return callPosted<ShardFront, typeof head.name>(front, head);
      case 'shareMaps': {
        const by = this.sessions.get(head.session);
        if (by) front.shareMaps(by, head.epoch);
        return;
      }
      case 'standBy':
        return front.standBy(head.osd, head.lease, (leaseMs) =>
          this.post({ kind: 'stoodBy', question: head.question, leaseMs }),
        );
      case 'recovery':
        return this.clerk.asked(head.ask);
      case 'scrubPlace':
        return this.scrubClerk.asked(head.ask);
      case 'answer': {
        const answer = this.questions.get(head.question);
        this.questions.delete(head.question);
        return answer?.(head.value);
      }
      case 'map':
        return front.passMap(this.index, head.to, head.message);
      case 'log':
        return front.log(head.level, head.message, { shard: this.index, ...head.fields });
      case 'returned':
        return this.messages.returned(head);
      case 'fatal':
        return this.fail(errorOf(head.error));
    }
  }

  private fail(e: Error): void {
    if (this.phase === 'ended') return;
    this.setGone();
    if (this.phase === 'open') {
      this.front.fatal(e);
      return;
    }
    this.phase = 'ended';
    void this.thread.end();
    const what = `shard ${this.index}: ${e.message}`;
    this.failOpening(e instanceof CephError ? new CephError(e.errno, what, { cause: e }) : e);
  }
}
