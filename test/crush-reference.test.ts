import { expect, test } from 'vitest';
import { crushHash2 } from '../src/crush/index.ts';
import { compareCommandLines } from './support/crush-command-lines.ts';
import { compareEdits } from './support/crush-edit-reference.ts';
import { randomCrushMap } from './support/crush-maps.ts';
import { compareBatch, makeBatch } from './support/crush-reference.ts';
import { compareText, type TextOutcome } from './support/crush-text-reference.ts';
import { toolsMissing } from './support/interop.ts';
import { dice } from './support/sim-disk.ts';

const skip = toolsMissing('crushtool');
/** 16 maps each; `npm run verify:crush` does the same for 10,000. */
const FIXED_SEEDS = Array.from({ length: 6 }, (_, i) => 100_000 + i);

test.skipIf(skip)('random maps place 100 inputs as the real crushtool does', async () => {
  // One seed that no run had before; a failure prints it.
  const fresh = Math.floor(Math.random() * 2 ** 31);
  let mappings = 0;
  for (const seed of [...FIXED_SEEDS, fresh]) {
    const result = await compareBatch(makeBatch(seed, 16, 100));
    expect(result.difference).toBeUndefined();
    mappings += result.mappings;
  }
  expect(mappings).toBeGreaterThan(15_000);
});

test.skipIf(skip)('random maps as text, and from it, are what the real crushtool makes', () => {
  const outcomes: Record<TextOutcome, number> = { compiled: 0, refused: 0, crashed: 0 };
  for (let seed = 0; seed < 30; seed++) {
    const map = randomCrushMap(dice(crushHash2(seed, 0)), { trees: 2, textual: seed % 3 > 0 });
    outcomes[compareText(map)]++;
  }
  expect(outcomes.compiled).toBeGreaterThan(15);
  expect(outcomes.refused).toBeGreaterThan(1);
});

test.skipIf(skip)(
  'random edits leave what the real crushtool leaves, and are refused alike',
  async () => {
    const total = { changed: 0, refused: 0 };
    for (let seed = 0; seed < 12; seed++) {
      const counts = await compareEdits(seed, 6);
      total.changed += counts.changed;
      total.refused += counts.refused;
    }
    expect(total.changed).toBeGreaterThan(35);
    expect(total.refused).toBeGreaterThan(5);
  },
);

test.skipIf(skip)('random command lines print and write what those of crushtool do', async () => {
  let equal = 0;
  for (let seed = 0; seed < 5; seed++) equal += await compareCommandLines(seed);
  expect(equal).toBeGreaterThan(90);
});
