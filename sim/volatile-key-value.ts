import type { KeyValue, KeyValueOp, KeyValueRange } from '../src/runtime/index.ts';
import { MemoryKeyValue } from '../src/store/index.ts';
import type { SimProcess } from './process.ts';
import type { Dice } from './random.ts';
import type { Timeline } from './timeline.ts';

/** A key/value store on a disk: batches take a while, in order, and of those under way a crash keeps a prefix. */
export class VolatileKeyValue {
  kept = new MemoryKeyValue();
  /** As the first process found it; only for a lie. */
  private old: MemoryKeyValue | undefined;
  private waiting: { batch: readonly KeyValueOp[]; done: () => void }[] = [];
  private readonly timeline: Timeline;
  private readonly dice: Dice;
  private readonly commitMaxMs: number;
  private readonly isLying: boolean;

  /** @param isLying loses at a crash what was durable */
  constructor(timeline: Timeline, dice: Dice, commitMaxMs: number, isLying = false) {
    this.timeline = timeline;
    this.dice = dice;
    this.commitMaxMs = commitMaxMs;
    this.isLying = isLying;
  }

  crash(): void {
    const kept = this.dice.below(this.waiting.length + 1);
    for (const { batch } of this.waiting.slice(0, kept)) void this.kept.commit(batch);
    this.waiting = [];
    if (this.old) this.kept = new MemoryKeyValue(this.old);
  }

  open(process: SimProcess): KeyValue {
    const { kept } = this;
    if (this.isLying) this.old ??= new MemoryKeyValue(kept);
    return {
      get: (key) => kept.get(key),
      sizeOf: (key) => kept.sizeOf(key),
      range: (from: string, to: string, options?: KeyValueRange) => kept.range(from, to, options),
      commit: (batch) =>
        new Promise((done) => {
          if (!process.isAlive) return;
          this.waiting.push({ batch, done });
          if (this.waiting.length === 1) this.schedule(process);
        }),
      close: async () => {},
    };
  }

  private schedule(process: SimProcess): void {
    const count = this.waiting.length;
    this.timeline.after(0.2 + this.dice.unit() * this.commitMaxMs, () =>
      process.enter(() => {
        const group = this.waiting.splice(0, count);
        for (const { batch } of group) void this.kept.commit(batch);
        if (this.waiting.length > 0) this.schedule(process);
        for (const { done } of group) done();
      }),
    );
  }
}
