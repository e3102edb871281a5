import { splitBits } from '../../maps/index.ts';
import {
  HOBJECT_MAX,
  HOBJECT_MIN,
  type HObject,
  type PgId,
  reverseBits32,
} from '../../wire/index.ts';

// Places in a PG's order of objects, which is that of their hashes' bits read backwards: a PG has one stretch of it.

const HASHES = 2 ** 32;

/** Which part of a PG's objects comes before a place in their order, if hashes are even: 0 to 1. */
export function shareBefore({ seed }: PgId, pgCount: number, { hash, max }: HObject): number {
  if (max) return 1;
  const size = HASHES / 2 ** splitBits(seed, pgCount);
  const done = (reverseBits32(hash) - reverseBits32(seed)) / size;
  return Math.min(1, Math.max(0, done));
}

/** The place before which a part of a PG's objects comes; from 1 on the end. No object has it. */
export function placeAt({ pool, seed }: PgId, pgCount: number, share: number): HObject {
  if (share >= 1) return HOBJECT_MAX;
  const size = HASHES / 2 ** splitBits(seed, pgCount);
  const hash = reverseBits32(reverseBits32(seed) + Math.floor(Math.max(0, share) * size));
  return { ...HOBJECT_MIN, pool, hash };
}
