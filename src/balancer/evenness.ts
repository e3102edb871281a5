import type { ShapeNode } from './rule-shape.ts';
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
/** Items of a level that a whole group may go to, the emptiest first. */
const GROUPS_TRIED = 4;
/** Shards of a device that are tried with their group. */
const SLOTS_TRIED = 16;

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
  private readonly devicesBelow = new Map<ShapeNode, readonly number[]>();

  constructor(pools: readonly PoolSpread[], limits: SearchLimits) {
    this.pools = pools;
    this.limits = limits;
    this.checksLeft = limits.checks;
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

  /**
   * With a rule such as two racks and two hosts in each, no shard can leave its rack alone: all that a PG has in the
   * rack go to another.
   */
  private moveGroup(from: number, pool: PoolSpread): boolean {
    const { deviation } = pool;
    const sums = new Map<ShapeNode, number>();
    const sumOf = (node: ShapeNode): number => {
      let sum = sums.get(node);
      if (sum === undefined) {
        sum = this.sumBelow(node, deviation);
        sums.set(node, sum);
      }
      return sum;
    };
    let left = SLOTS_TRIED;
    for (let slot = pool.firstOf(from); slot >= 0 && left > 0; slot = pool.nextOf(slot), left--) {
      if (!this.mayChange(pool, slot)) continue;
      for (let level = 0; this.checksLeft > 0; level++) {
        const group = pool.groupOf(slot, level);
        if (!group) break;
        const { slots, own, others } = group;
        // Only what makes the items themselves more alike; within one, shards move alone.
        const emptier = others
          .filter((node) => sumOf(own) - sumOf(node) > slots.length)
          .sort((a, b) => sumOf(a) - sumOf(b))
          .slice(0, GROUPS_TRIED);
        for (const node of emptier) {
          const to = this.placesIn(node, slots, pool);
          if (!to || !this.isGroupGain(from, slots, to, pool)) continue;
          slots.forEach((s, i) => {
            this.move(pool, s, to[i]!);
          });
          return true;
        }
      }
    }
    return false;
  }

  /** The emptiest devices below an item that can take these shards together. */
  private placesIn(
    node: ShapeNode,
    slots: readonly number[],
    pool: PoolSpread,
  ): number[] | undefined {
    const { deviation } = pool;
    const devices = this.below(node).toSorted((a, b) => deviation[a]! - deviation[b]! || a - b);
    // One per item right below, in the order of their emptiest devices: then they fit whatever the levels are.
    const seen = new Set<ShapeNode>();
    const to: number[] = [];
    const branchOf = new Map(
      node.children.flatMap((child) => this.below(child).map((osd) => [osd, child] as const)),
    );
    for (const osd of devices) {
      const branch = branchOf.get(osd)!;
      if (seen.has(branch)) continue;
      seen.add(branch);
      to.push(osd);
      if (to.length === slots.length) break;
    }
    if (to.length < slots.length || this.checksLeft <= 0) return undefined;
    this.checksLeft -= devices.length;
    return pool.canMoveTogether(slots, to) ? to : undefined;
  }

  private below(node: ShapeNode): readonly number[] {
    let devices = this.devicesBelow.get(node);
    if (!devices) {
      const isDevice = node.children.length === 0 && node.id >= 0;
      devices = isDevice ? [node.id] : node.children.flatMap((child) => this.below(child));
      this.devicesBelow.set(node, devices);
    }
    return devices;
  }

  private sumBelow(node: ShapeNode, deviation: Float64Array): number {
    const devices = this.below(node);
    this.checksLeft -= devices.length;
    return devices.reduce((sum, osd) => sum + deviation[osd]!, 0);
  }

  /** Does the sum of squares fall, and no device end up worse than the one that is to be relieved? */
  private isGroupGain(
    from: number,
    slots: readonly number[],
    to: readonly number[],
    { deviation, placed }: PoolSpread,
  ): boolean {
    const worst = Math.max(this.limits.deviation, deviation[from]!);
    let halfChange = 0;
    for (const [i, slot] of slots.entries()) {
      const gives = deviation[placed[slot]!]!;
      const takes = deviation[to[i]!]!;
      if (gives - 1 < -worst || takes + 1 > worst) return false;
      halfChange += takes - gives + 1;
    }
    return halfChange < 0;
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

/**
 * One pass over the devices, from the emptiest to the fullest at its begin. A device that is within the limit takes one
 * shard per pass, so that the emptiest are served first without sorting anew.
 */
class Pass {
  readonly order: readonly number[];
  readonly deviation: Float64Array;
  /** Everything before this index was used. */
  firstFresh = 0;
  private readonly used: Uint8Array;
  private readonly atBegin: Float64Array;

  constructor(order: readonly number[], deviation: Float64Array) {
    this.order = order;
    this.deviation = deviation;
    this.used = new Uint8Array(order.length);
    this.atBegin = Float64Array.from(order, (osd) => deviation[osd]!);
  }

  isUsed(i: number): boolean {
    return this.used[i] === 1;
  }
  use(i: number): void {
    this.used[i] = 1;
    while (this.used[this.firstFresh]) this.firstFresh++;
  }
  /** Deviation of the device at this index when the pass began. */
  before(i: number): number {
    return this.atBegin[i]!;
  }
}
