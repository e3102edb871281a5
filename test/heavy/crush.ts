/**
 * CRUSH held against the real crushtool at full size: `npm run verify:crush [-- --maps N --inputs N --texts N --edits N
 * --lines N --seed N]`. Places N inputs on N random maps, decompiles and compiles maps, edits maps step by step, runs
 * command lines of all kinds. Prints what was compared; ends with status 1 at the first difference, which names the seed
 * that shows it again (`--seed SEED`).
 */
import { parseArgs } from 'node:util';
import { crushHash2 } from '../../src/crush/index.ts';
import { compareCommandLines } from '../support/crush-command-lines.ts';
import { type Coverage, coverageOf, totalCoverage } from '../support/crush-coverage.ts';
import { compareEdits, type EditCounts } from '../support/crush-edit-reference.ts';
import { randomCrushMap } from '../support/crush-maps.ts';
import { compareBatch, makeBatch } from '../support/crush-reference.ts';
import { compareText } from '../support/crush-text-reference.ts';
import { dice } from '../support/sim-disk.ts';

const { values } = parseArgs({
  options: {
    maps: { type: 'string', default: '10000' },
    texts: { type: 'string', default: '1000' },
    edits: { type: 'string', default: '300' },
    lines: { type: 'string', default: '100' },
    inputs: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
});
const firstSeed = Number(values.seed);
const MAPS_PER_BATCH = 16;
const WORKERS = 2;

const EDIT_STEPS = 10;

const batches = Math.ceil(Number(values.maps) / MAPS_PER_BATCH);
const coverages: Coverage[] = [];
let next = 0;
let mappings = 0;

async function work(): Promise<void> {
  while (next < batches) {
    const batch = makeBatch(firstSeed + next++, MAPS_PER_BATCH, Number(values.inputs));
    const result = await compareBatch(batch);
    if (result.difference !== undefined) throw new Error(result.difference);
    mappings += result.mappings;
    coverages.push(coverageOf(batch));
  }
}

/** Runs a part, and says how it went and how long it took. */
async function timed(part: () => Promise<string>): Promise<void> {
  const started = performance.now();
  const summary = await part();
  console.log(`${summary}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

await timed(async () => {
  await Promise.all(Array.from({ length: WORKERS }, work));
  return `${batches * MAPS_PER_BATCH} maps, ${mappings} mappings equal to crushtool's`;
});
console.log(totalCoverage(coverages));

await timed(async () => {
  const outcomes: Record<string, number> = {};
  for (let i = 0; i < Number(values.texts); i++) {
    const roll = dice(crushHash2(firstSeed + i, 0));
    const outcome = compareText(randomCrushMap(roll, { trees: 2, textual: i % 3 > 0 }));
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return `${values.texts} maps as text, with crushtool ${JSON.stringify(outcomes)}`;
});

await timed(async () => {
  const total: EditCounts = { changed: 0, refused: 0, crashed: 0 };
  for (let i = 0; i < Number(values.edits); i++) {
    const counts = await compareEdits(firstSeed + i, EDIT_STEPS);
    total.changed += counts.changed;
    total.refused += counts.refused;
    total.crashed += counts.crashed;
  }
  return `edits of ${values.edits} maps, with crushtool ${JSON.stringify(total)}`;
});

await timed(async () => {
  let equal = 0;
  for (let i = 0; i < Number(values.lines); i++) equal += await compareCommandLines(firstSeed + i);
  return `${equal} command lines on ${values.lines} maps, equal to crushtool's`;
});
