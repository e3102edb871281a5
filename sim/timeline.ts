import type { Timer } from '../src/runtime/index.ts';
import { nativeCrc32c } from '../src/runtime-node/index.ts';

class Event implements Timer {
  readonly at: number;
  readonly order: number;
  fire: () => void;

  constructor(at: number, order: number, fire: () => void) {
    this.at = at;
    this.order = order;
    this.fire = fire;
  }

  cancel(): void {
    this.fire = nothing;
  }
}

/** Bytes of a note, and notes that are summed up at once. */
const NOTE_BYTES = 24;
const NOTES = 512;

/** Turns of the engine that are asked for at once: each runs one event and all promises that follow from it. */
const TURNS = 64;

/**
 * Virtual time: events in order of time, then of being asked for. Between two events all promises run dry, so what
 * happens depends on nothing but the order of events. Milliseconds; time in which nothing happens costs nothing.
 */
export class Timeline {
  now = 0;
  /** Events so far. */
  count = 0;
  private readonly heap: Event[] = [];
  private order = 0;
  private hash = 0;
  private readonly notes = new DataView(new ArrayBuffer(NOTE_BYTES * NOTES));
  private noted = 0;
  /** Hears of everything that is noted, in words, while somebody reads along. */
  tell: ((line: string) => void) | undefined;

  /** Notes what happened: equal seeds give equal hashes. `a` to `c` are integers. */
  note(what: number, a: number, b: number, c: number): void {
    const { notes } = this;
    const at = this.noted;
    notes.setFloat64(at, this.now);
    notes.setInt32(at + 8, what);
    notes.setInt32(at + 12, a);
    notes.setInt32(at + 16, b);
    notes.setInt32(at + 20, c);
    this.noted = at + NOTE_BYTES;
    if (this.noted === notes.byteLength) this.sumUp();
  }
  get traceHash(): string {
    this.sumUp();
    return this.hash.toString(16).padStart(8, '0');
  }
  private sumUp(): void {
    this.hash = nativeCrc32c(this.hash, new Uint8Array(this.notes.buffer, 0, this.noted));
    this.noted = 0;
  }

  after(delayMs: number, fire: () => void): Timer {
    const event = new Event(this.now + Math.max(0, delayMs), this.order++, fire);
    this.push(event);
    return event;
  }

  /** Resolves after so much virtual time. */
  sleep(ms: number): Promise<void> {
    return new Promise((go) => this.after(ms, go));
  }

  /**
   * Runs events until `until`, or until `done`, which is asked after each.
   * @returns whether `done` came true
   * @throws what an event throws
   */
  run(until: number, done: () => boolean = () => false): Promise<boolean> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (how: () => void): void => {
        isOver = true;
        how();
      };
      const turn = (isLast: boolean): void => {
        if (isOver) return;
        try {
          if (done()) return over(() => resolve(true));
          const next = this.heap[0];
          if (next === undefined || next.at > until) {
            this.now = Math.max(this.now, until);
            return over(() => resolve(false));
          }
          this.pop();
          this.now = next.at;
          if (next.fire !== nothing) {
            this.count++;
            next.fire();
          }
        } catch (e) {
          return over(() => reject(e));
        }
        if (isLast) more();
      };
      const more = (): void => {
        for (let i = 1; i < TURNS; i++) setImmediate(turn, false);
        setImmediate(turn, true);
      };
      more();
    });
  }

  private push(event: Event): void {
    const { heap } = this;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = event;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop()!;
    const n = heap.length;
    if (n === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function nothing(): void {}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
