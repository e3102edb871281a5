import { reverseBits32 } from '../wire/index.ts';
import { be32, poolKey } from './object-key.ts';
import { prefixEnd } from './omap-bounds.ts';
import { ownPool, type PgBounds } from './pg-bounds.ts';

/** Keys with from <= key < to. */
export interface KeyRange {
  readonly from: string;
  readonly to: string;
}

/**
 * Where the objects of a collection stand among all keys. All PGs share one space, in which objects stand in the order
 * of their reversed hashes, so a PG's are one range of it (and one for its own pool): splitting and merging collections
 * changes no object's key. Any other collection has a space of its own.
 */
export interface Place {
  readonly space: number;
  /** Of a PG. */
  readonly bounds: PgBounds | undefined;
  /** Ascending, apart. */
  readonly ranges: readonly KeyRange[];
}

/** That of PGs; the others' begin at 1. */
export const PG_SPACE = 0;

/** What the keys of a space's objects begin with. */
export function spaceKey(space: number): string {
  return `O${be32(space)}`;
}

/** That of a collection that is no PG's. */
export function plainPlace(space: number): Place {
  const from = spaceKey(space);
  return { space, bounds: undefined, ranges: [{ from, to: prefixEnd(from)! }] };
}

/** That of a PG's collection. */
export function pgPlace(bounds: PgBounds): Place {
  const { pool, seed, bits } = bounds;
  const first = reverseBits32(seed);
  const end = first + 2 ** (32 - bits);
  const ranges = [ownPool(pool), pool].map((p) => {
    const prefix = spaceKey(PG_SPACE) + poolKey(p);
    const to = end < 2 ** 32 ? prefix + be32(end) : prefixEnd(prefix)!;
    return { from: prefix + be32(first), to };
  });
  return { space: PG_SPACE, bounds, ranges };
}

/** The parts of `place` that do not lie before a key. */
export function* rangesFrom(place: Place, key: string): Generator<KeyRange> {
  for (const { from, to } of place.ranges) {
    if (key < to) yield { from: key > from ? key : from, to };
  }
}
