import type { IncomingMessage } from '../msgr/index.ts';
import { decodeTransaction, type StoreOp } from '../store/index.ts';
import { compareEVersion, type EVersion, type MessageOf, outgoing } from '../wire/index.ts';
import { oidKey } from './log-entry.ts';
import { Logged } from './logged.ts';
import { mergeLog } from './merge.ts';
import { applyPart } from './object-copy.ts';
import {
  ASK,
  type MPgActivate,
  MPgActivated,
  MPgInfo,
  MPgList,
  MPgLog,
  type MPgPull,
  MPgPush,
  MPgPushReply,
  MPgQuery,
  type MRepOp,
} from './peer-messages.ts';
import type { PgHost } from './pg-host.ts';
import { sameVersion } from './pg-log.ts';
import type { PgState } from './pg-state.ts';
import { partFor } from './recovery.ts';
import { listVersions, Resync } from './resync.ts';

/** What a member needs of its PG. */
export interface MemberScope {
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  /** Runs `then` in this interval once all that this member holds is durable. */
  whenSure(then: () => void): void;
}

/** What every member of a PG does when its primary (or for a pull, any member) asks; the primary does it to itself too. */
export class PgMember {
  private readonly host: PgHost;
  private readonly state: PgState;
  private readonly header: MemberScope['header'];
  private readonly whenSure: MemberScope['whenSure'];
  private resync: Resync | undefined;
  private afterResync: () => void = () => {};
  private resyncRound = 0;

  constructor(host: PgHost, state: PgState, scope: MemberScope) {
    this.host = host;
    this.state = state;
    this.header = scope.header;
    this.whenSure = scope.whenSure;
  }

  get isResyncing(): boolean {
    return this.resync !== undefined;
  }

  intervalEnded(): void {
    this.resync = undefined;
  }

  onQuery(from: number, q: MessageOf<typeof MPgQuery>): void {
    this.whenSure(() => this.answer(from, q));
  }

  private answer(from: number, q: MessageOf<typeof MPgQuery>): void {
    const { host, state } = this;
    const head = { ...this.header(), round: q.round };
    switch (q.ask) {
      case ASK.info:
        host.send(from, outgoing(MPgInfo, { ...head, info: state.current() }));
        return;
      case ASK.log: {
        const since = q.logSince && state.log.reaches(q.logSince) ? q.logSince : state.log.tail;
        const entries = state.log.after(since).map((i) => i.bytes);
        host.send(from, outgoing(MPgLog, { ...head, tail: since, entries }));
        return;
      }
      case ASK.list:
        host.send(
          from,
          outgoing(MPgList, { ...head, ...copyOf(listVersions(host, state, q.cursor)) }),
        );
        return;
      default:
        host.log('warn', 'unknown question of a peer', { pg: state.c, ask: q.ask, from });
    }
  }

  /** Takes over the primary's log, as far as we do not share it, and answers when that is durable. */
  onActivate(from: number, m: MessageOf<typeof MPgActivate>): void {
    const answer = (): void => {
      this.host.standBy(from, m.lease, (leaseMs) => {
        if (this.state.info.since !== m.since) return;
        const lease = { ...m.lease, leaseMs };
        const { complete } = this.state.info;
        const missing = [...this.state.missing.values()];
        const reply = { ...this.header(), round: m.round, lease, complete, missing };
        this.host.send(from, outgoing(MPgActivated, reply));
      });
    };
    const entries = m.entries.map(Logged.from);
    const activate = (): void => this.activate(m.writeable, m.since, answer);
    if (m.resync) this.startResync(from, m.round, { tail: m.base, entries }, activate);
    else {
      void this.host.submit(this.adopt(m.base, entries));
      activate();
    }
  }

  /** The merge of a log that continues from `base`. */
  adopt(base: EVersion, entries: readonly Logged[]): StoreOp[] {
    const { state } = this;
    return state.merged(mergeLog(state.log, state.missing, base, entries));
  }

  /** From now on this member's word counts as that of one who began to serve in the interval `since`. */
  activate(writeable: boolean, since: number, done: () => void): void {
    const { state } = this;
    if (writeable) state.info = { ...state.info, lastEpochStarted: since };
    void this.host.submit([state.saveInfo()]).then(() => {
      if (state.info.since === since) done();
    });
  }

  startResync(
    from: number,
    round: number,
    log: ConstructorParameters<typeof Resync>[3],
    done: () => void,
  ): void {
    const { host, state } = this;
    host.log('info', 'resync', { pg: state.c, from });
    this.resync = new Resync(host, state, from, log);
    this.afterResync = done;
    this.resyncRound = round;
    this.askList();
  }

  onList(from: number, m: MessageOf<typeof MPgList>): void {
    const { resync } = this;
    if (!resync || resync.source !== from || m.round !== this.resyncRound) return;
    const done = (): void => {
      if (this.resync !== resync) return;
      this.resync = undefined;
      this.afterResync();
    };
    if (!resync.onList(m, done)) this.askList();
  }

  private askList(): void {
    const resync = this.resync!;
    const ask = { ask: ASK.list, logSince: undefined, cursor: resync.position };
    const query = { ...this.header(), round: this.resyncRound, ...ask };
    this.host.send(resync.source, outgoing(MPgQuery, query));
  }

  /** A change from the primary: durable with its log entry, then acknowledged. A repeated one is acknowledged again. */
  onRepOp(from: number, m: MessageOf<typeof MRepOp>, message: IncomingMessage): void {
    const { host, state } = this;
    const item = Logged.from(m.entry);
    const { version, previous } = item;
    const ack = (): void => host.ack(from, state.pgid, m.since, version);
    if (compareEVersion(version, state.log.head) <= 0) {
      // It waits behind what was submitted before it, so it is as durable as the first time.
      void host.submit([state.saveInfo()]).then(ack);
      return;
    }
    if (!sameVersion(previous, state.log.head)) {
      // A session was reset and lost what is between; the primary sends all of it again, in order.
      host.log('warn', 'change out of order', { pg: state.c, from });
      return;
    }
    const txn = [
      ...decodeTransaction(m.steps as Buffer, message.data, message.dataCrcs),
      state.append(item),
    ];
    if (compareEVersion(m.trimTo, state.log.tail) > 0) txn.push(...state.trim(m.trimTo));
    const early = m.isEarly ? () => host.ack(from, state.pgid, m.since, version, true) : undefined;
    void host.submit(txn, early).then(() => {
      ack();
      // The log has copied its entry, and the store is done with the data.
      message.recycle();
    });
  }

  onPull(from: number, m: MessageOf<typeof MPgPull>): void {
    const { host, state } = this;
    partFor(host, state, m.oid, m.need, m.cursor).then(
      ({ part, data }) => {
        const push = { ...this.header(), copy: m.copy, isReply: true, part };
        host.send(from, outgoing(MPgPush, push, { data }));
      },
      (e) => host.fatal(e),
    );
  }

  /** The primary gives us an object. */
  onPush(from: number, m: MessageOf<typeof MPgPush>, message: IncomingMessage): void {
    const { host, state } = this;
    if (!m.part) return;
    const ops = applyPart(state.c, m.part, message.data);
    if (m.part.end) {
      ops.push(...state.removeMissing(oidKey(m.part.oid)));
      if (state.missing.size === 0 && !state.info.complete) {
        state.info = { ...state.info, complete: true };
        ops.push(state.saveInfo());
      }
    }
    void host.submit(ops).then(() => {
      host.send(from, outgoing(MPgPushReply, { ...this.header(), copy: m.copy }));
      message.recycle();
    });
  }
}

function copyOf(list: ReturnType<typeof listVersions>) {
  return { objects: [...list.objects], next: list.next };
}
