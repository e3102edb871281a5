import {
  compareEVersion,
  EVERSION_ZERO,
  type EVersion,
  type HObject,
  outgoing,
} from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import { MPgFind, MPgPull, MPgPush, type ObjectPart } from '../peer-messages.ts';
import type { MissingItem } from '../pg/missing.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { Interrupted, Requests } from '../questions.ts';
import { applyPart, COPY_START, readPart, storedVersion } from './object-copy.ts';

/** What copies need of their PG. */
export interface CopiesScope {
  readonly host: PgHost;
  readonly state: PgState;
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  /** Who may hold an object that we lack, best first. */
  sources(item: MissingItem): number[];
  /** A member has got an object, or knows that there is none. */
  given(osd: number, key: string): void;
}

/** What was copied; an object once for each member that was given it. */
export interface CopyCounts {
  objects: number;
  bytes: number;
  /** Of omaps. */
  keys: number;
}

/** What a holder says of one object, see MPgFound. */
export interface Found {
  readonly isKnown: boolean;
  readonly version: EVersion | undefined;
  readonly have: EVersion | undefined;
}

/** Single objects of a PG on their way to its primary, and from there to the other members. */
export class ObjectCopies {
  private readonly scope: CopiesScope;
  readonly copied: CopyCounts = { objects: 0, bytes: 0, keys: 0 };
  private readonly finds = new Requests<Found>();
  private readonly pulls = new Requests<{ part: ObjectPart | undefined; data: Buffer }>();
  private readonly pushes = new Requests<void>();
  /** Pulls under way, by source. */
  private readonly load = new Map<number, number>();
  private generation = 0;

  constructor(scope: CopiesScope) {
    this.scope = scope;
  }

  /** The interval ended: what is under way is rejected as Interrupted. */
  interrupt(): void {
    this.generation++;
    this.load.clear();
    this.finds.interrupt();
    this.pulls.interrupt();
    this.pushes.interrupt();
  }

  onFound(copy: number, found: Found): void {
    this.finds.answer(copy, found);
  }
  onPush(copy: number, part: ObjectPart | undefined, data: Buffer): void {
    this.pulls.answer(copy, { part, data });
  }
  onPushReply(copy: number): void {
    this.pushes.answer(copy, undefined);
  }

  /** Finds out about an object that is not listed yet. @returns false if nobody could tell */
  async find(key: string, oid: HObject): Promise<boolean> {
    const { host, state } = this.scope;
    for (const osd of state.import?.sources ?? []) {
      if (osd === host.id || !host.isUp(osd)) continue;
      const { isKnown, version } = await this.askFor(osd, oid);
      // The listing may have come by meanwhile.
      if (state.missing.has(key) || !state.import?.frontier.isBeyond(key, oid)) return true;
      if (!isKnown) continue;
      const have = storedVersion(host.store, state.c, oid);
      await this.asked(host.submit(state.settle(oid, version, have)));
      return true;
    }
    return false;
  }

  /** Brings an object here from whoever has it and is the least busy. @returns false if nobody has it */
  async pull(item: MissingItem): Promise<boolean> {
    const { load } = this;
    const sources = this.scope.sources(item);
    while (sources.length > 0) {
      // Of those that come first: all holders give at once.
      const least = Math.min(...sources.map((osd) => load.get(osd) ?? 0));
      const at = sources.findIndex((osd) => (load.get(osd) ?? 0) === least);
      const [osd] = sources.splice(at, 1);
      load.set(osd!, least + 1);
      const { generation } = this;
      const isHere = await this.pullFrom(osd!, item);
      if (generation === this.generation) load.set(osd!, load.get(osd!)! - 1);
      if (isHere) return true;
    }
    return false;
  }

  /** See Recovery.bringOlder. */
  async pullOlder({ oid, need }: MissingItem, holders: readonly number[]): Promise<void> {
    const { host, state } = this.scope;
    const own = storedVersion(host.store, state.c, oid) ?? EVERSION_ZERO;
    const older: { osd: number; have: EVersion }[] = [];
    for (const osd of holders) {
      const { have } = await this.askFor(osd, oid);
      // What is there in the version that is needed counts as missing, so it is damaged.
      if (have && compareEVersion(have, need) < 0 && compareEVersion(have, own) > 0)
        older.push({ osd, have });
    }
    older.sort((a, b) => compareEVersion(b.have, a.have));
    for (const { osd, have } of older) {
      if (await this.pullFrom(osd, { oid, need: have }, false)) return;
    }
  }

  private askFor(osd: number, oid: HObject): Promise<Found> {
    const { host } = this.scope;
    return this.asked(
      this.finds.ask((copy) => {
        host.send(osd, outgoing(MPgFind, { ...this.scope.header(), copy, oid }));
      }),
    );
  }

  /** Gives a member an object as it is here, or tells it that there is none. @throws CephError if ours is damaged */
  async push(osd: number, key: string, oid: HObject): Promise<void> {
    const { host, state } = this.scope;
    const version = storedVersion(host.store, state.c, oid);
    const { chunkBytes } = host.recoveryOrders(state.pgid.pool);
    let cursor = COPY_START;
    for (;;) {
      const { part, data } = version
        ? await this.asked(readPart(host.store, state.c, oid, version, cursor, chunkBytes))
        : { part: undefined, data: [] };
      await this.asked(
        this.pushes.ask((copy) => {
          const what = { copy, isReply: false, part, absent: part ? undefined : oid };
          host.send(osd, outgoing(MPgPush, { ...this.scope.header(), ...what }, { data }));
        }),
      );
      if (part)
        this.count(
          part,
          data.reduce((sum, bytes) => sum + bytes.length, 0),
        );
      if (!part || part.end) break;
      cursor = part.next;
    }
    this.scope.given(osd, key);
  }

  /** @param isNewest it is not missing afterwards */
  private async pullFrom(osd: number, item: MissingItem, isNewest = true): Promise<boolean> {
    const { host, state } = this.scope;
    let cursor = COPY_START;
    for (;;) {
      const { part, data } = await this.asked(
        this.pulls.ask((copy) => {
          const pull = { ...this.scope.header(), copy, ...item, cursor };
          host.send(osd, outgoing(MPgPull, pull));
        }),
      );
      if (!part || oidKey(part.oid) !== oidKey(item.oid)) return false;
      const ops = applyPart(state.c, part, data);
      if (part.end && isNewest) ops.push(...state.removeMissing(oidKey(item.oid)));
      await this.asked(host.submit(ops));
      this.count(part, data.length);
      if (part.end) return true;
      cursor = part.next;
    }
  }

  private count({ omap, end }: ObjectPart, bytes: number): void {
    const { copied } = this;
    copied.bytes += bytes;
    copied.keys += omap.size;
    if (end) copied.objects++;
  }

  /** @throws Interrupted when the interval ended meanwhile */
  private async asked<A>(answer: Promise<A>): Promise<A> {
    const { generation } = this;
    const a = await answer;
    if (generation !== this.generation) throw new Interrupted();
    return a;
  }
}
