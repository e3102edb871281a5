import { CRUSH_ITEM_NONE, crushHash2 } from '../crush/index.ts';
import { type OSDMap, ruleOf, type UpmapItem, WEIGHT_ONE } from '../maps/index.ts';
import { parsePgId } from '../wire/index.ts';
import { upmapped } from './overrides.ts';
import { fixedLevel, nodesAt } from './reach.ts';
import {
  addTargets,
  fitsShape,
  type ShapeBlock,
  type ShapeNode,
  shapeOfRule,
} from './rule-shape.ts';

/** No slot. */
const END = -1;

/**
 * One pool's shards on their devices, for moving them about. A slot is a place of a PG: `seed * size + place`. Devices
 * that are down count as if they were up, for the spread should be even when they come back.
 */
export class PoolSpread {
  readonly poolId: number;
  readonly size: number;
  readonly pgNum: number;
  /** What CRUSH chooses, by slot; CRUSH_ITEM_NONE for none. */
  readonly raw: Int32Array;
  /** Where the shards are with the upmaps so far. Changed by {@link move}. */
  readonly placed: Int32Array;
  /** Shards that each device should hold, by weight and as the rule allows. */
  readonly targets: Float64Array;
  /** Shards above the target, per device. */
  readonly deviation: Float64Array;
  /** Devices that may be given more shards: in the rule's trees, up, in, and of some weight. */
  readonly candidates: readonly number[];
  private readonly map: OSDMap;
  private readonly blocks: readonly ShapeBlock[];
  /** Per block: which devices are in it, and the item below which a shard stays, if there is one. */
  private readonly anchors: readonly { inside: Int32Array; anchor: Int32Array | undefined }[];
  private readonly blockOfPlace: (ShapeBlock | undefined)[];
  /** 1 for a PG that is left alone: with places that nobody serves, or placed by hand with pg_upmap. */
  private readonly frozen: Uint8Array;
  /** Slots of each device, as a list through `next` and `previous`. */
  private readonly head: Int32Array;
  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  /** Where the shards were at first, and how many slots of a PG are elsewhere by now. */
  private readonly original: Int32Array;
  private readonly changed = new Map<number, number>();
  private readonly isCandidate: Uint8Array;
  /** Slots that are not where CRUSH has them, by the device that CRUSH chose. */
  private readonly displaced = new Map<number, Set<number>>();

  /**
   * @param seed decides which of a device's shards come first
   * @returns undefined for a pool whose rule is none that can be balanced
   */
  static of(map: OSDMap, poolId: number, seed = 0): PoolSpread | undefined {
    const pool = map.pool(poolId);
    if (!pool) return undefined;
    const shape = shapeOfRule(map.crushMap, ruleOf(map.crushMap, pool), pool.size, (osd) =>
      map.exists(osd) ? map.data.osdWeight[osd]! / WEIGHT_ONE : 0,
    );
    return shape && new PoolSpread(map, poolId, shape, seed);
  }

  private constructor(map: OSDMap, poolId: number, blocks: readonly ShapeBlock[], seed: number) {
    const { size, pgNum } = map.pool(poolId)!;
    this.map = map;
    this.poolId = poolId;
    this.size = size;
    this.pgNum = pgNum;
    this.blocks = blocks;
    this.blockOfPlace = Array.from({ length: size }, (_, place) =>
      blocks.find((b) => place >= b.first && place < b.first + b.count),
    );
    this.anchors = blocks.map((block) => ({
      inside: block.levels.at(-1)!.above,
      anchor: block.levels[fixedLevel(block)]?.above,
    }));
    const mapping = map.poolMapping(poolId)!;
    this.raw = new Int32Array(pgNum * size).fill(CRUSH_ITEM_NONE);
    for (let seed = 0; seed < pgNum; seed++) {
      const from = seed * mapping.width;
      const count = Math.min(mapping.rawCounts[seed]!, size);
      this.raw.set(mapping.raw.subarray(from, from + count), seed * size);
    }
    this.placed = this.raw.slice();
    this.frozen = new Uint8Array(pgNum);
    this.applyOverrides();
    this.original = this.placed.slice();
    const devices = Math.max(map.data.maxOsd, map.crushMap.maxDevices);
    this.head = new Int32Array(devices).fill(END);
    this.next = new Int32Array(this.raw.length).fill(END);
    this.previous = new Int32Array(this.raw.length).fill(END);
    this.targets = new Float64Array(devices);
    this.deviation = new Float64Array(devices);
    this.countShards(size * ((crushHash2(seed, poolId) >>> 0) % pgNum));
    this.candidates = this.findCandidates();
    this.isCandidate = new Uint8Array(devices);
    for (const osd of this.candidates) this.isCandidate[osd] = 1;
  }

  private applyOverrides(): void {
    const { pgUpmap, pgUpmapItems } = this.map.data;
    for (const key of new Set([...pgUpmap.keys(), ...pgUpmapItems.keys()])) {
      const pg = parsePgId(key)!;
      if (pg.pool !== this.poolId || pg.seed >= this.pgNum) continue;
      const start = pg.seed * this.size;
      const row = upmapped(this.map, key, [...this.raw.subarray(start, start + this.size)]);
      const raw = this.raw.subarray(start, start + this.size);
      this.placed.set(row.slice(0, this.size), start);
      // Items that lead to a device of another place mean what they mean in their order only.
      const isTangled = row.some((osd, i) => osd !== raw[i] && raw.includes(osd));
      if (pgUpmap.has(key) || isTangled) this.frozen[pg.seed] = 1;
    }
  }

  /** @param first slot to begin with; all others follow */
  private countShards(first: number): void {
    const { placed, size } = this;
    const perPlace = new Float64Array(size);
    for (let i = 0; i < placed.length; i++) {
      const slot = (first + i) % placed.length;
      const osd = placed[slot]!;
      if (osd === CRUSH_ITEM_NONE) {
        this.frozen[this.pgOf(slot)] = 1;
        continue;
      }
      perPlace[slot % size]!++;
      this.deviation[osd]!++;
      this.link(slot, osd);
      this.noteDisplaced(slot);
    }
    for (const block of this.blocks) {
      const shards = perPlace.subarray(block.first, block.first + block.count);
      addTargets(
        block,
        this.pgNum,
        shards.reduce((sum, n) => sum + n, 0),
        this.targets,
      );
    }
    for (let osd = 0; osd < this.targets.length; osd++) {
      this.deviation[osd]! -= this.targets[osd]!;
    }
  }

  private findCandidates(): number[] {
    const { targets, map } = this;
    const out: number[] = [];
    for (let osd = 0; osd < targets.length; osd++) {
      if (targets[osd]! > 0 && map.isUp(osd) && map.isIn(osd)) out.push(osd);
    }
    return out;
  }

  private link(slot: number, osd: number): void {
    const first = this.head[osd]!;
    this.next[slot] = first;
    this.previous[slot] = END;
    if (first !== END) this.previous[first] = slot;
    this.head[osd] = slot;
  }

  private unlink(slot: number, osd: number): void {
    const before = this.previous[slot]!;
    const after = this.next[slot]!;
    if (before === END) this.head[osd] = after;
    else this.next[before] = after;
    if (after !== END) this.previous[after] = before;
  }

  private noteDisplaced(slot: number): void {
    const raw = this.raw[slot]!;
    const slots = this.displaced.get(raw);
    if (this.placed[slot] === raw) slots?.delete(slot);
    else if (slots) slots.add(slot);
    else this.displaced.set(raw, new Set([slot]));
  }

  /** First slot of a device, then {@link nextOf} each; -1 at the end. A move changes the list. */
  firstOf(osd: number): number {
    return this.head[osd]!;
  }
  nextOf(slot: number): number {
    return this.next[slot]!;
  }
  /** Slots that CRUSH would have on this device but that an upmap put elsewhere. */
  displacedFrom(osd: number): ReadonlySet<number> | undefined {
    return this.displaced.get(osd);
  }

  /**
   * Might a shard of one device go to the other, as far as the rule tells without looking at its PG? Where a PG uses
   * all racks there are, or as many as the rule lets it and several hosts of each, a shard stays in its rack.
   */
  isInReach(from: number, to: number): boolean {
    return this.anchors.some(({ inside, anchor }) => {
      if (inside[from] !== from || inside[to] !== to) return false;
      return !anchor || anchor[from] === anchor[to];
    });
  }

  /**
   * May this shard go to that device? Never to one that CRUSH chose for another place of the PG, so that the list of
   * upmap items means the same in any order.
   */
  canMove(slot: number, to: number): boolean {
    const { size, raw, placed } = this;
    const seed = this.pgOf(slot);
    if (this.frozen[seed] || !this.isCandidate[to]) return false;
    const start = seed * size;
    for (let i = start; i < start + size; i++) {
      if (placed[i] === to || (raw[i] === to && i !== slot)) return false;
    }
    const block = this.blockOfPlace[slot - start];
    return block !== undefined && fitsShape(block, placed, start, slot - start, to);
  }

  /**
   * For rules of several levels: the places of this slot's PG that lie below the same item of a level above the failure
   * domain, and the other items of that level. All of them together may go where one alone may not.
   */
  groupOf(
    slot: number,
    level: number,
  ): { slots: number[]; own: ShapeNode; others: ShapeNode[] } | undefined {
    const start = this.pgOf(slot) * this.size;
    const block = this.blockOfPlace[slot - start];
    const above = block?.levels[level]?.above;
    if (!block || !above || level >= block.levels.length - 2) return undefined;
    const slots: number[] = [];
    const taken = new Set<number>();
    for (let i = start + block.first; i < start + block.first + block.count; i++) {
      const item = above[this.placed[i]!]!;
      if (item === above[this.placed[slot]!]) slots.push(i);
      taken.add(item);
    }
    const nodes = nodesAt(block.tree, level);
    const own = nodes.find(({ id }) => id === above[this.placed[slot]!]);
    return own && { slots, own, others: nodes.filter(({ id }) => !taken.has(id)) };
  }

  /** May these shards of one PG go to those devices, all at once? As {@link canMove}. */
  canMoveTogether(slots: readonly number[], to: readonly number[]): boolean {
    const { size, raw, placed } = this;
    const seed = this.pgOf(slots[0]!);
    if (this.frozen[seed] || new Set(to).size < to.length) return false;
    const start = seed * size;
    const row = placed.slice(start, start + size);
    slots.forEach((slot, i) => {
      row[slot - start] = to[i]!;
    });
    return slots.every((slot, i) => {
      const osd = to[i]!;
      if (!this.isCandidate[osd]) return false;
      for (let j = start; j < start + size; j++) {
        if (j !== slot && (raw[j] === osd || row[j - start] === osd)) return false;
      }
      const place = slot - start;
      const block = this.blockOfPlace[place];
      return block !== undefined && fitsShape(block, row, 0, place, osd);
    });
  }

  move(slot: number, to: number): void {
    const from = this.placed[slot]!;
    this.unlink(slot, from);
    this.placed[slot] = to;
    this.link(slot, to);
    this.deviation[from]!--;
    this.deviation[to]!++;
    this.noteDisplaced(slot);
    const home = this.original[slot]!;
    if (from === home) this.countChange(slot, 1);
    if (to === home) this.countChange(slot, -1);
  }

  private countChange(slot: number, by: number): void {
    const seed = this.pgOf(slot);
    const count = (this.changed.get(seed) ?? 0) + by;
    if (count === 0) this.changed.delete(seed);
    else this.changed.set(seed, count);
  }

  pgOf(slot: number): number {
    return Math.floor(slot / this.size);
  }
  /** Is a shard of this PG elsewhere than at first? */
  isChanged(seed: number): boolean {
    return this.changed.has(seed);
  }
  get changeCount(): number {
    return this.changed.size;
  }
  /** Seeds of the PGs that were changed, ascending. */
  changedPgs(): number[] {
    return [...this.changed.keys()].sort((a, b) => a - b);
  }

  /** The upmap items that bring a PG from where CRUSH has it to where it is placed. */
  itemsOf(seed: number): UpmapItem[] {
    const items: UpmapItem[] = [];
    for (let slot = seed * this.size; slot < (seed + 1) * this.size; slot++) {
      const from = this.raw[slot]!;
      const to = this.placed[slot]!;
      if (from !== to) items.push([from, to]);
    }
    return items;
  }
}
