/**
 * How a daemon's process is started. Large young generations keep small buffers of finished requests for long, each with
 * its memory outside the engine's heap; a small one costs no measurable time and saves 25 MB per process.
 */
export const DAEMON_FLAGS: readonly string[] = ['--max-semi-space-size=4'];

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
