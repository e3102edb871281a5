import { expect, test } from 'vitest';
import {
  CRUSH_ITEM_NONE,
  type CrushMap,
  CrushMapper,
  checkCrushMap,
  createDefaultCrushMap,
  findRule,
  RULE_OP,
} from '../src/crush/index.ts';
import { goldenMap } from './crush-golden.ts';

/** Buckets on top of each other, each level holding all of `width` buckets of the level below. */
function tower(map: CrushMap, levels: number, width: number): void {
  let below: number[] = [];
  for (let level = 0; level < levels; level++) {
    const ids = Array.from({ length: width }, (_, i) => -1000 - level * width - i);
    for (const id of ids) {
      const itemWeights = below.map(() => 0);
      map.buckets.set(id, { id, type: 1, alg: 5, hash: 0, weight: 0, items: below, itemWeights });
    }
    below = ids;
  }
}

const broken: [string, (map: CrushMap) => void, string][] = [
  ['dangling bucket', (m) => m.buckets.delete(-3), 'which does not exist'],
  ['dangling device', (m) => m.buckets.get(-3)!.items.push(99), 'holds item 99'],
  ['item twice', (m) => m.buckets.get(-3)!.items.push(0), 'holds an item twice'],
  ['cycle', (m) => m.buckets.get(-3)!.items.push(-1), 'contains itself'],
  ['chain', (m) => tower(m, 20_000, 1), 'is 100 levels high'],
  ['ladder', (m) => tower(m, 40, 2), 'more than 1000000 places below it'],
  ['weights too short', (m) => m.buckets.get(-3)!.items.pop(), 'weights for another number'],
  [
    'no slot',
    (m) => {
      m.maxBuckets = 1;
    },
    'has no slot',
  ],
  ['unknown type', (m) => m.typeNames.delete(11), 'has unknown type 11'],
  [
    'unknown hash',
    (m) => {
      m.buckets.get(-1)!.hash = 7;
    },
    'unknown hash 7',
  ],
  ['no name', (m) => m.itemNames.delete(-1), 'has no name'],
  ['name twice', (m) => m.itemNames.set(1, 'osd.0'), "'osd.0' is used twice"],
  ['bad name', (m) => m.itemNames.set(-1, 'a b'), "invalid name 'a b'"],
  [
    'take of nothing',
    (m) => {
      m.rules[0]!.steps[0]!.arg1 = -9;
    },
    'takes item -9',
  ],
  [
    'unknown step',
    (m) => {
      m.rules[0]!.steps[1]!.op = 77;
    },
    'unknown step 77',
  ],
  [
    'unknown choice',
    (m) => {
      m.rules[0]!.steps[1]!.arg2 = 77;
    },
    'unknown type 77',
  ],
  [
    'endless choice',
    (m) => {
      m.rules[0]!.steps[1]!.arg1 = 1 << 30;
    },
    'the limit is 255',
  ],
  [
    'ruleset',
    (m) => {
      m.rules[0]!.ruleset = 4;
    },
    'has ruleset 4',
  ],
  [
    'endless tries',
    (m) => {
      m.tunables.chooseTotalTries = 2 ** 31;
    },
    'the limit is 10000',
  ],
  ['unknown class', (m) => m.classMap.set(0, 5), 'unknown class 5'],
  ['lost shadow', (m) => m.classBuckets.get(-1)!.set(0, -99), 'shadow -99'],
  [
    'weight set too short',
    (m) => m.chooseArgs.set(1, new Map([[-1, { weightSets: [[]], ids: [] }]])),
    'wrong weight count',
  ],
  [
    'devices',
    (m) => {
      m.maxDevices = 10_001;
    },
    'the limit is 9999',
  ],
];

test.each(broken)('%s is reported', (_, breakIt, expected) => {
  const map = goldenMap('three-osds');
  expect(checkCrushMap(map)).toEqual([]);
  breakIt(map);
  expect(checkCrushMap(map).join('\n')).toContain(expected);
});

test('a map with a cycle still maps in finite time', () => {
  const map = goldenMap('three-osds');
  const host = map.buckets.get(-3)!;
  map.buckets.set(-3, { ...host, alg: 5, items: [-1], itemWeights: [0x10000] });
  const weights = [0x10000, 0x10000, 0x10000];
  expect(new CrushMapper(map).run(0, 1, 3, weights)).toEqual([]);
  map.rules[0]!.steps[1]!.op = RULE_OP.CHOOSE_INDEP;
  const none = [CRUSH_ITEM_NONE, CRUSH_ITEM_NONE, CRUSH_ITEM_NONE];
  expect(new CrushMapper(map).run(0, 1, 3, weights)).toEqual(none);
});

test('editing a map leaves a mapper made from it as it was', () => {
  const map = goldenMap('three-osds');
  const mapper = new CrushMapper(map);
  const before = mapper.run(0, 5, 3, [0x10000, 0x10000, 0x10000]);
  map.buckets.clear();
  map.rules[0]!.steps.length = 0;
  expect(mapper.run(0, 5, 3, [0x10000, 0x10000, 0x10000])).toEqual(before);
  expect(before).toHaveLength(3);
});

test('a device without a weight is out, and a rule that does not exist finds nothing', () => {
  const mapper = new CrushMapper(goldenMap('three-osds'));
  expect(mapper.run(0, 5, 3, [0x10000])).toEqual([0]);
  expect(mapper.run(7, 5, 3, [0x10000])).toEqual([]);
});

test('a pool finds its rule by ruleset, type and size', () => {
  const map = createDefaultCrushMap();
  expect(findRule(map, 0, 1, 3)).toBe(0);
  expect(findRule(map, 0, 1, 11)).toBe(-1);
  expect(findRule(map, 0, 3, 3)).toBe(-1);
  expect(findRule(map, 1, 1, 3)).toBe(-1);
});
