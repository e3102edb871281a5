import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CrushMapper, createDefaultCrushMap, RULE_OP } from '../src/crush/index.ts';
import { crushMaps, randomCrushMap } from './support/crush-maps.ts';
import { dice } from './support/sim-disk.ts';

/** Weights of devices of which a share is out and another share fractional, both in percent. */
const outs = fc.record({
  out: fc.constantFrom(0, 10, 50, 75, 90, 97, 99, 100),
  partly: fc.constantFrom(0, 0, 20, 100),
  seed: fc.nat(),
});
type Outs = typeof outs extends fc.Arbitrary<infer T> ? T : never;

function setWeights(weights: Uint32Array, { out, partly, seed }: Outs): void {
  const roll = dice(seed);
  for (let i = 0; i < weights.length; i++) {
    const fraction = [1, 0xffff, roll(0x10000), 0x200][roll(4)]!;
    const kept = roll(100) < partly ? fraction : 0x10000;
    weights[i] = roll(100) < out ? 0 : kept;
  }
}

test('what is left out of a search changes no result: 0 to 100 % of the devices out, in any map and rule', () => {
  fc.assert(
    fc.property(
      crushMaps({ trees: 2, oddSteps: true }),
      fc.array(outs, { minLength: 1, maxLength: 4 }),
      (map, weightings) => {
        const quick = new CrushMapper(map);
        // Tries are counted only where all are made.
        const full = new CrushMapper(map, { countTries: true });
        const weights = new Uint32Array(map.maxDevices);
        for (const weighting of weightings) {
          // The same array with other contents: nothing may be remembered of what it held before.
          setWeights(weights, weighting);
          map.rules.forEach((_, rule) => {
            for (let x = 0; x < 12; x++) {
              const size = 1 + (x % 7);
              const ours = quick.run(rule, x * 7919, size, weights, 0).join();
              const all = full.run(rule, x * 7919, size, weights, 0).join();
              if (ours !== all) expect(`rule ${rule} x ${x}: ${ours}`).toBe(all);
            }
          });
        }
      },
    ),
    { numRuns: 150, interruptAfterTimeLimit: 40_000 },
  );
});

test('a shorter list of weights leaves the later devices out', () => {
  const map = randomCrushMap(dice(7), { trees: 1, rulesMax: 6 });
  const [quick, full] = [new CrushMapper(map), new CrushMapper(map, { countTries: true })];
  for (let length = map.maxDevices; length >= 0; length--) {
    const weights = new Array<number>(length).fill(0x10000);
    map.rules.forEach((_, rule) => {
      for (let x = 0; x < 8; x++) {
        expect(quick.run(rule, x, 4, weights)).toEqual(full.run(rule, x, 4, weights));
      }
    });
  }
});

/** 40 hosts of 5 devices, and rules of both families over hosts and devices that try without end. */
function patientMap() {
  const osds = Array.from({ length: 200 }, (_, id) => {
    return { id, weight: 1, loc: { root: 'default', host: `h${id % 40}` } };
  });
  const map = createDefaultCrushMap({ osds });
  const take = map.rules[0]!.steps[0]!;
  map.rules = [
    [RULE_OP.CHOOSE_FIRSTN, 0],
    [RULE_OP.CHOOSELEAF_FIRSTN, 1],
    [RULE_OP.CHOOSE_INDEP, 0],
    [RULE_OP.CHOOSELEAF_INDEP, 1],
  ].map(([op, arg2], ruleset) => ({
    ...map.rules[0]!,
    ruleset,
    steps: [
      { op: RULE_OP.SET_CHOOSELEAF_TRIES, arg1: 0x7fffffff, arg2: 0 },
      { op: RULE_OP.SET_CHOOSE_TRIES, arg1: 0x7fffffff, arg2: 0 },
      take,
      { op: op!, arg1: 0, arg2: arg2! },
      { op: RULE_OP.EMIT, arg1: 0, arg2: 0 },
    ],
  }));
  return map;
}

test('no search goes on after the last device that could be found', () => {
  const map = patientMap();
  const mapper = new CrushMapper(map);
  for (const alive of [[], [17], [17, 57], [3, 4]]) {
    const weights = new Uint32Array(map.maxDevices);
    for (const id of alive) weights[id] = 0x10000;
    for (let rule = 0; rule < 4; rule++) {
      // 17 and 57 share a host.
      const hosts = new Set(alive.map((id) => id % 40)).size;
      const expected = rule % 2 === 0 ? alive.length : hosts;
      for (let x = 0; x < 5; x++) {
        const found = mapper.run(rule, x, 3, weights).filter((id) => id !== 0x7fffffff);
        expect(found.length).toBe(expected);
        expect(alive).toEqual(expect.arrayContaining(found));
      }
    }
  }
});

test('a mapping with no device left costs a few tries, not all', () => {
  const map = patientMap();
  map.rules.forEach((rule) => {
    rule!.steps[0]!.arg1 = 1;
    rule!.steps[1]!.arg1 = 20_000;
  });
  const [quick, full] = [new CrushMapper(map), new CrushMapper(map, { countTries: true })];
  const weights = new Uint32Array(map.maxDevices);
  const time = (mapper: CrushMapper, xs: number): number => {
    const started = performance.now();
    for (let x = 0; x < xs; x++) mapper.run(1, x, 3, weights);
    return (performance.now() - started) / xs;
  };
  expect(time(quick, 200)).toBeLessThan(time(full, 2) / 10);
});
