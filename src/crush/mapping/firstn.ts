import { CRUSH_ITEM_NONE } from '../types.ts';
import { contains, type Search } from './search.ts';

/**
 * The search below one bucket for `numrep` different items of a type that closes the gap a failed replica leaves.
 * Source: crush_choose_firstn in crush/mapper.c, release 16.2.
 */
export class Firstn {
  private readonly search: Search;

  constructor(search: Search) {
    this.search = search;
  }

  /**
   * Fills `out` from `base + placed` on with up to `numrep` items, with those that are there already.
   * @param placed items that stand at `base`, each in the place of a draw
   * @param leaves if given, gets a device below each item, at the same place
   * @returns how many items there are then
   */
  fill(
    bucket: number,
    numrep: number,
    type: number,
    out: Int32Array,
    base: number,
    placed: number,
    room: number,
    leaves: Int32Array | undefined,
  ): number {
    const { search } = this;
    const toLeaf = leaves !== undefined;
    let count = placed;
    for (let rep = placed; rep < numrep && count < room; rep++) {
      if (search.isHopeless(bucket, type, toLeaf, count)) break;
      const tries = search.chooseTries;
      const item = this.item(bucket, rep, type, out, base, count, count, tries, leaves);
      // A replica that was given up leaves no hole.
      if (item !== CRUSH_ITEM_NONE) out[base + count++] = item;
    }
    return count;
  }

  /**
   * One replica of {@link fill}: an item for place `base + outpos`, or CRUSH_ITEM_NONE.
   * @param found how many of the items before that place come from `top`
   */
  private item(
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
    const { search } = this;
    const { layout, chooser } = search;
    const toLeaf = leaves !== undefined;
    // A draw repeated in its bucket depends on what failed how, which a search that is not made cannot tell.
    const local = search.localTries > 0 || search.fallbackTries > 0;
    let failures = 0;
    let bucket = top;
    let failuresHere = 0;
    let depth = 0;
    for (;;) {
      const size = layout.size[bucket]!;
      let collides = false;
      let ok = false;
      let item = CRUSH_ITEM_NONE;
      if (size > 0 && (local || !search.isVain(bucket, type, toLeaf))) {
        const r = r0 + failures;
        const fallBack =
          search.fallbackTries > 0 &&
          failuresHere >= size >> 1 &&
          failuresHere > search.fallbackTries;
        item = fallBack
          ? chooser.permuted(bucket, search.x, r)
          : chooser.choose(bucket, search.x, r, outpos);
        if (item >= layout.maxDevices) return CRUSH_ITEM_NONE;
        if (search.typeOf(item) !== type) {
          const below = search.bucketIndex(item);
          // A path longer than there are buckets goes round in a circle, which no sound map has.
          if (below < 0 || ++depth > layout.count) return CRUSH_ITEM_NONE;
          bucket = below;
          continue;
        }
        collides = contains(out, base, base + outpos, item);
        ok = !collides;
        if (ok && leaves) ok = this.leaf(item, r, leaves, base, outpos, tries);
        if (ok && type === 0) ok = !search.isOut(item);
      }
      if (ok) {
        search.count(failures);
        return item;
      }
      search.failed();
      if (search.isHopeless(top, type, toLeaf, found)) return CRUSH_ITEM_NONE;
      failures++;
      failuresHere++;
      if (collides && failuresHere <= search.localTries) continue;
      if (search.fallbackTries > 0 && failuresHere <= size + search.fallbackTries) continue;
      if (failures >= tries) return CRUSH_ITEM_NONE;
      bucket = top;
      failuresHere = 0;
      depth = 0;
    }
  }

  /** Finds the device below an item that firstn chose. */
  private leaf(
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
    const { search } = this;
    const bucket = search.bucketIndex(item);
    if (search.isHopeless(bucket, 0, false, 0)) return false;
    const leafTries = search.leafTries || (search.descendOnce ? 1 : tries);
    const rep = search.stable ? 0 : outpos;
    const r0 = rep + (search.varyR > 0 ? r >> (search.varyR - 1) : 0);
    const leaf = this.item(bucket, r0, 0, leaves, base, outpos, 0, leafTries, undefined);
    if (leaf === CRUSH_ITEM_NONE) return false;
    leaves[base + outpos] = leaf;
    return true;
  }
}
