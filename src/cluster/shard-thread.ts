/** Where the thread of an OSD's shard begins. */
import { runShard } from '../osd/index.ts';
import { BufferPool } from '../runtime/index.ts';
import {
  nativeCrc32c,
  processMemory,
  threadClock,
  threadData,
  threadLink,
} from '../runtime-node/index.ts';
import { openOsdStore } from './osd-store.ts';
import type { ShardThreadData } from './osd-threads.ts';

const { partition, id, fsid, uuid, place } = threadData() as ShardThreadData;
const clock = threadClock();
await runShard(
  {
    partition,
    id,
    fsid,
    uuid,
    openStore: async (log) => (await openOsdStore({ ...place, uuid }, partition, clock, log)).store,
    clock,
    crc32c: nativeCrc32c,
    pool: BufferPool.shared(),
    memory: processMemory,
  },
  threadLink,
);
