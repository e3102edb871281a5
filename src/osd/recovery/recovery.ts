import { CephError, DecodeError } from '../../errors/index.ts';
import type { IncomingMessage } from '../../msgr/index.ts';
import type { Timer } from '../../runtime/index.ts';
import { type EVersion, formatPgId, type HObject } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import type { OpOutcome } from '../ops/index.ts';
import type { ObjectPart } from '../peer-messages.ts';
import type { MissingItem, MissingSet } from '../pg/missing.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { Interrupted } from '../questions.ts';
import type { ClientOp } from '../requests/client-request.ts';
import { Term } from '../term.ts';
import { Givers } from './givers.ts';
import { HolderReads } from './holder-reads.ts';
import { usableVersion } from './listing.ts';
import { type CopyCounts, type Found, ObjectCopies } from './object-copies.ts';
import type { RecoveryPlaces } from './recovery-places.ts';
import { Soon } from './soon.ts';

const RETRY_MS = 1000;
/**
 * How long the members must have been the same before anything is copied that nobody waits for: of a series of maps that
 * come one by one, only the last makes data move.
 */
const QUIET_MS = 200;

/** What recovery sees of its PG. */
export interface RecoveryScope {
  readonly host: PgHost;
  readonly state: PgState;
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  /** Missing sets of the other acting members. */
  peers(): Iterable<[number, MissingSet]>;
  /** Other acting members that are to be given an object before it may be changed. */
  lacking(key: string, oid: HObject): number[];
  /** Who may hold an object that we lack, best first. */
  sources(item: MissingItem): number[];
  /** A member has got an object, or knows that there is none. */
  given(osd: number, key: string): void;
  /** The object is here, or known not to exist: it may be read. */
  arrived(key: string): void;
  /** Nothing of this goes on with the object any more: it may be changed, if nobody lacks it. */
  recovered(key: string): void;
  /** The PG's turn: may copies begin in the background, and for whom? */
  readonly places: Pick<RecoveryPlaces, 'isGranted' | 'covers' | 'look'>;
}

/**
 * The primary's recovery: every object that some acting member lacks is pulled whole if we lack it, then pushed whole to
 * the others. Objects that a client waits for go first, asking nobody's leave; the rest follow in the background, in the
 * PG's turn and as fast as the OSD lets copies begin.
 */
export class Recovery {
  private readonly scope: RecoveryScope;
  /** What was started in one must not go on in the next. */
  private readonly term = new Term();
  private readonly givers = new Givers(this.term);
  private readonly copies: ObjectCopies;
  readonly reads: HolderReads;
  private readonly running = new Set<string>();
  private readonly unfound = new Set<string>();
  /** Looks for them again. */
  private retry: Timer | undefined;
  /** They come first in our turn. */
  private readonly soon = new Soon();
  private enabled = false;
  private isQuiet = false;
  /** For leave to copy in the background. */
  private asked: { cancel(): void } | undefined;

  constructor(scope: RecoveryScope) {
    this.scope = scope;
    this.copies = new ObjectCopies(scope, this.term, this.givers);
    this.reads = new HolderReads(scope, this.term, this.givers);
  }

  get activeCount(): number {
    return this.running.size;
  }
  get unfoundCount(): number {
    return this.unfound.size;
  }
  /** Objects that we lack and nobody has who is up. */
  unfoundItems(): MissingItem[] {
    const { missing } = this.scope.state;
    return [...this.unfound].flatMap((key) => missing.get(key) ?? []);
  }
  /** What was given to members, ourselves included, since this OSD began to serve the PG. */
  get copied(): CopyCounts {
    return this.copies.copied;
  }
  /** The members have been the same for long enough to copy in the background. */
  get isReady(): boolean {
    return this.enabled && this.isQuiet;
  }

  /** Is one of these on its way, or can be brought? */
  canBring(missing: MissingSet): boolean {
    if (missing.size > this.unfound.size) return true;
    for (const key of missing.keys()) if (!this.unfound.has(key)) return true;
    return false;
  }

  start(): void {
    if (this.enabled) return this.more();
    const { number } = this.term;
    this.enabled = true;
    this.scope.host.clock.setTimer(QUIET_MS, () => {
      if (number !== this.term.number) return;
      this.isQuiet = true;
      this.more();
    });
  }

  stop(): void {
    this.enabled = false;
    this.isQuiet = false;
    this.term.end();
    this.asked?.cancel();
    this.asked = undefined;
    this.running.clear();
    this.unfound.clear();
    this.retry?.cancel();
    this.retry = undefined;
    this.soon.clear();
    this.givers.clear();
    this.copies.interrupt();
    this.reads.interrupt();
  }

  /** Something is known to be missing that was not before. */
  more(): void {
    if (!this.isReady) return;
    this.scope.places.look();
    this.resume();
  }

  /** Our turn has begun, or there is more to copy in it. */
  resume(): void {
    const { host, state, places } = this.scope;
    if (!this.isReady || this.asked || !places.isGranted || !this.next()) return;
    const { recovery } = host;
    const of = host.recoveryOrders(state.pgid.pool).opPriority;
    const done = (): void => recovery.copyDone(of);
    this.asked = recovery.askCopies(of, (count) => {
      this.asked = undefined;
      for (let i = 0; i < count; i++) {
        // Only now: what a client waits for meanwhile is on its way.
        const item = places.isGranted ? this.next() : undefined;
        if (item) this.launch(...item, false, done);
        else done();
      }
      this.resume();
    });
  }

  /** A new holder has spoken up: look again for what nobody had. */
  retryUnfound(): void {
    const keys = [...this.unfound];
    this.unfound.clear();
    this.more();
    // Who waits for one of them asks again.
    for (const key of keys) if (!this.running.has(key)) this.scope.recovered(key);
  }

  /**
   * Brings one object here, and to every member if it is to be changed; `arrived` and `recovered` follow. Does nothing if
   * that is under way.
   */
  want(key: string, oid: HObject, isForChange: boolean): void {
    if (this.enabled && this.mayBegin(key)) this.launch(key, oid, isForChange);
  }

  /**
   * Has a holder do a read of an object that is not here, which is then brought soon.
   * @returns undefined if it is to be brought, and read here
   */
  async readElsewhere({ key, oid, request }: ClientOp): Promise<OpOutcome | undefined> {
    const { state } = this.scope;
    if (!this.enabled) return undefined;
    try {
      if (this.isUnknown(key, oid) && !(await this.copies.find(key, oid))) return undefined;
      const item = state.missing.get(key);
      const outcome = item && (await this.reads.read(item, request.op));
      if (outcome && this.enabled && state.missing.has(key) && this.mayBegin(key)) {
        if (this.soon.read(key, oid)) this.launch(key, oid, false);
        else this.resume();
      }
      return outcome;
    } catch (error) {
      if (error instanceof Interrupted) return undefined;
      throw error;
    }
  }

  /** Which version of the object there is has yet to be asked. */
  private isUnknown(key: string, oid: HObject): boolean {
    const { missing, import: importing } = this.scope.state;
    return !missing.has(key) && (importing?.frontier.isBeyond(key, oid) ?? false);
  }

  onPush(copy: number, part: ObjectPart | undefined, message: IncomingMessage): void {
    this.copies.onPush(copy, part, message);
  }
  onPushReply(copy: number): void {
    this.copies.onPushReply(copy);
  }
  onFound(copy: number, found: Found): void {
    this.copies.onFound(copy, found);
  }

  /**
   * Of an object that is found nowhere: has here the newest of the older versions that these holders have, ourselves
   * included. It counts as missing still. @throws Interrupted
   */
  async bringOlder(item: MissingItem, holders: readonly number[]): Promise<void> {
    const key = oidKey(item.oid);
    const { number } = this.term;
    // Nothing else is brought in its place meanwhile.
    this.running.add(key);
    try {
      await this.copies.pullOlder(item, holders);
    } finally {
      if (number === this.term.number) this.running.delete(key);
    }
  }

  /** Which version of an object other members lack: the newest, since nobody changes it before they have it. */
  private lackedVersion(key: string): EVersion | undefined {
    for (const [, missing] of this.scope.peers()) {
      const item = missing.get(key);
      if (item) return item.need;
    }
    return undefined;
  }

  private next(): [key: string, oid: HObject] | undefined {
    const { state, places } = this.scope;
    const soon = this.soon.next((key) => state.missing.has(key) && this.mayBegin(key));
    const item = soon ?? this.nextOf(state.missing);
    if (item) return item;
    for (const [osd, missing] of this.scope.peers()) {
      const its = places.covers(osd) && this.nextOf(missing);
      if (its) return its;
    }
    return undefined;
  }

  /** The first object that may begin. */
  private nextOf(missing: MissingSet): [key: string, oid: HObject] | undefined {
    for (const [key, { oid }] of missing) {
      if (this.mayBegin(key)) return [key, oid];
    }
    return undefined;
  }

  /** It is not on its way, nor known to be nowhere. */
  private mayBegin(key: string): boolean {
    return !this.running.has(key) && !this.unfound.has(key);
  }

  private launch(key: string, oid: HObject, isForChange: boolean, done?: () => void): void {
    const { number } = this.term;
    this.running.add(key);
    this.bring(key, oid, isForChange).then(
      (isFound) => {
        if (number === this.term.number) {
          this.running.delete(key);
          this.soon.ended(key);
          if (isFound) this.scope.recovered(key);
          else this.giveUpFor(key);
        }
        done?.();
        this.more();
      },
      (e: unknown) => {
        done?.();
        if (e instanceof Interrupted || number !== this.term.number) return;
        this.scope.host.fatal(e);
      },
    );
  }

  private giveUpFor(key: string): void {
    const { host, state } = this.scope;
    this.unfound.add(key);
    host.log('warn', 'object unfound', { pg: formatPgId(state.pgid), object: key });
    // One for all: each that ends tries all of them, and would set as many again.
    this.retry ??= host.clock.setTimer(RETRY_MS, () => {
      this.retry = undefined;
      this.retryUnfound();
    });
  }

  private async bring(key: string, oid: HObject, isForChange: boolean): Promise<boolean> {
    const { state } = this.scope;
    const { copies } = this;
    const isUnknown = this.isUnknown(key, oid);
    if (isUnknown && !(await copies.find(key, oid))) return false;
    const item = state.missing.get(key);
    if (item && !(await copies.pull(item))) return false;
    if (item || isUnknown) this.scope.arrived(key);
    const missing = new Map(this.scope.peers());
    const targets = this.scope
      .lacking(key, oid)
      .filter((osd) => isForChange || missing.get(osd)?.has(key));
    // All of them end before anything else happens to the object.
    const { number } = this.term;
    const ends = await Promise.allSettled(targets.map((osd) => copies.push(osd, key, oid)));
    const failed = ends.find((e) => e.status === 'rejected');
    if (!failed) return true;
    if (number !== this.term.number) throw new Interrupted();
    const { reason } = failed;
    if (!(reason instanceof CephError || reason instanceof DecodeError)) throw reason;
    await this.replaceDamaged(key, oid, reason);
    return false;
  }

  /** Our copy cannot be read. If somebody else holds one, ours counts as missing from now on, and is brought anew. */
  private async replaceDamaged(key: string, oid: HObject, error: Error): Promise<void> {
    const { host, state } = this.scope;
    host.log('error', 'damaged object', { pg: formatPgId(state.pgid), object: oid.name, error });
    const need = usableVersion(host, state, oid) ?? this.lackedVersion(key);
    if (!need) return;
    if (this.scope.sources({ oid, need }).length > 0) {
      await host.submit(state.addMissing([{ oid, need }]));
    }
  }
}
