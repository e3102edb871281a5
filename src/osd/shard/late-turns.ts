import type { Clock, Timer } from '../../runtime/index.ts';
import type { Group, PgRegistry } from './pg-registry.ts';

/** Between two turns, for what else there is to do: the shortest that a timer can wait. */
const PAUSE_MS = 1;

/** What turns work on. */
export interface LateTurnsScope {
  readonly clock: Clock;
  readonly registry: Pick<PgRegistry, 'hasLate' | 'turn'>;
  submit(group: Group): void;
  /** PGs that were late may be here now. */
  turned(): void;
  /** None is late any more. */
  caughtUp(): void;
}

/** Gives late PGs their turns, one in a turn of the event loop: between two of them everything else goes on. */
export class LateTurns {
  private readonly scope: LateTurnsScope;
  private timer: Timer | undefined;

  constructor(scope: LateTurnsScope) {
    this.scope = scope;
  }

  /** Begins, if there are any and it has not. */
  begin(): void {
    const { registry, clock } = this.scope;
    if (!registry.hasLate || this.timer) return;
    this.timer = clock.setTimer(PAUSE_MS, () => {
      this.timer = undefined;
      this.run();
    });
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private run(): void {
    const { registry } = this.scope;
    if (!registry.hasLate) return;
    for (const group of registry.turn()) this.scope.submit(group);
    this.scope.turned();
    if (registry.hasLate) this.begin();
    else this.scope.caughtUp();
  }
}
