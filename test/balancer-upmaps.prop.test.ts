import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  calcPgUpmaps,
  checkPgUpmaps,
  edited,
  GrowingTree,
  mapWithPool,
  PoolSpread,
  shardTargets,
  withUpmaps,
} from '../src/balancer/index.ts';
import { OSD_STATE, type OSDMap } from '../src/maps/index.ts';
import { formatPgId } from '../src/wire/index.ts';
import {
  anyDevices,
  clusterOf,
  countsOf,
  faultsOf,
  regular,
  rowsOf,
} from './support/balancer-maps.ts';

/** Shards above what each device's weight gives. */
const deviations = (map: OSDMap, pool: number): number[] => {
  const targets = shardTargets(map, pool)!;
  return countsOf(map, pool).map((n, osd) => n - targets[osd]!);
};
const squares = (list: number[]): number => list.reduce((sum, d) => sum + d * d, 0);
const largest = (list: number[]): number => Math.max(...list.map(Math.abs));

describe('upmaps of any map', () => {
  const args = { devices: anyDevices, pgNum: fc.constantFrom(16, 32, 64), seed: fc.nat() };

  test('keep to the rule, leave no pool worse than asked for, and stay within the number', () => {
    fc.assert(
      fc.property(fc.record({ ...args, maxChanges: fc.constantFrom(3, 1000) }), (p) => {
        const map = clusterOf(p.devices, p.pgNum);
        const { seed, maxChanges } = p;
        const changes = calcPgUpmaps(map, { maxDeviation: 1, maxChanges, seed });
        expect(changes.length).toBeLessThanOrEqual(maxChanges);
        const next = withUpmaps(map, changes);
        for (const poolId of map.data.pools.keys()) {
          const before = rowsOf(map, poolId);
          rowsOf(next, poolId).forEach((row, pg) => {
            expect(row.length).toBe(before[pg]!.length);
            // A PG that CRUSH itself could not place well is left as it was.
            if (row.join() !== before[pg]!.join()) {
              expect(faultsOf(p.devices, poolId, row)).toEqual([]);
            }
          });
          const [was, is] = [map, next].map((m) => PoolSpread.of(m, poolId)!.deviation);
          const worst = Math.max(1, largest([...was!]));
          expect(largest([...is!])).toBeLessThanOrEqual(worst + 1e-6);
        }
        expect(checkPgUpmaps(next)).toEqual(checkPgUpmaps(map));
      }),
      { numRuns: 80 },
    );
  });

  test('are found again from the same seed, and are not asked for twice', () => {
    fc.assert(
      fc.property(fc.record(args), ({ devices, pgNum, seed }) => {
        const map = clusterOf(devices, pgNum);
        const options = { maxDeviation: 1, maxChanges: 1000, seed };
        const changes = calcPgUpmaps(map, options);
        expect(calcPgUpmaps(clusterOf(devices, pgNum), options)).toEqual(changes);
        const pgs = changes.map((c) => c.pgid);
        expect(new Set(pgs).size).toBe(pgs.length);
        const next = withUpmaps(map, changes);
        for (const { pgid, items } of changes) {
          expect(next.data.pgUpmapItems.get(pgid) ?? []).toEqual(items);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('start from any upmaps that are there', () => {
    const pairs = fc.array(
      fc.tuple(fc.nat({ max: 63 }), fc.nat({ max: 39 }), fc.nat({ max: 39 })),
      {
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(fc.record({ ...args, pairs }), ({ devices, pgNum, seed, pairs }) => {
        const plain = clusterOf(devices, pgNum);
        const items = new Map<string, [number, number][]>();
        for (const [pg, from, to] of pairs) {
          const key = formatPgId({ pool: 1, seed: pg % pgNum });
          items.set(key, [...(items.get(key) ?? []), [from % devices.length, to % devices.length]]);
        }
        const map = edited(plain, { newPgUpmapItems: items });
        const changes = calcPgUpmaps(map, { maxDeviation: 1, maxChanges: 1000, seed, pools: [1] });
        const next = withUpmaps(map, changes);
        const before = rowsOf(map, 1);
        rowsOf(next, 1).forEach((row, pg) => {
          const changed = changes.some((c) => c.pgid === formatPgId({ pool: 1, seed: pg }));
          if (!changed) expect(row).toEqual(before[pg]);
        });
        const [was, is] = [map, next].map((m) => [...PoolSpread.of(m, 1)!.deviation]);
        expect(squares(is!)).toBeLessThanOrEqual(squares(was!) + 1e-6);
      }),
      { numRuns: 40 },
    );
  });
});

describe('on a regular cluster', () => {
  const devices = regular(4, 4, 3);
  const map = clusterOf(devices, 512);
  const all = { maxDeviation: 1, maxChanges: 10_000 };

  test('every pool is spread to within one shard', () => {
    const next = withUpmaps(map, calcPgUpmaps(map, all));
    for (const poolId of [1, 2, 3]) {
      expect(largest(deviations(map, poolId))).toBeGreaterThan(5);
      expect(largest(deviations(next, poolId))).toBeLessThanOrEqual(1);
    }
    // A rack holds an even number of shards under this rule, so one shard more is the least.
    expect(largest(deviations(next, 4))).toBeLessThanOrEqual(2);
  });

  test('the sum over the pools is evened out too', () => {
    const next = withUpmaps(map, calcPgUpmaps(map, all));
    const sums = (of: OSDMap): number[] =>
      [1, 2, 3].map((id) => deviations(of, id)).reduce((a, b) => a.map((d, i) => d + b[i]!));
    expect(largest(sums(next))).toBeLessThan(Math.min(3, largest(sums(map)) / 4));
  });

  test('devices right below the root are a failure domain too', () => {
    const flat = new GrowingTree({ levels: [{ type: 'osd', count: 13 }] });
    const plain = mapWithPool(flat.map, { pgNum: 256, size: 3, rule: 0 });
    const next = withUpmaps(plain, calcPgUpmaps(plain, all));
    expect(largest(deviations(plain, 1))).toBeGreaterThan(3);
    expect(largest(deviations(next, 1))).toBeLessThanOrEqual(1);
    for (const row of rowsOf(next, 1)) expect(new Set(row).size).toBe(3);
  });

  test('another seed takes other PGs, to the same end', () => {
    const [a, b] = [1, 2].map((seed) => calcPgUpmaps(map, { ...all, seed, pools: [1] }));
    expect(a).not.toEqual(b);
    expect(largest(deviations(withUpmaps(map, b!), 1))).toBeLessThanOrEqual(1);
    expect(Math.abs(a!.length - b!.length)).toBeLessThan(a!.length / 5);
  });

  test('only the pools asked for change', () => {
    const changes = calcPgUpmaps(map, { ...all, pools: [2] });
    expect(changes.length).toBeGreaterThan(0);
    expect(changes.every(({ pgid }) => pgid.startsWith('2.'))).toBe(true);
  });

  test('few changes go where they help most', () => {
    const before = largest(deviations(map, 1));
    const next = withUpmaps(map, calcPgUpmaps(map, { ...all, maxChanges: 5, pools: [1] }));
    expect(next.data.pgUpmapItems.size).toBe(5);
    expect(largest(deviations(next, 1))).toBeLessThan(before);
  });

  test('a balanced map needs nothing', () => {
    const next = withUpmaps(map, calcPgUpmaps(map, all));
    expect(calcPgUpmaps(next, { ...all, pools: [1] })).toEqual([]);
  });

  test('upmaps that do harm are taken away before new ones are made', () => {
    const balanced = withUpmaps(map, calcPgUpmaps(map, { ...all, pools: [1] }));
    // One device gets the shards of many PGs of its rack's other hosts.
    const harm = new Map<string, [number, number][]>();
    rowsOf(balanced, 1).forEach((row, pg) => {
      const key = formatPgId({ pool: 1, seed: pg });
      const hosts = row.map((osd) => Math.floor(osd / 3));
      const own = balanced.data.pgUpmapItems.has(key);
      if (harm.size < 20 && !own && !hosts.includes(0)) harm.set(key, [[row[0]!, 0]]);
    });
    expect(harm.size).toBe(20);
    const harmed = edited(balanced, { newPgUpmapItems: harm });
    const changes = calcPgUpmaps(harmed, { ...all, pools: [1] });
    const removed = changes.filter(({ pgid, items }) => harm.has(pgid) && items.length === 0);
    expect(removed.length).toBeGreaterThanOrEqual(18);
    expect(largest(deviations(withUpmaps(harmed, changes), 1))).toBeLessThanOrEqual(1);
  });

  test('nothing is sent to a device that is down', () => {
    const down = edited(map, { newState: new Map([[5, OSD_STATE.up]]) });
    const changes = calcPgUpmaps(down, { ...all, pools: [1] });
    expect(changes.length).toBeGreaterThan(0);
    expect(changes.flatMap(({ items }) => items).some(([, to]) => to === 5)).toBe(false);
  });

  test('a PG with pg_upmap is left alone', () => {
    const fixed = edited(map, { newPgUpmap: new Map([['1.7', [0, 3, 6]]]) });
    const changes = calcPgUpmaps(fixed, { ...all, pools: [1] });
    expect(changes.some(({ pgid }) => pgid === '1.7')).toBe(false);
  });
});

describe('upmaps to clean up', () => {
  const devices = regular(2, 4, 3);
  const map = clusterOf(devices, 16);
  const raw = map.pgToRaw({ pool: 1, seed: 0 });
  const elsewhere = [0, 3, 6, 9, 12, 15, 18, 21].find(
    (osd) => !raw.some((r) => Math.floor(r / 3) === Math.floor(osd / 3)),
  )!;

  test('a sound one stays', () => {
    const good = edited(map, { newPgUpmapItems: new Map([['1.0', [[raw[0]!, elsewhere]]]]) });
    expect(checkPgUpmaps(good)).toEqual({ cancel: [], replace: new Map() });
  });

  test('those against the rule, of no PG, or to nowhere go', () => {
    const sameHost = Math.floor(raw[1]! / 3) * 3 + ((raw[1]! + 1) % 3);
    const bad = edited(map, {
      newPgUpmapItems: new Map([
        ['1.0', [[raw[0]!, sameHost]]],
        ['1.ff', [[0, 1]]],
        ['9.0', [[0, 1]]],
      ]),
    });
    expect(checkPgUpmaps(bad).cancel.sort()).toEqual(['1.0', '1.ff', '9.0']);
  });

  test('an item without effect is dropped from its list', () => {
    const stranger = [0, 1, 2].find((osd) => !raw.includes(osd))!;
    const items: [number, number][] = [
      [raw[0]!, elsewhere],
      [stranger, 23],
    ];
    const mixed = edited(map, { newPgUpmapItems: new Map([['1.0', items]]) });
    expect(checkPgUpmaps(mixed).replace.get('1.0')).toEqual([items[0]]);
  });
});
