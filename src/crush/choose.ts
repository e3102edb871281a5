import { hash3, hash4 } from './hash.ts';
import type { ArgsLayout, Layout } from './layout.ts';
import { straw2Logs } from './straw2-log.ts';
import { BUCKET_ALG } from './types.ts';

/**
 * Draws one item of a bucket: the five bucket algorithms. Source: bucket_*_choose in crush/mapper.c, release 16.2.
 * Buckets must not be empty. Nothing here allocates.
 */
export class BucketChooser {
  private readonly layout: Layout;
  private readonly logs = straw2Logs();
  private readonly permutation: Int32Array;
  /** The choose_args that hold for the mapping under way. */
  args: ArgsLayout | undefined;

  constructor(layout: Layout) {
    this.layout = layout;
    this.permutation = new Int32Array(layout.sizeMax);
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

  /**
   * Each item draws log(u) / weight; the highest wins. The quotient of a 48-bit by a 32-bit integer is never closer to
   * the next integer than a double can tell, so truncating the double division gives the integer division.
   */
  private straw2(bucket: number, x: number, r: number, position: number): number {
    const { layout, logs, args } = this;
    const start = layout.start[bucket]!;
    const size = layout.size[bucket]!;
    let ids = layout.items;
    let idStart = start;
    let weights = layout.weights;
    let weightStart = start;
    if (args) {
      const positions = args.positions[bucket]!;
      if (positions > 0) {
        weights = args.weights;
        weightStart = args.weightStart[bucket]! + Math.min(position, positions - 1) * size;
      }
      if (args.idStart[bucket]! >= 0) {
        ids = args.ids;
        idStart = args.idStart[bucket]!;
      }
    }
    let best = 0;
    let bestDraw = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < size; i++) {
      const weight = weights[weightStart + i]!;
      if (weight === 0) continue;
      const u = hash3(x, ids[idStart + i]!, r) & 0xffff;
      const draw = Math.trunc(logs[u]! / weight);
      if (draw > bestDraw) {
        best = i;
        bestDraw = draw;
      }
    }
    return layout.items[start + best]!;
  }

  private straw(bucket: number, x: number, r: number): number {
    const { items, weights: straws, start, size } = this.layout;
    const from = start[bucket]!;
    const to = from + size[bucket]!;
    let best = from;
    let bestDraw = -1;
    for (let i = from; i < to; i++) {
      const draw = (hash3(x, items[i]!, r) & 0xffff) * straws[i]!;
      if (draw > bestDraw) {
        best = i;
        bestDraw = draw;
      }
    }
    return items[best]!;
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
    const { items, nodes, nodeStart, nodeCount, start } = this.layout;
    const base = nodeStart[bucket]!;
    let n = nodeCount[bucket]! >> 1;
    while ((n & 1) === 0) {
      const draw = multiplyHigh(hash4(x, n, r, -1 - bucket), nodes[base + n]!);
      const half = (n & -n) >> 1;
      n = draw < nodes[base + n - half]! ? n - half : n + half;
    }
    return items[start[bucket]! + (n >> 1)]!;
  }

  /**
   * Item r of a pseudo-random permutation: how uniform buckets draw, and the last resort of other ones in maps with
   * local fallback tries.
   */
  permuted(bucket: number, x: number, r: number): number {
    const { items, start } = this.layout;
    const size = this.layout.size[bucket]!;
    const p = this.permutation;
    const wanted = (r >>> 0) % size;
    for (let i = 0; i < size; i++) p[i] = i;
    for (let i = 0; i <= wanted && i < size - 1; i++) {
      const j = i + ((hash3(x, -1 - bucket, i) >>> 0) % (size - i));
      const swapped = p[i]!;
      p[i] = p[j]!;
      p[j] = swapped;
    }
    return items[start[bucket]! + p[wanted]!]!;
  }
}

/** (a * b) >> 32 of the unsigned 64-bit product, in two parts that are exact in doubles. */
function multiplyHigh(a: number, b: number): number {
  const low = Math.floor(((a & 0xffff) * b) / 0x10000);
  return Math.floor(((a >>> 16) * b + low) / 0x10000);
}
