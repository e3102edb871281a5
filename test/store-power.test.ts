// Every state that a power failure may leave, within the assumptions that test/support/power-states.ts names.
import { expect, it } from 'vitest';
import { type PowerCounts, powerRun } from './support/power-run.ts';

it('BlockStore survives power failures: thousands of states, each opened and checked', async () => {
  const counts: PowerCounts = { states: 0, more: 0, events: 0, refusals: 0 };
  const options = { runs: 2, random: 2, every: 5, statesMax: 2000 };
  const first = Number(process.env.POWER_SEED ?? 0);
  for (let seed = first; await powerRun(seed, options, counts); seed++);
  expect(counts.more).toBeGreaterThan(100);
  expect(counts.refusals).toBeGreaterThan(0);
});
