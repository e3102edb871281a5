import type { ShapeNode } from './rule-shape.ts';
import type { PoolSpread } from './spread.ts';

/** Items of a level that a whole group may go to, the emptiest first. */
const GROUPS_TRIED = 4;
/** Shards of a device that are tried with their group. */
const SLOTS_TRIED = 16;

/**
 * With a rule such as two racks and two hosts in each, no shard can leave its rack alone: all that a PG has in the rack
 * go to another.
 */
export class GroupMoves {
  private readonly limit: number;
  private readonly mayChange: (pool: PoolSpread, slot: number) => boolean;
  private checksLeft = 0;
  private readonly devicesBelow = new Map<ShapeNode, readonly number[]>();

  /**
   * @param limit shards by which a device may miss its target
   * @param mayChange whether a slot's PG may be changed
   */
  constructor(limit: number, mayChange: (pool: PoolSpread, slot: number) => boolean) {
    this.limit = limit;
    this.mayChange = mayChange;
  }

  /**
   * A move of several shards of one PG that relieves a device.
   * @param checks devices that may be looked at
   * @returns where each goes, and how many looks it took
   */
  find(
    from: number,
    pool: PoolSpread,
    checks: number,
  ): { found: [slot: number, to: number][] | undefined; checks: number } {
    this.checksLeft = checks;
    const found = this.search(from, pool);
    return { found, checks: checks - this.checksLeft };
  }

  private search(from: number, pool: PoolSpread): [slot: number, to: number][] | undefined {
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
          return slots.map((s, i) => [s, to[i]!]);
        }
      }
    }
    return undefined;
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
    const worst = Math.max(this.limit, deviation[from]!);
    let halfChange = 0;
    for (const [i, slot] of slots.entries()) {
      const gives = deviation[placed[slot]!]!;
      const takes = deviation[to[i]!]!;
      if (gives - 1 < -worst || takes + 1 > worst) return false;
      halfChange += takes - gives + 1;
    }
    return halfChange < 0;
  }
}
