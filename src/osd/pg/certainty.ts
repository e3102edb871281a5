import type { Timer } from '../../runtime/index.ts';
import type { PgHost } from './pg-host.ts';
import type { PgState } from './pg-state.ts';

/**
 * When a member may tell others what it holds: once that is durable, since of entries that a crash then takes back the
 * others would want objects in versions that nobody has; and once no former primary may still answer reads because of our
 * word, since whoever hears what we hold may serve.
 */
export class Certainty {
  private readonly host: Pick<PgHost, 'clock' | 'leases' | 'submit'>;
  private readonly state: Pick<PgState, 'info'>;
  private readonly timers = new Set<Timer>();

  constructor(host: Pick<PgHost, 'clock' | 'leases' | 'submit'>, state: Pick<PgState, 'info'>) {
    this.host = host;
    this.state = state;
  }

  /** Runs `then` in this interval, or never. */
  when(then: () => void): void {
    const { host, state } = this;
    const { since } = state.info;
    const look = (): void => {
      if (since !== state.info.since) return;
      const former = new Set(state.info.history.flatMap((i) => i.acting));
      const waitMs = host.leases.waitMs(former);
      if (waitMs <= 0) then();
      else this.later(waitMs, look);
    };
    void host.submit([]).then(look);
  }

  /** The interval is over. */
  stop(): void {
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
  }

  private later(ms: number, run: () => void): void {
    const timer = this.host.clock.setTimer(ms, () => {
      this.timers.delete(timer);
      run();
    });
    this.timers.add(timer);
  }
}
