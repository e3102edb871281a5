import { BucketChooser } from './choose.ts';
import { hash2 } from './hash.ts';
import type { ArgsLayout, Layout } from './layout.ts';
import { Prospects } from './prospects.ts';
import { BUCKET_ALG, CRUSH_ITEM_NONE, type CrushTunables } from './types.ts';

/** A position of an indep result that no draw has filled yet; replaced before the result is seen. */
const UNDEFINED = 0x7ffffffe;
/** A weight of 1.0. */
const WEIGHT_ONE = 0x10000;

/** Failures in a mapping before it is asked whether there is any hope, plus one per so many devices to be looked at. */
const PATIENCE = 4;
const DEVICES_PER_FAILURE = 512;
/** More failures than a mapping can have in a day; as an integer, which costs less than infinity. */
const ENDLESS_PATIENCE = 0x3fffffff;

/**
 * The search below one bucket for `numrep` different items of a type, in its two forms: `firstn` closes the gap a
 * failed replica leaves, `indep` keeps it, since in an erasure code the position is the shard. Source:
 * crush_choose_firstn and crush_choose_indep in crush/mapper.c, release 16.2. Nothing here allocates.
 *
 * The fields are what holds for the mapping under way, rather than parameters of every call.
 */
export class Descent {
  private readonly layout: Layout;
  private readonly chooser: BucketChooser;
  private readonly choosesByTries: Uint32Array;
  private readonly prospects: Prospects;
  /**
   * Failures left until the prospects are asked. A look at all weights costs about as much as the failures before it,
   * so a mapping that fails is never much slower for it, and one that does not fail never looks.
   */
  private patience = 0;
  private readonly patienceMax: number;
  private x = 0;
  private weights: ArrayLike<number> = [];
  /** Attempts at each replica. */
  chooseTries = 0;
  /** Attempts at the leaf below an item that was chosen; 0 for what the tunables say. */
  leafTries = 0;
  /** Collisions after which a draw is repeated in the same bucket instead of from the top. */
  localTries = 0;
  /** Like `localTries`, but by permutation, so that every item of the bucket has its turn. */
  fallbackTries = 0;
  varyR = 0;
  stable = false;
  private descendOnce = false;
  /** Draw number of the item `indepItem` returned, from which the leaf below it is drawn. */
  private indepR = 0;

  /** @param choosesByTries see CrushMapper; counts beyond its end are lost, all of them when it is empty */
  constructor(layout: Layout, choosesByTries: Uint32Array) {
    this.layout = layout;
    this.choosesByTries = choosesByTries;
    this.chooser = new BucketChooser(layout);
    this.prospects = new Prospects(layout);
    // Tries that are not made cannot be counted.
    this.patienceMax =
      choosesByTries.length > 0
        ? ENDLESS_PATIENCE
        : PATIENCE + Math.floor(layout.maxDevices / DEVICES_PER_FAILURE);
  }

  /** Sets out on another mapping, with the map's tunables until a rule step overrides them. */
  begin(
    t: CrushTunables,
    x: number,
    weights: ArrayLike<number>,
    args: ArgsLayout | undefined,
  ): void {
    this.x = x | 0;
    this.weights = weights;
    this.chooser.args = args;
    this.patience = this.patienceMax;
    // The tunable counts retries, everything else counts tries.
    this.chooseTries = t.chooseTotalTries + 1;
    this.leafTries = 0;
    this.localTries = t.chooseLocalTries;
    this.fallbackTries = t.chooseLocalFallbackTries;
    this.varyR = t.chooseleafVaryR;
    this.stable = t.chooseleafStable !== 0;
    this.descendOnce = t.chooseleafDescendOnce !== 0;
  }

  /** Index of the bucket with this id; -1 for a device or an empty slot. */
  bucketIndex(item: number): number {
    const index = -1 - item;
    return index >= 0 && index < this.layout.count && this.layout.alg[index] !== 0 ? index : -1;
  }

  /** Type of an item: 0 for a device, -1 for a bucket that does not exist. */
  private typeOf(item: number): number {
    if (item >= 0) return 0;
    const index = this.bucketIndex(item);
    return index < 0 ? -1 : this.layout.type[index]!;
  }

  /** Does this mapping pass the device over? By its weight, and by chance if that lies between 0 and 1. */
  isOut(device: number): boolean {
    if (device >= this.weights.length) return true;
    const weight = this.weights[device]!;
    if (weight >= WEIGHT_ONE) return false;
    return weight === 0 || (hash2(this.x, device) & 0xffff) >= weight;
  }

  private count(tries: number): void {
    if (tries < this.choosesByTries.length) this.choosesByTries[tries]!++;
  }

  /** Notes a try that failed. */
  private failed(): void {
    if (--this.patience === 0) this.prospects.use(this.weights);
  }

  /** Is it known that no item beyond the `found` ones is to be found from the bucket? */
  private isHopeless(bucket: number, type: number, toLeaf: boolean, found: number): boolean {
    return this.patience <= 0 && found >= this.prospects.most(bucket, type, toLeaf);
  }

  /** Is it known that a search that has come into the bucket fails, and goes back to the top? */
  private isVain(bucket: number, type: number, toLeaf: boolean): boolean {
    return this.patience <= 0 && this.prospects.isVain(bucket, type, toLeaf);
  }

  /**
   * Fills `out` from `base + placed` on with up to `numrep` items, with those that are there already.
   * @param placed items that stand at `base`, each in the place of a draw
   * @param leaves if given, gets a device below each item, at the same place
   * @returns how many items there are then
   */
  firstn(
    bucket: number,
    numrep: number,
    type: number,
    out: Int32Array,
    base: number,
    placed: number,
    room: number,
    leaves: Int32Array | undefined,
  ): number {
    const toLeaf = leaves !== undefined;
    let count = placed;
    for (let rep = placed; rep < numrep && count < room; rep++) {
      if (this.isHopeless(bucket, type, toLeaf, count)) break;
      const tries = this.chooseTries;
      const item = this.firstnItem(bucket, rep, type, out, base, count, count, tries, leaves);
      // A replica that was given up leaves no hole.
      if (item !== CRUSH_ITEM_NONE) out[base + count++] = item;
    }
    return count;
  }

  /**
   * One replica of {@link firstn}: an item for place `base + outpos`, or CRUSH_ITEM_NONE.
   * @param found how many of the items before that place come from `top`
   */
  private firstnItem(
    top: number,
    r0: number,
    type: number,
    out: Int32Array,
    base: number,
    outpos: number,
    found: number,
    tries: number,
    leaves: Int32Array | undefined,
  ): number {
    const { layout, chooser } = this;
    const toLeaf = leaves !== undefined;
    // A draw repeated in its bucket depends on what failed how, which a search that is not made cannot tell.
    const local = this.localTries > 0 || this.fallbackTries > 0;
    let failures = 0;
    let bucket = top;
    let failuresHere = 0;
    let depth = 0;
    for (;;) {
      const size = layout.size[bucket]!;
      let collides = false;
      let ok = false;
      let item = CRUSH_ITEM_NONE;
      if (size > 0 && (local || !this.isVain(bucket, type, toLeaf))) {
        const r = r0 + failures;
        const fallBack =
          this.fallbackTries > 0 && failuresHere >= size >> 1 && failuresHere > this.fallbackTries;
        item = fallBack
          ? chooser.permuted(bucket, this.x, r)
          : chooser.choose(bucket, this.x, r, outpos);
        if (item >= layout.maxDevices) return CRUSH_ITEM_NONE;
        if (this.typeOf(item) !== type) {
          const below = this.bucketIndex(item);
          // A path longer than there are buckets goes round in a circle, which no sound map has.
          if (below < 0 || ++depth > layout.count) return CRUSH_ITEM_NONE;
          bucket = below;
          continue;
        }
        collides = contains(out, base, base + outpos, item);
        ok = !collides;
        if (ok && leaves) ok = this.firstnLeaf(item, r, leaves, base, outpos, tries);
        if (ok && type === 0) ok = !this.isOut(item);
      }
      if (ok) {
        this.count(failures);
        return item;
      }
      this.failed();
      if (this.isHopeless(top, type, toLeaf, found)) return CRUSH_ITEM_NONE;
      failures++;
      failuresHere++;
      if (collides && failuresHere <= this.localTries) continue;
      if (this.fallbackTries > 0 && failuresHere <= size + this.fallbackTries) continue;
      if (failures >= tries) return CRUSH_ITEM_NONE;
      bucket = top;
      failuresHere = 0;
      depth = 0;
    }
  }

  /** Finds the device below an item that firstn chose. */
  private firstnLeaf(
    item: number,
    r: number,
    leaves: Int32Array,
    base: number,
    outpos: number,
    tries: number,
  ): boolean {
    if (item >= 0) {
      leaves[base + outpos] = item;
      return true;
    }
    const bucket = this.bucketIndex(item);
    if (this.isHopeless(bucket, 0, false, 0)) return false;
    const leafTries = this.leafTries || (this.descendOnce ? 1 : tries);
    const rep = this.stable ? 0 : outpos;
    const r0 = rep + (this.varyR > 0 ? r >> (this.varyR - 1) : 0);
    const leaf = this.firstnItem(bucket, r0, 0, leaves, base, outpos, 0, leafTries, undefined);
    if (leaf === CRUSH_ITEM_NONE) return false;
    leaves[base + outpos] = leaf;
    return true;
  }

  /**
   * Fills the places of `out` from `base + outpos` on, `left` of them with those that are there already;
   * CRUSH_ITEM_NONE stands where no item was found.
   * @param placed items that stand at `base + outpos`
   * @param leaves if given, gets a device below each item, at the same place
   */
  indep(
    bucket: number,
    left: number,
    numrep: number,
    type: number,
    out: Int32Array,
    base: number,
    outpos: number,
    placed: number,
    tries: number,
    leaves: Int32Array | undefined,
    parentR: number,
  ): void {
    const toLeaf = leaves !== undefined;
    // A device chosen "to the leaf" is left in `leaves` even when it turns out to be out, and Ceph answers with the last
    // one that was tried: so there all are.
    const tryAll = toLeaf && type === 0;
    const from = base + outpos;
    const to = from + left;
    out.fill(UNDEFINED, from + placed, to);
    leaves?.fill(UNDEFINED, from + placed, to);
    let found = placed;
    let missing = left - placed;
    let round = 0;
    for (; missing > 0 && round < tries; round++) {
      if (!tryAll && this.isHopeless(bucket, type, toLeaf, found)) break;
      for (let at = from; at < to; at++) {
        if (out[at] !== UNDEFINED) continue;
        const r0 = at - base + parentR;
        const item = this.indepItem(bucket, r0, round, numrep, type, outpos, toLeaf, tryAll);
        if (item === CRUSH_ITEM_NONE) {
          if (leaves) leaves[at] = CRUSH_ITEM_NONE;
        } else if (
          item !== UNDEFINED &&
          !contains(out, from, to, item) &&
          (!leaves || this.indepLeaf(item, this.indepR, numrep, leaves, base, at)) &&
          (type !== 0 || !this.isOut(item))
        ) {
          found++;
        } else {
          this.failed();
          continue;
        }
        out[at] = item;
        missing--;
      }
    }
    this.count(round);
    for (let at = from; at < to; at++) {
      if (out[at] === UNDEFINED) out[at] = CRUSH_ITEM_NONE;
      if (leaves && leaves[at] === UNDEFINED) leaves[at] = CRUSH_ITEM_NONE;
    }
  }

  /**
   * One draw of {@link indep}, down to an item of the type; the last bucket's draw number is left in `indepR`.
   * @returns UNDEFINED for an empty bucket, to be tried again; CRUSH_ITEM_NONE for one that never works
   */
  private indepItem(
    top: number,
    r0: number,
    round: number,
    numrep: number,
    type: number,
    position: number,
    toLeaf: boolean,
    tryAll: boolean,
  ): number {
    const { layout, chooser } = this;
    let bucket = top;
    for (let depth = 0; depth <= layout.count; depth++) {
      const size = layout.size[bucket]!;
      if (size === 0 || (!tryAll && this.isVain(bucket, type, toLeaf))) return UNDEFINED;
      // A uniform bucket's draws repeat with its size: a stride that divides it would never reach the other items.
      const uniform = layout.alg[bucket] === BUCKET_ALG.UNIFORM && size % numrep === 0;
      const r = r0 + (uniform ? numrep + 1 : numrep) * round;
      const item = chooser.choose(bucket, this.x, r, position);
      if (item >= layout.maxDevices) return CRUSH_ITEM_NONE;
      if (this.typeOf(item) === type) {
        this.indepR = r;
        return item;
      }
      bucket = this.bucketIndex(item);
      if (bucket < 0) return CRUSH_ITEM_NONE;
    }
    return CRUSH_ITEM_NONE;
  }

  /** Finds the device below an item that indep chose, for place `at`. */
  private indepLeaf(
    item: number,
    r: number,
    numrep: number,
    leaves: Int32Array,
    base: number,
    at: number,
  ): boolean {
    if (item >= 0) {
      leaves[at] = item;
      return true;
    }
    const bucket = this.bucketIndex(item);
    const tries = this.leafTries || 1;
    this.indep(bucket, 1, numrep, 0, leaves, base, at - base, 0, tries, undefined, r);
    return leaves[at] !== CRUSH_ITEM_NONE;
  }
}

function contains(list: Int32Array, from: number, to: number, item: number): boolean {
  for (let i = from; i < to; i++) if (list[i] === item) return true;
  return false;
}
