import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  distribution,
  edited,
  estimateRecovery,
  GrowingTree,
  mapWithPool,
  movement,
  shardTargets,
  type TreeSpec,
  withCrush,
  withUpmaps,
} from '../src/balancer/index.ts';
import { decodeCrushMap, encodeCrushMap } from '../src/crush/index.ts';
import { OSD_STATE, type OSDMap } from '../src/maps/index.ts';
import { anyDevices, clusterOf, regular, rowsOf } from './support/balancer-maps.ts';

const GIB = 2 ** 30;
const spec: TreeSpec = {
  levels: [
    { type: 'rack', count: 4 },
    { type: 'host', count: 5 },
    { type: 'osd', count: 4 },
  ],
};
const pool = { pgNum: 4096, size: 3, rule: 0 };

/** Maps of a tree before and after a change. */
function change(
  of: TreeSpec,
  edit: (tree: GrowingTree) => void,
): { before: OSDMap; after: OSDMap } {
  const tree = new GrowingTree(of);
  const before = mapWithPool(tree.map, pool);
  edit(tree);
  return { before, after: mapWithPool(tree.map, pool) };
}

describe('what moves between two maps', () => {
  test('nothing between a map and itself', () => {
    fc.assert(
      fc.property(anyDevices, (devices) => {
        const map = clusterOf(devices, 32);
        const {
          total,
          movedRatio,
          recovery,
          devices: lists,
        } = movement(map, map, () => ({
          objects: 7,
          bytes: GIB,
        }));
        expect(total).toMatchObject({ pgsMoved: 0, shardsMoved: 0, bytesMoved: 0, shardsLeast: 0 });
        expect([movedRatio, recovery.seconds, recovery.leastSeconds]).toEqual([0, 0, 0]);
        expect(lists.bytesBefore).toEqual(lists.bytesAfter);
      }),
      { numRuns: 20 },
    );
  });

  test('is what a count PG by PG finds, and what comes in went out elsewhere', () => {
    fc.assert(
      fc.property(anyDevices, fc.nat(), fc.constantFrom(1, 2, 3, 9), (devices, at, factor) => {
        const changed = devices.with(at % devices.length, {
          ...devices[at % devices.length]!,
          weight: factor,
        });
        const [before, after] = [clusterOf(devices, 32), clusterOf(changed, 32)];
        const m = movement(before, after, () => ({ objects: 10, bytes: 12 * GIB }));
        for (const { poolId, shardsMoved, objectsMoved, bytesMoved } of m.pools) {
          const to = rowsOf(after, poolId);
          const moved = rowsOf(before, poolId).reduce((sum, row, pg) => {
            const fresh = (osd: number, i: number): boolean =>
              osd !== 0x7fffffff && (poolId === 3 ? row[i] !== osd : !row.includes(osd));
            return sum + to[pg]!.filter(fresh).length;
          }, 0);
          expect(shardsMoved).toBe(moved);
          expect(objectsMoved).toBe(10 * moved);
          // A shard of pool 3 is half of its PG.
          expect(bytesMoved).toBeCloseTo((moved * 12 * GIB) / (poolId === 3 ? 2 : 1), -3);
        }
        const sum = (list: Float64Array): number => list.reduce((a, b) => a + b, 0);
        expect(sum(m.devices.shardsIn)).toBe(m.total.shardsMoved);
        expect(sum(m.devices.bytesAfter) - sum(m.devices.bytesBefore)).toBeCloseTo(
          sum(m.devices.bytesIn) - sum(m.devices.bytesOut),
          -3,
        );
      }),
      { numRuns: 30 },
    );
  });

  test('of a rack more: hardly more than the least, and all of it to the new rack', () => {
    const { before, after } = change(spec, (tree) => tree.add('rack', 1));
    const m = movement(before, after);
    expect(m.total.shardsLeast).toBeCloseTo((pool.pgNum * 3) / 5, 6);
    expect(m.overOptimum).toBeGreaterThan(0.95);
    expect(m.overOptimum).toBeLessThan(1.1);
    const toOld = m.devices.shardsIn.slice(0, 80).reduce((a, b) => a + b, 0);
    expect(toOld).toBeLessThan(m.total.shardsMoved * 0.05);
  });

  test('of a host more: at most twice the least, since its rack draws on the others as well', () => {
    const { before, after } = change(spec, (tree) => tree.add('host', 1));
    const { overOptimum } = movement(before, after);
    expect(overOptimum).toBeGreaterThan(0.9);
    expect(overOptimum).toBeLessThan(2);
  });

  test('of a host less: its shards have lost their device', () => {
    const { before, after } = change(spec, (tree) => tree.remove('host', 1));
    const { total } = movement(before, after);
    const gone = distribution(before)
      .actual.slice(76, 80)
      .reduce((a, b) => a + b, 0);
    expect(total.shardsDegraded).toBe(gone);
    expect(total.shardsMoved).toBeGreaterThan(gone);
    expect([total.lost, total.undersized, total.belowMinSize]).toEqual([0, 0, 0]);
  });

  test('of more than can be lost: PGs without a device, and PGs that no longer fit', () => {
    const devices = regular(1, 4, 1);
    const map = clusterOf(devices, 32);
    const states = (ids: number[]): OSDMap =>
      edited(map, { newState: new Map(ids.map((id) => [id, OSD_STATE.up])) });
    const three = movement(map, states([0, 1, 2])).pools[0]!;
    const all = rowsOf(map, 1);
    expect(three.lost).toBe(all.filter((row) => !row.includes(3)).length);
    expect(three.undersized).toBe(32);
    expect(three.belowMinSize).toBe(32);
    expect(movement(map, states([0])).pools[0]!.lost).toBe(0);
  });

  test('an upmap moves one shard of its PG', () => {
    const map = clusterOf(regular(2, 3, 2), 64);
    const row = rowsOf(map, 1)[5]!;
    const to = [0, 2, 4, 6, 8, 10].find((osd) => !row.some((r) => r >> 1 === osd >> 1))!;
    const next = withUpmaps(map, [{ pgid: '1.5', items: [[row[0]!, to]] }]);
    const m = movement(map, next, () => ({ objects: 1, bytes: GIB }));
    expect(m.total).toMatchObject({ pgsMoved: 1, shardsMoved: 1, bytesMoved: GIB, shardsLeast: 0 });
    expect(m.overOptimum).toBeUndefined();
    expect([m.devices.bytesIn[to], m.devices.bytesOut[row[0]!]]).toEqual([GIB, GIB]);
    // 1 GiB at 100 MiB/s.
    expect(m.recovery.seconds).toBeCloseTo(10.24, 6);
  });

  test('a PG that is split stays where it is until pgp_num follows', () => {
    const map = clusterOf(regular(2, 3, 2), 64);
    const split = { ...map.pool(1)!, pgNum: 128 };
    const half = edited(map, { newPools: new Map([[1, split]]) });
    const full = edited(half, { newPools: new Map([[1, { ...split, pgpNum: 128 }]]) });
    const stats = () => ({ objects: 8, bytes: GIB });
    expect(movement(map, half, stats).total.shardsMoved).toBe(0);
    const moved = movement(map, full, stats).pools[0]!;
    expect(moved.pgs).toBe(128);
    expect(moved.shardsMoved).toBeGreaterThan(64);
    expect(moved.bytes).toBeCloseTo(64 * 3 * GIB, -3);
    // Merged again, the same data comes back.
    expect(movement(full, map, stats).pools[0]!.shardsMoved).toBe(moved.shardsMoved);
  });
});

describe('targets', () => {
  test('go by weight, but no failure domain takes two shards of a PG', () => {
    const weights = [1, 1, 4, 4].map((weight, host) => ({
      rack: 0,
      host,
      weight,
      deviceClass: 'hdd',
    }));
    const targets = shardTargets(clusterOf(weights, 100), 1)!;
    // Both large hosts are in every PG; the small ones share the third place.
    expect([...targets]).toEqual([50, 50, 100, 100]);
  });
});

describe('how long copies take', () => {
  const rates = { readBytesPerSecond: 200, writeBytesPerSecond: 100 };
  const job = (from: number, to: number, bytes = 1000) => ({
    sources: [from],
    targets: [to],
    bytes,
  });

  test('one after the other where they share a device, side by side where not', () => {
    expect(estimateRecovery([job(0, 1), job(2, 3)], 4, rates).seconds).toBe(10);
    expect(estimateRecovery([job(0, 1), job(2, 1)], 3, rates).seconds).toBe(20);
    expect(estimateRecovery([job(0, 1), job(0, 2)], 3, rates).seconds).toBe(20);
    expect(estimateRecovery([], 3, rates)).toEqual({ seconds: 0, leastSeconds: 0 });
  });

  test('more backfills at a time go at their share of a device each', () => {
    const jobs = [job(0, 1), job(2, 1), job(3, 1)];
    expect(estimateRecovery(jobs, 4, { ...rates, maxBackfills: 2 }).seconds).toBe(40);
    expect(estimateRecovery(jobs, 4, { ...rates, maxBackfills: 2 }).leastSeconds).toBe(30);
  });

  test('never below what the busiest device needs', () => {
    const jobs = fc.array(
      fc.record({
        sources: fc.nat({ max: 5 }).map((osd) => [osd]),
        targets: fc.uniqueArray(fc.integer({ min: 6, max: 11 }), { minLength: 1, maxLength: 3 }),
        bytes: fc.integer({ min: 1, max: 1000 }),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(jobs, fc.integer({ min: 1, max: 3 }), (list, maxBackfills) => {
        const e = estimateRecovery(list, 12, { ...rates, maxBackfills });
        const writes = (osd: number): number =>
          list.filter((j) => j.targets.includes(osd)).reduce((sum, j) => sum + j.bytes, 0) / 100;
        for (let osd = 6; osd < 12; osd++) {
          expect(e.seconds).toBeGreaterThanOrEqual(writes(osd) - 1e-9);
        }
        const total = list.reduce((sum, j) => sum + j.bytes, 0);
        expect(e.seconds).toBeLessThanOrEqual((total / 100) * maxBackfills + 1e-9);
      }),
    );
  });
});

describe('a described tree', () => {
  const classes: TreeSpec = { ...spec, weights: [4, 8], classes: ['hdd', 'ssd'], ruleClass: 'ssd' };

  test('is a sound CRUSH map whose weights add up, after every edit', () => {
    const tree = new GrowingTree(classes);
    const edits = [
      () => tree.add('rack', 2),
      () => tree.remove('host', 3),
      () => tree.scale('osd', 7, 0.5),
      () => tree.add('osd', 5),
      () => tree.remove('rack', 1),
    ];
    for (const edit of edits) {
      edit();
      const map = decodeCrushMap(encodeCrushMap(tree.map));
      for (const bucket of map.buckets.values()) {
        if (!('itemWeights' in bucket)) throw new Error('a straw2 bucket was expected');
        expect(bucket.weight).toBe(bucket.itemWeights.reduce((a, b) => a + b, 0));
        bucket.items.forEach((item, i) => {
          if (item < 0) expect(map.buckets.get(item)!.weight).toBe(bucket.itemWeights[i]);
        });
      }
    }
  });

  test('a rule of a class uses devices of that class', () => {
    const { actual } = distribution(mapWithPool(new GrowingTree(classes).map, pool));
    actual.forEach((n, osd) => {
      expect(n > 0).toBe(osd % 2 === 1);
    });
  });

  test('what stays keeps its ids, and what is removed gives none back', () => {
    const tree = new GrowingTree(spec);
    const names = new Map(tree.map.itemNames);
    tree.remove('host', 1);
    tree.add('host', 1);
    for (const [id, name] of tree.map.itemNames) {
      if (names.has(id)) expect(names.get(id)).toBe(name);
      else expect(id >= 80 || id < -25).toBe(true);
    }
    expect(tree.map.itemNames.has(79)).toBe(false);
    expect(tree.map.itemNames.has(83)).toBe(true);
  });

  test('makes no sense in any other order of types, or with what is not there', () => {
    const level = (type: string, count = 2) => ({ type, count });
    const make =
      (...levels: TreeSpec['levels']) =>
      () =>
        new GrowingTree({ levels });
    expect(make(level('host'), level('rack'), level('osd'))).toThrow('rack is no part of host');
    expect(make(level('rack'), level('host'))).toThrow('ends with its osds');
    expect(make(level('shelf'), level('osd'))).toThrow('unknown type shelf');
    expect(make(level('rack', 5000), level('osd', 5000))).toThrow('25000000 devices');
    const tree = new GrowingTree(spec);
    expect(() => tree.add('room', 1)).toThrow('no level room');
    expect(() => tree.remove('rack', 5)).toThrow('no rack is left');
  });

  test('another CRUSH map under an OSDMap is only that', () => {
    const map = clusterOf(regular(2, 3, 2), 64);
    const next = withCrush(map, map.crushMap);
    expect(next.epoch).toBe(map.epoch + 1);
    expect(rowsOf(next, 1)).toEqual(rowsOf(map, 1));
  });
});
