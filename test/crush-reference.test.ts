import { expect, test } from 'vitest';
import { compareBatch, makeBatch } from './support/crush-reference.ts';
import { toolsMissing } from './support/interop.ts';

const skip = toolsMissing('crushtool');
/** 16 maps each; `npm run verify:crush` does the same for 10,000. */
const FIXED_SEEDS = Array.from({ length: 12 }, (_, i) => 100_000 + i);

test.skipIf(skip)('random maps place 100 inputs as the real crushtool does', async () => {
  // One seed that no run had before; a failure prints it.
  const fresh = Math.floor(Math.random() * 2 ** 31);
  let mappings = 0;
  for (const seed of [...FIXED_SEEDS, fresh]) {
    const result = await compareBatch(makeBatch(seed, 16, 100));
    expect(result.difference).toBeUndefined();
    mappings += result.mappings;
  }
  expect(mappings).toBeGreaterThan(30_000);
});
