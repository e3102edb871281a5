import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../src/runtime-node/index.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The longest that a timer of the system can be set to; it fires at once for more. */
const LONGEST_MS = 2 ** 31 - 1;

it.each([LONGEST_MS + 1, 3 * LONGEST_MS])('a timer of %s ms fires once, and not before', (ms) => {
  const fire = vi.fn();
  systemClock.setTimer(ms, fire);
  vi.advanceTimersByTime(ms - 1);
  expect(fire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fire).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

it('a timer without end never fires, and can be cancelled at any time', () => {
  const fire = vi.fn();
  const timer = systemClock.setTimer(Number.POSITIVE_INFINITY, fire);
  vi.advanceTimersByTime(2 * LONGEST_MS);
  expect(fire).not.toHaveBeenCalled();
  timer.cancel();
  expect(vi.getTimerCount()).toBe(0);
});
