/** Larger writes take a device long enough for a turn through the thread pool to matter little. */
const WAIT_BYTES_MAX = 64 * 1024;
/** A device is quick when the quickest of so many writes took no longer than this. */
const WINDOW = 32;
const QUICK_MS_MAX = 1;
/** One in so many writes looks whether a slow device has become quick. */
const LOOK_EVERY = 256;

/**
 * Decides where small durable writes are waited for. A quick device has done one before a thread of the pool has woken up
 * and has woken up the event loop again, so it is waited for on the event loop, which has hardly anything to do meanwhile
 * but gather the next group. A slow one would keep the loop from everything else.
 *
 * The quickest write counts and not the mean: of a process that has to wait for its core after each write, as all do on a
 * busy machine, only some tell the device's time; and there the turn through the pool costs most.
 */
export class WritePace {
  private isQuick = true;
  private bestMs = Number.POSITIVE_INFINITY;
  private count = 0;
  private passed = 0;

  /** Whether to wait for a write of so many bytes; if so, `took` is to be told how long that was. */
  waits(bytes: number): boolean {
    if (bytes > WAIT_BYTES_MAX) return false;
    if (this.isQuick) return true;
    this.passed = (this.passed + 1) % LOOK_EVERY;
    return this.passed === 0;
  }

  took(ms: number): void {
    this.bestMs = Math.min(this.bestMs, ms);
    this.count++;
    if (this.isQuick && this.count < WINDOW) return;
    this.isQuick = this.bestMs <= QUICK_MS_MAX;
    this.bestMs = Number.POSITIVE_INFINITY;
    this.count = 0;
  }
}
