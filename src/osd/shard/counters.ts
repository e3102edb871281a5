import type { ClientOp, OpAnswer } from '../requests/client-request.ts';

/** What one shard has counted since it was started. */
export interface CounterSums {
  readonly op: number;
  readonly opR: number;
  readonly opW: number;
  readonly opInBytes: number;
  readonly opOutBytes: number;
  readonly subopW: number;
  readonly latencySumMs: number;
}

/** Counts the requests of one shard. */
export class OsdCounters {
  private op = 0;
  private opR = 0;
  private opW = 0;
  private opInBytes = 0;
  private opOutBytes = 0;
  subopW = 0;
  private latencySumMs = 0;

  answered(op: ClientOp, a: OpAnswer, nowMs: number): void {
    this.op++;
    if (op.mayWrite) this.opW++;
    else this.opR++;
    this.opInBytes += op.request.data.length;
    for (const output of a.outcome?.outputs ?? []) this.opOutBytes += output?.length ?? 0;
    this.latencySumMs += nowMs - op.startedMs;
  }

  sums(): CounterSums {
    const { op, opR, opW, opInBytes, opOutBytes, subopW, latencySumMs } = this;
    return { op, opR, opW, opInBytes, opOutBytes, subopW, latencySumMs };
  }
}

/** What `perf dump` shows, over all shards. Names as in Ceph's osd section. */
export function dumpCounters(shards: readonly CounterSums[]): Record<string, unknown> {
  const sum = (of: (c: CounterSums) => number): number => shards.reduce((n, c) => n + of(c), 0);
  const op = sum((c) => c.op);
  const seconds = sum((c) => c.latencySumMs) / 1000;
  return {
    op,
    op_in_bytes: sum((c) => c.opInBytes),
    op_out_bytes: sum((c) => c.opOutBytes),
    op_latency: { avgcount: op, sum: seconds, avgtime: op > 0 ? seconds / op : 0 },
    op_r: sum((c) => c.opR),
    op_w: sum((c) => c.opW),
    subop_w: sum((c) => c.subopW),
  };
}
