import { ERRNO } from '../../errors/index.ts';
import { compareEVersion, type EVersion, type HObject } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import type { Digests, ObjectInfo } from '../ops/index.ts';
import type { ScrubRange } from '../scrub/scrub-map.ts';
import { type HoldNews, WriteHold } from '../scrub/write-hold.ts';
import { type ClientOp, refusal } from './client-request.ts';
import { type ExecutionScope, Executions } from './executions.ts';
import { type ListScope, Lists } from './lists.ts';
import { Mending, type MendingScope } from './mending.ts';
import { type ObjectState, ObjectStates } from './object-states.ts';
import type { OpenOps } from './open-ops.ts';
import { PendingOps } from './pending-ops.ts';
import { type ElsewhereScope, ReadsElsewhere } from './reads-elsewhere.ts';
import { type ChangeWatch, WritePath, type WriteScope } from './write-path.ts';

/** What the pipeline needs of its PG. */
export interface PipelineScope
  extends Omit<MendingScope, 'host'>,
    ExecutionScope,
    ListScope,
    ElsewhereScope,
    WriteScope {
  /** It may not be read, or not be changed, before it is brought. */
  isMissingHere(key: string, oid: HObject): boolean;
  isMissingAnywhere(key: string, oid: HObject): boolean;
  /** Ask for the object to be brought; `recovered` is called on the pipeline, more than once maybe. */
  want(key: string, oid: HObject, isForChange: boolean): void;
  /** The log must not be cut, and is as long as it may be: no changes, until that has changed. */
  readonly isLogFull: boolean;
}

/** What an info takes in the store and in the log, roughly. */
const INFO_BYTES = 4096;

/**
 * The requests of one PG on its primary, and whose turn it is. Per object they keep their order: writes follow each other
 * at once, each seeing what the last will leave; a read waits until the writes before it are durable on every member.
 */
export class OpPipeline {
  private readonly scope: PipelineScope;
  private readonly objects: ObjectStates;
  private readonly pending = new PendingOps();
  private readonly mending: Mending;
  private readonly writes: WritePath;
  private readonly executions: Executions;
  private readonly elsewhere: ReadsElsewhere;
  private readonly lists: Lists;
  private isServing = false;
  /** Requests that came before it serves. */
  private waiting: ClientOp[] = [];
  /** Objects whose next request is a read that waits for a lease. */
  private readonly unreadable = new Set<ObjectState>();
  /** Objects whose next request is a write that waits for room in the log. */
  private readonly unlogged = new Set<ObjectState>();
  private hold: WriteHold | undefined;

  constructor(scope: PipelineScope) {
    this.scope = scope;
    const objects = new ObjectStates(scope.host, scope.state);
    const { pending } = this;
    const ended = (object: ObjectState): void => {
      this.run(object);
      this.lookAtHold();
    };
    const mending = new Mending(scope, pending, ended);
    const writes = new WritePath(scope, pending, {
      writesEnded: (object) => {
        this.run(object);
        mending.writesEnded(object);
      },
      advanced: () => this.lookAtHold(),
    });
    this.objects = objects;
    this.mending = mending;
    this.writes = writes;
    this.executions = new Executions(scope, { objects, pending, mending, writes, ended });
    this.elsewhere = new ReadsElsewhere(scope, pending, ended);
    this.lists = new Lists(scope, (answer) => writes.answerAfterAll(answer));
  }

  /** Objects of which there is a context, idle or not. */
  get contextCount(): number {
    return this.objects.size;
  }

  /** Requests being served or held, oldest first. */
  open(): ClientOp[] {
    return this.inOrder().sort((a, b) => a.startedMs - b.startedMs);
  }

  /** The same, those of one object in the order of their turns. Stamps do not tell it: many come in one millisecond. */
  private inOrder(): ClientOp[] {
    return [...this.writes.open(), ...this.pending.ops, ...this.held()];
  }

  /** The same, by how far they have come. */
  standing(): OpenOps[] {
    return [
      { point: 'delayed', ops: this.held() },
      { point: 'started', ops: [...this.pending.ops] },
      { point: 'waiting for sub ops', ops: this.writes.open() },
    ];
  }

  /** Requests whose turn has not come. */
  private held(): ClientOp[] {
    const all = [...this.waiting, ...this.lists.waiting];
    for (const o of this.objects.all()) all.push(...o.queue);
    return all;
  }

  submit(op: ClientOp): void {
    if (!this.isServing) this.waiting.push(op);
    else if (op.isPgOp) this.lists.list(op);
    else {
      const object = this.objects.of(op.key);
      object.queue.push(op);
      this.run(object);
    }
  }

  /** From now on requests are executed, those held first. */
  serve(): void {
    this.isServing = true;
    this.writes.begin();
    const held = this.waiting;
    this.waiting = [];
    for (const op of held) this.submit(op);
  }

  /**
   * The interval ended. What was not answered is held for the next one, in the order it came, if we stay the primary;
   * the log then knows which of it was applied. Else it is dropped: clients send it to the new primary.
   */
  stop(keep: boolean): void {
    const all = this.inOrder();
    if (!keep) for (const op of all) op.drop();
    this.isServing = false;
    this.pending.end();
    this.writes.clear();
    this.mending.clear();
    this.lists.clear();
    this.objects.clear();
    this.unreadable.clear();
    this.unlogged.clear();
    this.hold = undefined;
    this.waiting = keep ? all : [];
  }

  recovered(key: string): void {
    const object = this.objects.get(key);
    if (object) {
      // Of one that is being changed we know more than the store.
      if (object.writes === 0 && !object.isBusy) object.context = undefined;
      this.run(object);
    }
    if (this.scope.state.missing.size === 0) this.lists.again();
  }

  /** What was to be brought is not on its way any more: whoever waits for it asks again. */
  wantAgain(): void {
    for (const object of [...this.objects.all()]) if (object.queue.length > 0) this.run(object);
  }

  /** More is known of which objects there are. */
  moreListed(): void {
    if (this.unlogged.size > 0 && !this.scope.isLogFull) {
      const all = [...this.unlogged];
      this.unlogged.clear();
      for (const object of all) this.run(object);
    }
    this.lists.again();
  }

  /** See WritePath. */
  onAck(osd: number, version: EVersion, isEarly: boolean): void {
    this.writes.onAck(osd, version, isEarly);
  }
  sendAgain(osd: number): void {
    this.writes.sendAgain(osd);
  }
  watch(watcher: ChangeWatch): () => void {
    return this.writes.watch(watcher);
  }

  /** A member stands by us again. */
  leaseRenewed(): void {
    if (this.unreadable.size + this.lists.waiting.length === 0 || !this.scope.isReadable) return;
    const all = [...this.unreadable];
    this.unreadable.clear();
    for (const object of all) this.run(object);
    this.lists.again();
  }

  /** Writes to a range wait from now on, those that are under way go on. One range at a time. */
  holdWrites(range: ScrubRange, news: HoldNews): void {
    this.hold = new WriteHold(range, news, this.writes.newest);
    this.lookAtHold();
  }

  letWritesGo(): void {
    const { hold } = this;
    this.hold = undefined;
    for (const object of hold?.waiting ?? []) this.run(object);
  }

  /**
   * Writes digests into the info of an object of a range that is held and quiet, as a change of our own.
   * @param info as all members have it now
   * @returns false: nothing came of it, since something else goes on with the object, some member lacks it or there is no
   * room
   */
  record(oid: HObject, info: ObjectInfo, digests: Digests): boolean {
    const { scope, objects, writes } = this;
    if (scope.isLogFull || !scope.host.hasRoom(INFO_BYTES)) return false;
    const key = oidKey(oid);
    // Nothing changes before all members have it.
    if (scope.isMissingAnywhere(key, oid)) return false;
    const object = objects.of(key);
    const known = object.context ? object.context.info : info;
    const isSame = known && compareEVersion(known.version, info.version) === 0;
    if (!isSame || object.isBusy || object.writes > 0) {
      objects.rest(object);
      return false;
    }
    writes.record(object, oid, info, digests);
    return true;
  }

  private lookAtHold(): void {
    this.hold?.look(this.writes.oldest, this.pending.ops);
  }

  /** Gives an object's requests their turns, until one has to wait. */
  private run(object: ObjectState): void {
    const { scope, pending } = this;
    const { number } = pending;
    while (number === pending.number) {
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
      const isMissing = mayWrite
        ? scope.isMissingAnywhere(key, oid)
        : scope.isMissingHere(key, oid);
      if (isMissing && !this.elsewhere.isSooner(op)) {
        scope.want(key, oid, mayWrite);
        return;
      }
      if (mayWrite && this.hold?.covers(oid)) {
        this.hold.add(object);
        return;
      }
      if (mayWrite && scope.isLogFull) {
        this.unlogged.add(object);
        return;
      }
      object.queue.shift();
      if (op.isFenced()) op.answer(refusal(-ERRNO.ESHUTDOWN));
      else if (isMissing) this.elsewhere.begin(op, object);
      else if (!mayWrite || this.writes.accept(op)) this.executions.begin(op, object);
    }
  }
}
