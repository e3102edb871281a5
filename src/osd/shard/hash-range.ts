import type { PgId } from '../../wire/index.ts';

/** All objects whose hashes end in so many bits of a PG's seed: what is in that PG, or was when its pool had as many. */
export interface HashRange {
  readonly pgid: PgId;
  /** See PgView. */
  readonly bits: number;
}

/** Are there hashes in both? */
export function overlap(a: HashRange, b: HashRange): boolean {
  const common = 2 ** Math.min(a.bits, b.bits);
  return a.pgid.pool === b.pgid.pool && a.pgid.seed % common === b.pgid.seed % common;
}
