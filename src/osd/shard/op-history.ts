import type { ClientOp } from '../requests/client-request.ts';
import type { OpenOps, OpPoint } from '../requests/open-ops.ts';
import { type OpRecord, recordOf } from './op-record.ts';

/** How much is remembered. Times in ms. */
export interface HistorySettings {
  /** osd_op_history_size, osd_op_history_duration. */
  readonly size: number;
  readonly keepMs: number;
  /** osd_op_history_slow_op_size, osd_op_history_slow_op_threshold. */
  readonly slowSize: number;
  readonly slowMs: number;
  /** osd_op_complaint_time. */
  readonly complaintMs: number;
}

/** How often those of what is remembered that are too old make room. */
const PRUNE_MS = 1000;

const durationOf = (r: OpRecord): number => r.endedMs! - r.startedMs;

/**
 * The slowest requests of the last while, and the newest that were really slow. A request that is neither costs two
 * comparisons. Source: OpHistory of src/common/TrackedOp.cc, release 16.2.
 */
export class OpHistory {
  private settings: HistorySettings;
  /** Slowest first. */
  private slowest: OpRecord[] = [];
  /** Newest last. */
  private slow: OpRecord[] = [];
  /** What is not slower than this need not be remembered, */
  private leastMs = -1;
  /** until then. */
  private pruneAtMs = 0;

  constructor(settings: HistorySettings) {
    this.settings = settings;
  }

  apply(settings: HistorySettings): void {
    this.settings = settings;
    this.prune(this.pruneAtMs);
  }

  answered(op: ClientOp, nowMs: number): void {
    const durationMs = nowMs - op.startedMs;
    if (durationMs <= this.leastMs && nowMs < this.pruneAtMs) return;
    this.remember(op, durationMs, nowMs);
  }

  /** Slowest first. */
  bySlowness(nowMs: number): readonly OpRecord[] {
    this.prune(nowMs);
    return this.slowest;
  }
  /** Newest last. */
  get slowOnes(): readonly OpRecord[] {
    return this.slow;
  }

  private remember(op: ClientOp, durationMs: number, nowMs: number): void {
    if (nowMs >= this.pruneAtMs) this.prune(nowMs);
    if (durationMs <= this.leastMs) return;
    const record = recordOf(op, 'commit sent; apply or cleanup', nowMs);
    if (durationMs >= this.settings.slowMs) {
      this.slow.push(record);
      if (this.slow.length > this.settings.slowSize) this.slow.shift();
    }
    const { slowest } = this;
    let at = slowest.length;
    while (at > 0 && durationOf(slowest[at - 1]!) < durationMs) at--;
    slowest.splice(at, 0, record);
    this.bound();
  }

  private prune(nowMs: number): void {
    this.pruneAtMs = nowMs + PRUNE_MS;
    const since = nowMs - this.settings.keepMs;
    this.slowest = this.slowest.filter(({ endedMs }) => endedMs! >= since);
    this.bound();
  }

  private bound(): void {
    const { slowest } = this;
    const { size, slowSize, slowMs } = this.settings;
    if (slowest.length > size) slowest.length = size;
    if (this.slow.length > slowSize) this.slow.splice(0, this.slow.length - slowSize);
    const last = slowest[size - 1];
    if (slowest.length < size) this.leastMs = -1;
    else this.leastMs = Math.min(slowMs, last ? durationOf(last) : slowMs);
  }
}

/** Requests under way for longer than they should be. */
export interface SlowOps {
  readonly count: number;
  readonly oldestMs: number;
  readonly byPool: ReadonlyMap<number, number>;
  readonly byPoint: ReadonlyMap<OpPoint, number>;
}

/** Which of these requests are slow. */
export function slowOpsOf(all: Iterable<OpenOps>, nowMs: number, complaintMs: number): SlowOps {
  const byPool = new Map<number, number>();
  const byPoint = new Map<OpPoint, number>();
  let count = 0;
  let oldestMs = 0;
  for (const { point, ops } of all) {
    for (const { startedMs, request } of ops) {
      const ageMs = nowMs - startedMs;
      if (ageMs < complaintMs) continue;
      count++;
      oldestMs = Math.max(oldestMs, ageMs);
      add(byPool, request.op.pgid.pgid.pool, 1);
      add(byPoint, point, 1);
    }
  }
  return { count, oldestMs, byPool, byPoint };
}

export function addSlowOps(parts: readonly SlowOps[]): SlowOps {
  const byPool = new Map<number, number>();
  const byPoint = new Map<OpPoint, number>();
  for (const part of parts) {
    for (const [pool, n] of part.byPool) add(byPool, pool, n);
    for (const [point, n] of part.byPoint) add(byPoint, point, n);
  }
  return {
    count: parts.reduce((n, p) => n + p.count, 0),
    oldestMs: parts.reduce((ms, p) => Math.max(ms, p.oldestMs), 0),
    byPool,
    byPoint,
  };
}

function add<K>(counts: Map<K, number>, key: K, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}
