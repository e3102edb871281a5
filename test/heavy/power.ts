/**
 * Cuts the power of a store at every event of random runs, in as many ways as asked for, and checks what is left.
 * `npm run verify:power [-- --states N] [--seed N]`; default 100,000 states from seed 1. A failure names its seed.
 */
import { parseArgs } from 'node:util';
import { type PowerCounts, powerRun } from '../support/power-run.ts';

const { values } = parseArgs({
  options: {
    states: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
});
const statesMax = Number(values.states);
const counts: PowerCounts = { states: 0, more: 0, events: 0, refusals: 0 };
const began = performance.now();
let seed = Number(values.seed);
let told = 0;
while (await powerRun(seed, { runs: 3, random: 6, every: 5, statesMax }, counts)) {
  seed++;
  if (counts.states - told < 5000) continue;
  told = counts.states;
  console.log(`${counts.states} states, ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
console.log(
  `${counts.states} states in ${((performance.now() - began) / 1000).toFixed(0)} s, seeds ${values.seed} to ${seed}; ` +
    `${counts.events} events of the disk, ${counts.refusals} transactions refused for room; ` +
    `in ${counts.more} states more survived than was acknowledged; nothing wrong`,
);
