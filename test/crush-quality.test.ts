import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeBucket } from '../src/crush/bucket.ts';
import {
  addSimpleRule,
  BUCKET_ALG,
  type BucketAlg,
  type CrushMap,
  CrushMapper,
  createDefaultCrushMap,
  createOrMoveItem,
  itemByName,
  removeItem,
  reweightItem,
} from '../src/crush/index.ts';
import { randomWeight } from './support/crush-maps.ts';
import { dice } from './support/sim-disk.ts';

/**
 * What placement is for: every device gets its share, and a change moves little more than it must. Inputs and maps
 * come from fixed seeds, so a statement about chances holds always or never.
 */

const ONE = 0x10000;
const IN = new Uint32Array(1000).fill(ONE);

/** A single bucket of devices with these weights, and a rule that draws one of them. */
function flatMap(alg: BucketAlg, ids: number[], weights: number[]): CrushMap {
  const map = createDefaultCrushMap({ failureDomain: 'osd' });
  const root = itemByName(map, 'default')!;
  map.buckets.set(root, makeBucket({ id: root, type: 11, alg, hash: 0 }, ids, weights, 1));
  map.maxDevices = Math.max(...ids) + 1;
  return map;
}

/** The device of each input 0 to `inputs` - 1. */
function draws(map: CrushMap, inputs: number): Int32Array {
  const mapper = new CrushMapper(map);
  const out = new Int32Array(1);
  return Int32Array.from({ length: inputs }, (_, x) => {
    mapper.runInto(0, x, 1, IN, out);
    return out[0]!;
  });
}

/** Pearson's statistic over the items that weigh something. */
function chiSquare(counts: readonly number[], weights: readonly number[]): number {
  const total = counts.reduce((a, b) => a + b, 0);
  const sum = weights.reduce((a, b) => a + b, 0);
  return counts.reduce((chi, count, i) => {
    const expected = (total * weights[i]!) / sum;
    return expected === 0 ? chi : chi + (count - expected) ** 2 / expected;
  }, 0);
}

/** What the statistic exceeds with a chance of one in a thousand (Wilson and Hilferty's approximation). */
function chiSquareLimit(degrees: number): number {
  const c = 2 / (9 * degrees);
  return degrees * (1 - c + 3.09 * Math.sqrt(c)) ** 3;
}

describe('weights are honoured', () => {
  // straw is left out: it promises equal shares only for equal weights.
  for (const [name, alg] of [
    ['straw2', BUCKET_ALG.STRAW2],
    ['list', BUCKET_ALG.LIST],
    ['tree', BUCKET_ALG.TREE],
    ['uniform', BUCKET_ALG.UNIFORM],
  ] as const) {
    test(`${name} draws items by their weights (chi-square, significance 0.001)`, () => {
      const roll = dice(2024 + alg);
      for (let round = 0; round < 8; round++) {
        const ids = Array.from({ length: 2 + roll(14) }, (_, i) => 3 * i + roll(3));
        const weights = ids.map(() =>
          alg === BUCKET_ALG.UNIFORM ? ONE : Math.floor(ONE * (0.2 + roll(100) / 20)),
        );
        const drawn = draws(flatMap(alg, ids, weights), 30_000);
        const counts = ids.map((id) => drawn.filter((d) => d === id).length);
        expect(chiSquare(counts, weights)).toBeLessThan(chiSquareLimit(ids.length - 1));
      }
    });
  }

  test('an item without weight is never drawn while another has some', () => {
    const drawn = draws(flatMap(BUCKET_ALG.STRAW2, [0, 1, 2], [0, 1, 0]), 10_000);
    expect(drawn.every((d) => d === 1)).toBe(true);
  });

  test('replicas over racks and hosts of equal weight spread evenly over all devices', () => {
    const map = cluster(4, 5, 6);
    const counts = new Array<number>(120).fill(0);
    for (const set of placements(map, 40_000)) for (const device of set) counts[device]!++;
    expect(
      chiSquare(
        counts,
        counts.map(() => 1),
      ),
    ).toBeLessThan(chiSquareLimit(119));
  });
});

describe('a straw2 bucket moves only what must move', () => {
  const INPUTS = 2000;
  const items = fc
    .record({ seed: fc.nat(), count: fc.integer({ min: 1, max: 12 }), at: fc.nat() })
    .map(({ seed, count, at }) => {
      const roll = dice(seed);
      const ids = Array.from({ length: count + 1 }, (_, i) => 3 * i + roll(3));
      return { ids, weights: ids.map(() => 1 + randomWeight(roll)), at: at % ids.length };
    });
  const straw2 = (ids: number[], weights: number[]) =>
    draws(flatMap(BUCKET_ALG.STRAW2, ids, weights), INPUTS);

  test('to an item that is added, and from one that is removed', () => {
    fc.assert(
      fc.property(items, ({ ids, weights, at }) => {
        const withIt = straw2(ids, weights);
        const without = straw2(ids.toSpliced(at, 1), weights.toSpliced(at, 1));
        withIt.forEach((device, x) => {
          if (device !== without[x]) expect(device).toBe(ids[at]);
        });
      }),
      { numRuns: 40 },
    );
  });

  test('to an item that gains weight, and from one that loses some', () => {
    fc.assert(
      fc.property(items, fc.integer({ min: 1, max: 1 << 24 }), ({ ids, weights, at }, more) => {
        const light = straw2(ids, weights);
        const heavy = straw2(ids, weights.with(at, weights[at]! + more));
        light.forEach((device, x) => {
          if (device !== heavy[x]) expect(heavy[x]).toBe(ids[at]);
        });
      }),
      { numRuns: 40 },
    );
  });
});

/** Racks of hosts of devices that weigh 1 each; rule 1 puts replicas on different hosts. */
function cluster(racks: number, hosts: number, devices: number): CrushMap {
  const map = createDefaultCrushMap();
  let id = 0;
  for (let r = 0; r < racks; r++) {
    for (let h = 0; h < hosts; h++) {
      for (let d = 0; d < devices; d++, id++) {
        const loc = { host: `h${r}-${h}`, rack: `r${r}`, root: 'default' };
        createOrMoveItem(map, id, ONE, `osd.${id}`, loc);
      }
    }
  }
  addSimpleRule(map, { name: 'ec', root: 'default', failureDomain: 'host', mode: 'indep' });
  return map;
}

function placements(map: CrushMap, inputs: number, weights = IN, rule = 0): number[][] {
  const mapper = new CrushMapper(map);
  return Array.from({ length: inputs }, (_, x) => mapper.run(rule, x, 3, weights));
}

/** Share of all replicas that are on another device than before. */
function moved(before: number[][], after: number[][]): number {
  let count = 0;
  after.forEach((set, x) => {
    for (const device of set) if (!before[x]!.includes(device)) count++;
  });
  return count / after.flat().length;
}

/**
 * Weights change on every level above a device, and each level moves its part: with h levels at most h times the change
 * of the device's share (Weil et al., CRUSH, SC 2006, section 4.2).
 */
describe('a change of a map moves at most its share per level', () => {
  const INPUTS = 10_000;
  const LEVELS = 3;

  test('a new host takes its share', () => {
    const map = cluster(4, 5, 4);
    const before = placements(map, INPUTS);
    for (let id = 80; id < 84; id++) {
      createOrMoveItem(map, id, ONE, `osd.${id}`, { host: 'new', rack: 'r1', root: 'default' });
    }
    const after = placements(map, INPUTS);
    const share = 4 / 84;
    const taken = after.flat().filter((device) => device >= 80).length / after.flat().length;
    expect(taken).toBeGreaterThan(0.95 * share);
    expect(taken).toBeLessThan(1.05 * share);
    expect(moved(before, after)).toBeLessThan(LEVELS * share);
  });

  test('a device weighs half, then it is removed', () => {
    const map = cluster(4, 5, 4);
    const before = placements(map, INPUTS);
    reweightItem(map, 7, ONE / 2);
    expect(moved(before, placements(map, INPUTS))).toBeLessThan((LEVELS * 0.5) / 80);
    removeItem(map, 7);
    expect(moved(before, placements(map, INPUTS))).toBeLessThan(LEVELS / 80);
  });

  test('a device marked out concerns only the inputs that used it', () => {
    const map = cluster(3, 4, 3);
    const without = IN.with(5, 0);
    for (const rule of [0, 1]) {
      const before = placements(map, INPUTS, IN, rule);
      const after = placements(map, INPUTS, without, rule);
      after.forEach((set, x) => {
        if (!before[x]!.includes(5)) expect(set).toEqual(before[x]);
        else expect(set).not.toContain(5);
      });
    }
  });

  test('shards of indep keep their positions when a device is out', () => {
    const map = cluster(3, 4, 3);
    const before = placements(map, INPUTS, IN, 1);
    const after = placements(map, INPUTS, IN.with(5, 0), 1);
    let kept = 0;
    let touched = 0;
    before.forEach((set, x) => {
      if (!set.includes(5)) return;
      touched += 2;
      kept += set.filter((device, i) => device !== 5 && after[x]![i] === device).length;
    });
    expect(touched).toBeGreaterThan(1000);
    expect(kept / touched).toBeGreaterThan(0.95);
  });
});
