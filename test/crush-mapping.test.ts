import { expect, test } from 'vitest';
import { CrushMapper } from '../src/crush/index.ts';
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
