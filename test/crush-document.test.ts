import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  crushDocumentFromXml,
  crushDocumentToXml,
  crushDumpToXml,
} from '../src/cli/crushtool/xml.ts';
import {
  type CrushDocument,
  type CrushMap,
  compileCrushMap,
  crushDump,
  crushMapFromDocument,
  crushMapToDocument,
  decodeCrushMap,
  encodeCrushMap,
} from '../src/crush/index.ts';
import { CephError, DecodeError } from '../src/errors/index.ts';
import { GOLDEN_MAPS, golden, goldenDump, goldenMap } from './crush-golden.ts';
import { crushMaps } from './support/crush-maps.ts';

const ALL = [...GOLDEN_MAPS, 'three-osds'];

/** A document after it was a file. */
function throughJson(doc: CrushDocument): unknown {
  return JSON.parse(JSON.stringify(doc));
}
function throughXml(doc: CrushDocument): unknown {
  return crushDocumentFromXml(crushDocumentToXml(doc));
}

describe.each(ALL)('%s', (name) => {
  const bytes = golden(`${name}.crush`);
  const doc = crushMapToDocument(goldenMap(name));

  test('comes back from JSON to the byte', () => {
    expect(encodeCrushMap(crushMapFromDocument(throughJson(doc))).equals(bytes)).toBe(true);
  });
  test('comes back from XML to the byte', () => {
    expect(encodeCrushMap(crushMapFromDocument(throughXml(doc))).equals(bytes)).toBe(true);
  });
  test('comes back from what `ceph osd crush dump` prints', () => {
    expect(encodeCrushMap(crushMapFromDocument(goldenDump(name))).equals(bytes)).toBe(true);
  });
  test('its document holds that dump', () => {
    expect(doc).toMatchObject(goldenDump(name) as object);
  });
});

test('random maps come back from JSON and XML, the same in every part', () => {
  fc.assert(
    fc.property(crushMaps({ trees: 2, oddSteps: true }), (map) => {
      const doc = crushMapToDocument(map);
      const bytes = encodeCrushMap(map);
      for (const copy of [throughJson(doc), throughXml(doc)]) {
        const back = crushMapFromDocument(copy);
        expect(encodeCrushMap(back).equals(bytes)).toBe(true);
        expect(back.maxDevices).toBe(map.maxDevices);
      }
    }),
    { numRuns: 100 },
  );
});

test('damaged maps that decode come back as well', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
  let decoded = 0;
  fc.assert(
    fc.property(fc.constantFrom(...ALL), flips, (name, changes) => {
      const bytes = Buffer.from(golden(`${name}.crush`));
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      let map: CrushMap;
      try {
        map = decodeCrushMap(bytes);
      } catch (e) {
        expect(e).toBeInstanceOf(DecodeError);
        return;
      }
      decoded++;
      const back = crushMapFromDocument(throughJson(crushMapToDocument(map)));
      expect(encodeCrushMap(back).equals(encodeCrushMap(map))).toBe(true);
    }),
    { numRuns: 80 },
  );
  expect(decoded).toBeGreaterThan(10);
});

test('a device that is really called device0 keeps its name, one without a name has none', () => {
  const map = goldenMap('straw2-small');
  map.itemNames.set(0, 'device0');
  map.itemNames.delete(1);
  const back = crushMapFromDocument(throughJson(crushMapToDocument(map)));
  expect(back.itemNames.get(0)).toBe('device0');
  expect(back.itemNames.has(1)).toBe(false);
});

test('a bucket that only looks like a shadow comes back as it was', () => {
  const map = goldenMap('classes');
  for (const [id, name] of map.itemNames) map.itemNames.set(id, name.replace('~ssd', '~odd'));
  const back = crushMapFromDocument(throughJson(crushMapToDocument(map)));
  expect(encodeCrushMap(back).equals(encodeCrushMap(map))).toBe(true);
});

test('weights that a float rounds are exact in weight sets', () => {
  const map = compileCrushMap('type 0 osd\ntype 1 host\ndevice 0 a\nhost x { alg straw2 item a }');
  map.chooseArgs.set(-1, new Map([[-1, { weightSets: [[0xfffffffd]], ids: [7] }]]));
  const back = crushMapFromDocument(throughXml(crushMapToDocument(map)));
  expect(back.chooseArgs).toEqual(map.chooseArgs);
});

test('straws, sums and nodes follow from the weights where the document does not have them', () => {
  for (const name of ['straw-hammer', 'list-jewel', 'tree-jewel']) {
    const doc = crushMapToDocument(goldenMap(name));
    for (const bucket of doc.buckets) expect(Object.keys(bucket)).not.toContain('straws');
    const map = goldenMap(name);
    const bucket = [...map.buckets.values()].find((b) => b.items.length > 1)!;
    if ('straws' in bucket) bucket.straws[0]!++;
    if ('sums' in bucket) bucket.sums[0]!++;
    if ('nodeWeights' in bucket) bucket.nodeWeights[0]!++;
    const back = crushMapFromDocument(throughXml(crushMapToDocument(map)));
    expect(back.buckets.get(bucket.id)).toEqual(bucket);
  }
});

test('a document by hand needs little', () => {
  const map = crushMapFromDocument({
    devices: [{ id: 0, name: 'osd.0', class: 'ssd' }],
    types: [
      { type_id: 0, name: 'osd' },
      { type_id: 1, name: 'host' },
    ],
    buckets: [
      { id: -1, name: 'a', type_id: 1, alg: 'list', items: [{ id: 0, weight: 65536 }] },
      { id: -2, name: 'a~ssd', type_id: 1, alg: 'straw2', items: [{ id: 0, weight: 65536 }] },
    ],
    rules: [{ rule_id: 2, type: 1, min_size: 1, max_size: 3, steps: [{ op: 'take', item: -2 }] }],
  });
  expect(map.maxBuckets).toBe(8);
  expect(map.buckets.get(-1)).toMatchObject({ weight: 65536, sums: [65536] });
  expect(map.rules).toMatchObject([undefined, undefined, { ruleset: 2, steps: [{ arg1: -2 }] }]);
  expect(map.tunables.chooseTotalTries).toBe(19);
  expect(map.classBuckets).toEqual(new Map([[-1, new Map([[0, -2]])]]));
});

describe('a document that does not fit is refused with its place', () => {
  /** Puts a value where the words of a path lead; undefined takes it away. */
  const refusal = (name: string, path: string, value: unknown): string => {
    const doc = throughJson(crushMapToDocument(goldenMap(name)));
    const words = path.split('.');
    const last = words.pop()!;
    let at = doc as Record<string, unknown>;
    for (const word of words) at = at[word] as Record<string, unknown>;
    if (value === undefined) delete at[last];
    else at[last] = value;
    try {
      crushMapFromDocument(doc);
    } catch (e) {
      expect(e).toBeInstanceOf(CephError);
      return (e as CephError).message;
    }
    return 'accepted';
  };

  test.each([
    ['types: is missing', 'types', undefined],
    ['types[1].name: is not a text', 'types.1.name', 5],
    ['types[1].type_id: 0 is given twice', 'types.1.type_id', 0],
    ['buckets: is not a list', 'buckets', {}],
    ['buckets[0]: is not an object', 'buckets.0', []],
    ["buckets[0].alg: 'straw3' is not known", 'buckets.0.alg', 'straw3'],
    ["buckets[0].hash: 'unknown' is not known", 'buckets.0.hash', 'unknown'],
    ['buckets[0].id: 5 is not between -16777216 and -1', 'buckets.0.id', 5],
    ['buckets[2].items[1].weight: is not a number', 'buckets.2.items.1.weight', 'much'],
    [
      'buckets[2].items[1].weight: -1 is not between 0 and 4294967295',
      'buckets.2.items.1.weight',
      -1,
    ],
    ['buckets[2].items[1].id: 0.5 is not an integer', 'buckets.2.items.1.id', 0.5],
    ['buckets[2].items[1].pos: is not 1, its place', 'buckets.2.items.1.pos', 3],
    ['max_buckets: 1 is not between 9 and 16777216', 'max_buckets', 1],
    ["rules[0].steps[0].op: 'leave' is not known", 'rules.0.steps.0.op', 'leave'],
    ["rules[0].steps[1].type: there is no type 'x'", 'rules.0.steps.1.type', 'x'],
    ['tunables.chooseleaf_stable: 256 is not between 0 and 255', 'tunables.chooseleaf_stable', 256],
    ['choose_args.x: is not a number', 'choose_args', { x: [] }],
    [
      'choose_args.0[0].bucket_id: -99 is not between -16 and -1',
      'choose_args',
      { 0: [{ bucket_id: -99 }] },
    ],
    [
      'choose_args.0[0].weight_set[0][1]: -1 is no weight',
      'choose_args',
      { 0: [{ bucket_id: -1, weight_set: [[1, -1]] }] },
    ],
    [
      'choose_args.0[0].ids: has 1 ids for 2 items',
      'choose_args',
      { 0: [{ bucket_id: -1, ids: [5] }] },
    ],
    [
      'devices[1].named: is neither true nor false',
      'devices.1',
      { id: 1, name: 'device1', named: 1 },
    ],
  ])('%s', (message, path, value) => {
    expect(refusal('choose-args', path, value)).toBe(message);
  });

  const uniform = crushMapToDocument(goldenMap('uniform-jewel')).buckets.findIndex(
    (b) => b.alg === 'uniform',
  );
  test.each([
    ['list-jewel', 'sums: has 1 numbers for', 'buckets.0.sums', [1]],
    ['tree-jewel', 'are not those of', 'buckets.0.node_weights', new Array(64).fill(1)],
    ['tree-jewel', 'no power of two', 'buckets.0.node_weights', new Array(65).fill(1)],
    ['uniform-jewel', 'one weight only', `buckets.${uniform}.items.0.weight`, 1],
    ['uniform-jewel', 'is not what items weigh', `buckets.${uniform}.item_weight`, 1],
    ['classes', 'devices[0].class: there is no class', 'classes', []],
  ])('%s: %s', (name, message, path, value) => {
    expect(refusal(name, path, value)).toContain(message);
  });
  test('what is no object at all', () => {
    expect(() => crushMapFromDocument(null)).toThrow('document: is not an object');
  });
});

describe('XML', () => {
  test('the dump is written as Ceph does, with pool ids for names', () => {
    const xml = crushDumpToXml(crushDump(goldenMap('choose-args')), false);
    expect(xml).toMatch(/^<crush_map><devices><device><id>0<\/id><name>osd\.0<\/name><\/device>/);
    expect(xml).toContain(
      '<choose_args><0><choose_args><bucket_id>-1</bucket_id><weight_set><weights>',
    );
    const back = crushMapFromDocument(crushDocumentFromXml(xml));
    expect(encodeCrushMap(back).equals(golden('choose-args.crush'))).toBe(true);
  });
  test('empty lists stand on two lines', () => {
    const xml = crushDumpToXml({ devices: [], profile: 'a' }, true);
    expect(xml).toBe('<crush_map>\n <devices>\n </devices>\n <profile>a</profile>\n</crush_map>\n');
  });
  test('names with all the characters that XML treats', () => {
    const map = goldenMap('straw2-small');
    map.itemNames.set(0, ` <a & 'b' "c">\t]]> \n é😀 &amp; `);
    const back = crushMapFromDocument(throughXml(crushMapToDocument(map)));
    expect(back.itemNames).toEqual(map.itemNames);
  });
  test('comments, sections of literal text and references are read', () => {
    const doc = crushDocumentFromXml(
      '<?xml version="1.0"?><!-- a --><crush_map><types><type><!-- b --><name>a<![CDATA[<&amp;>]]>&#98;&#x63;</name></type></types></crush_map>',
    );
    expect(doc).toEqual({ types: [{ name: 'a<&amp;>bc' }] });
  });
  test('names that XML cannot hold are refused', () => {
    const map = goldenMap('straw2-small');
    map.itemNames.set(0, 'a\u0000');
    expect(() => crushDocumentToXml(crushMapToDocument(map))).toThrow('cannot be written as XML');
  });
  test.each([
    ['', 'XML: line 1: Start tag expected.'],
    ['<crush_map>', /^XML: /],
    ['<crush_map><a></b></crush_map>', /^XML: line 1: Expected closing tag 'a'/],
    ['<map></map>', 'XML: the root is not crush_map'],
    ['<!DOCTYPE x><crush_map></crush_map>', 'XML: has a document type'],
    ['<crush_map><a>&x;</a></crush_map>', 'XML: the entity &x; is not known'],
    ['<crush_map><a>&#xffffffff;</a></crush_map>', 'XML: the entity &#xffffffff; is not known'],
    ['<crush_map><a>1</a><a>2</a></crush_map>', 'crush_map.a: is given twice'],
    ['<crush_map>text<a>1</a></crush_map>', 'crush_map: has stray text'],
    ['<crush_map><types><foo/></types></crush_map>', 'crush_map.types: holds foo, not type'],
    [`<crush_map>${'<a>'.repeat(200)}${'</a>'.repeat(200)}</crush_map>`, /^XML: /],
  ])('%j is refused', (xml, message) => {
    expect(() => crushDocumentFromXml(xml)).toThrow(CephError);
    expect(() => crushDocumentFromXml(xml)).toThrow(message);
  });
});
