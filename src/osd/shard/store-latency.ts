/** Transactions that became durable in a while, and the milliseconds that they took together. */
export interface LatencySum {
  readonly count: number;
  readonly sumMs: number;
}

/**
 * How long a store takes for transactions, without a note of each: the number of those under way, added up over time, is
 * the time of all of them together.
 */
export class StoreLatency {
  private open = 0;
  private atMs = 0;
  private sumMs = 0;
  private count = 0;

  begun(nowMs: number): void {
    this.passed(nowMs);
    this.open++;
  }

  ended(nowMs: number): void {
    this.passed(nowMs);
    this.open--;
    this.count++;
  }

  /** Since the last call; while nothing ends, what is under way is kept for the next. */
  take(nowMs: number): LatencySum {
    this.passed(nowMs);
    const { count, sumMs } = this;
    if (count === 0) return { count, sumMs: 0 };
    this.count = 0;
    this.sumMs = 0;
    return { count, sumMs };
  }

  private passed(nowMs: number): void {
    this.sumMs += this.open * (nowMs - this.atMs);
    this.atMs = nowMs;
  }
}

/** Nanoseconds on average; 0 where nothing ended. */
export function averageNs(parts: readonly LatencySum[]): number {
  const count = parts.reduce((n, p) => n + p.count, 0);
  const sumMs = parts.reduce((n, p) => n + p.sumMs, 0);
  return count === 0 ? 0 : Math.round((1e6 * sumMs) / count);
}
