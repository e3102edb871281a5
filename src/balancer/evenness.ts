import { GroupMoves } from './group-moves.ts';
import { Pass } from './pass.ts';
import type { PoolSpread } from './spread.ts';

export interface SearchLimits {
  /** Shards by which a device may miss its target. */
  readonly deviation: number;
  /** PGs that may be placed differently in the end. */
  readonly changes: number;
  /** Moves that may be looked at. */
  readonly checks: number;
}

/** Devices between, and devices at the end, that a detour of two moves tries. */
const DETOUR = { between: 48, ends: 16 } as const;

/**
 * The search for an even spread: the fullest device gives a shard to the emptiest that may have it, until none is
 * beyond the limit. Each move lowers the sum of squared deviations, so it ends. A move costs the look at a PG's places,
 * nothing is counted anew.
 */
export class Evenness {
  /** Deviation per device over all pools. */
  readonly total: Float64Array;
  private readonly pools: readonly PoolSpread[];
  private readonly limits: SearchLimits;
  private checksLeft: number;
  private readonly groups: GroupMoves;

  constructor(pools: readonly PoolSpread[], limits: SearchLimits) {
    this.pools = pools;
    this.limits = limits;
    this.checksLeft = limits.checks;
    this.groups = new GroupMoves(limits.deviation, (pool, slot) => this.mayChange(pool, slot));
    const devices = Math.max(0, ...pools.map((p) => p.deviation.length));
    this.total = new Float64Array(devices);
    for (const pool of pools) {
      for (let osd = 0; osd < pool.deviation.length; osd++) {
        this.total[osd]! += pool.deviation[osd]!;
      }
    }
  }

  /**
   * Moves shards of these pools until no device is beyond the limit, or nothing helps.
   * @param deviation what is to be evened out: a pool's own deviation, or {@link total}
   */
  even(pools: readonly PoolSpread[], deviation: Float64Array): void {
    const devices = [...new Set(pools.flatMap((p) => p.candidates))];
    // Devices that should hold nothing but do, for example of a changed rule, only give.
    for (let osd = 0; osd < deviation.length; osd++) {
      if (deviation[osd]! > 0 && pools.every((p) => p.targets[osd] === 0)) devices.push(osd);
    }
    const { deviation: limit } = this.limits;
    for (let moved = true; moved && !this.isSpent; ) {
      moved = false;
      const order = devices.toSorted((a, b) => deviation[a]! - deviation[b]! || a - b);
      const pass = new Pass(order, deviation);
      for (const osd of order.toReversed()) {
        if (deviation[osd]! <= limit || this.isSpent) break;
        while (deviation[osd]! > limit && !this.isSpent && this.relieve(osd, pools, pass)) {
          moved = true;
        }
      }
      for (const osd of order) {
        if (this.isSpent) break;
        if (deviation[osd]! >= -limit) continue;
        while (deviation[osd]! < -limit && !this.isSpent && this.supply(osd, pools, pass)) {
          moved = true;
        }
      }
    }
  }

  /** Takes one shard off a device. */
  private relieve(from: number, pools: readonly PoolSpread[], pass: Pass): boolean {
    const { deviation, order } = pass;
    if (this.bringHome(from, pools, deviation)) return true;
    for (let i = pass.firstFresh; i < order.length; i++) {
      const to = order[i]!;
      if (deviation[to]! + 1 >= deviation[from]!) break;
      if (pass.isUsed(i) || !this.transfer(from, to, pools, deviation)) continue;
      if (deviation[to]! >= -this.limits.deviation) pass.use(i);
      return true;
    }
    // What follows looks at one pool's deviation only, and would trade it for another's.
    if (pools.length > 1) return false;
    return this.moveGroup(from, pools[0]!) || this.detour(from, pools[0]!, pass);
  }

  /** Gives one shard to a device. */
  private supply(to: number, pools: readonly PoolSpread[], pass: Pass): boolean {
    const { deviation, order } = pass;
    if (this.bringBack(to, pools, deviation)) return true;
    for (let i = order.length - 1; i >= 0; i--) {
      const from = order[i]!;
      if (deviation[to]! + 1 >= deviation[from]!) {
        // The order is that of the pass's begin: those that gave since then may lie between.
        if (pass.before(i) <= deviation[to]! + 1) return false;
        continue;
      }
      if (this.transfer(from, to, pools, deviation)) return true;
    }
    return false;
  }

  /** Undoes an upmap that led to this device, where that is a gain. */
  private bringHome(from: number, pools: readonly PoolSpread[], deviation: Float64Array): boolean {
    for (const pool of pools) {
      let best = -1;
      for (let slot = pool.firstOf(from); slot >= 0; slot = pool.nextOf(slot)) {
        const home = pool.raw[slot]!;
        if (home === from || (best >= 0 && deviation[home]! >= deviation[pool.raw[best]!]!)) {
          continue;
        }
        if (this.isGain(pool, slot, home, deviation)) best = slot;
      }
      if (best < 0) continue;
      this.move(pool, best, pool.raw[best]!);
      return true;
    }
    return false;
  }

  /** Undoes an upmap that led away from this device, where that is a gain. */
  private bringBack(to: number, pools: readonly PoolSpread[], deviation: Float64Array): boolean {
    for (const pool of pools) {
      let best = -1;
      for (const slot of pool.displacedFrom(to) ?? []) {
        const isFuller =
          best < 0 || deviation[pool.placed[slot]!]! > deviation[pool.placed[best]!]!;
        if (isFuller && this.isGain(pool, slot, to, deviation)) best = slot;
      }
      if (best < 0) continue;
      this.move(pool, best, to);
      return true;
    }
    return false;
  }

  private transfer(
    from: number,
    to: number,
    pools: readonly PoolSpread[],
    deviation: Float64Array,
  ): boolean {
    for (const pool of pools) {
      if (!pool.isInReach(from, to)) continue;
      for (let slot = pool.firstOf(from); slot >= 0; slot = pool.nextOf(slot)) {
        if (!this.isGain(pool, slot, to, deviation)) continue;
        this.move(pool, slot, to);
        return true;
      }
    }
    return false;
  }

  /** Takes a shard off a device together with others of its PG. */
  private moveGroup(from: number, pool: PoolSpread): boolean {
    const { found, checks } = this.groups.find(from, pool, this.checksLeft);
    this.checksLeft -= checks;
    for (const [slot, to] of found ?? []) this.move(pool, slot, to);
    return found !== undefined;
  }

  /** From one device by way of a second to a third, where no PG can go straight. */
  private detour(from: number, pool: PoolSpread, pass: Pass): boolean {
    const { deviation, order } = pass;
    const ends = order
      .slice(0, DETOUR.ends)
      .filter((end) => end !== from && deviation[end]! + 1 < deviation[from]!);
    if (ends.length === 0) return false;
    for (const between of order.slice(0, DETOUR.between)) {
      const first = between === from ? -1 : this.slotFor(pool, from, between, -1);
      if (first < 0) continue;
      this.move(pool, first, between);
      for (const end of ends) {
        const second = end === between ? -1 : this.slotFor(pool, between, end, first);
        if (second < 0) continue;
        this.move(pool, second, end);
        return true;
      }
      this.move(pool, first, from);
    }
    return false;
  }

  private slotFor(pool: PoolSpread, from: number, to: number, except: number): number {
    if (!pool.isInReach(from, to)) return -1;
    for (let slot = pool.firstOf(from); slot >= 0; slot = pool.nextOf(slot)) {
      if (slot !== except && this.isAllowed(pool, slot, to)) return slot;
    }
    return -1;
  }

  private isGain(pool: PoolSpread, slot: number, to: number, deviation: Float64Array): boolean {
    const from = pool.placed[slot]!;
    if (deviation[to]! + 1 >= deviation[from]!) return false;
    // When all pools are evened out together, none may get worse by itself.
    const limit = this.limits.deviation;
    const gives = pool.deviation[from]!;
    const takes = pool.deviation[to]!;
    if (takes + 1 > limit && takes + 1 > gives) return false;
    if (gives - 1 < -limit && gives - 1 < takes) return false;
    return this.isAllowed(pool, slot, to);
  }

  private isAllowed(pool: PoolSpread, slot: number, to: number): boolean {
    if (this.checksLeft <= 0) return false;
    this.checksLeft--;
    return this.mayChange(pool, slot) && pool.canMove(slot, to);
  }

  /** Is the PG changed already, or room for one more? */
  private mayChange(pool: PoolSpread, slot: number): boolean {
    return pool.isChanged(pool.pgOf(slot)) || this.changeCount < this.limits.changes;
  }

  /** Is the number of changes, or of looks, used up? What a changed PG might still give is not worth the search. */
  private get isSpent(): boolean {
    return this.checksLeft <= 0 || this.changeCount >= this.limits.changes;
  }

  private get changeCount(): number {
    let count = 0;
    for (const pool of this.pools) count += pool.changeCount;
    return count;
  }

  private move(pool: PoolSpread, slot: number, to: number): void {
    this.total[pool.placed[slot]!]!--;
    this.total[to]!++;
    pool.move(slot, to);
  }
}
