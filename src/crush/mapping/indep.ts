import { BUCKET_ALG, CRUSH_ITEM_NONE } from '../types.ts';
import { contains, type Search } from './search.ts';

/** A position of an indep result that no draw has filled yet; replaced before the result is seen. */
const UNDEFINED = 0x7ffffffe;

/**
 * The search below one bucket for `numrep` different items of a type that leaves a place open where it found none: in
 * an erasure code the place is the shard. Source: crush_choose_indep in crush/mapper.c, release 16.2.
 */
export class Indep {
  private readonly search: Search;
  /** Draw number of the item that `draw` returned, from which the leaf below it is drawn. */
  private drawR = 0;

  constructor(search: Search) {
    this.search = search;
  }

  /**
   * Fills the places of `out` from `base + outpos` on, `left` of them with those that are there already;
   * CRUSH_ITEM_NONE stands where no item was found.
   * @param placed items that stand at `base + outpos`
   * @param leaves if given, gets a device below each item, at the same place
   */
  fill(
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
    const { search } = this;
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
      if (!tryAll && search.isHopeless(bucket, type, toLeaf, found)) break;
      for (let at = from; at < to; at++) {
        if (out[at] !== UNDEFINED) continue;
        const r0 = at - base + parentR;
        const item = this.draw(bucket, r0, round, numrep, type, outpos, toLeaf, tryAll);
        if (item === CRUSH_ITEM_NONE) {
          if (leaves) leaves[at] = CRUSH_ITEM_NONE;
        } else if (
          item !== UNDEFINED &&
          !contains(out, from, to, item) &&
          (!leaves || this.leaf(item, this.drawR, numrep, leaves, base, at)) &&
          (type !== 0 || !search.isOut(item))
        ) {
          found++;
        } else {
          search.failed();
          continue;
        }
        out[at] = item;
        missing--;
      }
    }
    search.count(round);
    for (let at = from; at < to; at++) {
      if (out[at] === UNDEFINED) out[at] = CRUSH_ITEM_NONE;
      if (leaves && leaves[at] === UNDEFINED) leaves[at] = CRUSH_ITEM_NONE;
    }
  }

  /**
   * One draw of {@link fill}, down to an item of the type; the last bucket's draw number is left in `drawR`.
   * @returns UNDEFINED for an empty bucket, to be tried again; CRUSH_ITEM_NONE for one that never works
   */
  private draw(
    top: number,
    r0: number,
    round: number,
    numrep: number,
    type: number,
    position: number,
    toLeaf: boolean,
    tryAll: boolean,
  ): number {
    const { search } = this;
    const { layout, chooser } = search;
    let bucket = top;
    for (let depth = 0; depth <= layout.count; depth++) {
      const size = layout.size[bucket]!;
      if (size === 0 || (!tryAll && search.isVain(bucket, type, toLeaf))) return UNDEFINED;
      // A uniform bucket's draws repeat with its size: a stride that divides it would never reach the other items.
      const uniform = layout.alg[bucket] === BUCKET_ALG.UNIFORM && size % numrep === 0;
      const r = r0 + (uniform ? numrep + 1 : numrep) * round;
      const item = chooser.choose(bucket, search.x, r, position);
      if (item >= layout.maxDevices) return CRUSH_ITEM_NONE;
      if (search.typeOf(item) === type) {
        this.drawR = r;
        return item;
      }
      bucket = search.bucketIndex(item);
      if (bucket < 0) return CRUSH_ITEM_NONE;
    }
    return CRUSH_ITEM_NONE;
  }

  /** Finds the device below an item that indep chose, for place `at`. */
  private leaf(
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
    const bucket = this.search.bucketIndex(item);
    const tries = this.search.leafTries || 1;
    this.fill(bucket, 1, numrep, 0, leaves, base, at - base, 0, tries, undefined, r);
    return leaves[at] !== CRUSH_ITEM_NONE;
  }
}
