/**
 * What a daemon's process has when its caches are empty and clients are at work: the engine and its garbage, code, the
 * journal, messages on their way. Measured; the role is that of osd_memory_base.
 */
const BASE_BYTES = 148 * 2 ** 20;
/** Part of what caches are given that is lost between them, as osd_memory_expected_fragmentation. */
const LOST = 0.15;
/** Caches never get less, whatever the target: without them every request would wait for the device. */
const CACHES_MIN = 16 * 2 ** 20;

/** What each cache may take, in bytes. */
export interface MemoryShares {
  /** Metadata of objects in the store. */
  readonly onodes: number;
  /** Memory of large messages that lies ready to be used again. */
  readonly buffers: number;
  /** Logs of PGs. */
  readonly logs: number;
  /** What primaries know of objects for the next request. */
  readonly contexts: number;
}

/** Bytes that all caches of a process may have together at most. */
export function cachesMax(targetBytes: number): number {
  return Math.max(CACHES_MIN, Math.floor((targetBytes - BASE_BYTES) * (1 - LOST)));
}

/**
 * The next bytes of all caches together: they shrink in proportion as the process is above its target, and grow towards
 * their most as it is below. The role is that of PriorityCache::Manager::tune_memory (src/common/PriorityCache.cc, 16.2).
 */
export function tuneCaches(
  cachesBytes: number,
  residentBytes: number,
  targetBytes: number,
): number {
  const most = cachesMax(targetBytes);
  const now = Math.min(most, Math.max(CACHES_MIN, cachesBytes));
  if (residentBytes > targetBytes) {
    return Math.floor(now - (1 - targetBytes / residentBytes) * (now - CACHES_MIN));
  }
  return Math.ceil(now + (1 - residentBytes / targetBytes) * (most - now));
}

/**
 * @param cachesBytes see {@link tuneCaches}
 * @param targetBytes what the buffers' share comes from: a pool that keeps less than what is on its way at a time makes
 *   garbage and page faults instead of saving memory, so it does not shrink with the others; it lets go of what is not
 *   needed by itself
 * @param shards how many shards have the caches of the process in equal parts
 */
export function shareCaches(
  cachesBytes: number,
  targetBytes: number,
  shards: number,
): MemoryShares {
  const bytes = cachesBytes / shards;
  return {
    onodes: Math.floor(0.08 * bytes),
    buffers: Math.floor((0.76 * cachesMax(targetBytes)) / shards),
    logs: Math.floor(0.14 * bytes),
    contexts: Math.floor(0.02 * bytes),
  };
}
