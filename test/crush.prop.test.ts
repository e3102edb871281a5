import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeBucket } from '../src/crush/bucket.ts';
import {
  BUCKET_ALG,
  CRUSH_ITEM_NONE,
  type CrushMap,
  CrushMapper,
  checkCrushMap,
  compileCrushMap,
  createDefaultCrushMap,
  decodeCrushMap,
  decompileCrushMap,
  encodeCrushMap,
  itemByName,
  RULE_OP,
} from '../src/crush/index.ts';
import { DecodeError } from '../src/errors/index.ts';
import { crushMaps, differences } from './support/crush-maps.ts';

test('random maps are sound and come back from their bytes', () => {
  fc.assert(
    fc.property(crushMaps({ trees: 2 }), (map) => {
      const bytes = encodeCrushMap(map);
      expect(differences(decodeCrushMap(bytes), map)).toEqual([]);
      expect(encodeCrushMap(decodeCrushMap(bytes)).equals(bytes)).toBe(true);
      expect(checkCrushMap(map)).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test('maps come back from their text', () => {
  fc.assert(
    fc.property(crushMaps({ trees: 2, textual: true }), (map) => {
      const text = decompileCrushMap(map);
      const back = compileCrushMap(text);
      expect(differences(back, map)).toEqual([]);
      expect(decompileCrushMap(back)).toBe(text);
    }),
    { numRuns: 60 },
  );
});

test('damaged bytes are refused with the place, or make a map that can be judged and used', () => {
  const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
  const damage = fc.array(change, { minLength: 1, maxLength: 3 });
  let refused = 0;
  let sound = 0;
  fc.assert(
    fc.property(crushMaps(), damage, fc.nat(), fc.boolean(), (map, changes, keep, cut) => {
      const whole = Buffer.from(encodeCrushMap(map));
      for (const { at, value } of changes) whole[at % whole.length] = value;
      const bytes = cut ? whole.subarray(0, keep % whole.length) : whole;
      let damaged: CrushMap;
      try {
        damaged = decodeCrushMap(bytes);
      } catch (e) {
        expect(e).toBeInstanceOf(DecodeError);
        expect(String(e)).toMatch(/crush_map/);
        refused++;
        return;
      }
      if (checkCrushMap(damaged, { devicesMax: 2 ** 31 }).length > 0) return;
      sound++;
      const mapper = new CrushMapper(damaged);
      const weights = new Uint32Array(64).fill(0x10000);
      damaged.rules.forEach((_, rule) => {
        for (let x = 0; x < 4; x++) mapper.run(rule, x, 3, weights, 0);
      });
    }),
    { numRuns: 400 },
  );
  expect(refused).toBeGreaterThan(50);
  expect(sound).toBeGreaterThan(20);
});

test('an emitted group holds different devices that are in, and is the same each time', () => {
  const out = new Int32Array(16);
  fc.assert(
    fc.property(crushMaps(), fc.nat(), fc.nat({ max: 31 }), (map, x, outDevice) => {
      const mapper = new CrushMapper(map);
      const weights = new Uint32Array(map.maxDevices).fill(0x10000);
      if (outDevice < weights.length) weights[outDevice] = 0;
      map.rules.forEach((rule, id) => {
        if (!rule) return;
        // It may answer with the last device it tried, out or not and more than once, as Ceph does.
        if (rule.steps.some((s) => s.op === RULE_OP.CHOOSELEAF_INDEP && s.arg2 === 0)) return;
        const result = mapper.run(id, x, rule.maxSize, weights, 0);
        const devices = result.filter((device) => device !== CRUSH_ITEM_NONE);
        // Groups, and choices below different buckets of a device in two trees, know nothing of each other.
        const simple = rule.steps.filter((s) => [2, 3, 6, 7].includes(s.op)).length === 1;
        const taken = rule.steps.some((s) => s.op === 1 && s.arg1 >= 0);
        if (simple) expect(new Set(devices).size).toBe(devices.length);
        if (!taken) expect(devices).not.toContain(outDevice);
        for (const device of devices) expect(device < map.maxDevices && device >= 0).toBe(true);
        const length = mapper.runInto(id, x, rule.maxSize, weights, out, 0);
        expect(Array.from(out.subarray(0, length))).toEqual(result);
      });
    }),
    { numRuns: 150 },
  );
});

test('a tree bucket without weight gives an item of its own', () => {
  const map = createDefaultCrushMap({ failureDomain: 'osd' });
  const root = itemByName(map, 'default')!;
  const head = { id: root, type: 11, alg: BUCKET_ALG.TREE, hash: 0 };
  map.buckets.set(root, makeBucket(head, [0, 1, 2, 3, 4], [0, 0, 0, 0, 0], 1));
  // The bucket whose items come next in the mapper's arrays.
  map.buckets.set(-2, makeBucket({ ...head, id: -2 }, [5, 6, 7], [1, 1, 1], 1));
  map.maxDevices = 8;
  const mapper = new CrushMapper(map);
  const weights = new Uint32Array(8).fill(0x10000);
  for (let x = 0; x < 20; x++) expect(mapper.run(0, x, 1, weights)).toEqual([4]);
});
