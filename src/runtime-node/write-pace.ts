/** Larger writes take a device long enough for a turn through the thread pool to matter little. */
const WAIT_BYTES_MAX = 64 * 1024;
/** A device that takes longer than this on average is not waited for. */
const WAIT_MS_MAX = 2;
/** How much one write counts in the average. */
const SHARE = 1 / 16;
/** One in so many writes looks whether a slow device has become quick. */
const LOOK_EVERY = 256;

/**
 * Decides where small durable writes are waited for. A quick device has done one before a thread of the pool has woken up
 * and has woken up the event loop again, so it is waited for on the event loop, which has hardly anything to do meanwhile
 * but gather the next group. A slow one would keep the loop from everything else.
 */
export class WritePace {
  private meanMs = 0;
  private passed = 0;

  /** Whether to wait for a write of so many bytes; if so, `took` is to be told how long that was. */
  waits(bytes: number): boolean {
    if (bytes > WAIT_BYTES_MAX) return false;
    if (this.meanMs <= WAIT_MS_MAX) return true;
    this.passed = (this.passed + 1) % LOOK_EVERY;
    return this.passed === 0;
  }

  took(ms: number): void {
    // A single long write, of a process that had to wait for its core, says little about the device.
    this.meanMs += SHARE * (Math.min(ms, 8 * WAIT_MS_MAX) - this.meanMs);
  }
}
