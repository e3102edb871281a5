import { ERRNO } from '../../errors/index.ts';
import type { StoreOp } from '../../store/index.ts';
import { compareEVersion, EVERSION_ZERO, type EVersion, type HObject } from '../../wire/index.ts';
import { trimPointOf } from '../log/log-bounds.ts';
import { ENTRY, type LogEntry, type PgTotals, reqidKey } from '../log/log-entry.ts';
import { type Done, Logged } from '../log/logged.ts';
import {
  type Digests,
  type ObjectContext,
  type ObjectInfo,
  type OpOutcome,
  ownReqid,
  type Prepared,
  recordDigests,
} from '../ops/index.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { answerOf, type ClientOp, type OpAnswer, refusal } from './client-request.ts';
import { type Answer, ChangesInFlight, type InFlight } from './in-flight.ts';
import type { ObjectState } from './object-states.ts';
import { type ChangeMemory, NO_MEMORY } from './op-memory.ts';
import type { PendingOps } from './pending-ops.ts';

/** What writes need of their PG. */
export interface WriteScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly epoch: number;
  /** The log is needed whole. */
  readonly isListing: boolean;
  /** All members are there and have everything: nobody will need the log to catch up. */
  readonly isWhole: boolean;
  /** To all other acting members. @returns sends it to one of them again */
  replicate(
    item: Logged,
    txn: readonly StoreOp[],
    trimTo: EVersion,
    memory: ChangeMemory,
    isEarly: boolean,
  ): (osd: number) => void;
  /** What is durable on all members is on disk there when `done` is called, unless the interval ends first. */
  flushAll(done: () => void): void;
  /** Other acting members whose answers a write waits for. */
  readonly replicas: readonly number[];
  count(outcome: OpOutcome): void;
}

/** Who waits for writes to become durable everywhere. */
interface AfterWrites {
  /** All writes of an object are. */
  writesEnded(object: ObjectState): void;
  /** Some have become so, and were answered. */
  advanced(): void;
}

/** Whose change it is: a client's request, or the OSD itself. */
type Author = Pick<ClientOp, 'oid' | 'reqid'> & { readonly memory: ChangeMemory };

/** Hears what a request changes. */
export type ChangeWatch = (oid: HObject, by: OpOutcome['stats']) => void;

/** What a write that is answered early takes beside its data, roughly. */
const ENTRY_BYTES = 2048;

/**
 * The writes of a PG from their execution to their answer: each becomes an entry of the log, goes to the local store and
 * to all other acting members at once, and is answered when all of them have it, at the level that its client asks for.
 */
export class WritePath {
  private readonly scope: WriteScope;
  private readonly pending: PendingOps;
  private readonly after: AfterWrites;
  private readonly inFlight = new ChangesInFlight<ObjectState>();
  /** Writes that are durable, and are answered when they are on disk. */
  private readonly placing = new Map<ClientOp, EVersion>();
  private readonly watchers = new Set<ChangeWatch>();

  constructor(scope: WriteScope, pending: PendingOps, after: AfterWrites) {
    this.scope = scope;
    this.pending = pending;
    this.after = after;
  }

  /** Of the changes that are not durable everywhere; undefined when there are none. */
  get oldest(): EVersion | undefined {
    return this.inFlight.all[0]?.version;
  }
  get newest(): EVersion | undefined {
    return this.inFlight.last?.version;
  }

  /** Requests that are not answered, in the order of their changes. */
  open(): ClientOp[] {
    const all = this.inFlight.all.flatMap((c) => c.answers.map((a) => a.op));
    return [...this.placing.keys(), ...all];
  }

  /** @param watcher hears of each change of an object from now on. @returns ends that */
  watch(watcher: ChangeWatch): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
  private tellWatchers(...change: Parameters<ChangeWatch>): void {
    for (const tell of this.watchers) tell(...change);
  }

  /** An interval begins in which all members have everything. */
  begin(): void {
    this.inFlight.begin(this.scope.state.log.head, this.scope.replicas);
  }
  /** The interval is over. */
  clear(): void {
    this.placing.clear();
    this.inFlight.clear();
  }

  /** Before it is executed. @returns false when that need not be, or must not be: then it is answered */
  accept(op: ClientOp): boolean {
    const { host, state } = this.scope;
    const before = state.log.find(op.reqidKey);
    if (before) {
      this.answerAgain(op, before);
      return false;
    }
    if (op.growth > 0 && !host.hasRoom(op.growth)) {
      op.answer(refusal(-ERRNO.ENOSPC));
      return false;
    }
    return true;
  }

  /** A request that the log knows: applied or refused once, answered as then. */
  private answerAgain(op: ClientOp, entry: Done): void {
    const answer: OpAnswer = {
      result: entry.result,
      outcome: undefined,
      version: entry.version,
      userVersion: entry.userVersion,
      isEarly: false,
    };
    const open = this.inFlight.find(op.reqidKey);
    if (open) open.answers.push({ op, answer });
    else this.answerDurable({ op, answer });
  }

  /** All ops of a write have run. */
  commit(op: ClientOp, object: ObjectState, context: ObjectContext, prepared: Prepared): void {
    const { scope } = this;
    const version = this.nextVersion();
    const outcome = prepared.finish(version, scope.state.totals.lastUserVersion);
    const { kind } = outcome;
    scope.count(outcome);
    if (kind === 'read' || kind === 'early' || kind === 'pg') {
      op.answer(answerOf(outcome, EVERSION_ZERO));
      return;
    }
    const isEarly = op.ack === 'memory' && this.inFlight.hasRoomForEarly;
    const change: InFlight<ObjectState> = {
      version,
      object: kind === 'error' ? undefined : object,
      reqidKey: op.reqidKey,
      answers: [{ op, answer: answerOf(outcome, version) }],
      sendAgain: undefined,
      early: isEarly
        ? { bytes: ENTRY_BYTES + op.request.data.length, done: op.memory.use() }
        : undefined,
    };
    this.apply(op, change, context, kind, outcome);
  }

  /** Digests for an object's info, by ourselves. Nobody else is at the object. */
  record(object: ObjectState, oid: HObject, info: ObjectInfo, digests: Digests): void {
    const { host, state } = this.scope;
    const version = this.nextVersion();
    const reqid = ownReqid(host.id, version);
    const outcome = recordDigests(state.c, oid, info, digests, version, reqid);
    const change: InFlight<ObjectState> = {
      version,
      object,
      reqidKey: reqidKey(reqid),
      answers: [],
      sendAgain: undefined,
      early: undefined,
    };
    this.apply({ oid, reqid, memory: NO_MEMORY }, change, { oid, info }, 'modify', outcome);
  }

  /** Into the log, to all members and into our own store. */
  private apply(
    by: Author,
    change: InFlight<ObjectState>,
    context: ObjectContext,
    kind: keyof typeof ENTRY,
    outcome: OpOutcome,
  ): void {
    const { scope } = this;
    const { state } = scope;
    const { object, version } = change;
    if (object && this.watchers.size > 0) this.tellWatchers(by.oid, outcome.stats);
    const entry: LogEntry = {
      kind: ENTRY[kind],
      version,
      previous: state.log.head,
      prior: context.info?.version ?? EVERSION_ZERO,
      oid: by.oid,
      reqid: by.reqid,
      userVersion: outcome.userVersion,
      result: outcome.result,
      totals: addTotals(state.totals, outcome),
    };
    const item = Logged.of(entry);
    const trimTo = this.trimPoint();
    const isEarly = change.early !== undefined;
    change.sendAgain = scope.replicate(item, outcome.txn, trimTo, by.memory, isEarly);
    const txn = [...outcome.txn, state.append(item, entry.totals)];
    if (compareEVersion(trimTo, state.log.tail) > 0)
      txn.push(...state.trim(trimTo, scope.host.logBounds.remembered));
    if (object) {
      object.context = { oid: by.oid, info: outcome.info };
      object.writes++;
    }
    this.inFlight.push(change);
    this.store(by.memory, change, txn);
  }

  private nextVersion(): EVersion {
    const { head } = this.scope.state.log;
    return { epoch: Math.max(this.scope.epoch, head.epoch), version: head.version + 1n };
  }

  /** Entries of what is not yet answered stay, so that a resend finds them. */
  private trimPoint(): EVersion {
    const { host, state } = this.scope;
    const { log } = state;
    const bounds = host.logBounds;
    if (log.length <= bounds.whole && log.bytes <= bounds.bytes) return log.tail;
    if (this.scope.isListing) return log.tail;
    let open = this.inFlight.length;
    for (const { version } of this.placing.values()) {
      open = Math.max(open, Number(log.head.version - version) + 1);
    }
    return trimPointOf(log, bounds, open, this.scope.isWhole);
  }

  /** To our own store. */
  private store(
    memory: ChangeMemory,
    change: InFlight<ObjectState>,
    txn: readonly StoreOp[],
  ): void {
    const applied = change.early ? () => this.appliedHere(change) : undefined;
    const { number } = this.pending;
    const stored = memory.isLarge ? memory.use() : undefined;
    void this.scope.host.submit(txn, applied).then(() => {
      stored?.();
      if (number !== this.pending.number) return;
      this.inFlight.durableHere(change.version);
      this.advance();
    });
  }

  private appliedHere(change: InFlight<ObjectState>): void {
    this.inFlight.appliedHere(change);
    if (this.scope.replicas.length === 0) this.answerEarly();
  }

  /** A member has everything up to `version`, durable or only applied. */
  onAck(osd: number, version: EVersion, isEarly: boolean): void {
    if (isEarly) {
      this.inFlight.appliedAt(osd, version);
      this.answerEarly();
    } else if (this.inFlight.durableAt(osd, version)) this.advance();
  }

  /** The session with a member was reset: what it has not acknowledged may be lost. */
  sendAgain(osd: number): void {
    this.inFlight.sendAgain(osd);
  }

  private advance(): void {
    this.answerEarly();
    for (const change of this.inFlight.takeDurable()) {
      const { answers, object } = change;
      change.answers = []; // answered here, and not once more when it turns out to be applied everywhere
      for (const answer of answers) this.answerDurable(answer);
      if (object && --object.writes === 0) this.after.writesEnded(object);
    }
    this.after.advanced();
  }

  private answerEarly(): void {
    for (const { op, answer } of this.inFlight.takeApplied()) op.answer(answer);
  }

  /** The write is durable everywhere. */
  private answerDurable({ op, answer }: Answer): void {
    if (op.ack !== 'disk') {
      op.answer(answer);
      return;
    }
    const { number } = this.pending;
    this.placing.set(op, answer.version);
    this.scope.flushAll(() => {
      if (number !== this.pending.number) return;
      this.placing.delete(op);
      op.answer(answer);
    });
  }

  /** Answers when all writes that are under way are durable everywhere. */
  answerAfterAll(answer: Answer): void {
    const { last } = this.inFlight;
    if (last) last.answers.push(answer);
    else answer.op.answer(answer.answer);
  }
}

function addTotals(t: PgTotals, { stats, userVersion }: OpOutcome): PgTotals {
  return {
    lastUserVersion: userVersion > t.lastUserVersion ? userVersion : t.lastUserVersion,
    objects: Math.max(0, t.objects + stats.numObjects),
    bytes: Math.max(0, t.bytes + stats.numBytes),
    dirty: Math.max(0, t.dirty + stats.numObjectsDirty),
    omapObjects: Math.max(0, t.omapObjects + stats.numObjectsOmap),
    wr: t.wr + stats.numWr,
    wrKb: t.wrKb + stats.numWrKb,
  };
}
