import { general } from '../../codec/index.ts';
import { CrushMapper } from '../mapping/mapper.ts';
import type { CrushMap } from '../types.ts';
import { lrand48 } from './lrand48.ts';
import { type CrushTestOptions, type CrushTestSink, inputRange, ruleRange } from './options.ts';
import { sizeRange } from './test.ts';
import { initialWeights, markDown } from './weights.ts';

/**
 * Counts the inputs that two maps place differently, rule by rule, with the weights of the first. Source:
 * CrushTester::compare, release 16.2.
 * @returns whether all results are equal
 */
export function compareCrushMaps(
  map: CrushMap,
  other: CrushMap,
  options: CrushTestOptions,
  sink: CrushTestSink,
): boolean {
  const weights = initialWeights(map, options);
  markDown(map, options, weights, lrand48());
  const mappers = [new CrushMapper(map), new CrushMapper(other)] as const;
  const [minX, maxX] = inputRange(options);
  const [first, last] = ruleRange(options, map.rules.length);
  const { ruleset = -1 } = options;
  let isEqual = true;
  for (let id = first; id <= last && !sink.isClosed; id++) {
    const rule = map.rules[id];
    if (!rule) {
      if (options.showStatistics) sink.out(`rule ${id} dne\n`);
      continue;
    }
    if (ruleset >= 0 && rule.ruleset !== ruleset) continue;
    const [minRep, maxRep] = sizeRange(options, rule);
    let bad = 0;
    for (let numRep = minRep; numRep <= maxRep; numRep++) {
      bad += differences(mappers, id, minX, maxX, numRep, weights);
    }
    if (bad > 0) isEqual = false;
    const all = Math.imul(maxRep - minRep + 1, maxX - minX + 1);
    const ratio = general(bad / all);
    sink.out(`rule ${id} had ${bad}/${all} mismatched mappings (${ratio})\n`);
  }
  if (isEqual) sink.out('maps appear equivalent\n');
  else sink.err('warning: maps are NOT equivalent\n');
  return isEqual;
}

function differences(
  [mapper, otherMapper]: readonly [CrushMapper, CrushMapper],
  id: number,
  minX: number,
  maxX: number,
  numRep: number,
  weights: Uint32Array,
): number {
  const out = new Int32Array(numRep);
  const otherOut = new Int32Array(numRep);
  let count = 0;
  for (let x = minX; x <= maxX; x++) {
    const length = mapper.runInto(id, x, numRep, weights, out, 0);
    const otherLength = otherMapper.runInto(id, x, numRep, weights, otherOut, 0);
    let isSame = length === otherLength;
    for (let i = 0; isSame && i < length; i++) isSame = out[i] === otherOut[i];
    if (!isSame) count++;
  }
  return count;
}
