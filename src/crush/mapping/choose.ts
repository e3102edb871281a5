import { hash3, hash4 } from '../hash.ts';
import { BUCKET_ALG } from '../types.ts';
import { type ArgsLayout, type Layout, padded } from './layout.ts';

/**
 * Draws one item of a bucket: the five bucket algorithms. Source: bucket_*_choose in crush/mapper.c, release 16.2.
 * Buckets must not be empty. Nothing here allocates.
 */
export class BucketChooser {
  private readonly layout: Layout;
  /** A permutation per bucket, beside its items: for which x, and how many of its places are settled. */
  private readonly permutation: Int32Array;
  private readonly permutedX: Int32Array;
  private readonly permutedCount: Int32Array;
  /** The choose_args that hold for the mapping under way. */
  args: ArgsLayout | undefined;

  constructor(layout: Layout) {
    this.layout = layout;
    this.permutation = new Int32Array(layout.items.length);
    this.permutedX = new Int32Array(layout.count);
    this.permutedCount = new Int32Array(layout.count);
  }

  /**
   * @param r draw number: which attempt, for which replica
   * @param position place in the result, which selects a weight set
   */
  choose(bucket: number, x: number, r: number, position: number): number {
    switch (this.layout.alg[bucket]) {
      case BUCKET_ALG.STRAW2:
        return this.straw2(bucket, x, r, position);
      case BUCKET_ALG.STRAW:
        return this.straw(bucket, x, r);
      case BUCKET_ALG.LIST:
        return this.list(bucket, x, r);
      case BUCKET_ALG.TREE:
        return this.tree(bucket, x, r);
      default:
        return this.permuted(bucket, x, r);
    }
  }

  /** The bucket's own ids and weights, or those that the choose_args put in their place. */
  private straw2(bucket: number, x: number, r: number, position: number): number {
    const { layout, args } = this;
    const { straw2 } = layout;
    const start = layout.start[bucket]!;
    const size = layout.size[bucket]!;
    let ids = start;
    let weights = start;
    if (args) {
      const positions = args.positions[bucket]!;
      if (positions > 0) {
        weights = args.weightStart[bucket]! + Math.min(position, positions - 1) * padded(size);
      }
      if (args.idStart[bucket]! >= 0) ids = args.idStart[bucket]!;
    }
    const best =
      layout.even[weights >> 2] === 1
        ? straw2.drawEven(ids, size, x, r)
        : straw2.draw(ids, weights, size, x, r);
    return layout.items[start + best]!;
  }

  private straw(bucket: number, x: number, r: number): number {
    const { straw2, items } = this.layout;
    const start = this.layout.start[bucket]!;
    return items[start + straw2.drawStraw(start, start, this.layout.size[bucket]!, x, r)]!;
  }

  /** From the newest item back: each takes the draw with its share of the weight up to it. */
  private list(bucket: number, x: number, r: number): number {
    const { items, weights, sums, start, size } = this.layout;
    const from = start[bucket]!;
    for (let i = from + size[bucket]! - 1; i >= from; i--) {
      const u = hash4(x, items[i]!, r, -1 - bucket) & 0xffff;
      if (Math.floor((u * sums[i]!) / 0x10000) < weights[i]!) return items[i]!;
    }
    return items[from]!;
  }

  /** Down a binary tree whose nodes are numbered in order, so that leaves are the odd numbers. */
  private tree(bucket: number, x: number, r: number): number {
    const { items, nodes, nodeStart, nodeCount, start, size } = this.layout;
    const base = nodeStart[bucket]!;
    let n = nodeCount[bucket]! >> 1;
    while ((n & 1) === 0) {
      const draw = multiplyHigh(hash4(x, n, r, -1 - bucket), nodes[base + n]!);
      const half = (n & -n) >> 1;
      n = draw < nodes[base + n - half]! ? n - half : n + half;
    }
    // In a tree without any weight the walk ends to the right of all items, where Ceph reads what is no item.
    return items[start[bucket]! + Math.min(n >> 1, size[bucket]! - 1)]!;
  }

  /**
   * Item r of a pseudo-random permutation: how uniform buckets draw, and the last resort of other ones in maps with
   * local fallback tries. The first r places of a permutation are its own begin, so it is continued from draw to draw.
   */
  permuted(bucket: number, x: number, r: number): number {
    const { permutation: p, permutedX, permutedCount } = this;
    const { items } = this.layout;
    const start = this.layout.start[bucket]!;
    const size = this.layout.size[bucket]!;
    const wanted = (r >>> 0) % size;
    // Most draws ask for the first place alone, which needs no permutation.
    if (wanted === 0) return items[start + ((hash3(x, -1 - bucket, 0) >>> 0) % size)]!;
    if (permutedX[bucket] !== x || permutedCount[bucket] === 0) {
      for (let i = 0; i < size; i++) p[start + i] = i;
      permutedX[bucket] = x;
      permutedCount[bucket] = 0;
    }
    let i = permutedCount[bucket]!;
    for (; i <= wanted && i < size - 1; i++) {
      const j = i + ((hash3(x, -1 - bucket, i) >>> 0) % (size - i));
      const swapped = p[start + i]!;
      p[start + i] = p[start + j]!;
      p[start + j] = swapped;
    }
    permutedCount[bucket] = i;
    return items[start + p[start + wanted]!]!;
  }
}

/** (a * b) >> 32 of the unsigned 64-bit product, in two parts that are exact in doubles. */
function multiplyHigh(a: number, b: number): number {
  const low = Math.floor(((a & 0xffff) * b) / 0x10000);
  return Math.floor(((a >>> 16) * b + low) / 0x10000);
}
