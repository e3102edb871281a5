import type { Partition } from '../osd/index.ts';
import type { Shards } from '../runtime/index.ts';
import { nodeShards } from '../runtime-node/index.ts';
import type { OsdPlace } from './osd-store.ts';

/** What the thread of a shard is told. */
export interface ShardThreadData {
  readonly partition: Partition;
  readonly id: number;
  readonly fsid: string;
  readonly uuid: string;
  readonly place: OsdPlace;
}

/** A source or what was built from it, as this module is. */
const SUFFIX = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** The threads of an OSD whose stores are files. @returns undefined for one shard, which needs none */
export function osdThreads(
  count: number,
  data: Omit<ShardThreadData, 'partition'>,
): Shards | undefined {
  if (count === 1) return undefined;
  return nodeShards(count, {
    module: new URL(`./shard-thread.${SUFFIX}`, import.meta.url),
    data: (index): ShardThreadData => ({ ...data, partition: { index, count } }),
  });
}
