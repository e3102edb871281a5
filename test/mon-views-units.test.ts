import { describe, expect, test } from 'vitest';
import { fixed, formatValue, general, table, weightText } from '../src/codec/index.ts';
import { healthChecks, poolStats, statfsOf } from '../src/mon/views/index.ts';
import { statColumns } from '../src/mon/views/stat-columns.ts';
import { bytes, count, lowPrecision, percent, span } from '../src/mon/views/units.ts';
import { stamp } from '../src/wire/index.ts';
import { loadReference } from './mon-views-reference.ts';

// Expected values are what Ceph 16.2 prints: printf and iostream rules, byte_u_t, si_u_t, timespan_str.
describe('quantities', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [2008, '2.0 KiB'],
    [1_003_315_200, '957 MiB'],
    [1_048_000_000, '999 MiB'],
    [1_049_034_752, '1000 MiB'],
    [31_208_939_520, '29 GiB'],
    [10_414_579_712, '9.7 GiB'],
    [2 ** 60, '1 EiB'],
  ])('%d bytes are %s', (v, text) => {
    expect(bytes(v)).toBe(text);
  });
  test.each([
    [999, '999'],
    [1000, '1k'],
    [3210, '3.21k'],
    [36_350, '36.35k'],
    [500_000, '500k'],
    [1_234_567, '1.23M'],
  ])('%d things are %s', (v, text) => {
    expect(count(v)).toBe(text);
  });
  test.each([
    [524.674, '0.524674s'],
    [1999, '1.999s'],
    [2000, '2s'],
    [119_999, '119s'],
    [120_000, '2m'],
    [7_199_000, '119m'],
    [7_200_000, '2h'],
    [47 * 3_600_000, '47h'],
    [48 * 3_600_000, '2d'],
    [13 * 86_400_000, '13d'],
    [35 * 86_400_000, '5w'],
    [90 * 86_400_000, '3M'],
    [800 * 86_400_000, '2y'],
  ])('%d ms last %s', (ms, text) => {
    expect(span(ms)).toBe(text);
  });
  test('an exact tie goes to the even digit, as in C and not as in JavaScript', () => {
    expect([fixed(0.5, 0), fixed(1.5, 0), fixed(2.5, 0), fixed(0.125, 2), fixed(0.375, 2)]).toEqual(
      ['0', '2', '2', '0.12', '0.38'],
    );
    expect(general(Number('3.04111480712890625'), 17)).toBe('3.0411148071289062');
  });
  test('numbers have 17 significant digits in JSON and six in text', () => {
    expect(general(Math.fround(0.95), 17)).toBe('0.94999998807907104');
    expect(general(4.1575515297154197e-7, 17)).toBe('4.1575515297154197e-07');
    expect(general(0.2, 17)).toBe('0.20000000000000001');
    expect([
      general(0.95),
      general(17.333333),
      general(1e6),
      general(1e-5),
      general(Number.NaN),
    ]).toEqual(['0.95', '17.3333', '1e+06', '1e-05', '-nan']);
  });
  test('weights, ratios and percentages have their own zero', () => {
    expect([
      weightText(-1),
      weightText(0),
      weightText(1),
      lowPrecision(0),
      lowPrecision(-1),
      percent(0.009),
    ]).toEqual(['-', '0', '1.00000', '0', '-', '0']);
  });
  test('stamps are UTC, also on leap days; early ones are seconds', () => {
    expect(stamp({ sec: 1709164800 + 86399, nsec: 5000 })).toBe(
      '2024-02-28T23:59:59.000005+0000'.replace('28', '29'),
    );
    expect(stamp({ sec: 1795174942, nsec: 654031000 })).toBe('2026-11-20T11:42:22.654031+0000');
    expect(stamp({ sec: 0, nsec: 0 })).toBe('0.000000');
  });
});

describe('printing', () => {
  test('a table pads every cell of every line, and ends each line', () => {
    expect(table(statColumns(['A', 'BBB']), [['x1', '2']])).toBe('A   BBB\nx1    2\n');
    expect(table(statColumns(['A', '']), [])).toBe('A  \n');
  });
  test('JSON keeps the order of keys, large numbers, and leaves out what is absent', () => {
    const value = {
      b: 2n ** 63n,
      a: undefined,
      n: new Map([
        ['5', [1]],
        ['1', []],
      ]),
      o: {},
    };
    expect(formatValue(value, false)).toBe('{"b":9223372036854775808,"n":{"5":[1],"1":[]},"o":{}}');
    expect(formatValue({ x: [1, { y: 'é"' }], z: [] }, true)).toBe(
      '{\n    "x": [\n        1,\n        {\n            "y": "é\\""\n        }\n    ],\n    "z": []\n}',
    );
  });
});

describe('sums that replies carry', () => {
  test('the cluster totals are those of the real cluster', () => {
    const { state } = loadReference('down1');
    expect(statfsOf(state, undefined)).toEqual({
      kb: 31457280,
      kbUsed: 979800,
      kbAvail: 30477480,
      numObjects: 3210,
    });
  });
  test('pools are reported by name, unknown ones not at all', () => {
    const { state } = loadReference('pools');
    expect([...poolStats(state).keys()]).toEqual([
      'views-rep',
      'views-noapp',
      'views-ec',
      'views-one',
    ]);
    const some = poolStats(state, ['views-ec', 'none']);
    expect([...some.keys()]).toEqual(['views-ec']);
    const { stats, storeStats } = some.get('views-ec')!;
    // Two data chunks and one of parity: half as much again as the objects hold.
    expect(storeStats.dataStored).toBe(Math.round(stats.sum.numBytes * 1.5));
  });
  test('health lists checks by code with their severity', () => {
    const { state } = loadReference('full');
    const checks = healthChecks(state);
    expect(checks.map((c) => c.code)).toEqual(checks.map((c) => c.code).sort());
    expect(checks.find((c) => c.code === 'OSD_FULL')?.severity).toBe('HEALTH_ERR');
  });
  test('a PG that nobody reported is unknown, and inactive once the monitor waited long enough', () => {
    const { state: full } = loadReference('pools');
    const state = { ...full, pgStats: new Map(), startedMs: full.nowMs - 10_000 };
    expect(healthChecks(state).map((c) => c.code)).not.toContain('PG_AVAILABILITY');
    const later = { ...state, startedMs: full.nowMs - 100_000, nowMs: full.nowMs };
    expect(healthChecks(later).find((c) => c.code === 'PG_AVAILABILITY')?.summary).toMatch(
      /^Reduced data availability: \d+ pgs inactive$/,
    );
  });
});
