/**
 * How a daemon's process is started. What a request needs lives until it is durable and flushed, longer than a small
 * young generation waits, so it ends among what is old; and a small heap may grow by half only before all of it is looked
 * through again: every two seconds under load, by threads that the machine's other work needs. A young generation of
 * 8 MiB, and a heap that may grow to twice what lives, cost 25 MB per process and save 15 to 20 % of the processor's
 * time per small write; 2.5 times save nothing more. Larger young generations keep small buffers of finished requests for
 * longer, each with its memory outside the heap.
 */
export const DAEMON_FLAGS: readonly string[] = [
  '--max-semi-space-size=8',
  '--heap-growing-percent=100',
];

/**
 * For the C library's allocator, by which buffers are made: few arenas, but one for each thread that makes much, as those
 * of the metadata store do; what is large is always given back at once, since otherwise the first large buffer that is
 * freed would make the rest of them part of the heap, between small ones that stay; and what is free at the heap's end is
 * kept up to a few MiB, since what goes back to the system costs a page fault when it is wanted again. Other C libraries
 * ignore it.
 */
const ALLOCATOR: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '8',
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '4194304',
};

/** @param env the environment that our own process was given; what it says itself stays */
export function daemonEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...ALLOCATOR, ...env };
}
