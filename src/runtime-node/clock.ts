import type { Clock } from '../runtime/index.ts';

/** Node.js fires a timer that is set to more at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The system's clocks and timers. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => performance.timeOrigin + performance.now(),
  setTimer(delayMs, fire) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      const next = (): void => (leftMs > LONGEST_MS ? wait(leftMs - LONGEST_MS) : fire());
      timer = setTimeout(next, Math.max(0, Math.min(leftMs, LONGEST_MS)));
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
