import { CRUSH_ITEM_NONE } from '../crush/index.ts';
import { type OSDMap, type PgKey, ruleOf, type UpmapItem, WEIGHT_ONE } from '../maps/index.ts';
import { formatPgId, parsePgId } from '../wire/index.ts';
import { mappingOf } from './mappings.ts';
import { addTargets, fitsShape, type ShapeBlock, shapeOfRule } from './rule-shape.ts';

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

  /** @returns undefined for a pool whose rule is none that can be balanced */
  static of(map: OSDMap, poolId: number): PoolSpread | undefined {
    const pool = map.pool(poolId);
    if (!pool) return undefined;
    const shape = shapeOfRule(map.crushMap, ruleOf(map.crushMap, pool), pool.size, (osd) =>
      map.exists(osd) ? map.data.osdWeight[osd]! / WEIGHT_ONE : 0,
    );
    return shape && new PoolSpread(map, poolId, shape);
  }

  private constructor(map: OSDMap, poolId: number, blocks: readonly ShapeBlock[]) {
    const { size, pgNum } = map.pool(poolId)!;
    this.map = map;
    this.poolId = poolId;
    this.size = size;
    this.pgNum = pgNum;
    this.blocks = blocks;
    this.blockOfPlace = Array.from({ length: size }, (_, place) =>
      blocks.find((b) => place >= b.first && place < b.first + b.count),
    );
    const mapping = mappingOf(map, poolId)!;
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
    this.countShards();
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

  private countShards(): void {
    const { placed, size } = this;
    const perPlace = new Float64Array(size);
    for (let slot = 0; slot < placed.length; slot++) {
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

/**
 * A PG's devices with its upmaps applied; devices that are down stay. Source: OSDMap::_apply_upmap, release 16.2.
 * @param raw what CRUSH chooses
 */
export function upmapped(map: OSDMap, key: PgKey, raw: readonly number[]): number[] {
  const { osdWeight, pgUpmap, pgUpmapItems } = map.data;
  const isOut = (osd: number): boolean => osdWeight[osd] === 0;
  const whole = pgUpmap.get(key);
  if (whole?.some(isOut)) return [...raw];
  const out = [...(whole ?? raw)];
  for (const [from, to] of pgUpmapItems.get(key) ?? []) {
    const at = out.indexOf(from);
    if (at >= 0 && !out.includes(to) && !isOut(to)) out[at] = to;
  }
  return out;
}

/** The key of a pool's PG. */
export function pgKey(poolId: number, seed: number): PgKey {
  return formatPgId({ pool: poolId, seed });
}
