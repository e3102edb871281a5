import type { OSDMap } from '../../maps/index.ts';
import {
  formatPgId,
  type MessageOf,
  MOSDAlive,
  MOSDPGReadyToMerge,
  MOSDPGTemp,
  type Outgoing,
  outgoing,
  PAXOS_ZERO,
  type PgId,
} from '../../wire/index.ts';
import type { Timers } from '../timers.ts';

/** What a PG wants of the next map. */
export type MonWish =
  /** That it shows us alive in an interval that began with this epoch, so that we may serve as primary. */
  | { readonly kind: 'upThru'; readonly epoch: number }
  /** That nobody acts in the place of the PG's members any more. */
  | { readonly kind: 'noTemp'; readonly pgid: PgId }
  /** That a PG is merged, or the merge that is announced called off. */
  | { readonly kind: 'merge'; readonly word: MergeWord };

type MergeWord = MessageOf<typeof MOSDPGReadyToMerge>;

const RETRY_MS = 1000;

/** What of the daemon matters for its wishes. */
export interface MonWishesHost {
  readonly id: number;
  readonly map: OSDMap | undefined;
  readonly isUpNow: boolean;
  sendToMon(message: Outgoing): void;
}

/** Tells the monitor what PGs want of the next map, and again until a map has it. */
export class MonWishes {
  private readonly host: MonWishesHost;
  private readonly timers: Timers;
  private wanted = 0;
  /** The epoch that the monitor was last asked to show us alive in. */
  private asked = 0;
  private readonly served = new Map<string, PgId>();
  /** By pool. */
  private readonly merges = new Map<number, MergeWord>();

  constructor(host: MonWishesHost, timers: Timers) {
    this.host = host;
    this.timers = timers;
  }

  wish(wish: MonWish): void {
    if (wish.kind === 'upThru') this.wanted = Math.max(this.wanted, wish.epoch);
    else if (wish.kind === 'merge') this.merges.set(wish.word.source.pool, wish.word);
    else this.served.set(formatPgId(wish.pgid), wish.pgid);
    // Many PGs wish for the same at once.
    if (wish.kind === 'upThru' && this.asked < wish.epoch) this.askUpThru();
    this.timers.soon('wishes', wish.kind === 'upThru' ? RETRY_MS : 0, () => this.again());
  }

  /** The session with the monitor is new, or it has not answered for a while. */
  again(): void {
    this.timers.cancel('wishes');
    this.forgetFulfilled();
    this.askUpThru();
    this.askNoTemp();
    for (const word of this.merges.values()) {
      this.host.sendToMon(outgoing(MOSDPGReadyToMerge, word));
    }
    if (this.wanted > 0 || this.served.size + this.merges.size > 0) {
      this.timers.soon('wishes', RETRY_MS, () => this.again());
    }
  }

  private forgetFulfilled(): void {
    const { map, id, isUpNow } = this.host;
    if (!map) return;
    // After a new start peering comes first, and then wishes again.
    if (!isUpNow || (map.data.osdInfo.at(id)?.upThru ?? 0) >= this.wanted) this.wanted = 0;
    for (const [pool, { epoch }] of this.merges) {
      // What was said is of no use any more when the pool has changed since, or the interval has.
      if (!isUpNow || (map.pool(pool)?.lastChange ?? epoch + 1) > epoch) this.merges.delete(pool);
    }
    const { pgTemp } = map.data;
    for (const [key, pgid] of this.served) {
      const has = pgTemp.has(key);
      if (!isUpNow || !has || map.pgToUpActing(pgid).actingPrimary !== id) this.served.delete(key);
    }
  }

  private askUpThru(): void {
    const { map, isUpNow } = this.host;
    if (!map || !isUpNow || this.wanted === 0) return;
    this.asked = map.epoch;
    const paxos = { ...PAXOS_ZERO, version: BigInt(map.epoch) };
    this.host.sendToMon(outgoing(MOSDAlive, { paxos, want: this.wanted }));
  }

  private askNoTemp(): void {
    const { map } = this.host;
    if (!map || this.served.size === 0) return;
    const paxos = { ...PAXOS_ZERO, version: BigInt(map.epoch) };
    const pgTemp = [...this.served.values()].map((pgid) => ({ pgid, osds: [] }));
    this.host.sendToMon(outgoing(MOSDPGTemp, { paxos, epoch: map.epoch, pgTemp, forced: false }));
  }
}
