import type { Layout } from './layout.ts';

/** More than any search can find. */
const MANY = 0x3fffffff;
/** Levels that are looked into; below them everything is taken to be possible. */
const DEPTH_MAX = 64;

/** What searches for one type of item can find, by bucket index. */
interface Prospect {
  readonly type: number;
  readonly toLeaf: boolean;
  /** At most so many different items that are not out; -1 where nobody has asked. */
  readonly counts: Int32Array;
  /** 1: a search into this bucket ends with an item of the type or in an empty bucket, never with a wrong item. */
  readonly sound: Uint8Array;
}

/**
 * What a search cannot find, so that it need not be tried: devices of weight 0 never pass, and a bucket has no more
 * different items than it has. Only bounds that hold for every draw are told, so that an answer given early is the one
 * that all tries would have come to. Depends on the weights of devices, of which it keeps a copy to compare with.
 */
export class Prospects {
  private readonly layout: Layout;
  private weights = new Float64Array(0);
  private readonly prospects: Prospect[] = [];

  constructor(layout: Layout) {
    this.layout = layout;
  }

  /** Makes what is told be about these weights: they may be an array that was changed since. */
  use(weights: ArrayLike<number>): void {
    const own = this.weights;
    if (own.length === weights.length) {
      let i = 0;
      while (i < own.length && own[i] === weights[i]) i++;
      if (i === own.length) return;
    }
    if (own.length !== weights.length) this.weights = new Float64Array(weights.length);
    for (let i = 0; i < weights.length; i++) this.weights[i] = weights[i]!;
    for (const { counts } of this.prospects) counts.fill(-1);
  }

  /**
   * The number of different items of a type that a search from a bucket can find at most.
   * @param toLeaf they count only with a device below that is not out
   */
  most(bucket: number, type: number, toLeaf: boolean): number {
    const p = this.prospect(type, toLeaf);
    const known = p.counts[bucket]!;
    return known >= 0 ? known : this.look(bucket, p, 0);
  }

  /** Does a search that has come into this bucket fail in any case, and so that it may be tried again from the top? */
  isVain(bucket: number, type: number, toLeaf: boolean): boolean {
    if (this.most(bucket, type, toLeaf) > 0) return false;
    return this.prospect(type, toLeaf).sound[bucket] === 1;
  }

  private prospect(type: number, toLeaf: boolean): Prospect {
    for (const p of this.prospects) if (p.type === type && p.toLeaf === toLeaf) return p;
    const { count } = this.layout;
    const counts = new Int32Array(count).fill(-1);
    const made = { type, toLeaf, counts, sound: new Uint8Array(count) };
    this.prospects.push(made);
    return made;
  }

  private look(bucket: number, p: Prospect, depth: number): number {
    const { start, size, items } = this.layout;
    // Stands while the search is below, so that a bucket inside itself comes to no wrong end.
    p.counts[bucket] = MANY;
    p.sound[bucket] = 0;
    if (depth >= DEPTH_MAX) return MANY;
    let sum = 0;
    let sound = 1;
    const end = start[bucket]! + size[bucket]!;
    for (let i = start[bucket]!; i < end; i++) {
      const item = items[i]!;
      if (item >= this.layout.maxDevices) {
        sound = 0;
      } else if (item >= 0) {
        if (p.type !== 0) sound = 0;
        else if (item < this.weights.length && this.weights[item]! > 0) sum++;
      } else {
        const below = -1 - item;
        if (below >= this.layout.count || this.layout.alg[below] === 0) sound = 0;
        else if (this.layout.type[below] === p.type) sum += this.passes(below, p) ? 1 : 0;
        else {
          const known = p.counts[below]!;
          sum += known >= 0 ? known : this.look(below, p, depth + 1);
          sound &= p.sound[below]!;
        }
      }
    }
    p.counts[bucket] = Math.min(sum, MANY);
    p.sound[bucket] = sound;
    return p.counts[bucket]!;
  }

  private passes(bucket: number, { toLeaf }: Prospect): boolean {
    return !toLeaf || this.most(bucket, 0, false) > 0;
  }
}
