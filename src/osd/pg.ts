import type { IncomingMessage } from '../msgr/index.ts';
import type { Timer } from '../runtime/index.ts';
import type { StoreOp } from '../store/index.ts';
import {
  decodeFront,
  type EVersion,
  HOBJECT_MIN,
  type MessageOf,
  outgoing,
  type PgId,
} from '../wire/index.ts';
import type { ClientOp } from './client-request.ts';
import { Flushes, type FlushScope } from './flushes.ts';
import { addInterval, closeInterval, type PgView, sameMembers } from './intervals.ts';
import { Logged } from './logged.ts';
import { type MissingItem, type MissingSet, missingSet } from './missing.ts';
import type { OpMemory } from './op-memory.ts';
import { OpPipeline, type PipelineScope } from './op-pipeline.ts';
import type { OpOutcome } from './ops/index.ts';
import {
  ASK,
  MPgActivate,
  MPgActivated,
  MPgFlush,
  MPgHistory,
  MPgInfo,
  MPgList,
  MPgLog,
  MPgPull,
  MPgPush,
  MPgPushReply,
  MPgQuery,
  MPgRemove,
  MRepOp,
} from './peer-messages.ts';
import { Peering, type PeeringEffect, type PeeringInput } from './peering.ts';
import type { PgHost } from './pg-host.ts';
import { isBlank, type PgInfo } from './pg-info.ts';
import { PgMember } from './pg-member.ts';
import type { PgState } from './pg-state.ts';
import { Recovery, type RecoveryScope } from './recovery.ts';
import { readRepOp, repOp } from './rep-op.ts';

/** Reads and their KiB since this OSD started to serve the PG; writes are counted in the log. */
export interface ReadCounts {
  rd: number;
  rdKb: number;
}

/**
 * One PG on one OSD: runs what peering decides, routes peers' messages, and holds together log, recovery and the
 * pipeline of client requests. Every message belongs to an interval; those of another one are dropped, since whoever
 * sent them peers again.
 */
export class Pg implements PipelineScope, RecoveryScope, FlushScope {
  readonly host: PgHost;
  readonly state: PgState;
  view: PgView;
  readonly peering: Peering;
  readonly recovery: Recovery;
  readonly pipeline: OpPipeline;
  private readonly flushes = new Flushes(this);
  replicas: readonly number[] = [];
  readonly reads: ReadCounts = { rd: 0, rdKb: 0 };
  /** Wall clock of the last change of state, and of the last moments in certain states. */
  changedMs: number;
  isRemoved = false;
  private readonly member: PgMember;
  private round = 0;
  private isSettled = false;
  private asOfStart = '';
  private readonly strays = new Set<number>();
  private readonly timers = new Set<Timer>();

  constructor(host: PgHost, state: PgState, view: PgView) {
    this.host = host;
    this.state = state;
    this.view = view;
    this.changedMs = host.clock.wallMs();
    const self = {
      id: host.id,
      get info() {
        return state.current();
      },
      get log() {
        return state.log;
      },
    };
    this.peering = new Peering(self);
    this.member = new PgMember(host, state, {
      header: () => this.header(),
      whenSure: (then) => this.whenSure(then),
    });
    this.recovery = new Recovery(this);
    this.pipeline = new OpPipeline(this);
  }

  get pgid(): PgId {
    return this.state.pgid;
  }
  get pgCount(): number {
    return this.view.pgCount;
  }
  get epoch(): number {
    return this.view.epoch;
  }
  get isPrimary(): boolean {
    return this.view.primary === this.host.id;
  }
  get isActing(): boolean {
    return this.view.acting.includes(this.host.id);
  }
  get isActive(): boolean {
    return this.peering.phase.name === 'active';
  }
  /** All members are there and have everything. */
  get isClean(): boolean {
    return this.isActive && this.view.acting.length >= this.view.size && !this.lacksAnything();
  }

  header(): { pgid: PgId; epoch: number; since: number } {
    return { pgid: this.pgid, epoch: this.view.epoch, since: this.state.info.since };
  }

  /** A new map. @returns what must become durable with it */
  advance(view: PgView): StoreOp[] {
    const before = this.view;
    this.view = view;
    if (sameMembers(before, view)) {
      if (this.isSettled && this.isPrimary) this.witnessesMoved();
      return [];
    }
    const { info } = this.state;
    const history = addInterval(info.history, closeInterval(before, info.since, view.epoch - 1));
    this.state.info = { ...info, history, since: view.epoch, view: storedView(view) };
    this.endInterval();
    return [this.state.saveInfo()];
  }

  /** After the last map of a batch: begins the interval, if that has not happened. */
  settle(): void {
    if (this.isSettled || this.isRemoved) return;
    this.isSettled = true;
    this.touch();
    if (this.isPrimary) this.startPeering();
    else if (this.view.primary >= 0) {
      const { primary } = this.view;
      this.whenSure(() => this.sendInfo(primary, 0));
    }
  }

  /** Stops everything; nothing is answered any more. */
  stop(): void {
    this.isRemoved = true;
    this.endInterval();
    this.pipeline.stop(false);
  }

  submitOp(op: ClientOp): void {
    this.pipeline.submit(op);
  }

  onMessage(from: number, message: IncomingMessage): void {
    switch (message.type) {
      case MPgQuery.type:
        return this.inInterval(decodeFront(MPgQuery, message), (m) => this.member.onQuery(from, m));
      case MPgInfo.type:
        return this.inInterval(decodeFront(MPgInfo, message), (m) => this.onInfo(from, m));
      case MPgLog.type:
        return this.inInterval(decodeFront(MPgLog, message), (m) => {
          if (m.round !== this.round) return;
          const log = { tail: m.tail, entries: m.entries.map(Logged.from) };
          this.step({ kind: 'log', from, log });
        });
      case MPgList.type:
        return this.inInterval(decodeFront(MPgList, message), (m) => this.member.onList(from, m));
      case MPgActivate.type:
        return this.inInterval(decodeFront(MPgActivate, message), (m) => {
          if (from === this.view.primary) this.member.onActivate(from, m);
        });
      case MPgActivated.type:
        return this.inInterval(decodeFront(MPgActivated, message), (m) => {
          if (m.round !== this.round) return;
          const missing = missingSet(m.missing);
          const { upFrom, sentMs, leaseMs } = m.lease;
          this.host.leases.grant(from, upFrom, sentMs, leaseMs);
          this.step({ kind: 'activated', from, complete: m.complete, missing });
        });
      case MPgHistory.type:
        return this.inInterval(decodeFront(MPgHistory, message), (m) => this.onHistory(m));
      case MPgPull.type:
        return this.inInterval(decodeFront(MPgPull, message), (m) => this.member.onPull(from, m));
      case MPgPush.type:
        return this.inInterval(decodeFront(MPgPush, message), (m) => {
          if (m.isReply) this.recovery.onPush(m.copy, m.part, message.data);
          else this.member.onPush(from, m, message);
        });
      case MPgPushReply.type:
        return this.inInterval(decodeFront(MPgPushReply, message), (m) =>
          this.recovery.onPushReply(m.copy),
        );
      case MPgFlush.type:
        return this.inInterval(decodeFront(MPgFlush, message), (m) =>
          this.flushes.onMessage(from, m),
        );
      case MRepOp.type:
        return this.inInterval(readRepOp(message), (m) => this.member.onRepOp(from, m, message));
      case MPgRemove.type:
        return this.inInterval(decodeFront(MPgRemove, message), () => {
          if (from === this.view.primary && !this.isActing) this.host.discard(this.pgid);
        });
      default:
        this.host.log('warn', 'unexpected message of a peer', { from, type: message.type });
    }
  }

  onAck(from: number, since: number, version: EVersion, isEarly: boolean): void {
    if (since === this.state.info.since) this.pipeline.onAck(from, version, isEarly);
  }

  /** The peer forgot our session without having restarted: what was on its way is lost. */
  onPeerReset(osd: number): void {
    if (!this.isPrimary || !this.isSettled) return;
    if (this.isActive && !this.lacksAnything()) {
      this.pipeline.sendAgain(osd);
      this.flushes.sendAgain(osd);
    } else this.startPeering();
  }

  // What the pipeline and recovery ask of the PG.

  get isReadable(): boolean {
    return this.host.leases.isReadable(this.replicas);
  }
  isMissingHere(key: string): boolean {
    return this.state.missing.has(key);
  }
  isMissingAnywhere(key: string): boolean {
    if (this.state.missing.has(key)) return true;
    for (const [osd, missing] of this.peering.missing)
      if (missing.size > 0 && osd !== this.host.id && missing.has(key)) return true;
    return false;
  }
  want(key: string): void {
    this.recovery.want(key);
  }

  *peers(): Iterable<[number, MissingSet]> {
    for (const [osd, missing] of this.peering.missing) {
      if (osd !== this.host.id) yield [osd, missing];
    }
  }

  sources(item: MissingItem): number[] {
    const key = this.keyOf(item);
    const holders = [...this.peering.infos].filter(
      ([osd]) => this.host.isUp(osd) && !this.peering.missing.get(osd)?.has(key),
    );
    const rank = (osd: number, info: PgInfo): number =>
      (info.complete ? 0 : 2) + (this.view.acting.includes(osd) ? 0 : 1);
    return holders.sort((a, b) => rank(...a) - rank(...b)).map(([osd]) => osd);
  }

  recovered(key: string): void {
    this.pipeline.recovered(key);
    this.host.statsChanged();
    if (!this.lacksAnything()) this.allRecovered();
  }

  memberDone(osd: number): void {
    this.peering.incomplete.delete(osd);
  }

  replicate(
    item: Logged,
    txn: readonly StoreOp[],
    trimTo: EVersion,
    memory: OpMemory,
    isEarly: boolean,
  ): (osd: number) => void {
    if (this.replicas.length === 0) return nobody;
    const message = repOp(this.header(), item, txn, trimTo, isEarly);
    const send = (osd: number): void => {
      this.host.send(osd, memory.isLarge ? { ...message, done: memory.use() } : message);
    };
    for (const osd of this.replicas) send(osd);
    return send;
  }

  flushAll(done: () => void): void {
    this.flushes.all(done);
  }

  count(_op: ClientOp, outcome: OpOutcome): void {
    this.reads.rd += outcome.stats.numRd;
    this.reads.rdKb += outcome.stats.numRdKb;
    this.host.statsChanged();
  }

  lacksAnything(): boolean {
    if (this.state.missing.size > 0) return true;
    for (const [, missing] of this.peers()) if (missing.size > 0) return true;
    return false;
  }

  private keyOf(item: MissingItem): string {
    return [...missingSet([item]).keys()][0]!;
  }

  /** Handles a message of this interval. @throws DecodeError before, for malformed bytes */
  private inInterval<M extends { since: number }>(message: M, handle: (m: M) => void): void {
    if (message.since === this.state.info.since && this.isSettled) handle(message);
  }

  /** Someone outside the acting set came or went: peering may come out differently, and a copy may wait in vain. */
  private witnessesMoved(): void {
    const now = this.witnesses();
    if (now === this.asOfStart) return;
    const phase = this.peering.phase.name;
    if (phase !== 'active' && phase !== 'peered') this.startPeering();
    else if (this.lacksAnything()) {
      this.asOfStart = now;
      this.recovery.stop();
      this.recovery.start();
    }
  }

  /** Who may have a say in peering, and since when they are up. */
  private witnesses(): string {
    const { phase, consulted } = this.peering;
    const all = new Set([...consulted, ...this.view.acting]);
    if (phase.name === 'down') for (const osd of phase.blockedBy) all.add(osd);
    return [...all].map((osd) => `${osd}:${this.host.upFrom(osd)}`).join();
  }

  private startPeering(): void {
    this.round++;
    this.recovery.stop();
    this.pipeline.stop(true);
    this.flushes.stop();
    this.replicas = this.view.acting.filter((o) => o !== this.host.id);
    this.member.intervalEnded();
    this.step({ kind: 'stop' });
    const { round } = this;
    this.whenSure(() => {
      if (round !== this.round) return;
      this.step({ kind: 'start', view: this.view, isUp: (osd) => this.host.isUp(osd) });
      this.asOfStart = this.witnesses();
    });
  }

  /**
   * Runs `then` in this interval once all that this member holds is durable: told of entries that a crash then takes
   * back, the others would want objects in versions that nobody has. And once no former primary may still answer reads
   * because of our word.
   */
  private whenSure(then: () => void): void {
    const { since } = this.state.info;
    const look = (): void => {
      if (!this.isSettled || since !== this.state.info.since) return;
      const waitMs = this.host.leases.waitMs(this.formerMembers());
      if (waitMs <= 0) then();
      else this.later(waitMs, look);
    };
    void this.host.submit([]).then(look);
  }

  private formerMembers(): Set<number> {
    return new Set(this.state.info.history.flatMap((i) => i.acting));
  }

  private later(ms: number, run: () => void): void {
    const timer = this.host.clock.setTimer(ms, () => {
      this.timers.delete(timer);
      run();
    });
    this.timers.add(timer);
  }

  private endInterval(): void {
    this.isSettled = false;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    this.strays.clear();
    this.recovery.stop();
    this.pipeline.stop(this.isPrimary);
    this.flushes.stop();
    this.member.intervalEnded();
    this.peering.step({ kind: 'stop' });
  }

  private onInfo(from: number, m: MessageOf<typeof MPgInfo>): void {
    if (!this.isPrimary || (m.round !== 0 && m.round !== this.round)) return;
    if (!this.view.acting.includes(from)) this.strays.add(from);
    this.step({ kind: 'info', from, info: m.info });
    if (this.isClean) this.removeStrays();
    else if (this.recovery.unfoundCount > 0) this.recovery.retryUnfound();
  }

  private sendInfo(to: number, round: number): void {
    const info = this.state.current();
    this.host.send(to, outgoing(MPgInfo, { ...this.header(), round, info }));
  }

  private step(input: PeeringInput): void {
    const phase = this.peering.phase.name;
    const effects = this.peering.step(input);
    if (phase !== this.peering.phase.name) this.touch();
    for (const effect of effects) this.run(effect);
  }

  private touch(): void {
    this.changedMs = this.host.clock.wallMs();
    this.host.statsChanged();
  }

  private run(effect: PeeringEffect): void {
    switch (effect.kind) {
      case 'askInfo':
        return this.ask(effect.to, ASK.info, undefined);
      case 'askLog':
        return this.ask(effect.to, ASK.log, effect.since);
      case 'adopt': {
        const { since } = this.state.info;
        const { round } = this;
        const merged = (): void => {
          if (since === this.state.info.since && round === this.round)
            this.step({ kind: 'merged' });
        };
        if (effect.how.kind === 'resync') {
          this.member.startResync(effect.from, round, effect.how, merged);
        } else {
          const ops = this.member.adopt(effect.how.base, effect.how.entries);
          void this.host.submit(ops).then(merged);
        }
        return;
      }
      case 'activate':
        return this.activate(effect);
      case 'serve':
        return this.serve(effect.writeable);
    }
  }

  private ask(to: number, ask: number, logSince: EVersion | undefined): void {
    const query = { ...this.header(), round: this.round, ask, logSince, cursor: HOBJECT_MIN };
    this.host.send(to, outgoing(MPgQuery, query));
  }

  private activate(effect: Extract<PeeringEffect, { kind: 'activate' }>): void {
    const { how, to, writeable } = effect;
    const { round, host, state } = this;
    if (to === host.id) {
      this.member.activate(writeable, state.info.since, () => {
        if (round !== this.round) return;
        const missing = state.missing;
        this.step({ kind: 'activated', from: to, complete: state.info.complete, missing });
      });
      return;
    }
    const message = {
      ...this.header(),
      round,
      lease: host.lease(),
      writeable,
      resync: how.kind === 'resync',
      base: how.kind === 'resync' ? how.tail : how.base,
      entries: how.entries.map((i) => i.bytes),
    };
    host.send(to, outgoing(MPgActivate, message));
  }

  private serve(writeable: boolean): void {
    const { host, state } = this;
    const { since } = state.info;
    host.log('info', writeable ? 'active' : 'peered', { pg: state.c, since });
    if (writeable) {
      this.onHistory({ ...this.header(), started: since, clean: state.info.clean });
      this.tellHistory();
      this.pipeline.serve();
    }
    if (this.lacksAnything()) this.recovery.start();
    else this.allRecovered();
  }

  /** Nobody lacks an object any more. */
  private allRecovered(): void {
    const { view, peering, state } = this;
    if (peering.phase.name === 'peered') {
      // Members that were being resynced count now; if they suffice, begin again and serve.
      if (view.acting.length >= view.minSize && peering.incomplete.size === 0) this.startPeering();
      return;
    }
    if (!this.isClean) return;
    if (state.info.clean !== state.info.since) {
      this.onHistory({ ...this.header(), started: state.info.since, clean: state.info.since });
      this.tellHistory();
      this.host.log('info', 'clean', { pg: state.c });
    }
    this.removeStrays();
    this.touch();
  }

  private tellHistory(): void {
    const { started, clean } = this.state.info;
    const message = outgoing(MPgHistory, { ...this.header(), started, clean });
    for (const osd of this.replicas) this.host.send(osd, message);
  }

  private onHistory(m: MessageOf<typeof MPgHistory>): void {
    const { info } = this.state;
    const history = info.history.filter((i) => i.last >= m.started);
    this.state.info = { ...info, started: m.started, clean: m.clean, history };
    void this.host.submit([this.state.saveInfo()]);
  }

  private removeStrays(): void {
    for (const [osd, info] of this.peering.infos) {
      if (!isBlank(info) && !this.view.acting.includes(osd)) this.strays.add(osd);
    }
    for (const osd of this.strays) {
      if (!this.view.up.includes(osd)) this.host.send(osd, outgoing(MPgRemove, this.header()));
    }
    this.strays.clear();
  }
}

export function storedView(v: PgView): PgState['info']['view'] {
  return { ...v, up: [...v.up], acting: [...v.acting], upFrom: [...v.upFrom] };
}

function nobody(): void {}
