import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeBucket } from '../src/crush/bucket.ts';
import {
  BUCKET_ALG,
  type BucketAlg,
  type CrushMap,
  CrushMapper,
  checkCrushMap,
  createDefaultCrushMap,
  decodeCrushMap,
  encodeCrushMap,
  RULE_OP,
  RULE_TYPE,
} from '../src/crush/index.ts';
import { parseMappings, toolWeights } from './crush-golden.ts';

const ALGS = Object.values(BUCKET_ALG);
const HOST = 1;
const ROOT = 11;
const weight = fc.oneof(
  { arbitrary: fc.integer({ min: 1, max: 40 * 0x10000 }), weight: 9 },
  { arbitrary: fc.constant(0), weight: 1 },
);
const spec = fc.record({
  hosts: fc.array(
    fc.record({
      alg: fc.constantFrom(...ALGS),
      weights: fc.array(weight, { minLength: 1, maxLength: 6 }),
    }),
    { minLength: 1, maxLength: 7 },
  ),
  // A uniform root would ask for hosts of one weight.
  rootAlg: fc.constantFrom(...ALGS.filter((alg) => alg !== BUCKET_ALG.UNIFORM)),
  tunables: fc.record({
    chooseLocalTries: fc.integer({ min: 0, max: 3 }),
    chooseLocalFallbackTries: fc.integer({ min: 0, max: 5 }),
    chooseTotalTries: fc.integer({ min: 1, max: 50 }),
    chooseleafDescendOnce: fc.integer({ min: 0, max: 1 }),
    chooseleafVaryR: fc.integer({ min: 0, max: 4 }),
    strawCalcVersion: fc.integer({ min: 0, max: 1 }),
    allowedBucketAlgs: fc.constant(54),
    chooseleafStable: fc.integer({ min: 0, max: 1 }),
  }),
  /** What the weight sets repeat; empty for no weight sets. */
  argWeights: fc.array(weight, { maxLength: 5 }),
});
type Spec = typeof spec extends fc.Arbitrary<infer T> ? T : never;

/** Two levels of buckets, all rule families, and weight sets if the spec has weights for them. */
function mapFrom(s: Spec): CrushMap {
  const map = createDefaultCrushMap();
  map.tunables = s.tunables;
  const add = (id: number, type: number, alg: BucketAlg, items: number[], weights: number[]) => {
    const even = alg === BUCKET_ALG.UNIFORM ? weights.map(() => weights[0]!) : weights;
    const head = { id, type, alg, hash: 0 };
    map.buckets.set(id, makeBucket(head, items, even, s.tunables.strawCalcVersion));
  };
  let device = 0;
  s.hosts.forEach(({ alg, weights }, i) => {
    const items = weights.map(() => device++);
    for (const item of items) map.itemNames.set(item, `osd.${item}`);
    map.itemNames.set(-2 - i, `host${i}`);
    add(-2 - i, HOST, alg, items, weights);
  });
  map.maxDevices = device;
  const hostIds = s.hosts.map((_, i) => -2 - i);
  add(
    -1,
    ROOT,
    s.rootAlg,
    hostIds,
    hostIds.map((id) => map.buckets.get(id)!.weight),
  );
  const families = [
    [RULE_OP.CHOOSE_FIRSTN, 0],
    [RULE_OP.CHOOSELEAF_FIRSTN, HOST],
    [RULE_OP.CHOOSE_INDEP, 0],
    [RULE_OP.CHOOSELEAF_INDEP, HOST],
  ] as const;
  map.rules = families.map(([op, type], id) => {
    map.ruleNames.set(id, `rule${id}`);
    const steps = [
      { op: RULE_OP.TAKE, arg1: -1, arg2: 0 },
      { op, arg1: 0, arg2: type },
      { op: RULE_OP.EMIT, arg1: 0, arg2: 0 },
    ];
    return { ruleset: id, type: RULE_TYPE.REPLICATED, minSize: 1, maxSize: 10, steps };
  });
  if (s.argWeights.length > 0) {
    const set = (id: number) =>
      map.buckets.get(id)!.items.map((_, i) => s.argWeights[i % s.argWeights.length]!);
    const straw2 = [...map.buckets.values()].filter((b) => b.alg === BUCKET_ALG.STRAW2);
    const ids = (id: number) => map.buckets.get(id)!.items.map((item) => item + 1000);
    map.chooseArgs.set(
      -1,
      new Map(straw2.map((b) => [b.id, { weightSets: [set(b.id)], ids: ids(b.id) }])),
    );
  }
  return map;
}

test('random maps are sound and come back from their bytes', () => {
  fc.assert(
    fc.property(spec, (s) => {
      const map = mapFrom(s);
      const bytes = encodeCrushMap(map);
      expect(decodeCrushMap(bytes)).toEqual(map);
      expect(encodeCrushMap(decodeCrushMap(bytes)).equals(bytes)).toBe(true);
      expect(checkCrushMap(map)).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test('a mapping holds different devices that are in, and is the same each time', () => {
  const out = new Int32Array(4);
  fc.assert(
    fc.property(spec, fc.nat(), fc.nat({ max: 31 }), (s, x, outDevice) => {
      const map = mapFrom(s);
      const mapper = new CrushMapper(map);
      const weights = new Uint32Array(map.maxDevices).fill(0x10000);
      if (outDevice < weights.length) weights[outDevice] = 0;
      for (let rule = 0; rule < 4; rule++) {
        const result = mapper.run(rule, x, 4, weights, 0);
        const devices = result.filter((id) => id !== 0x7fffffff);
        expect(new Set(devices).size).toBe(devices.length);
        expect(devices).not.toContain(outDevice);
        for (const id of devices) expect(id < map.maxDevices && id >= 0).toBe(true);
        const length = mapper.runInto(rule, x, 4, weights, out, 0);
        expect(Array.from(out.subarray(0, length))).toEqual(result);
      }
    }),
    { numRuns: 150 },
  );
});

/** It has no option that does nothing, so its exit status says little: it is there unless it cannot be started. */
const hasCrushtool = spawnSync('crushtool', ['--help'], { stdio: 'ignore' }).error === undefined;

test.skipIf(!hasCrushtool)(
  'crushtool reads random maps and maps them the same',
  { timeout: 60_000 },
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'crush-'));
    const file = join(dir, 'map');
    try {
      let compared = 0;
      fc.assert(
        fc.property(spec, fc.integer({ min: 1, max: 5 }), (s, numRep) => {
          const map = mapFrom(s);
          const mapper = new CrushMapper(map);
          const weights = toolWeights(map, {});
          writeFileSync(file, encodeCrushMap(map));
          execFileSync('crushtool', ['-d', file, '-o', join(dir, 'text')]);
          for (let rule = 0; rule < 4; rule++) {
            const options = ['--rule', rule, '--num-rep', numRep, '--min-x', 0, '--max-x', 127];
            const args = ['-i', file, '--test', '--show-mappings', ...options.map(String)];
            const text = execFileSync('crushtool', args, { encoding: 'utf8', stdio: 'pipe' });
            for (const { x, result } of parseMappings(text)) {
              expect(mapper.run(rule, x, numRep, weights, 0), `rule ${rule} x ${x}`).toEqual(
                result,
              );
              compared++;
            }
          }
        }),
        { numRuns: 25 },
      );
      expect(compared).toBeGreaterThan(10_000);
    } finally {
      rmSync(dir, { recursive: true });
    }
  },
);
