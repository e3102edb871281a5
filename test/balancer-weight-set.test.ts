import { describe, expect, test } from 'vitest';
import { calcWeightSet, distribution, withCrush, withWeightSet } from '../src/balancer/index.ts';
import { BUCKET_ALG, CHOOSE_ARGS_DEFAULT, decodeCrushMap } from '../src/crush/index.ts';
import { clusterOf, regular } from './support/balancer-maps.ts';

describe('a compat weight set', () => {
  const map = clusterOf(regular(4, 4, 3), 512);
  const set = calcWeightSet(map, { pools: [1] })!;
  const next = withCrush(map, withWeightSet(map.crushMap, set));

  test('spreads the pool several times more evenly, and says so truthfully', () => {
    const before = distribution(map, [1]).summary.standardDeviation;
    const after = distribution(next, [1]).summary.standardDeviation;
    expect(set.before).toBeCloseTo(before, 9);
    expect(set.after).toBeCloseTo(after, 9);
    expect(after).toBeLessThan(before / 4);
  });

  test('is stored with the map: sums upwards, one position, every bucket', () => {
    const { chooseArgs, buckets } = decodeCrushMap(next.data.crush);
    const args = chooseArgs.get(CHOOSE_ARGS_DEFAULT)!;
    const sumOf = (id: number): number => args.get(id)!.weightSets[0]!.reduce((a, b) => a + b, 0);
    for (const [id, bucket] of buckets) {
      const { weightSets } = args.get(id)!;
      expect(weightSets.map((w) => w.length)).toEqual([bucket.items.length]);
      bucket.items.forEach((item, i) => {
        const weight = weightSets[0]![i];
        expect(weight).toBe(item < 0 ? sumOf(item) : (set.devices.get(item) ?? 4 * 0x10000));
      });
    }
  });

  test('real weights stay as they are', () => {
    for (const [id, bucket] of map.crushMap.buckets) {
      expect(next.crushMap.buckets.get(id)).toEqual(bucket);
    }
  });

  test('goes on from the one that is there, never to a worse one', () => {
    const again = calcWeightSet(next, { pools: [1], rounds: 5 })!;
    expect(again.before).toBeCloseTo(set.after, 9);
    expect(again.after).toBeLessThanOrEqual(again.before);
  });

  test('needs straw2', () => {
    const crush = structuredClone(map.crushMap);
    const bucket = crush.buckets.get(-1)!;
    crush.buckets.set(-1, {
      id: bucket.id,
      type: bucket.type,
      hash: 0,
      weight: bucket.weight,
      items: bucket.items,
      alg: BUCKET_ALG.UNIFORM,
      itemWeight: 0x10000,
    });
    expect(calcWeightSet(withCrush(map, crush))).toBeUndefined();
  });
});
