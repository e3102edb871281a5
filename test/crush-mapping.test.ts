import { expect, test } from 'vitest';
import { CrushMapper, checkCrushMap } from '../src/crush/index.ts';
import { goldenJson, goldenMap, goldenMappings, toolWeights } from './crush-golden.ts';

/** crushtool looks for the choose_args of index 0, then for the default ones. */
const TOOL_KEY = 0;

const files = goldenJson('mappings.json') as Record<
  string,
  { map: string; rule: number; weights: Record<string, number> }
>;

test('every recorded mapping of crushtool comes out the same, of both engines', () => {
  let count = 0;
  for (const [file, { map: mapFile, rule, weights }] of Object.entries(files)) {
    const map = goldenMap(mapFile.replace('.crush', ''));
    const mappers = (['wasm', 'js'] as const).map((engine) => new CrushMapper(map, { engine }));
    const deviceWeights = Uint32Array.from(toolWeights(map, weights));
    const out = new Int32Array(32);
    for (const { x, numRep, result } of goldenMappings(file)) {
      for (const mapper of mappers) {
        const length = mapper.runInto(rule, x, numRep, deviceWeights, out, TOOL_KEY);
        const ours = out.subarray(0, length);
        if (ours.length !== result.length || ours.some((id, i) => id !== result[i])) {
          expect(`${file} num-rep ${numRep} x ${x}: ${ours}`).toBe(`${result}`);
        }
      }
      count++;
    }
  }
  expect(count).toBeGreaterThan(300_000);
});

test('steps of later releases are passed over by a mapping, and refused in a map', () => {
  const map = goldenMap('straw2-small');
  const weights = toolWeights(map, {});
  const plain = new CrushMapper(map).run(0, 1, 3, weights);
  const { steps } = map.rules[0]!;
  for (const op of [14, 15, 16]) {
    map.rules[0]!.steps = [steps[0]!, { op, arg1: 1, arg2: 0 }, ...steps.slice(1)];
    expect(new CrushMapper(map).run(0, 1, 3, weights)).toEqual(plain);
    expect(checkCrushMap(map)).toContain(`rule 0 has unknown step ${op}`);
  }
});
