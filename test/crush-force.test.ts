import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shadowOf } from '../src/crush/edit/classes.ts';
import {
  addSimpleRule,
  type CrushMap,
  CrushMapper,
  type CrushRuleStep,
  createDefaultCrushMap,
  itemByName,
  RULE_OP,
} from '../src/crush/index.ts';
import { crushMaps } from './support/crush-maps.ts';

const HOST = 1;
const RACK = 3;
const NONE = 0x7fffffff;
const ENGINES = ['wasm', 'js'] as const;

const rackOf = (osd: number): number => osd % 5;
const hostOf = (osd: number): number => osd % 20;
const classOf = (osd: number): string => (osd % 3 === 0 ? 'ssd' : 'hdd');

/** 5 racks of 4 hosts of 3 devices, a third of them of class ssd, and beside them a root of three devices. */
function racks(): CrushMap {
  const osds = Array.from({ length: 60 }, (_, id) => ({
    ...{ id, weight: 1 + (id % 4), deviceClass: classOf(id) },
    loc: { root: 'default', rack: `r${rackOf(id)}`, host: `h${hostOf(id)}` },
  }));
  const others = [60, 61, 62].map((id) => ({
    id,
    weight: 1,
    loc: { root: 'other', host: `x${id}` },
  }));
  return createDefaultCrushMap({ osds: [...osds, ...others] });
}

/** Gives the map a rule of these steps. @returns its id */
function addRule(map: CrushMap, ...steps: [number, number, number][]): number {
  const rule = { ...map.rules[0]!, ruleset: map.rules.length };
  rule.steps = steps.map(([op, arg1, arg2]): CrushRuleStep => ({ op, arg1, arg2 }));
  return map.rules.push(rule) - 1;
}

const { TAKE, EMIT } = RULE_OP;
interface Ops {
  choose: number;
  leaf: number;
}
const firstn: Ops = { choose: RULE_OP.CHOOSE_FIRSTN, leaf: RULE_OP.CHOOSELEAF_FIRSTN };
const indep: Ops = { choose: RULE_OP.CHOOSE_INDEP, leaf: RULE_OP.CHOOSELEAF_INDEP };
const weights = new Uint32Array(63).fill(0x10000);
const root = (map: CrushMap): number => itemByName(map, 'default')!;

/** What must differ between the devices of a result, by rule shape. */
const SHAPES: [string, (map: CrushMap, ops: Ops) => number, (osd: number) => number][] = [
  [
    'devices',
    (map, { choose }) => addRule(map, [TAKE, root(map), 0], [choose, 0, 0], [EMIT, 0, 0]),
    (osd) => osd,
  ],
  [
    'devices to the leaf',
    (map, { leaf }) => addRule(map, [TAKE, root(map), 0], [leaf, 0, 0], [EMIT, 0, 0]),
    (osd) => osd,
  ],
  [
    'hosts',
    (map, { leaf }) => addRule(map, [TAKE, root(map), 0], [leaf, 0, HOST], [EMIT, 0, 0]),
    hostOf,
  ],
  [
    'racks',
    (map, { leaf }) => addRule(map, [TAKE, root(map), 0], [leaf, 0, RACK], [EMIT, 0, 0]),
    rackOf,
  ],
  [
    'two racks, two hosts in each',
    (map, { choose, leaf }) =>
      addRule(map, [TAKE, root(map), 0], [choose, 2, RACK], [leaf, 2, HOST], [EMIT, 0, 0]),
    hostOf,
  ],
  [
    'racks, hosts, devices one by one',
    (map, { choose }) =>
      addRule(
        map,
        [TAKE, root(map), 0],
        [choose, 0, RACK],
        [choose, 1, HOST],
        [choose, 1, 0],
        [EMIT, 0, 0],
      ),
    rackOf,
  ],
];

describe.each(ENGINES)('on %s', (engine) => {
  test.each(
    SHAPES.flatMap(([name, add, domain]) => [
      { name: `${name}, firstn`, add: (map: CrushMap) => add(map, firstn), domain, size: 4 },
      { name: `${name}, indep`, add: (map: CrushMap) => add(map, indep), domain, size: 4 },
    ]),
  )('$name: any device comes first, the others obey the rule', ({ add, domain, size }) => {
    const map = racks();
    const rule = add(map);
    const mapper = new CrushMapper(map, { engine });
    for (let device = 0; device < 60; device++) {
      for (let x = 0; x < 20; x++) {
        const plain = mapper.run(rule, x, size, weights);
        const forced = mapper.run(rule, x, size, weights, undefined, device);
        expect(forced[0]).toBe(device);
        expect(forced.length).toBe(size);
        expect(forced).not.toContain(NONE);
        expect(new Set(forced.map(domain)).size).toBe(size);
        // Forcing what is first anyway changes nothing, and nothing is left of it afterwards.
        expect(mapper.run(rule, x, size, weights, undefined, plain[0])).toEqual(plain);
        expect(mapper.run(rule, x, size, weights)).toEqual(plain);
      }
    }
  });

  test('the places after it are drawn as ever: most of them stay what they were', () => {
    const map = racks();
    const mapper = new CrushMapper(map, { engine });
    let same = 0;
    for (let x = 0; x < 1000; x++) {
      const plain = mapper.run(0, x, 3, weights);
      const forced = mapper.run(0, x, 3, weights, undefined, x % 60);
      for (const place of [1, 2]) if (plain[place] === forced[place]) same++;
    }
    expect(same).toBeGreaterThan(1600);
  });

  test('two racks with two hosts each: the first rack is that of the device', () => {
    const map = racks();
    const rule = SHAPES[4]![1](map, firstn);
    const mapper = new CrushMapper(map, { engine });
    for (let device = 0; device < 60; device++) {
      const forced = mapper.run(rule, 1, 4, weights, undefined, device);
      expect(forced.map(rackOf).slice(0, 2)).toEqual([rackOf(device), rackOf(device)]);
      expect(rackOf(forced[2]!)).toBe(rackOf(forced[3]!));
      expect(rackOf(forced[2]!)).not.toBe(rackOf(device));
    }
  });

  test('a rule over a class forces only devices of the class', () => {
    const map = racks();
    const rule = addSimpleRule(map, {
      ...{ name: 'fast', root: 'default', failureDomain: 'host', deviceClass: 'ssd' },
    });
    const mapper = new CrushMapper(map, { engine });
    for (let device = 0; device < 60; device++) {
      const plain = mapper.run(rule, 5, 3, weights);
      const forced = mapper.run(rule, 5, 3, weights, undefined, device);
      if (classOf(device) === 'hdd') expect(forced).toEqual(plain);
      else expect(forced[0]).toBe(device);
      expect(forced.every((osd) => classOf(osd) === 'ssd')).toBe(true);
    }
  });

  test('of several groups it comes first in the first one that it is below', () => {
    const map = racks();
    const rule = addRule(
      map,
      [TAKE, shadowOf(map, root(map), 'ssd'), 0],
      [firstn.leaf, 1, HOST],
      [EMIT, 0, 0],
      [TAKE, root(map), 0],
      [firstn.leaf, 2, RACK],
      [EMIT, 0, 0],
    );
    const mapper = new CrushMapper(map, { engine });
    const plain = mapper.run(rule, 9, 3, weights);
    const ssd = mapper.run(rule, 9, 3, weights, undefined, 3);
    const hdd = mapper.run(rule, 9, 3, weights, undefined, 4);
    expect([ssd[0], ...ssd.slice(1)]).toEqual([3, ...plain.slice(1)]);
    expect([hdd[0], hdd[1]]).toEqual([plain[0], 4]);
    expect(rackOf(hdd[2]!)).not.toBe(rackOf(4));
  });

  test('buckets that are emitted begin with the one above the device', () => {
    const map = racks();
    const rule = addRule(map, [TAKE, root(map), 0], [firstn.choose, 0, RACK], [EMIT, 0, 0]);
    const mapper = new CrushMapper(map, { engine });
    const forced = mapper.run(rule, 2, 3, weights, undefined, 17);
    expect(forced[0]).toBe(itemByName(map, `r${rackOf(17)}`));
    expect(new Set(forced).size).toBe(3);
  });

  test('a device that could not be chosen is not forced', () => {
    const map = racks();
    const mapper = new CrushMapper(map, { engine });
    const zeroTypes = addRule(map, [TAKE, root(map), 0], [firstn.leaf, 0, 9], [EMIT, 0, 0]);
    const withOut = Uint32Array.from(weights);
    withOut[7] = 0;
    for (let x = 0; x < 50; x++) {
      const plain = mapper.run(0, x, 3, withOut);
      // Out; below another root; beyond the map; not a device.
      for (const device of [7, 61, 63, 1e6, -2]) {
        expect(mapper.run(0, x, 3, withOut, undefined, device)).toEqual(plain);
      }
    }
    expect(new CrushMapper(map, { engine }).run(zeroTypes, 1, 3, weights, undefined, 7)).toEqual(
      [],
    );
  });

  test('a device partly out is forced for the inputs for which it is in', () => {
    const map = racks();
    const mapper = new CrushMapper(map, { engine });
    const half = Uint32Array.from(weights);
    half[7] = 0x8000;
    let first = 0;
    for (let x = 0; x < 1000; x++) {
      const forced = mapper.run(0, x, 3, half, undefined, 7);
      if (forced[0] === 7) first++;
      else expect(forced).toEqual(mapper.run(0, x, 3, half));
    }
    expect(Math.abs(first - 500)).toBeLessThan(80);
  });
});

test('in any map a forced device is first in its group, or the result is as without', () => {
  fc.assert(
    fc.property(crushMaps({ oddSteps: true }), fc.nat(), (map, x) => {
      const mapper = new CrushMapper(map);
      const all = new Uint32Array(map.maxDevices).fill(0x10000);
      map.rules.forEach((rule, id) => {
        if (!rule) return;
        const choices = rule.steps.filter((s) => [2, 3, 6, 7].includes(s.op));
        const groups = rule.steps.filter((s) => s.op === EMIT).length;
        for (let device = 0; device < map.maxDevices; device++) {
          const plain = mapper.run(id, x, rule.maxSize, all, 0);
          const forced = mapper.run(id, x, rule.maxSize, all, 0, device);
          if (forced.join() === plain.join()) continue;
          expect(forced).toContain(device);
          if (groups === 1) expect(forced[0]).toBe(device);
          const found = forced.filter((osd) => osd !== NONE);
          if (choices.length === 1) expect(new Set(found).size).toBe(found.length);
        }
      });
    }),
    { numRuns: 100, interruptAfterTimeLimit: 20_000 },
  );
});
