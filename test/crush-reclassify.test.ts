import { describe, expect, it } from 'vitest';
import {
  type CrushMap,
  classOf,
  compareCrushMaps,
  compileCrushMap,
  decodeCrushMap,
  encodeCrushMap,
  itemByName,
  type ReclassifyRequest,
  reclassify,
  setSubtreeClass,
} from '../src/crush/index.ts';
import { PARALLEL_TREES } from './support/parallel-trees.ts';

function run(request: Partial<ReclassifyRequest>, map = compileCrushMap(PARALLEL_TREES)) {
  const lines: string[] = [];
  const whole = { roots: new Map(), buckets: new Map(), ...request };
  const change = () => reclassify(map, whole, (line) => lines.push(line));
  return { map, lines, change };
}

/** Inputs that two maps place differently. */
function moved(before: CrushMap, after: CrushMap): boolean {
  const sink = { out: () => {}, err: () => {}, file: () => {} };
  return !compareCrushMaps(before, after, {}, sink);
}

const SSD = { deviceClass: 'ssd', parent: 'default' };

describe('reclassifying parallel trees', () => {
  it('moves nothing: old buckets become shadows under their ids', () => {
    const { map, change } = run({
      roots: new Map([['default', 'hdd']]),
      buckets: new Map([
        ['%-ssd', SSD],
        ['ssd', SSD],
      ]),
    });
    setSubtreeClass(map, 'default', 'hdd');
    change();
    expect(moved(compileCrushMap(PARALLEL_TREES), map)).toBe(false);
    expect(map.itemNames.get(-1)).toBe('default~hdd');
    expect(map.itemNames.get(-4)).toBe('default~ssd');
    expect(map.itemNames.get(-6)).toBe('n3~ssd');
    expect([0, 1, 2, 3].map((d) => classOf(map, d))).toEqual(['hdd', 'hdd', 'ssd', 'ssd']);
    const n1 = map.buckets.get(itemByName(map, 'n1')!)!;
    expect(n1.items).toEqual([0, 2]);
    expect(itemByName(map, 'n3')).toBeDefined();
    expect(decodeCrushMap(encodeCrushMap(map))).toEqual(map);
  });

  it('says what it does, roots first and in the order of their names', () => {
    const { lines, change } = run({
      roots: new Map([
        ['ssd', 'ssd'],
        ['default', 'hdd'],
      ]),
    });
    change();
    expect(lines.filter((line) => !line.startsWith(' '))).toEqual([
      'classify_root default (-1) as hdd',
      'classify_root ssd (-4) as ssd',
    ]);
    expect(lines[1]).toBe('  renumbering bucket -1 -> -7');
  });

  it('takes prefixes, suffixes and whole names for patterns', () => {
    const bases = (pattern: string): string[] => {
      const { lines, change } = run({ buckets: new Map([[pattern, SSD]]) });
      try {
        change();
      } catch {
        // what the pattern leaves out is refused below
      }
      return lines.filter((l) => l.startsWith('match')).map((l) => l.split(' basename ')[1]!);
    };
    expect(bases('%-ssd')).toEqual(['n1', 'n3']);
    // Not n1 itself: a name shorter than the pattern is never looked at.
    expect(bases('n1%')).toEqual(['-ssd']);
    expect(bases('ssd')).toEqual(['default']);
    expect(bases('nothing')).toEqual([]);
  });

  it('refuses what does not exist, is taken by class already, or would lose items', () => {
    const refused = (request: Partial<ReclassifyRequest>, map?: CrushMap): string => {
      const { lines, change } = run(request, map);
      expect(change).toThrow();
      return lines.at(-1)!;
    };
    expect(refused({ roots: new Map([['nope', 'hdd']]) })).toBe('root nope does not exist');
    expect(refused({ buckets: new Map([['ssd', { ...SSD, parent: 'nope' }]]) })).toBe(
      'default parent nope does not exist',
    );
    expect(refused({ buckets: new Map([['ssd', SSD]]) })).toMatch(/^moving items from -4/);
    const text = PARALLEL_TREES.replace('device 0 osd.0', 'device 0 osd.0 class hdd').replace(
      'step take default ',
      'step take default class hdd ',
    );
    expect(refused({ roots: new Map([['default', 'hdd']]) }, compileCrushMap(text))).toBe(
      '  rule 0 includes take on root default class 0',
    );
  });
});
