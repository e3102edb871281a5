import type { MonState } from '../state.ts';

/**
 * OSDs that run in shards keep each shard's PGs in a store of its own, and tell them apart by the lowest bits of their
 * seeds. A PG keeps these when it is split or merged only if their pool has at least one PG for each of their values.
 * @returns why a pool's count of PGs cannot go from one to the other; undefined when it can
 */
export function shardsRefuse(
  { osdmap, osdMetadata }: MonState,
  from: number,
  to: number,
): string | undefined {
  if (from === to) return undefined;
  for (const osd of osdmap.osds()) {
    const shards = Number(osdMetadata.get(osd)?.get('osd_shards') ?? 1);
    if ((shards & (shards - 1)) !== 0) {
      return `osd.${osd} runs in ${shards} shards, whose PGs cannot be split or merged: only those of a power of two can`;
    }
    if (Math.min(from, to) < shards) {
      return `osd.${osd} runs in ${shards} shards, so that only pools of ${shards} PGs or more can have more or fewer`;
    }
  }
  return undefined;
}
