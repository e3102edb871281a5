import { CephError } from '../errors/index.ts';
import { formatPgId, type HObject } from '../wire/index.ts';
import type { MissingItem, MissingSet } from './missing.ts';
import { ObjectCopies } from './object-copies.ts';
import { storedVersion } from './object-copy.ts';
import type { ObjectPart } from './peer-messages.ts';
import type { PgHost } from './pg-host.ts';
import type { PgState } from './pg-state.ts';
import { Interrupted } from './requests.ts';

/** Objects of one PG copied at the same time in the background. */
const PG_COPIES_MAX = 4;
const RETRY_MS = 1000;
/**
 * How long the members must have been the same before anything is copied that nobody waits for: of a series of maps that
 * come one by one, only the last makes data move.
 */
const QUIET_MS = 200;
/** What an object takes beside its data, roughly: the rest of its last block, and its record. */
const OBJECT_BYTES = 6144;

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
}

/**
 * The primary's recovery: every object that some acting member lacks is pulled whole if we lack it, then pushed whole to
 * the others. Objects that a client waits for go first, asking nobody's leave; the rest follow in the background.
 */
export class Recovery {
  private readonly scope: RecoveryScope;
  private readonly copies: ObjectCopies;
  private readonly running = new Set<string>();
  private readonly unfound = new Set<string>();
  /** Changes with the interval: what was started before must not go on. */
  private generation = 0;
  private background = 0;
  private enabled = false;
  private isQuiet = false;
  /** Whether our store has promised room for what we lack. */
  private room: 'unasked' | 'promised' | 'refused' = 'unasked';

  constructor(scope: RecoveryScope) {
    this.scope = scope;
    this.copies = new ObjectCopies(scope);
  }

  get activeCount(): number {
    return this.running.size;
  }
  get unfoundCount(): number {
    return this.unfound.size;
  }

  /** Our store has no room for what we lack: only what clients wait for is brought. */
  get isTooFull(): boolean {
    return this.room === 'refused';
  }

  start(): void {
    const { generation } = this;
    this.enabled = true;
    this.scope.host.clock.setTimer(QUIET_MS, () => {
      if (generation !== this.generation) return;
      this.isQuiet = true;
      this.fill();
    });
  }

  stop(): void {
    this.enabled = false;
    this.isQuiet = false;
    this.giveRoomBack();
    this.generation++;
    this.background = 0;
    this.running.clear();
    this.unfound.clear();
    this.copies.interrupt();
  }

  /** Something is known to be missing that was not before. */
  more(): void {
    this.fill();
  }

  /** A new holder has spoken up: look again for what nobody had. */
  retryUnfound(): void {
    const keys = [...this.unfound];
    this.unfound.clear();
    this.fill();
    // Who waits for one of them asks again.
    for (const key of keys) if (!this.running.has(key)) this.scope.recovered(key);
  }

  /**
   * Brings one object here, and to every member if it is to be changed; `arrived` and `recovered` follow. Does nothing if
   * that is under way.
   */
  want(key: string, oid: HObject, isForChange: boolean): void {
    if (!this.enabled || this.running.has(key) || this.unfound.has(key)) return;
    this.launch(key, oid, isForChange);
  }

  onPush(copy: number, part: ObjectPart | undefined, data: Buffer): void {
    this.copies.onPush(copy, part, data);
  }
  onPushReply(copy: number): void {
    this.copies.onPushReply(copy);
  }
  onFound(copy: number, isKnown: boolean, version: MissingItem['need'] | undefined): void {
    this.copies.onFound(copy, isKnown, version);
  }

  private fill(): void {
    while (this.enabled && this.isQuiet && this.background < PG_COPIES_MAX && this.next()) {
      this.background++;
      void this.takeTurn(this.generation);
    }
  }

  /** Waits for leave to copy, and only then looks what: what a client waits for meanwhile need not wait too. */
  private async takeTurn(generation: number): Promise<void> {
    const { host } = this.scope;
    await host.copies.take();
    const item = generation === this.generation ? this.next() : undefined;
    const done = (): void => {
      host.copies.give();
      if (generation !== this.generation) return;
      this.background--;
      if (item) this.fill();
    };
    if (item) this.launch(...item, false, done);
    else done();
  }

  private next(): [key: string, oid: HObject] | undefined {
    const isFree = (key: string): boolean => !this.running.has(key) && !this.unfound.has(key);
    const mine = this.scope.state.missing;
    if (mine.size > 0 && this.hasRoom()) {
      for (const [key, { oid }] of mine) if (isFree(key)) return [key, oid];
    }
    for (const [, missing] of this.scope.peers()) {
      for (const [key, { oid }] of missing) if (isFree(key) && !mine.has(key)) return [key, oid];
    }
    return undefined;
  }

  /** Asks our store to set aside what the sources announce, and again after a while when it refuses. */
  private hasRoom(): boolean {
    if (this.room !== 'unasked') return this.room === 'promised';
    const { host, state } = this.scope;
    const { generation } = this;
    const { bytes, objects } = state.totals;
    const count = state.missing.size;
    const announced = Math.ceil((bytes * count) / Math.max(count, objects)) + count * OBJECT_BYTES;
    if (host.reserve(state.c, announced)) {
      this.room = 'promised';
      return true;
    }
    this.room = 'refused';
    host.log('warn', 'no room to recover', { pg: formatPgId(state.pgid), bytes: announced });
    host.statsChanged();
    host.clock.setTimer(RETRY_MS, () => {
      if (generation !== this.generation || this.room !== 'refused') return;
      this.room = 'unasked';
      this.fill();
    });
    return false;
  }

  private giveRoomBack(): void {
    const { host, state } = this.scope;
    if (this.room === 'promised') host.store.release(state.c);
    this.room = 'unasked';
  }

  private launch(key: string, oid: HObject, isForChange: boolean, done?: () => void): void {
    const { generation } = this;
    this.running.add(key);
    this.bring(key, oid, isForChange).then(
      (isFound) => {
        if (generation === this.generation) {
          this.running.delete(key);
          if (this.scope.state.missing.size === 0) this.giveRoomBack();
          if (isFound) this.scope.recovered(key);
          else this.giveUpFor(key);
        }
        done?.();
      },
      (e: unknown) => {
        done?.();
        if (e instanceof Interrupted || generation !== this.generation) return;
        this.scope.host.fatal(e);
      },
    );
  }

  private giveUpFor(key: string): void {
    const { host, state } = this.scope;
    const { generation } = this;
    this.unfound.add(key);
    host.log('warn', 'object unfound', { pg: formatPgId(state.pgid), object: key });
    host.clock.setTimer(RETRY_MS, () => {
      if (generation === this.generation) this.retryUnfound();
    });
  }

  private async bring(key: string, oid: HObject, isForChange: boolean): Promise<boolean> {
    const { state } = this.scope;
    const { copies } = this;
    const isUnknown = !state.missing.has(key) && state.import?.frontier.isBeyond(key, oid);
    if (isUnknown && !(await copies.find(key, oid))) return false;
    const item = state.missing.get(key);
    if (item && !(await copies.pull(item))) return false;
    if (item || isUnknown) this.scope.arrived(key);
    const missing = new Map(this.scope.peers());
    const targets = this.scope
      .lacking(key, oid)
      .filter((osd) => isForChange || missing.get(osd)?.has(key));
    // All of them end before anything else happens to the object.
    const { generation } = this;
    const ends = await Promise.allSettled(targets.map((osd) => copies.push(osd, key, oid)));
    const failed = ends.find((e) => e.status === 'rejected');
    if (!failed) return true;
    if (generation !== this.generation) throw new Interrupted();
    if (!(failed.reason instanceof CephError)) throw failed.reason;
    await this.replaceDamaged(oid, failed.reason);
    return false;
  }

  /** Our copy cannot be read. If somebody else holds one, ours counts as missing from now on, and is brought anew. */
  private async replaceDamaged(oid: HObject, error: CephError): Promise<void> {
    const { host, state } = this.scope;
    host.log('error', 'damaged object', { pg: formatPgId(state.pgid), object: oid.name, error });
    const need = storedVersion(host.store, state.c, oid);
    if (!need) return;
    if (this.scope.sources({ oid, need }).length > 0) {
      await host.submit(state.addMissing([{ oid, need }]));
    }
  }
}
