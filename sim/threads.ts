import { isShared, type ShardEvents, type ShardLink, type Shards } from '../src/runtime/index.ts';
import type { SimProcess } from './process.ts';
import type { Dice } from './random.ts';
import type { Timeline } from './timeline.ts';

/** Begins what runs on a shard's thread. */
type ThreadMain = (index: number, link: (events: ShardEvents) => ShardLink) => void;

/** What is posted from thread to thread at once. */
interface Post {
  head: unknown;
  bytes: readonly Uint8Array[];
}

/** For the trace. */
const NOTE_POST = 3;

/**
 * The threads of one life of an OSD, in virtual time: what is posted crosses as between real ones, as a copy made when the
 * turn ends, in order, and later. They end with their process.
 */
export class SimThreads implements Shards {
  readonly count: number;
  private readonly timeline: Timeline;
  private readonly process: SimProcess;
  private readonly dice: Dice;
  private readonly delayMaxMs: number;
  private readonly main: ThreadMain;
  private readonly stalls = new Map<number, (() => void)[]>();

  constructor(
    on: { timeline: Timeline; process: SimProcess; dice: Dice; delayMaxMs: number },
    count: number,
    main: ThreadMain,
  ) {
    this.timeline = on.timeline;
    this.process = on.process;
    this.dice = on.dice;
    this.delayMaxMs = on.delayMaxMs;
    this.count = count;
    this.main = main;
  }

  start(index: number, events: ShardEvents) {
    let isEnded = false;
    let thread: ShardEvents | undefined;
    const down = this.way(index, (head, bytes) => {
      if (!isEnded) thread!.onPost(head, bytes);
    });
    const up = this.way(index, (head, bytes) => {
      if (!isEnded) events.onPost(head, bytes);
    });
    // Nothing comes before this: it was asked for first, and ways take longer.
    this.timeline.after(0, () =>
      this.process.enter(() =>
        this.main(index, (its) => {
          thread = its;
          return { post: up };
        }),
      ),
    );
    const end = async (): Promise<void> => {
      isEnded = true;
    };
    return { post: down, end };
  }

  /** A thread that gets no time of the processor: nothing comes to it or from it until it goes on. */
  stall(index: number): void {
    if (!this.stalls.has(index)) this.stalls.set(index, []);
  }
  goOn(index: number): void {
    const held = this.stalls.get(index) ?? [];
    this.stalls.delete(index);
    for (const act of held) act();
  }

  private way(index: number, arrive: (head: unknown, bytes: Buffer[]) => void): ShardLink['post'] {
    let waiting: Post[] = [];
    let lastArrival = 0;
    const { timeline, process: owner } = this;
    const deliver = (posts: readonly Post[]): void => {
      const act = (): void =>
        owner.enter(() => {
          for (const { head, bytes } of posts) arrive(head, bytes as Buffer[]);
        });
      const held = this.stalls.get(index);
      if (held) held.push(act);
      else act();
    };
    const flush = (): void => {
      const posts = waiting.map(copied);
      waiting = [];
      timeline.note(NOTE_POST, index, posts.length, 0);
      const at = timeline.now + this.dice.unit() * this.delayMaxMs;
      lastArrival = Math.max(lastArrival, at);
      timeline.after(lastArrival - timeline.now, () => deliver(posts));
    };
    return (head, bytes = []) => {
      // Said by the collector of garbage, which keeps to no seed. Who hears it only forgets something.
      if (isLoss(head)) return arrive(head, []);
      // What a sender changes after its turn is not seen, what it changes in it is.
      if (waiting.length === 0) process.nextTick(flush);
      waiting.push({ head, bytes });
    };
  }
}

function copied({ head, bytes }: Post): Post {
  return {
    head: structuredClone(head),
    bytes: bytes.map((b) =>
      isShared(b) ? Buffer.from(b.buffer, b.byteOffset, b.length) : Buffer.from(b),
    ),
  };
}

function isLoss(head: unknown): boolean {
  const { kind, isLost } = head as { kind?: unknown; isLost?: unknown };
  return kind === 'returned' && isLost === true;
}
