import { CephError } from '../errors/index.ts';
import { formatPgId, type HObject, outgoing } from '../wire/index.ts';
import { oidKey } from './log-entry.ts';
import type { MissingItem, MissingSet } from './missing.ts';
import { applyPart, COPY_START, readPart, storedVersion } from './object-copy.ts';
import { MPgPull, MPgPush, type ObjectPart } from './peer-messages.ts';
import type { PgHost } from './pg-host.ts';
import { sameVersion } from './pg-log.ts';
import type { PgState } from './pg-state.ts';
import { Interrupted, Requests } from './requests.ts';

/** Objects of one PG copied at the same time in the background. */
const PG_COPIES_MAX = 4;
const RETRY_MS = 1000;
/** What an object takes beside its data, roughly: the rest of its last block, and its record. */
const OBJECT_BYTES = 6144;

/** What recovery sees of its PG. */
export interface RecoveryScope {
  readonly host: PgHost;
  readonly state: PgState;
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  /** Missing sets of the other acting members. */
  peers(): Iterable<[number, MissingSet]>;
  /** Who may hold an object that we lack, best first. */
  sources(item: MissingItem): number[];
  /** May the object be copied now? Nobody writes it until `recovered`. */
  recovered(key: string): void;
  /** A member has got its last missing object. */
  memberDone(osd: number): void;
}

/**
 * The primary's recovery: every object that some acting member lacks is pulled whole if we lack it, then pushed whole to
 * the others. Objects that a client waits for go first; the rest follow in the background, a few at a time.
 */
export class Recovery {
  private readonly scope: RecoveryScope;
  private readonly pulls = new Requests<{ part: ObjectPart | undefined; data: Buffer }>();
  private readonly pushes = new Requests<void>();
  private readonly running = new Set<string>();
  private readonly unfound = new Set<string>();
  /** Changes with the interval: what was started before must not go on. */
  private generation = 0;
  private background = 0;
  private enabled = false;
  /** Whether our store has promised room for what we lack. */
  private room: 'unasked' | 'promised' | 'refused' = 'unasked';

  constructor(scope: RecoveryScope) {
    this.scope = scope;
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
    this.enabled = true;
    this.fill();
  }

  stop(): void {
    this.enabled = false;
    this.giveRoomBack();
    this.generation++;
    this.background = 0;
    this.running.clear();
    this.unfound.clear();
    this.pulls.interrupt();
    this.pushes.interrupt();
  }

  /** A new holder has spoken up: look again for what nobody had. */
  retryUnfound(): void {
    this.unfound.clear();
    if (this.enabled) this.fill();
  }

  /** Brings one object to every member; `recovered` follows. Does nothing if that is under way. */
  want(key: string): void {
    if (this.enabled && !this.running.has(key)) this.launch(key, false);
  }

  onPush(copy: number, part: ObjectPart | undefined, data: Buffer): void {
    this.pulls.answer(copy, { part, data });
  }
  onPushReply(copy: number): void {
    this.pushes.answer(copy, undefined);
  }

  private fill(): void {
    while (this.enabled && this.background < PG_COPIES_MAX) {
      const key = this.nextKey();
      if (key === undefined) return;
      this.launch(key, true);
    }
  }

  private nextKey(): string | undefined {
    const isFree = (key: string): boolean => !this.running.has(key) && !this.unfound.has(key);
    const mine = this.scope.state.missing;
    if (mine.size > 0 && this.hasRoom()) for (const key of mine.keys()) if (isFree(key)) return key;
    for (const [, missing] of this.scope.peers()) {
      for (const key of missing.keys()) if (isFree(key) && !mine.has(key)) return key;
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

  private launch(key: string, inBackground: boolean): void {
    const { generation } = this;
    this.running.add(key);
    if (inBackground) this.background++;
    this.bring(key).then(
      (isFound) => {
        if (generation !== this.generation) return;
        this.ended(key, inBackground);
        if (isFound) this.scope.recovered(key);
        else this.giveUpFor(key);
        this.fill();
      },
      (e: unknown) => {
        if (e instanceof Interrupted || generation !== this.generation) return;
        this.scope.host.fatal(e);
      },
    );
  }

  private ended(key: string, inBackground: boolean): void {
    this.running.delete(key);
    if (inBackground) this.background--;
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

  private async bring(key: string): Promise<boolean> {
    const { host, state } = this.scope;
    const { generation } = this;
    await host.copies.take();
    try {
      if (generation !== this.generation) throw new Interrupted();
      const item = state.missing.get(key);
      if (item && !(await this.pull(item))) return false;
      const lacking = [...this.scope.peers()].filter(([, missing]) => missing.has(key));
      // All of them end before anything else happens to the object.
      const ends = await Promise.allSettled(
        lacking.map(([osd, missing]) => this.push(osd, missing, key)),
      );
      const failed = ends.find((e) => e.status === 'rejected');
      if (!failed) return true;
      if (generation !== this.generation) throw new Interrupted();
      if (!(failed.reason instanceof CephError)) throw failed.reason;
      const damaged = lacking.map(([, missing]) => missing.get(key)).find((i) => i !== undefined)!;
      await this.replaceDamaged(damaged.oid, failed.reason);
      return false;
    } finally {
      host.copies.give();
    }
  }

  /** Our copy cannot be read. If somebody else holds one, ours counts as missing from now on, and is brought anew. */
  private async replaceDamaged(oid: HObject, error: CephError): Promise<void> {
    const { host, state } = this.scope;
    host.log('error', 'damaged object', { pg: formatPgId(state.pgid), object: oid.name, error });
    const need = storedVersion(host.store, state.c, oid);
    if (!need) return;
    if (this.scope.sources({ oid, need }).some((osd) => osd !== host.id)) {
      await host.submit(state.addMissing([{ oid, need }]));
    }
  }

  private async pull(item: MissingItem): Promise<boolean> {
    for (const osd of this.scope.sources(item)) if (await this.pullFrom(osd, item)) return true;
    return false;
  }

  private async pullFrom(osd: number, item: MissingItem): Promise<boolean> {
    const { host, state } = this.scope;
    const { generation } = this;
    let cursor = COPY_START;
    for (;;) {
      const { part, data } = await this.pulls.ask((copy) => {
        const pull = { ...this.scope.header(), copy, ...item, cursor };
        host.send(osd, outgoing(MPgPull, pull));
      });
      if (generation !== this.generation) throw new Interrupted();
      if (!part || oidKey(part.oid) !== oidKey(item.oid)) return false;
      const ops = applyPart(state.c, part, data);
      if (part.end) {
        ops.push(...state.removeMissing(oidKey(item.oid)));
        if (state.missing.size === 0 && !state.info.complete) {
          state.info = { ...state.info, complete: true };
          ops.push(state.saveInfo());
        }
      }
      await host.submit(ops);
      if (generation !== this.generation) throw new Interrupted();
      if (part.end) break;
      cursor = part.next;
    }
    if (state.missing.size === 0) {
      this.giveRoomBack();
      this.scope.memberDone(host.id);
    }
    return true;
  }

  private async push(osd: number, missing: MissingSet, key: string): Promise<void> {
    const { host, state } = this.scope;
    const { generation } = this;
    const { oid } = missing.get(key)!;
    const version = storedVersion(host.store, state.c, oid);
    if (!version) throw new Error(`invariant broken: a member lacks ${key}, and so do we`);
    let cursor = COPY_START;
    for (;;) {
      const { part, data } = await readPart(host.store, state.c, oid, version, cursor);
      if (generation !== this.generation) throw new Interrupted();
      await this.pushes.ask((copy) => {
        const push = { ...this.scope.header(), copy, isReply: false, part };
        host.send(osd, outgoing(MPgPush, push, { data }));
      });
      if (part.end) break;
      cursor = part.next;
    }
    missing.delete(key);
    if (missing.size === 0) this.scope.memberDone(osd);
  }
}

/** A holder's answer to a pull: the part asked for, or none if the object is not here in that version, or not readable. */
export async function partFor(
  host: PgHost,
  state: PgState,
  oid: HObject,
  need: MissingItem['need'],
  cursor: typeof COPY_START,
): Promise<{ part: ObjectPart | undefined; data: Uint8Array[] }> {
  try {
    const version = state.missing.has(oidKey(oid))
      ? undefined
      : storedVersion(host.store, state.c, oid);
    if (!version || !sameVersion(version, need)) return { part: undefined, data: [] };
    return await readPart(host.store, state.c, oid, need, cursor);
  } catch (error) {
    if (!(error instanceof CephError)) throw error;
    host.log('error', 'damaged object', { pg: formatPgId(state.pgid), object: oid.name, error });
    return { part: undefined, data: [] };
  }
}
