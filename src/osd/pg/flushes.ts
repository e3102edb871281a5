import { type MessageOf, outgoing } from '../../wire/index.ts';
import { MPgFlush } from '../peer-messages.ts';
import type { PgHost } from './pg-host.ts';

/** What flushes need of their PG. */
export interface FlushScope {
  readonly host: PgHost;
  /** The other acting members. */
  readonly replicas: readonly number[];
  header(): { pgid: MessageOf<typeof MPgFlush>['pgid']; epoch: number; since: number };
}

interface Round {
  readonly number: number;
  /** Members that have not answered. */
  readonly open: Set<number>;
  readonly done: (() => void)[];
}

/**
 * Has all acting members bring what they hold to its place on disk, for writes that want to know it there. One round at
 * a time: who asks meanwhile is served by the next, since the one under way may have begun too early.
 */
export class Flushes {
  private readonly scope: FlushScope;
  private number = 0;
  private round: Round | undefined;
  private waiting: (() => void)[] = [];

  constructor(scope: FlushScope) {
    this.scope = scope;
  }

  /** Everything that is durable on all members now is on disk when `done` is called, unless the interval ends first. */
  all(done: () => void): void {
    this.waiting.push(done);
    this.begin();
  }

  private begin(): void {
    if (this.round || this.waiting.length === 0) return;
    const { host, replicas } = this.scope;
    const round = {
      number: ++this.number,
      open: new Set([host.id, ...replicas]),
      done: this.waiting,
    };
    this.waiting = [];
    this.round = round;
    for (const osd of replicas) this.ask(osd, round.number);
    this.flush(() => this.flushed(host.id, round.number));
  }

  onMessage(from: number, m: MessageOf<typeof MPgFlush>): void {
    if (m.isReply) return this.flushed(from, m.number);
    const { host } = this.scope;
    const reply = outgoing(MPgFlush, { ...this.scope.header(), number: m.number, isReply: true });
    this.flush(() => host.send(from, reply));
  }

  /** The session with a member was reset: what it was asked may be lost. */
  sendAgain(osd: number): void {
    if (this.round?.open.has(osd)) this.ask(osd, this.round.number);
  }

  /** The interval ended. Nobody is called any more. */
  stop(): void {
    this.round = undefined;
    this.waiting = [];
  }

  private ask(osd: number, number: number): void {
    const { host } = this.scope;
    host.send(osd, outgoing(MPgFlush, { ...this.scope.header(), number, isReply: false }));
  }

  private flush(done: () => void): void {
    const { host } = this.scope;
    host.store.flush().then(done, (e) => host.fatal(e));
  }

  private flushed(osd: number, number: number): void {
    const { round } = this;
    if (round?.number !== number || !round.open.delete(osd) || round.open.size > 0) return;
    this.round = undefined;
    for (const done of round.done) done();
    this.begin();
  }
}
