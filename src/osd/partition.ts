import type { PgId } from '../wire/index.ts';

/** One shard of so many: which part of an OSD's PGs it has. */
export interface Partition {
  readonly index: number;
  readonly count: number;
}

/** An OSD that is not sharded. */
export const WHOLE: Partition = { index: 0, count: 1 };

/**
 * The shard that has a PG, for ever. Neighbouring seeds go to different shards; and where both counts are powers of two,
 * what a PG is split into stays in its shard, since the seeds of its parts differ by multiples of the old count.
 */
export function shardOf({ pool, seed }: PgId, count: number): number {
  return count === 1 ? 0 : (pool + seed) % count;
}
