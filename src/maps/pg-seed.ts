import { type CrushMap, crushHash2 } from '../crush/index.ts';
import { type PgPool, POOL_FLAG } from './pool.ts';

// From a hash to a PG, and from a PG to what CRUSH is asked: fact sheet §8.2; pg_pool_t of src/osd/osd_types.cc, 16.2.

/** Smallest 2^k - 1 with 2^k >= n. */
function maskOf(n: number): number {
  return n <= 1 ? 0 : 2 ** (32 - Math.clz32(n - 1)) - 1;
}

/** ceph_stable_mod: like x mod n, but growing n moves only what must move. @returns below n */
export function stableMod(x: number, n: number): number {
  const mask = maskOf(n);
  const low = (x & mask) >>> 0;
  return low < n ? low : (x & (mask >>> 1)) >>> 0;
}

/**
 * How many low bits of its objects' hashes a PG's seed is. With a count that is no power of two some PGs are not split
 * yet and have one bit less. Source: pg_t::get_split_bits of src/osd/osd_types.cc, 16.2.
 */
export function splitBits(seed: number, pgNum: number): number {
  const bits = pgNum <= 1 ? 0 : 32 - Math.clz32(pgNum - 1);
  const half = 2 ** (bits - 1);
  return pgNum !== 2 ** bits && seed % half >= pgNum % half ? bits - 1 : bits;
}

/** The PG that a PG was split from, and is merged into; not for seed 0. Source: pg_t::get_parent, 16.2. */
export function parentSeed(seed: number): number {
  return (seed & ~(2 ** (31 - Math.clz32(seed)))) >>> 0;
}

/** Is the PG the source or the target of the merge that is announced? */
export function isMergePart({ pgNum, pgNumPending }: PgPool, seed: number): boolean {
  const source = pgNum - 1;
  return pgNumPending < pgNum && (seed === source || seed === parentSeed(source));
}

/** One halving of a PG: objects whose hash ends in the `bits` lowest bits of `child` are the child's from then on. */
export interface Halving {
  readonly parent: number;
  readonly child: number;
  readonly bits: number;
}

/**
 * How a PG that holds what ends in `bits` bits of its seed comes to hold what it should among `pgNum` PGs: halvings in
 * the order in which they are done, none when it is not split. @param seed below pgNum
 */
export function* halvings(seed: number, bits: number, pgNum: number): Generator<Halving> {
  const end = splitBits(seed, pgNum);
  for (let b = bits; b < end; b++) {
    const child = seed + 2 ** b;
    yield { parent: seed, child, bits: b + 1 };
    yield* halvings(child, b + 1, pgNum);
  }
}

/** The number a PG's placement is computed from. `seed` is a PG's seed or an object's full hash. */
export function placementSeed(pool: PgPool, poolId: number, seed: number): number {
  const s = stableMod(seed, pool.pgpNum);
  return pool.flags & POOL_FLAG.hashpspool ? crushHash2(s, poolId) : (s + poolId) >>> 0;
}

/** The rule that places a pool: the first of its number, type and size; -1 when there is none. */
export function ruleOf(crush: CrushMap, pool: PgPool): number {
  return crush.rules.findIndex(
    (rule) =>
      rule !== undefined &&
      rule.ruleset === pool.crushRule &&
      rule.type === pool.type &&
      rule.minSize <= pool.size &&
      pool.size <= rule.maxSize,
  );
}
