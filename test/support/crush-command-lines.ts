import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BUCKET_ALG, type CrushMap, crushHash2, encodeCrushMap } from '../../src/crush/index.ts';
import { randomCrushMap, randomWeight } from './crush-maps.ts';
import { differenceOf, runOurs, runReference } from './crush-tool-runs.ts';
import { type Dice, dice } from './sim-disk.ts';
import { tempFolder } from './temp-folder.ts';

/**
 * Runs command lines of every kind but edits of the tree on the map of a seed: tests, what shows a map, comparisons,
 * rules, tunables, classes.
 * @returns how many gave the same exit status, output and map as crushtool
 * @throws Error on the first difference
 */
export async function compareCommandLines(seed: number): Promise<number> {
  const dir = tempFolder('crush-lines');
  const roll = dice(crushHash2(seed, 31));
  const [file, other] = [join(dir, 'map'), join(dir, 'other')];
  let equal = 0;
  try {
    // Without tree buckets: crushtool adds to them on top of what it finds in memory, and may refuse that as too heavy.
    const algs = Object.values(BUCKET_ALG).filter((alg) => alg !== BUCKET_ALG.TREE);
    const map = randomCrushMap(roll, { algs, textual: seed % 2 === 0 });
    writeFileSync(file, encodeCrushMap(map));
    writeFileSync(other, encodeCrushMap(reweighted(map, roll)));
    for (const line of commandLines(map, other, roll)) {
      const words = ['-i', file, ...line];
      const theirs = runReference(words, join(dir, 'theirs'));
      if (theirs === undefined) continue;
      const ours = await runOurs(words, join(dir, 'ours'));
      const difference = differenceOf(ours, theirs);
      if (difference) throw new Error(`seed ${seed}: ${line.join(' ')}\n${difference}`);
      equal++;
    }
    return equal;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** The same map with other weights. */
function reweighted(map: CrushMap, roll: Dice): CrushMap {
  const copy = structuredClone(map);
  for (const b of copy.buckets.values()) {
    if (b.alg !== BUCKET_ALG.STRAW2) continue;
    b.itemWeights = b.itemWeights.map((w) => (roll(5) === 4 ? randomWeight(roll) : w));
  }
  return copy;
}

function commandLines(map: CrushMap, otherFile: string, roll: Dice): string[][] {
  const anyOf = <T>(list: Iterable<T>): T => {
    const all = [...list];
    return all[roll(all.length)]!;
  };
  const item = () => anyOf(map.itemNames.values());
  const type = () => anyOf(map.typeNames.values());
  const className = () => anyOf(['hdd', 'ssd']);
  const test = (...show: string[]) => ['--test', ...show, ...testOptions(map, roll)];
  return [
    test('--show-statistics'),
    test('--show-utilization'),
    test('--show-utilization-all'),
    test('--show-bad-mappings'),
    test('--show-choose-tries'),
    test('--show-mappings', '--show-statistics'),
    test('--simulate', '--show-mappings', '--show-statistics'),
    ['--compare', otherFile, ...testOptions(map, roll)],
    ['--tree'],
    ['--tree', '--format', anyOf(['json', 'json-pretty', 'xml', 'xml-pretty'])],
    ['--dump', '--format', anyOf(['json', 'json-pretty', 'xml', 'xml-pretty'])],
    ['--check', `${roll(100)}`],
    ['--show-location', `${roll(map.maxDevices + 2)}`],
    ['--bucket-tree', '--bucket-name', item()],
    ['--create-simple-rule', 'new', item(), type(), anyOf(['firstn', 'indep'])],
    ['--create-replicated-rule', 'new', item(), type(), '--device-class', className()],
    ['--remove-rule', `rule${roll(map.rules.length + 1)}`],
    ['--set-choose-total-tries', `${roll(60)}`, '--set-straw-calc-version', `${roll(2)}`],
    ['--rebuild-class-roots'],
    ['--set-subtree-class', item(), className()],
    ['--reclassify', '--reclassify-root', item(), className()],
  ];
}

function testOptions(map: CrushMap, roll: Dice): string[] {
  const out = ['--min-x', '0', '--max-x', `${roll(60)}`];
  if (roll(2) === 1) out.push('--num-rep', `${1 + roll(5)}`);
  if (roll(3) === 2) out.push('--rule', `${roll(map.rules.length + 1)}`);
  if (roll(4) === 3) out.push('--pool-id', `${roll(9)}`);
  if (roll(6) === 5) out.push('--batches', `${1 + roll(4)}`);
  if (roll(8) === 7) out.push('--mark-down-device-ratio', '0.3', '--mark-down-bucket-ratio', '0.4');
  for (let i = roll(4); i > 0; i--) {
    const weight = ['0', '0.5', '1', '0.123'][roll(4)]!;
    out.push('--weight', `${roll(map.maxDevices + 2)}`, weight);
  }
  return out;
}
