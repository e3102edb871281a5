import type { HObject } from '../wire/index.ts';

/**
 * What may be in a PG's collection: objects of its pool, and of the PG's own pool {@link ownPool}, whose hash ends in
 * the `bits` lowest bits of `seed`. Where a pool's count of PGs is no power of two, its PGs differ in their bits.
 */
export interface PgBounds {
  /** At least 0. */
  readonly pool: number;
  /** Below 2^bits. */
  readonly seed: number;
  /** 0 to 32. */
  readonly bits: number;
}

/**
 * The pool of what a PG keeps for itself beside the objects of clients, who can name no pool below 0. Source: temporary
 * objects of src/osd/osd_types.h, 16.2.
 */
export function ownPool(pool: number): number {
  return -2 - pool;
}

export function isPgBounds(b: PgBounds): boolean {
  const isPool = Number.isSafeInteger(b.pool) && b.pool >= 0;
  const isBits = Number.isInteger(b.bits) && b.bits >= 0 && b.bits <= 32;
  return isPool && isBits && Number.isInteger(b.seed) && b.seed >= 0 && b.seed < 2 ** b.bits;
}

/** Whether an object belongs there. */
export function belongs(b: PgBounds, oid: HObject): boolean {
  return (oid.pool === b.pool || oid.pool === ownPool(b.pool)) && agree(oid.hash, b.seed, b.bits);
}

/** Whether an object could belong to both. */
export function overlap(a: PgBounds, b: PgBounds): boolean {
  return a.pool === b.pool && agree(a.seed, b.seed, Math.min(a.bits, b.bits));
}

/** Whether `low` and `high` are the halves that one collection splits into; `low` keeps its seed. */
export function areHalves(low: PgBounds, high: PgBounds): boolean {
  return (
    low.pool === high.pool &&
    low.bits === high.bits &&
    low.bits > 0 &&
    high.seed === low.seed + 2 ** (low.bits - 1)
  );
}

function agree(a: number, b: number, bits: number): boolean {
  return bits === 0 || (a ^ b) << (32 - bits) === 0;
}
