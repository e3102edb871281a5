import { describe, expect, it } from 'vitest';
import {
  addSimpleRule,
  BUCKET_ALG,
  buildLayers,
  type CrushMap,
  type CrushTestOptions,
  compareCrushMaps,
  nameProblem,
  overlappedRules,
  reweightItem,
  testCrushMap,
  testWeight,
} from '../src/crush/index.ts';
import { lrand48 } from '../src/crush/tester/lrand48.ts';

function makeMap(): CrushMap {
  const { map } = buildLayers(12, [
    { name: 'host', alg: BUCKET_ALG.STRAW2, size: 3 },
    { name: 'root', alg: BUCKET_ALG.STRAW2, size: 0 },
  ]);
  addSimpleRule(map, { name: 'r', root: 'root', failureDomain: 'host' });
  return map;
}

function sinkOf() {
  const seen = { out: '', err: '', files: new Map<string, string>() };
  const sink = {
    out(text: string) {
      seen.out += text;
    },
    err(text: string) {
      seen.err += text;
    },
    file: (name: string, text: string) => void seen.files.set(name, text),
  };
  return { seen, sink };
}

function test(options: CrushTestOptions, map = makeMap()) {
  const { seen, sink } = sinkOf();
  testCrushMap(map, options, sink);
  return seen;
}

describe('the generator that nobody seeded', () => {
  it('gives the numbers of glibc', () => {
    const next = lrand48();
    // drand48(3): the state starts at 0, so the first number is 0xb >> 17.
    expect([next(), next(), next()]).toEqual([0, 2116118, 89401895]);
  });
});

describe('testing a map', () => {
  it('counts every input once, and expects what the weights promise', () => {
    const { out } = test({ numRep: 2, minX: 0, maxX: 99, showUtilizationAll: true });
    const stored = [...out.matchAll(/stored : (\d+)\t expected : ([\d.]+)/g)];
    expect(stored).toHaveLength(12);
    expect(stored.reduce((sum, m) => sum + Number(m[1]), 0)).toBe(200);
    expect(new Set(stored.map((m) => m[2]))).toEqual(new Set(['16.6667']));
    expect(out).toContain('rule 0 (r) num_rep 2 result size == 2:\t100/100\n');
  });

  it('tries the default inputs and every size the rule serves', () => {
    const { out } = test({ showStatistics: true });
    expect(out).toContain('rule 0 (r), x = 0..1023, numrep = 1..10\n');
    // Four hosts hold no more than four.
    expect(out).toContain('rule 0 (r) num_rep 10 result size == 4:\t1024/1024\n');
  });

  it('shows results that are too short or have holes as bad', () => {
    const bad = test({ numRep: 5, minX: 7, maxX: 7, showBadMappings: true }).out;
    expect(bad).toMatch(/^bad mapping rule 0 x 7 num_rep 5 result \[\d+,\d+,\d+,\d+\]\n$/);
    const map = makeMap();
    addSimpleRule(map, { name: 'e', root: 'root', failureDomain: 'host', mode: 'indep' });
    const holes = test(
      { numRep: 5, minX: 7, maxX: 7, minRule: 1, maxRule: 1, showBadMappings: true },
      map,
    );
    expect(holes.out).toContain('2147483647');
  });

  it('keeps out devices without weight, in simulations too', () => {
    const deviceWeights = new Map([
      [0, 0],
      [1, 0],
      [2, 0],
    ]);
    for (const simulate of [false, true]) {
      const { out } = test({ numRep: 3, showMappings: true, deviceWeights, simulate });
      expect(out).not.toMatch(/[[,][012][\],]/);
    }
  });

  it('simulates the same every time, in different hosts', () => {
    const options = { numRep: 3, minX: 0, maxX: 50, showMappings: true, simulate: true };
    const { out } = test(options);
    expect(out).toBe(test(options).out);
    for (const [, list] of out.matchAll(/\[(.*)\]/g)) {
      const hosts = list!.split(',').map((device) => Math.floor(Number(device) / 3));
      expect(new Set(hosts).size).toBe(3);
    }
  });

  it('takes out the share of devices asked for, in the share of hosts', () => {
    const weightsAfter = (markDownBucketRatio: number): number => {
      const options = {
        numRep: 1,
        showUtilizationAll: true,
        markDownRatio: 0.4,
        markDownBucketRatio,
      };
      return [...test(options).out.matchAll(/expected : 0\n/g)].length;
    };
    expect(weightsAfter(1)).toBe(4);
    expect(weightsAfter(0.5)).toBe(2);
    expect(weightsAfter(0)).toBe(0);
  });

  it('hashes inputs with the id of a pool', () => {
    const options = { numRep: 3, minX: 5, maxX: 5, showMappings: true };
    const plain = test(options).out;
    expect(test({ ...options, poolId: -1n }).out).toBe(plain);
    expect(test({ ...options, poolId: 1n }).out).not.toBe(plain);
    // Only the lower half of the id counts.
    expect(test({ ...options, poolId: 0x1_0000_0001n }).out).toBe(
      test({ ...options, poolId: 1n }).out,
    );
  });

  it('writes its data files per rule, rounds only where there are several', () => {
    const names = (batches: number): string[] => [
      ...test({ numRep: 2, minX: 0, maxX: 9, dataFilePrefix: 'p-', batches }).files.keys(),
    ];
    expect(names(1)).toHaveLength(6);
    expect(names(1)).toContain('p-r-placement_information.csv');
    expect(names(3)).toHaveLength(8);
    const { files } = test({ numRep: 2, minX: 0, maxX: 9, dataFilePrefix: '', batches: 3 });
    const rounds = files.get('r-batch_device_utilization_all.csv')!.trim().split('\n').slice(1);
    const sums = rounds.map((line) =>
      line
        .split(',')
        .slice(1)
        .reduce((sum, n) => sum + Number(n), 0),
    );
    expect(sums).toEqual([6, 6, 8]);
  });

  it('counts tries', () => {
    const lines = test({ numRep: 3, minX: 0, maxX: 9, showChooseTries: true }).out.split('\n');
    expect(lines).toHaveLength(51);
    expect(lines[0]).toMatch(/^ 0: {1,8}\d+$/);
  });

  it('says which rules do not exist, and passes over other rulesets', () => {
    expect(test({ minRule: 3, maxRule: 3, showStatistics: true }).out).toBe('');
    const map = makeMap();
    map.rules[2] = { ...map.rules[0]!, ruleset: 2 };
    expect(test({ minRule: 1, maxRule: 1, showStatistics: true }, map).out).toBe('rule 1 dne\n');
    expect(test({ ruleset: 2, showStatistics: true }, map).out).not.toContain('rule 0');
  });

  it('stops when nobody reads any more', () => {
    let lines = 0;
    const sink = {
      out: () => void lines++,
      err: () => {},
      file: () => {},
      get isClosed() {
        return lines >= 10;
      },
    };
    testCrushMap(makeMap(), { numRep: 2, minX: 0, maxX: 2 ** 31 - 1, showMappings: true }, sink);
    expect(lines).toBe(10);
  });

  it('takes weights from 0 to 1', () => {
    expect([-1, 0, 0.3, 1, 7].map(testWeight)).toEqual([0, 0, 0x4ccc, 0x10000, 0x10000]);
  });
});

describe('comparing maps', () => {
  it('finds a map equal to itself and unlike a changed one', () => {
    const { seen, sink } = sinkOf();
    const map = makeMap();
    expect(compareCrushMaps(map, makeMap(), { numRep: 2 }, sink)).toBe(true);
    expect(seen.out).toBe('rule 0 had 0/1024 mismatched mappings (0)\nmaps appear equivalent\n');
    const changed = makeMap();
    reweightItem(changed, 3, 0x8000);
    const second = sinkOf();
    expect(compareCrushMaps(map, changed, { numRep: 2 }, second.sink)).toBe(false);
    expect(second.seen.out).toMatch(/^rule 0 had [1-9]\d*\/1024 mismatched mappings \(0\.\d+\)\n$/);
    expect(second.seen.err).toBe('warning: maps are NOT equivalent\n');
  });
});

describe('checking a map', () => {
  it('finds names and types missing, and ids too large', () => {
    expect(nameProblem(makeMap(), 12)).toBeUndefined();
    expect(nameProblem(makeMap(), 0)).toBeUndefined();
    expect(nameProblem(makeMap(), 11)).toBe('item id too large: item#11');
    const untyped = makeMap();
    untyped.typeNames.delete(1);
    expect(nameProblem(untyped, 0)).toBe('unknown type name: item#-1');
    const nameless = makeMap();
    nameless.itemNames.delete(-2);
    expect(nameProblem(nameless, 0)).toBe('unknown item name: item#-2');
    nameless.buckets.clear();
    nameless.typeNames.clear();
    expect(nameProblem(nameless, 0)).toBe('unknown type name: item#0');
  });

  it('tells the rules of a ruleset that serve the same sizes, once per range', () => {
    const map = makeMap();
    const rule = map.rules[0]!;
    expect(overlappedRules(map)).toEqual([]);
    map.rules = [
      { ...rule, minSize: 1, maxSize: 4 },
      { ...rule, minSize: 3, maxSize: 8 },
      { ...rule, minSize: 4, maxSize: 6 },
      { ...rule, minSize: 1, maxSize: 9, type: 3 },
      { ...rule, minSize: 1, maxSize: 9, ruleset: 1 },
    ];
    map.ruleNames = new Map([
      [0, 'c'],
      [1, 'b'],
    ]);
    expect(overlappedRules(map)).toEqual([
      'overlapped rules in ruleset 0: b, c',
      'overlapped rules in ruleset 0: b, c, rule2',
      'overlapped rules in ruleset 0: b, rule2',
    ]);
  });
});
