import type { Clock, Timer } from '../runtime/index.ts';

/** Timers by name, all of which end together. */
export class Timers {
  private readonly clock: Clock;
  private readonly timers = new Map<string, Timer>();
  private isStopped = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  every(name: string, ms: number, run: () => void): void {
    const again = (): void => {
      this.timers.set(name, this.clock.setTimer(ms, again));
      run();
    };
    this.timers.set(name, this.clock.setTimer(ms, again));
  }

  /** Runs once after `ms`, unless that is under way already. */
  soon(name: string, ms: number, run: () => void): void {
    if (this.timers.has(name) || this.isStopped) return;
    const fire = (): void => {
      this.timers.delete(name);
      run();
    };
    this.timers.set(name, this.clock.setTimer(ms, fire));
  }

  cancel(name: string): void {
    this.timers.get(name)?.cancel();
    this.timers.delete(name);
  }

  stop(): void {
    this.isStopped = true;
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
  }
}
