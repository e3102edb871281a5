import type { IncomingMessage } from '../../msgr/index.ts';
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
import { Requests } from '../questions.ts';
import type { Term } from '../term.ts';
import type { Givers } from './givers.ts';
import { usableVersion } from './listing.ts';
import { applyPart, COPY_START, NO_PART, readPart, storedVersion } from './object-copy.ts';

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
  private readonly term: Term;
  private readonly givers: Givers;
  readonly copied: CopyCounts = { objects: 0, bytes: 0, keys: 0 };
  private readonly finds = new Requests<Found>();
  private readonly pulls = new Requests<{
    part: ObjectPart | undefined;
    message: IncomingMessage;
  }>();
  private readonly pushes = new Requests<void>();

  /** @param term ended together with {@link interrupt} */
  constructor(scope: CopiesScope, term: Term, givers: Givers) {
    this.scope = scope;
    this.term = term;
    this.givers = givers;
  }

  /** What is under way is rejected as Interrupted. */
  interrupt(): void {
    this.finds.interrupt();
    this.pulls.interrupt();
    this.pushes.interrupt();
  }

  onFound(copy: number, found: Found): void {
    this.finds.answer(copy, found);
  }
  onPush(copy: number, part: ObjectPart | undefined, message: IncomingMessage): void {
    this.pulls.answer(copy, { part, message });
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
      const have = usableVersion(host, state, oid);
      await this.term.within(host.submit(state.settle(oid, version, have)));
      return true;
    }
    return false;
  }

  /** Brings an object here from whoever has it and is the least busy. @returns false if nobody has it */
  async pull(item: MissingItem): Promise<boolean> {
    const from = async (osd: number) => (await this.pullFrom(osd, item)) || undefined;
    return (await this.givers.first(this.scope.sources(item), from)) ?? false;
  }

  /** See Recovery.bringOlder. */
  async pullOlder({ oid, need }: MissingItem, holders: readonly number[]): Promise<void> {
    const { host, state } = this.scope;
    const own = usableVersion(host, state, oid) ?? EVERSION_ZERO;
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
    return this.term.within(
      this.finds.ask((copy) => {
        host.send(osd, outgoing(MPgFind, { ...this.scope.header(), copy, oid }));
      }),
    );
  }

  /**
   * Gives a member an object as it is here, or tells it that there is none. @throws CephError, DecodeError if ours is
   * damaged
   */
  async push(osd: number, key: string, oid: HObject): Promise<void> {
    const { host, state } = this.scope;
    const version = storedVersion(host.store, state.c, oid);
    const { chunkBytes } = host.recoveryOrders(state.pgid.pool);
    let cursor = COPY_START;
    for (;;) {
      const { part, ...bytes } = version
        ? await this.term.within(readPart(host.store, state.c, oid, version, cursor, chunkBytes))
        : NO_PART;
      await this.term.within(
        this.pushes.ask((copy) => {
          const what = { copy, isReply: false, part, absent: part ? undefined : oid };
          host.send(osd, outgoing(MPgPush, { ...this.scope.header(), ...what }, bytes));
        }),
      );
      if (part) this.count(part);
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
      const { part, message } = await this.term.within(
        this.pulls.ask((copy) => {
          const pull = { ...this.scope.header(), copy, ...item, cursor };
          host.send(osd, outgoing(MPgPull, pull));
        }),
      );
      if (!part || oidKey(part.oid) !== oidKey(item.oid)) return false;
      const ops = applyPart(state.c, part, message.data, message.dataCrcs);
      if (part.end && isNewest) ops.push(...state.removeMissing(oidKey(item.oid)));
      await this.term.within(host.submit(ops));
      message.recycle();
      this.count(part);
      if (part.end) return true;
      cursor = part.next;
    }
  }

  private count({ extents, omap, end }: ObjectPart): void {
    const { copied } = this;
    for (const { length } of extents) copied.bytes += length;
    copied.keys += omap.size;
    if (end) copied.objects++;
  }
}
