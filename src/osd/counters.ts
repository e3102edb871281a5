import type { ClientOp, OpAnswer } from './client-request.ts';

/** What `perf dump` shows. Names as in Ceph's osd section. */
export class OsdCounters {
  op = 0;
  opR = 0;
  opW = 0;
  opInBytes = 0;
  opOutBytes = 0;
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

  dump(): Record<string, unknown> {
    const seconds = this.latencySumMs / 1000;
    return {
      op: this.op,
      op_in_bytes: this.opInBytes,
      op_out_bytes: this.opOutBytes,
      op_latency: {
        avgcount: this.op,
        sum: seconds,
        avgtime: this.op > 0 ? seconds / this.op : 0,
      },
      op_r: this.opR,
      op_w: this.opW,
      subop_w: this.subopW,
    };
  }
}
