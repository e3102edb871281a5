import type { Clock } from '../../runtime/index.ts';
import type { Collection, ObjectStore } from '../../store/index.ts';

/** Fraction of the store beyond which writes are refused whatever the map says (osd_failsafe_full_ratio, 16.2). */
const FAILSAFE_FULL = 0.97;
const COUNT_MS = 200;

/** Whether a store has room for what clients want to write. */
export class Room {
  private readonly store: ObjectStore;
  private readonly clock: Clock;
  private countedMs = Number.NEGATIVE_INFINITY;
  private totalBytes = 0;
  private availableBytes = 0;
  private promisedBytes = 0;

  constructor(store: ObjectStore, clock: Clock) {
    this.store = store;
    this.clock = clock;
  }

  /**
   * Sets room aside for a PG's collection, as long as the store stays below a share of what it may hold.
   * @returns false when it would not: nothing is set aside
   */
  reserve(c: Collection, bytes: number, share: number): boolean {
    const { totalBytes, availableBytes, reservedBytes } = this.store.usage();
    if (availableBytes - reservedBytes - bytes < (1 - share) * totalBytes) return false;
    this.store.reserve(c, bytes);
    this.countedMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  /** Room for so many bytes, beside what was promised to others? If so, they are promised. */
  has(bytes: number): boolean {
    const now = this.clock.monotonicMs();
    // The store counts on demand; between counts, what was promised is added up.
    if (now - this.countedMs > COUNT_MS || this.promisedBytes > 0.001 * this.totalBytes) {
      const { totalBytes, availableBytes, reservedBytes } = this.store.usage();
      this.totalBytes = totalBytes;
      this.availableBytes = availableBytes - reservedBytes;
      this.countedMs = now;
      this.promisedBytes = 0;
    }
    this.promisedBytes += bytes;
    return this.availableBytes - this.promisedBytes > (1 - FAILSAFE_FULL) * this.totalBytes;
  }
}
