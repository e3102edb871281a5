import { CephError, DecodeError, ERRNO } from '../errors/index.ts';
import type { StoreOp } from '../store/index.ts';
import {
  compareEVersion,
  EVERSION_ZERO,
  type EVersion,
  type HObject,
  type ScrubLsArg,
  type ScrubLsResult,
} from '../wire/index.ts';
import { answerOf, type ClientOp, type OpAnswer, refusal } from './client-request.ts';
import { type Answer, ChangesInFlight, type InFlight } from './in-flight.ts';
import { KnownObjects } from './known-objects.ts';
import { trimPointOf } from './log-bounds.ts';
import { ENTRY, type LogEntry, type PgTotals } from './log-entry.ts';
import { type Done, Logged } from './logged.ts';
import { type ObjectState, ObjectStates } from './object-states.ts';
import type { OpMemory } from './op-memory.ts';
import {
  execute,
  executePg,
  type ObjectContext,
  type OpEnv,
  type OpOutcome,
  type Prepared,
  pgEnd,
} from './ops/index.ts';
import type { PgHost } from './pg-host.ts';
import type { PgState } from './pg-state.ts';
import type { ScrubRange } from './scrub/scrub-map.ts';
import { type HoldNews, WriteHold } from './scrub/write-hold.ts';

/** What the pipeline needs of its PG. */
export interface PipelineScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly epoch: number;
  /** PGs of the pool. */
  readonly pgCount: number;
  /** No other primary can have taken over: what is read here is the newest. */
  readonly isReadable: boolean;
  /** It may not be read, or not be changed, before it is brought. */
  isMissingHere(key: string, oid: HObject): boolean;
  isMissingAnywhere(key: string, oid: HObject): boolean;
  /** Ask for the object to be brought; `recovered` is called on the pipeline, more than once maybe. */
  want(key: string, oid: HObject, isForChange: boolean): void;
  /** The log is needed whole. */
  readonly isListing: boolean;
  /** All members are there and have everything: nobody will need the log to catch up. */
  readonly isWhole: boolean;
  /** To all other acting members. @returns sends it to one of them again */
  replicate(
    item: Logged,
    txn: readonly StoreOp[],
    trimTo: EVersion,
    memory: OpMemory,
    isEarly: boolean,
  ): (osd: number) => void;
  /** What is durable on all members is on disk there when `done` is called, unless the interval ends first. */
  flushAll(done: () => void): void;
  /** Other acting members whose answers a write waits for. */
  readonly replicas: readonly number[];
  count(op: ClientOp, outcome: OpOutcome): void;
  /**
   * Our copy of an object does not pass its checksums. Nobody changes it meanwhile. @returns whether a good one is to be
   * had: then ours counts as missing from now on
   */
  mend(oid: HObject): Promise<boolean>;
  /** See ListableObjects. */
  readonly scrubErrors: (arg: ScrubLsArg) => ScrubLsResult | number;
}

/** Hears what a request changes. */
export type ChangeWatch = (oid: HObject, by: OpOutcome['stats']) => void;

/** What a write that is answered early takes beside its data, roughly. */
const ENTRY_BYTES = 2048;

/**
 * The requests of one PG on its primary. Per object they keep their order: writes follow each other at once, each seeing
 * what the last will leave; a read waits until the writes before it are durable on every member. A write is answered
 * when the local store and every other acting member have it, at the level that its client asks for.
 */
export class OpPipeline {
  private readonly scope: PipelineScope;
  private readonly objects: ObjectStates;
  private waiting: ClientOp[] = [];
  private readonly inFlight = new ChangesInFlight<ObjectState>();
  /** Lists that wait for what they list to be known, or for a lease. */
  private heldLists: ClientOp[] = [];
  /** Objects whose next request is a read that waits for a lease. */
  private readonly unreadable = new Set<ObjectState>();
  private isServing = false;
  private generation = 0;
  /** Requests whose execution waits for the device. */
  private readonly pending = new Set<ClientOp>();
  /** Writes that are durable, and are answered when they are on disk. */
  private readonly placing = new Map<ClientOp, EVersion>();
  private hold: WriteHold | undefined;
  private readonly watchers = new Set<ChangeWatch>();
  /** What is to be done with objects when the writes of them that are under way are durable everywhere. */
  private readonly afterWrites = new Map<ObjectState, () => void>();

  /** Of all executions. */
  private readonly surroundings: OpEnv;

  constructor(scope: PipelineScope) {
    this.scope = scope;
    const { host, state } = scope;
    this.objects = new ObjectStates(host, state);
    this.surroundings = {
      store: host.store,
      collection: state.c,
      get limits() {
        return host.limits;
      },
      get nowMs() {
        return host.clock.wallMs();
      },
      crc32c: host.crc32c,
    };
  }

  /** Objects of which there is a context, idle or not. */
  get contextCount(): number {
    return this.objects.size;
  }

  get openCount(): number {
    return this.open().length;
  }

  /** Requests being served or held, oldest first: for `dump_ops_in_flight`. */
  open(): ClientOp[] {
    const all = [
      ...this.waiting,
      ...this.heldLists,
      ...this.inFlight.all.flatMap((c) => c.answers.map((a) => a.op)),
      ...this.pending,
      ...this.placing.keys(),
    ];
    for (const o of this.objects.all()) all.push(...o.queue);
    return all.sort((a, b) => a.startedMs - b.startedMs);
  }

  submit(op: ClientOp): void {
    if (!this.isServing) this.waiting.push(op);
    else if (op.isPgOp) this.list(op);
    else {
      const object = this.objects.of(op);
      object.queue.push(op);
      this.run(object);
    }
  }

  /** From now on requests are executed, those held first. */
  serve(): void {
    this.isServing = true;
    this.inFlight.begin(this.scope.state.log.head, this.scope.replicas);
    const held = this.waiting;
    this.waiting = [];
    for (const op of held) this.submit(op);
  }

  /**
   * The interval ended. What was not answered is held for the next one, in the order it came, if we stay the primary;
   * the log then knows which of it was applied. Else it is dropped: clients send it to the new primary.
   */
  stop(keep: boolean): void {
    const all = this.open();
    if (!keep) for (const op of all) op.drop();
    this.generation++;
    this.isServing = false;
    this.pending.clear();
    this.placing.clear();
    this.unreadable.clear();
    this.objects.clear();
    this.inFlight.clear();
    this.hold = undefined;
    this.afterWrites.clear();
    this.heldLists = [];
    this.waiting = keep ? all : [];
  }

  recovered(key: string): void {
    const object = this.objects.get(key);
    if (object) {
      // Of one that is being changed we know more than the store.
      if (object.writes === 0 && !object.isBusy) object.context = undefined;
      this.run(object);
    }
    if (this.scope.state.missing.size === 0) this.listHeld();
  }

  /** What was to be brought is not on its way any more: whoever waits for it asks again. */
  wantAgain(): void {
    for (const object of [...this.objects.all()]) if (object.queue.length > 0) this.run(object);
  }

  /** More is known of which objects there are. */
  moreListed(): void {
    this.listHeld();
  }

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

  /** A member stands by us again. */
  leaseRenewed(): void {
    if (this.unreadable.size + this.heldLists.length === 0 || !this.scope.isReadable) return;
    const all = [...this.unreadable];
    this.unreadable.clear();
    for (const object of all) this.run(object);
    this.listHeld();
  }

  /** Writes to a range wait from now on, those that are under way go on. One range at a time. */
  holdWrites(range: ScrubRange, news: HoldNews): void {
    this.hold = new WriteHold(range, news, this.inFlight.last?.version);
    this.lookAtHold();
  }

  letWritesGo(): void {
    const { hold } = this;
    this.hold = undefined;
    for (const object of hold?.waiting ?? []) this.run(object);
  }

  /** @param watcher hears of each change of an object from now on. @returns ends that */
  watch(watcher: ChangeWatch): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
  private tellWatchers(...change: Parameters<ChangeWatch>): void {
    for (const tell of this.watchers) tell(...change);
  }

  private lookAtHold(): void {
    this.hold?.look(this.inFlight.all[0]?.version, this.pending);
  }

  private list(op: ClientOp): void {
    const { host, state } = this.scope;
    const { pgid, log, totals } = state;
    const end = pgEnd(pgid, this.scope.pgCount);
    const known = new KnownObjects(host.store, state, this.scope.scrubErrors);
    const outcome = this.scope.isReadable
      ? executePg(this.env(op), op.request, pgid.pool, end, known)
      : undefined;
    if (!outcome || known.hasFailed) {
      this.heldLists.push(op);
      return;
    }
    this.scope.count(op, outcome);
    const answer = { ...answerOf(outcome, log.head), userVersion: totals.lastUserVersion };
    // What is listed must be there to stay, so the answer waits for the writes under way.
    const { last } = this.inFlight;
    if (last) last.answers.push({ op, answer });
    else op.answer(answer);
  }
  private listHeld(): void {
    for (const op of this.heldLists.splice(0)) this.submit(op);
  }

  private run(object: ObjectState): void {
    const { scope, generation } = this;
    while (generation === this.generation) {
      const op = object.queue[0];
      if (!op) {
        this.objects.rest(object);
        return;
      }
      if (!op.mayWrite && !scope.isReadable) {
        this.unreadable.add(object);
        return;
      }
      if (object.isBusy || (op.mayWrite ? object.readers > 0 : object.writes > 0)) return;
      const { key, oid, mayWrite } = op;
      if (mayWrite ? scope.isMissingAnywhere(key, oid) : scope.isMissingHere(key, oid)) {
        scope.want(key, oid, mayWrite);
        return;
      }
      if (mayWrite && this.hold?.covers(oid)) {
        this.hold.add(object);
        return;
      }
      object.queue.shift();
      if (op.isFenced()) op.answer(refusal(-ERRNO.ESHUTDOWN));
      else if (op.mayWrite) this.write(op, object);
      else this.read(op, object);
    }
  }

  private env(op: ClientOp): OpEnv {
    const { copy } = op;
    return copy ? { ...this.surroundings, fetchCopy: () => copy } : this.surroundings;
  }

  private nextVersion(): EVersion {
    const { head } = this.scope.state.log;
    return { epoch: Math.max(this.scope.epoch, head.epoch), version: head.version + 1n };
  }

  private read(op: ClientOp, object: ObjectState): void {
    const context = this.contextOf(op, object);
    if (!context) return;
    const prepared = execute(this.env(op), op.request, 'read', context);
    const finish = (p: Prepared, isAsGoodAsItGets = false): void => {
      if (p.isDamaged && !isAsGoodAsItGets) {
        this.mend(op, object, () => finish(p, true));
        return;
      }
      const outcome = p.finish(EVERSION_ZERO, 0n);
      this.scope.count(op, outcome);
      op.answer(answerOf(outcome, EVERSION_ZERO));
    };
    if (!(prepared instanceof Promise)) {
      finish(prepared);
      return;
    }
    const { generation } = this;
    object.readers++;
    this.pending.add(op);
    prepared.then(
      (p) => {
        if (generation !== this.generation) return;
        this.pending.delete(op);
        object.readers--;
        finish(p);
        this.run(object);
      },
      (e) => this.scope.host.fatal(e),
    );
  }

  private write(op: ClientOp, object: ObjectState): void {
    const { host, state } = this.scope;
    const before = state.log.find(op.reqidKey);
    if (before) {
      this.answerAgain(op, before);
      return;
    }
    if (op.growth > 0 && !host.hasRoom(op.growth)) {
      op.answer(refusal(-ERRNO.ENOSPC));
      return;
    }
    const context = this.contextOf(op, object);
    if (!context) return;
    const prepared = execute(this.env(op), op.request, 'write', context);
    if (!(prepared instanceof Promise)) {
      this.written(op, object, context, prepared);
      return;
    }
    const { generation } = this;
    object.isBusy = true;
    this.pending.add(op);
    prepared.then(
      (p) => {
        if (generation !== this.generation) return;
        this.pending.delete(op);
        object.isBusy = false;
        this.written(op, object, context, p);
        this.run(object);
        if (this.hold) this.lookAtHold();
      },
      (e) => host.fatal(e),
    );
  }

  /** All ops of a write have run. */
  private written(op: ClientOp, object: ObjectState, context: ObjectContext, p: Prepared): void {
    if (p.isDamaged) this.mend(op, object, () => this.commit(op, object, context, p));
    else this.commit(op, object, context, p);
  }

  /** What the object is; undefined when not even that can be read, and the request is looked after. */
  private contextOf(op: ClientOp, object: ObjectState): ObjectContext | undefined {
    try {
      return this.objects.contextOf(op, object);
    } catch (error) {
      if (!(error instanceof CephError || error instanceof DecodeError)) throw error;
      this.mend(op, object, () => op.answer(refusal(-ERRNO.EIO)));
      return undefined;
    }
  }

  /**
   * What a request needs of its object is damaged here. It is done again once a good copy has been brought; where there
   * is none, `otherwise` happens. Until then nobody else gets at the object.
   */
  private mend(op: ClientOp, object: ObjectState, otherwise: () => void): void {
    const { generation, scope } = this;
    object.isBusy = true;
    this.pending.add(op);
    const begin = (): void => {
      scope.mend(op.oid).then(
        (isMended) => {
          if (generation !== this.generation) return;
          this.pending.delete(op);
          object.isBusy = false;
          object.context = undefined;
          if (isMended) object.queue.unshift(op);
          else otherwise();
          this.run(object);
          if (this.hold) this.lookAtHold();
        },
        (e) => scope.host.fatal(e),
      );
    };
    // Only then all members have the same.
    if (object.writes === 0) begin();
    else this.afterWrites.set(object, begin);
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

  private commit(
    op: ClientOp,
    object: ObjectState,
    context: ObjectContext,
    prepared: Prepared,
  ): void {
    const { scope } = this;
    const version = this.nextVersion();
    const outcome = prepared.finish(version, scope.state.totals.lastUserVersion);
    scope.count(op, outcome);
    if (outcome.kind === 'read' || outcome.kind === 'early' || outcome.kind === 'pg') {
      op.answer(answerOf(outcome, EVERSION_ZERO));
      return;
    }
    const changes = outcome.kind !== 'error';
    if (changes && this.watchers.size > 0) this.tellWatchers(op.oid, outcome.stats);
    const entry: LogEntry = {
      kind: ENTRY[outcome.kind],
      version,
      previous: scope.state.log.head,
      prior: context.info?.version ?? EVERSION_ZERO,
      oid: op.oid,
      reqid: op.reqid,
      userVersion: outcome.userVersion,
      result: outcome.result,
      totals: addTotals(scope.state.totals, outcome),
    };
    const item = Logged.of(entry);
    const trimTo = this.trimPoint();
    const isEarly = op.ack === 'memory' && this.inFlight.hasRoomForEarly;
    const sendAgain = scope.replicate(item, outcome.txn, trimTo, op.memory, isEarly);
    const txn = [...outcome.txn, scope.state.append(item, entry.totals)];
    if (compareEVersion(trimTo, scope.state.log.tail) > 0)
      txn.push(...scope.state.trim(trimTo, scope.host.logBounds.remembered));
    if (changes) {
      object.context = { oid: op.oid, info: outcome.info };
      object.writes++;
    }
    const change: InFlight<ObjectState> = {
      version,
      object: changes ? object : undefined,
      reqidKey: op.reqidKey,
      answers: [{ op, answer: answerOf(outcome, version) }],
      sendAgain,
      early: isEarly
        ? { bytes: ENTRY_BYTES + op.request.data.length, done: op.memory.use() }
        : undefined,
    };
    this.inFlight.push(change);
    const applied = isEarly ? () => this.appliedHere(change) : undefined;
    const { generation } = this;
    const stored = op.memory.isLarge ? op.memory.use() : undefined;
    void scope.host.submit(txn, applied).then(() => {
      stored?.();
      if (generation !== this.generation) return;
      this.inFlight.durableHere(version);
      this.advance();
    });
  }

  private appliedHere(change: InFlight<ObjectState>): void {
    this.inFlight.appliedHere(change);
    if (this.scope.replicas.length === 0) this.answerEarly();
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
    const { generation } = this;
    this.placing.set(op, answer.version);
    this.scope.flushAll(() => {
      if (generation !== this.generation) return;
      this.placing.delete(op);
      op.answer(answer);
    });
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

  private advance(): void {
    this.answerEarly();
    for (const change of this.inFlight.takeDurable()) {
      const { answers, object } = change;
      change.answers = []; // answered here, and not once more when it turns out to be applied everywhere
      for (const answer of answers) this.answerDurable(answer);
      if (object && --object.writes === 0) {
        this.run(object);
        if (this.afterWrites.size > 0) this.writesEnded(object);
      }
    }
    if (this.hold) this.lookAtHold();
  }

  private writesEnded(object: ObjectState): void {
    const begin = this.afterWrites.get(object);
    this.afterWrites.delete(object);
    begin?.();
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
