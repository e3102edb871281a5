import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CrushMap,
  CrushTextError,
  compileCrushMap,
  decodeCrushMap,
  decompileCrushMap,
  encodeCrushMap,
} from '../src/crush/index.ts';
import { GOLDEN_MAPS, golden, goldenMap } from './crush-golden.ts';
import { crushMaps, withoutInnerNodes } from './support/crush-maps.ts';
import { mutant } from './support/crush-text-mutants.ts';
import { toolsMissing } from './support/interop.ts';
import { dice } from './support/sim-disk.ts';
import { tempFolder } from './support/temp-folder.ts';

const zipped = (name: string): string => gunzipSync(golden(name)).toString('latin1');

/** The encoded map, or the lines of the refusal. */
function compiled(text: string, fileName: string): Buffer | readonly string[] {
  try {
    return encodeCrushMap(compileCrushMap(text, fileName));
  } catch (e) {
    if (e instanceof CrushTextError) return e.lines;
    throw e;
  }
}

describe.each(GOLDEN_MAPS)('%s', (name) => {
  test('compiles to the bytes that crushtool -c makes', () => {
    const map = compileCrushMap(zipped(`${name}.txt.gz`));
    expect(encodeCrushMap(map).equals(golden(`${name}.crush`))).toBe(true);
  });
  test('decompiles to the text that crushtool -d prints', () => {
    expect(decompileCrushMap(goldenMap(name))).toBe(zipped(`${name}.decompiled.gz`));
  });
});

interface Case {
  name: string;
  text: string;
  map?: string;
  lines?: string[];
}
const cases = JSON.parse(zipped('texts.json.gz')) as Case[];

test.each(cases)('$name: as crushtool -c', ({ text, map, lines }) => {
  const result = compiled(text, 'map.txt');
  if (map === undefined) expect(result).toEqual(lines);
  else expect(result).toEqual(Buffer.from(map, 'base64'));
});

describe('where crushtool crashes, we have an answer', () => {
  test('a single statement is a map', () => {
    expect(compileCrushMap('type 3 rack').typeNames).toEqual(new Map([[3, 'rack']]));
  });
  test('a uniform bucket of no weight is a bucket', () => {
    const text = 'type 0 osd\ntype 1 host\ndevice 0 a\nhost x { alg uniform item a weight 0 }';
    expect(compileCrushMap(text).buckets.get(-1)).toMatchObject({ items: [0], weight: 0 });
  });
  test('a device whose number wraps to a bucket id is refused', () => {
    const text = 'type 0 osd\ndevice 4294967295 osd.0\n';
    expect(compiled(text, 'x')).toEqual(['device osd.0 is out of range']);
  });
  test('an id that needs gigabytes of slots is refused', () => {
    const text = 'type 0 osd\ntype 1 host\nhost x { id -2000000000 alg straw2 }';
    expect(compiled(text, 'x')).toEqual(['add_bucket failed (12) Cannot allocate memory']);
  });
  test('a tree bucket with more items than a byte counts nodes for is refused', () => {
    const devices = Array.from({ length: 65 }, (_, i) => `device ${i} osd.${i}\n`).join('');
    const items = Array.from({ length: 65 }, (_, i) => `item osd.${i} `).join('');
    const text = `${devices}type 0 osd\ntype 1 host\nhost x { alg tree ${items}}`;
    expect(compiled(text, 'x')).toEqual(['add_bucket failed (22) Invalid argument']);
  });
});

test('a refusal has a message of one line also when crushtool says nothing', () => {
  expect(new CrushTextError([]).message).toBe('the CRUSH map is refused');
  expect(new CrushTextError(['rule name x already defined', '']).message).not.toContain('\n');
});

/** Two hosts in a root; each test bends it. */
function smallMap(): CrushMap {
  return compileCrushMap(
    'device 0 osd.0\ntype 0 osd\ntype 1 host\ntype 2 root\n' +
      'host a { alg straw2 item osd.0 }\nroot b { alg straw2 item a }\n' +
      'rule r { id 0 type replicated min_size 1 max_size 2 step take b step emit }',
  );
}

describe('decompiling maps that no text gives', () => {
  const lines = (map: CrushMap): string[] => decompileCrushMap(map).split('\n');

  test('items and types without a name go by their numbers', () => {
    const map = smallMap();
    map.itemNames.delete(0);
    map.itemNames.delete(-1);
    map.typeNames.delete(1);
    map.typeNames.delete(0);
    const text = lines(map);
    expect(text).toContain('type 0 osd');
    expect(text).toContain('type1 bucket0 {');
    expect(text).toContain('\titem device0 weight 1.000');
    expect(text).toContain('\titem bucket0 weight 1.000');
  });

  test('a rule of another set, type and operations says so, or leaves them out', () => {
    const map = smallMap();
    const rule = map.rules[0]!;
    Object.assign(rule, { ruleset: 7, type: 2 });
    rule.steps = [
      { op: 0, arg1: 0, arg2: 0 },
      { op: 99, arg1: 0, arg2: 0 },
      { op: 2, arg1: 0, arg2: 0 },
    ];
    map.typeNames.delete(0);
    const text = decompileCrushMap(map);
    expect(text).toContain(
      '\tid 0\n\t# WARNING: ruleset 7 != id 0; this will not recompile to the same map\n\ttype 2\n',
    );
    expect(text).toContain('\tstep noop\n\tstep choose firstn 0 type device\n}\n');
  });

  test('a loop is refused with the line of crushtool, after the text so far', () => {
    const map = smallMap();
    map.buckets.get(-1)!.items = [-2];
    let error: unknown;
    try {
      decompileCrushMap(map);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(CrushTextError);
    const { lines, partial } = error as CrushTextError;
    expect(lines).toEqual([
      'decompile_crush_bucket: error: while trying to output bucket -2, we found out that it contains one of the buckets that contain it. This is not allowed. The buckets must form a directed acyclic graph.',
    ]);
    expect(partial.endsWith('\n# buckets\n')).toBe(true);
  });

  test('a rule that takes what has no name ends the text without a word', () => {
    const map = smallMap();
    map.itemNames.delete(-2);
    expect(() => decompileCrushMap(map)).toThrow(CrushTextError);
  });
});

test('what a text gives, its decompiled text gives again', () => {
  fc.assert(
    fc.property(crushMaps({ trees: 2, textual: true }), (map) => {
      const first = settled(decompileCrushMap(map));
      // Three decimals of a weight are less than it has, so the first text may weigh a little less than the map.
      const second = first && settled(first);
      expect(second && settled(second)).toBe(second);
    }),
    { numRuns: 100 },
  );
});

/** The text of the map of a text; `undefined` if that is refused. */
function settled(text: string): string | undefined {
  const result = compiled(text, 'x');
  return Buffer.isBuffer(result) ? decompileCrushMap(decodeCrushMap(result)) : undefined;
}

const skip = toolsMissing('crushtool');
const dir = tempFolder('crush-text');

test.skipIf(skip)(
  'mutants of good texts: the same bytes or the same lines as crushtool',
  () => {
    const [source, target] = [join(dir, 'map.txt'), join(dir, 'map')];
    const counts = { same: 0, refused: 0, crashed: 0 };
    const sets = [...Array.from({ length: 150 }, (_, i) => i), ...fresh(20)];
    try {
      for (const seed of sets) {
        const text = mutant(dice(seed));
        writeFileSync(source, text, 'latin1');
        const tool = spawnSync('crushtool', ['-c', source, '-o', target]);
        const ours = compiled(text, source);
        if (tool.status === 0) {
          const theirs = withoutInnerNodes(decodeCrushMap(readFileSync(target)));
          expect(Buffer.isBuffer(ours) || `seed ${seed}: ${ours}`).toBe(true);
          const decoded = withoutInnerNodes(decodeCrushMap(ours as Buffer));
          expect(encodeCrushMap(decoded).equals(encodeCrushMap(theirs)) || seed).toBe(true);
          counts.same++;
        } else if (tool.status === 1) {
          const lines = tool.stderr.toString('latin1').split('\n').slice(0, -1);
          expect([seed, ours]).toEqual([seed, lines]);
          counts.refused++;
        } else counts.crashed++;
      }
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect(counts.same).toBeGreaterThan(15);
    expect(counts.refused).toBeGreaterThan(60);
    expect(counts.crashed).toBeLessThan(5);
  },
  60_000,
);

/** Seeds that no run had before; a failure names them. */
function fresh(count: number): number[] {
  return Array.from({ length: count }, () => Math.floor(Math.random() * 2 ** 31));
}
