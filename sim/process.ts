import {
  BufferPool,
  type Clock,
  type LogLevel,
  type Runtime,
  type Timer,
} from '../src/runtime/index.ts';
import { nativeCrc32c } from '../src/runtime-node/index.ts';
import type { SimNetwork } from './network.ts';
import { Dice } from './random.ts';
import type { Timeline } from './timeline.ts';

/** 14 November 2023: what the clocks of a simulation show at its beginning, more or less. */
const EPOCH_MS = 1_700_000_000_000;

/** How a machine's clock goes wrong. */
export interface Drift {
  /** Milliseconds of its clock for one real one. */
  readonly rate: number;
  /** How far its wall clock is from the right time, at the beginning. */
  readonly offsetMs: number;
}

export type LogSink = (who: string, level: LogLevel, message: string, fields: unknown) => void;

/** A timer that falls due while its process is stopped can be cancelled until the process goes on and gets to it. */
class ProcessTimer implements Timer {
  private fire: (() => void) | undefined;

  constructor(fire: () => void) {
    this.fire = fire;
  }

  due(): void {
    this.fire?.();
  }
  cancel(): void {
    this.fire = undefined;
  }
}

/**
 * One life of a daemon or client: what the world is to it. When it has been killed nothing reaches it any more: no
 * timer, no byte, no answer of a disk; so its code just ends, wherever it was.
 */
export class SimProcess {
  readonly name: string;
  readonly address: string;
  readonly clock: Clock;
  isAlive = true;
  /** Resolves when it is killed. Who waits for what it does waits for this too. */
  readonly ended: Promise<void>;
  private end: () => void = () => {};
  /** Counts what it has logged as errors: a run without faults of the disk has none. */
  private isPaused = false;
  private held: (() => void)[] = [];
  private readonly timeline: Timeline;

  /** @param address of its machine */
  constructor(timeline: Timeline, name: string, address: string, drift: Drift) {
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
    this.timeline = timeline;
    this.name = name;
    this.address = address;
    const { rate, offsetMs } = drift;
    this.clock = {
      monotonicMs: () => timeline.now * rate,
      wallMs: () => EPOCH_MS + offsetMs + timeline.now * rate,
      setTimer: (delayMs, fire) => {
        const timer = new ProcessTimer(fire);
        timeline.after(delayMs / rate, () => this.enter(() => timer.due()));
        return timer;
      },
    };
  }

  /** Runs something in the process: now, when it goes on after a pause, or never. */
  enter(act: () => void): void {
    if (!this.isAlive) return;
    if (this.isPaused) this.held.push(act);
    else act();
  }

  kill(): void {
    this.isAlive = false;
    this.held = [];
    this.end();
  }
  /** SIGSTOP: what reaches it waits. */
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
    const due = this.held;
    this.held = [];
    for (const act of due) this.timeline.after(0, () => this.enter(act));
  }

  /** A promise that is settled only while the process lives. */
  alive<T>(of: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      of.then(
        (value) => this.enter(() => resolve(value)),
        (error) => this.enter(() => reject(error)),
      );
    });
  }

  runtime(network: SimNetwork, seed: number, log: LogSink): Runtime {
    return {
      clock: this.clock,
      random: new Dice(seed, `${this.name} ${this.timeline.now}`),
      network: network.of(this),
      log: (level, message, fields) => {
        if (this.isAlive) log(this.name, level, message, fields);
      },
      crc32c: nativeCrc32c,
      pool: new BufferPool(),
    };
  }
}
