import type { IncomingMessage } from '../../msgr/index.ts';
import { decodeTransaction, type StoreOp } from '../../store/index.ts';
import {
  compareEVersion,
  type HObject,
  type MessageOf,
  type OSDOp,
  outgoing,
} from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import { Logged } from '../log/logged.ts';
import { sameVersion } from '../log/pg-log.ts';
import {
  ASK,
  type MPgActivate,
  MPgActivated,
  type MPgFind,
  MPgFound,
  MPgInfo,
  MPgList,
  MPgListed,
  MPgLog,
  type MPgPull,
  MPgPush,
  MPgPushReply,
  type MPgQuery,
  type MPgRead,
  MPgReadDone,
  type MRepOp,
} from '../peer-messages.ts';
import { Importer } from '../recovery/importer.ts';
import { listVersions, usableVersion, versionHere } from '../recovery/listing.ts';
import { applyPart, partFor } from '../recovery/object-copy.ts';
import { readForPrimary } from '../requests/read-for-primary.ts';
import type { MissingItem } from './missing.ts';
import type { CatchUp } from './peering-steps.ts';
import type { PgHost } from './pg-host.ts';
import type { PgState } from './pg-state.ts';

/** What a member needs of its PG. */
export interface MemberScope {
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  readonly view: { readonly primary: number };
  /** The interval has begun here, and not ended. */
  readonly isSettled: boolean;
  /** Runs `then` in this interval once all that this member holds is durable. */
  whenSure(then: () => void): void;
  /** As primary: more of what we are to have is known. */
  moreListed(): void;
  /** As primary: other members that have taken our log over in this round. */
  followers(): readonly number[];
}

/** What every member of a PG does when its primary (or for a pull, any member) asks; the primary does it to itself too. */
export class PgMember {
  readonly importer: Importer;
  private readonly host: PgHost;
  private readonly state: PgState;
  private readonly scope: MemberScope;
  private round = 0;

  constructor(host: PgHost, state: PgState, scope: MemberScope) {
    this.host = host;
    this.state = state;
    this.scope = scope;
    this.importer = new Importer(host, state, {
      header: () => scope.header(),
      listed: (cursor, lacking) => this.listed(cursor, lacking),
      followers: () => scope.followers(),
    });
  }

  private header(): ReturnType<MemberScope['header']> {
    return this.scope.header();
  }

  /** The interval or the primary's round has ended. */
  stop(): void {
    this.importer.stop();
  }

  onQuery(from: number, q: MessageOf<typeof MPgQuery>): void {
    this.scope.whenSure(() => this.answer(from, q));
  }

  private answer(from: number, q: MessageOf<typeof MPgQuery>): void {
    const { host, state } = this;
    const head = { ...this.header(), round: q.round };
    switch (q.ask) {
      case ASK.info:
        host.send(from, outgoing(MPgInfo, { ...head, info: state.current() }));
        return;
      case ASK.log: {
        const { log } = state;
        const since = q.logSince && log.reaches(q.logSince) ? q.logSince : undefined;
        const tail = since ?? log.tail;
        const entries = log.after(tail).map((i) => i.bytes);
        const dups = since ? [] : log.dups.all;
        host.send(from, outgoing(MPgLog, { ...head, tail, entries, dups }));
        return;
      }
      case ASK.list: {
        const page = listVersions(host, state, q.cursor, q.end);
        host.send(from, outgoing(MPgList, { ...head, ...page, objects: [...page.objects] }));
        return;
      }
      default:
        host.log('warn', 'unknown question of a peer', { pg: state.c, ask: q.ask, from });
    }
  }

  /** Which version of an object there is, as far as we know. */
  onFind(from: number, m: MessageOf<typeof MPgFind>): void {
    const { host, state } = this;
    this.scope.whenSure(() => {
      const key = oidKey(m.oid);
      const missing = state.missing.get(key);
      const here = versionHere(host, state, m.oid);
      const version = missing ? missing.need : here;
      const isKnown =
        missing !== undefined ||
        (version !== 'damaged' && !state.import?.frontier.isBeyond(key, m.oid));
      const found = {
        copy: m.copy,
        isKnown,
        version: isKnown && version !== 'damaged' ? version : undefined,
        have: here === 'damaged' ? undefined : here,
      };
      host.send(from, outgoing(MPgFound, { ...this.header(), ...found }));
    });
  }

  /** Takes over the primary's log, as far as we do not share it, and answers when that is durable. */
  onActivate(from: number, m: MessageOf<typeof MPgActivate>): void {
    const answer = (): void => {
      this.host.standBy(from, m.lease, (leaseMs) => {
        const { state } = this;
        if (state.info.since !== m.since || !this.scope.isSettled) return;
        const lease = { ...m.lease, leaseMs };
        const missing = [...state.missing.values()];
        const what = { round: m.round, lease, missing, import: state.import?.info };
        this.host.send(from, outgoing(MPgActivated, { ...this.header(), ...what }));
        // Not before: what is listed from now on, the primary is told in addition.
        this.startImport(m.round);
      });
    };
    const { base, sources, dups } = m;
    const entries = m.entries.map(Logged.from);
    void this.host.submit(
      this.catchUp({ kind: m.isWhole ? 'import' : 'log', base, entries, sources, dups }),
    );
    this.state.stand(m.totals, m.isEstimated);
    this.activate(m.writeable, m.since, sources, answer);
  }

  /** Makes our log the authoritative one. */
  catchUp({ kind, base, entries, sources, dups }: CatchUp): StoreOp[] {
    const { host, state } = this;
    if (kind === 'log') return state.adopt(base, entries);
    host.log('info', 'import', { pg: state.c, from: sources });
    const ops = state.takeOver(base, entries, sources, (oid) => usableVersion(host, state, oid));
    return [...ops, ...state.addDups(dups)];
  }

  /** From now on this member's word counts as that of one who began to serve in the interval `since`. */
  activate(writeable: boolean, since: number, sources: readonly number[], done: () => void): void {
    const { state } = this;
    if (writeable) state.info = { ...state.info, lastEpochStarted: since };
    if (state.import) state.import.sources = sources;
    void this.host.submit([state.saveInfo()]).then(() => {
      if (state.info.since === since && this.scope.isSettled) done();
    });
  }

  /** Lists what is not known yet. @param round of the primary */
  startImport(round: number): void {
    this.round = round;
    this.importer.start(round);
  }

  onList(from: number, m: MessageOf<typeof MPgList>): void {
    this.importer.onList(from, m.round, m);
  }

  private listed(cursor: HObject, lacking: readonly MissingItem[]): void {
    const { host, round } = this;
    const { primary } = this.scope.view;
    if (primary === host.id) this.scope.moreListed();
    else {
      const about = { ...this.header(), round, cursor, missing: [...lacking] };
      host.send(primary, outgoing(MPgListed, about));
    }
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
    if (compareEVersion(m.trimTo, state.log.tail) > 0)
      txn.push(...state.trim(m.trimTo, host.logBounds.remembered));
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
      ({ part, ...bytes }) => {
        const push = { ...this.header(), copy: m.copy, isReply: true, part };
        host.send(from, outgoing(MPgPush, push, bytes));
      },
      (e) => host.fatal(e),
    );
  }

  /** A client reads an object that the primary lacks. */
  onRead(from: number, { copy, oid, need }: MessageOf<typeof MPgRead>, op: OSDOp): void {
    const { host, state } = this;
    readForPrimary(host, state, op, oid, need).then(
      ({ isHere, done, data }) => {
        const said = { ...this.header(), copy, isHere, done };
        host.send(from, outgoing(MPgReadDone, said, { data }));
      },
      (e) => host.fatal(e),
    );
  }

  /** The primary gives us an object, or tells us that there is none. */
  onPush(from: number, m: MessageOf<typeof MPgPush>, message: IncomingMessage): void {
    const { host, state } = this;
    const ops = m.part ? applyPart(state.c, m.part, message.data, message.dataCrcs) : [];
    if (m.part?.end) ops.push(...state.removeMissing(oidKey(m.part.oid)));
    if (m.absent) ops.push(...state.settle(m.absent, undefined, undefined));
    void host.submit(ops).then(() => {
      host.send(from, outgoing(MPgPushReply, { ...this.header(), copy: m.copy }));
      message.recycle();
    });
  }
}
