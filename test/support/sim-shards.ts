import {
  isShared,
  type ShardEvents,
  type ShardLink,
  type Shards,
} from '../../src/runtime/index.ts';

/** Begins what runs on a shard's "thread". */
export type ShardMain = (index: number, link: (events: ShardEvents) => ShardLink) => void;

/** mulberry32: one seed, one run. */
function seeded(seed: number): (n: number) => number {
  let a = seed >>> 0;
  return (n) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/**
 * The Shards port on one thread: what is posted crosses as it would between threads, as a copy made when the turn ends,
 * in order, but later by as much as the seed says.
 */
export class SimShards implements Shards {
  readonly count: number;
  /** Shards to which nothing comes through for the time being. */
  readonly cutOff = new Set<number>();
  private readonly main: ShardMain;
  private readonly random: (n: number) => number;
  private readonly delayMs: number;
  private readonly ends: ((e: Error) => void)[] = [];

  constructor(count: number, seed: number, main: ShardMain, delayMs = 4) {
    this.count = count;
    this.main = main;
    this.random = seeded(seed);
    this.delayMs = delayMs;
  }

  start(index: number, events: ShardEvents) {
    let isEnded = false;
    let thread: ShardEvents | undefined;
    const hasEnded = (): boolean => isEnded;
    const down = this.way(
      hasEnded,
      (head, bytes) => thread!.onPost(head, bytes),
      () => {
        return thread !== undefined && !this.cutOff.has(index);
      },
    );
    const up = this.way(hasEnded, (head, bytes) => events.onPost(head, bytes));
    this.ends[index] = (e) => {
      if (isEnded) return;
      isEnded = true;
      events.onEnd(e);
    };
    setImmediate(() =>
      this.main(index, (itsEvents) => {
        thread = itsEvents;
        return { post: up };
      }),
    );
    return {
      post: down,
      end: async () => {
        isEnded = true;
      },
    };
  }

  /** The thread of a shard dies: nothing of it arrives any more, and nothing reaches it. */
  die(index: number, e: Error): void {
    this.ends[index]?.(e);
  }

  private way(
    isEnded: () => boolean,
    arrive: (head: unknown, bytes: readonly Buffer[]) => void,
    isOpen: () => boolean = () => true,
  ): ShardLink['post'] {
    const queue: (() => void)[] = [];
    const next = (): void => {
      const wait = (): void => {
        if (isEnded()) return;
        if (!isOpen()) {
          setTimeout(wait, 2);
          return;
        }
        queue.shift()?.();
        if (queue.length > 0) next();
      };
      const ms = this.random(this.delayMs);
      if (ms === 0) setImmediate(wait);
      else setTimeout(wait, ms);
    };
    return (head, bytes = []) => {
      const isFirst = queue.length === 0;
      let copy: unknown;
      let copies: Buffer[] = [];
      // What a sender changes after its turn is not seen, what it changes in it is.
      process.nextTick(() => {
        copy = structuredClone(head);
        copies = bytes.map((b) =>
          isShared(b) ? Buffer.from(b.buffer, b.byteOffset, b.length) : Buffer.from(b),
        );
      });
      queue.push(() => arrive(copy, copies));
      if (isFirst) next();
    };
  }
}
