import type { PgId } from '../wire/index.ts';

/** One shard of so many: which part of an OSD's PGs it has. */
export interface Partition {
  readonly index: number;
  readonly count: number;
}

/** An OSD that is not sharded. */
export const WHOLE: Partition = { index: 0, count: 1 };

/**
 * The shard that has a PG, for ever. Neighbouring seeds go to different shards. Where the count of shards is a power of
 * two, what tells the shard is low bits of the seed, which a PG shares with all that it is split into, and with what it
 * is merged into, as long as the pool has at least so many PGs. The monitor lets no other pool of an OSD with shards
 * have more or fewer PGs, see the monitor's pg-shards.ts: that would move data between stores.
 */
export function shardOf({ pool, seed }: PgId, count: number): number {
  return count === 1 ? 0 : (pool + seed) % count;
}
