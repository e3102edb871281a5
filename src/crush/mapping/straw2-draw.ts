import { hash3 } from '../hash.ts';
import { straw2DrawTables } from './straw2-log.ts';

/**
 * Draws among the items of straw2 buckets: each item's draw is trunc(L(u) / weight) with u from its id, and the highest
 * wins, the first of equals. Ids and weights of all buckets lie in two arrays, each bucket from a multiple of four on,
 * and the places left free hold zeros. Source: bucket_straw2_choose and
 * bucket_straw_choose in crush/mapper.c, release 16.2.
 */
export interface Straw2Draw {
  readonly ids: Int32Array;
  /** Float64, since every u32 is exact in it and it is what the logarithm is divided by. */
  readonly weights: Float64Array;
  /**
   * @param ids where the bucket's ids begin
   * @param weights where its weights begin; an item of weight 0 wins only where all have it, and then the first does
   * @param r draw number
   * @returns index of the winner in the bucket
   */
  draw(ids: number, weights: number, size: number, x: number, r: number): number;
  /** The same for items that all have one weight, for which {@link isEven} holds. */
  drawEven(ids: number, size: number, x: number, r: number): number;
  /** For straw buckets, the older kind: u times the length of the item's straw, which stands for its weight. */
  drawStraw(ids: number, straws: number, size: number, x: number, r: number): number;
}

/** Are the weights equal, and such that equal and higher logarithms stay equal and higher when divided by them? */
export function isEven(weights: readonly number[]): boolean {
  const first = weights[0]!;
  return (
    first > 0 &&
    first <= straw2DrawTables().gap &&
    // The index shares 32 bits with the rank.
    weights.length < 0x10000 &&
    weights.every((w) => w === first)
  );
}

/** The draws in JavaScript. */
export class PortableStraw2 implements Straw2Draw {
  readonly ids: Int32Array;
  readonly weights: Float64Array;
  private readonly logs = straw2DrawTables().logs;
  private readonly ranks = straw2DrawTables().ranks;

  constructor(idCount: number, weightCount: number) {
    this.ids = new Int32Array(idCount);
    this.weights = new Float64Array(weightCount);
  }

  /**
   * The quotient of a 48-bit by a 32-bit integer is never closer to the next integer than a double can tell, so
   * truncating the double division gives the integer division.
   */
  draw(idStart: number, weightStart: number, size: number, x: number, r: number): number {
    const { ids, weights, logs } = this;
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
    return best;
  }

  drawEven(idStart: number, size: number, x: number, r: number): number {
    const { ids, ranks } = this;
    let best = 0;
    let bestRank = -1;
    for (let i = 0; i < size; i++) {
      const rank = ranks[hash3(x, ids[idStart + i]!, r) & 0xffff]!;
      if (rank > bestRank) {
        best = i;
        bestRank = rank;
      }
    }
    return best;
  }

  drawStraw(idStart: number, strawStart: number, size: number, x: number, r: number): number {
    const { ids, weights: straws } = this;
    let best = 0;
    let bestDraw = -1;
    for (let i = 0; i < size; i++) {
      const draw = (hash3(x, ids[idStart + i]!, r) & 0xffff) * straws[strawStart + i]!;
      if (draw > bestDraw) {
        best = i;
        bestDraw = draw;
      }
    }
    return best;
  }
}
