import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CrushMapper } from '../src/crush/index.ts';
import { goldenMap, toolWeights } from './crush-golden.ts';

const hasCrushtool = spawnSync('crushtool', ['--help'], { stdio: 'ignore' }).error === undefined;

/** Maps with and without local retries and stable leaves, and rules of both families. */
const MAPS = ['straw2-small', 'bobtail-mixed', 'argonaut-straw', 'choose-args'];

test.skipIf(!hasCrushtool).each(MAPS)('%s: tries are counted as crushtool counts them', (name) => {
  const map = goldenMap(name);
  const weights = toolWeights(map, { 1: 0, 2: 0.5 });
  const mapper = new CrushMapper(map, { countTries: true });
  const file = fileURLToPath(new URL(`golden/crush/${name}.crush`, import.meta.url));
  for (const rule of map.rules.keys()) {
    const options = ['--rule', rule, '--num-rep', 4, '--max-x', 1023, '--weight', 1, 0];
    const args = ['-i', file, '--test', '--show-choose-tries', ...options, '--weight', 2, 0.5];
    const text = execFileSync('crushtool', args.map(String), { encoding: 'utf8', stdio: 'pipe' });
    const theirs = [...text.matchAll(/^ *\d+: +(\d+)$/gm)].map((m) => Number(m[1]));
    mapper.choosesByTries.fill(0);
    for (let x = 0; x < 1024; x++) mapper.run(rule, x, 4, weights, 0);
    expect(theirs.length).toBe(map.tunables.chooseTotalTries);
    expect(Array.from(mapper.choosesByTries).slice(0, -1)).toEqual(theirs);
    expect(Math.max(...theirs)).toBeGreaterThan(100);
  }
});

test('a mapper that does not count has no counts', () => {
  const mapper = new CrushMapper(goldenMap('straw2-small'));
  mapper.run(0, 1, 3, [0x10000, 0x10000, 0x10000]);
  expect(mapper.choosesByTries).toEqual(new Uint32Array(0));
});
