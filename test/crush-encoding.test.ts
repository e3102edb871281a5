import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BUCKET_ALG,
  type ChooseArg,
  CrushMapper,
  checkCrushMap,
  crushDump,
  decodeCrushMap,
  encodeCrushMap,
} from '../src/crush/index.ts';
import { DecodeError } from '../src/errors/index.ts';
import { GOLDEN_MAPS, golden, goldenDump, goldenMap } from './crush-golden.ts';

const ALL = [...GOLDEN_MAPS, 'three-osds'];

describe.each(ALL)('%s', (name) => {
  test('encodes to the bytes it was decoded from', () => {
    expect(encodeCrushMap(goldenMap(name)).equals(golden(`${name}.crush`))).toBe(true);
  });
  test('dumps as `ceph osd crush dump` does, key order included', () => {
    const { choose_args, ...rest } = crushDump(goldenMap(name));
    const dump = { ...rest, choose_args: Object.fromEntries(choose_args) };
    expect(JSON.stringify(dump)).toBe(JSON.stringify(goldenDump(name)));
  });
  test('has no problems', () => {
    expect(checkCrushMap(goldenMap(name))).toEqual([]);
  });
});

test('a map that ends before the newer tunables has the legacy ones', () => {
  const whole = golden('straw2-small.crush');
  const m = goldenMap('straw2-small');
  // Tunables, three empty class maps and the empty choose_args take 23 + 12 + 4 bytes.
  const old = decodeCrushMap(whole.subarray(0, whole.length - 39));
  expect(old.tunables.chooseTotalTries).toBe(19);
  expect(old.tunables.chooseleafStable).toBe(0);
  expect(old.buckets).toEqual(m.buckets);
});

test('a map may end after any part that a release added, and nowhere else', () => {
  const whole = golden('straw2-small.crush');
  const accepted: number[] = [];
  for (let cut = 0; cut < 45; cut++) {
    try {
      decodeCrushMap(whole.subarray(0, whole.length - cut));
      accepted.push(cut);
    } catch (e) {
      expect(e).toBeInstanceOf(DecodeError);
    }
  }
  // As `crushtool -d`: choose_args, classes, chooseleaf_stable, allowed algorithms, straw_calc_version, vary_r,
  // descend_once, and the three tries may be missing, the last first.
  expect(accepted).toEqual([0, 4, 16, 17, 21, 22, 23, 27, 39]);
});

test('names under the 64-bit keys of early releases are read', () => {
  const m = goldenMap('straw2-small');
  const bytes = encodeCrushMap(m);
  const typeMap = Buffer.alloc(4 + m.typeNames.size * 8 + 4);
  const name = Buffer.from(m.typeNames.get(0)!);
  typeMap.writeUInt32LE(m.typeNames.size, 0);
  const at = bytes.indexOf(
    Buffer.concat([typeMap.subarray(0, 8), Buffer.from([name.length, 0, 0, 0]), name]),
  );
  // The upper half of the key goes between the key and the length of the name.
  const old = Buffer.concat([bytes.subarray(0, at + 8), Buffer.alloc(4), bytes.subarray(at + 8)]);
  expect(decodeCrushMap(old)).toEqual(m);
});

describe('weight sets are made to fit the buckets, as Ceph does', () => {
  const withArgs = (change: (args: Map<number, ChooseArg>) => void): Map<number, ChooseArg> => {
    const m = goldenMap('straw2-small');
    const args = new Map<number, ChooseArg>();
    change(args);
    m.chooseArgs.set(0, args);
    return decodeCrushMap(encodeCrushMap(m)).chooseArgs.get(0)!;
  };
  const [first, second] = [...goldenMap('straw2-small').buckets.values()];
  const long = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

  test('short lists end in zeros, long ones are cut', () => {
    const n = first!.items.length;
    const args = withArgs((a) => a.set(first!.id, { weightSets: [[5], long(n + 2)], ids: [] }));
    expect(args.get(first!.id)!.weightSets).toEqual([[5, ...new Array(n - 1).fill(0)], long(n)]);
  });
  test('a bucket with other positions than the first stays as it is', () => {
    const args = withArgs((a) => {
      a.set(first!.id, { weightSets: [long(first!.items.length)], ids: [] });
      a.set(second!.id, { weightSets: [[1], [2]], ids: [] });
    });
    expect(args.get(second!.id)!.weightSets).toEqual([[1], [2]]);
  });
  test('those of buckets that are gone, or not straw2, are dropped', () => {
    const m = goldenMap('list-jewel');
    m.chooseArgs.set(
      0,
      new Map([...m.buckets.keys()].map((id) => [id, { weightSets: [[1]], ids: [] }])),
    );
    const left = [...decodeCrushMap(encodeCrushMap(m)).chooseArgs.get(0)!.keys()];
    expect(left.every((id) => m.buckets.get(id)!.alg === BUCKET_ALG.STRAW2)).toBe(true);
    expect(left.length).toBeLessThan(m.buckets.size);
  });
  test('ids are as many as the items, or the bytes are refused', () => {
    const ids = long(first!.items.length + 1);
    expect(() => withArgs((a) => a.set(first!.id, { weightSets: [], ids }))).toThrow(/ids for/);
  });
  test('a few bytes that ask for many zeros are refused', () => {
    const m = goldenMap('straw2-small');
    const big = { id: -1, type: 1, alg: BUCKET_ALG.STRAW2, hash: 0, weight: 0 };
    m.buckets.set(-1, { ...big, items: long(5000), itemWeights: long(5000) });
    const weightSets = Array.from({ length: 5000 }, () => []);
    m.chooseArgs.set(0, new Map([[-1, { weightSets, ids: [] }]]));
    expect(() => decodeCrushMap(encodeCrushMap(m))).toThrow(/weight sets lack/);
  });
});

test('bytes a newer release appends are ignored', () => {
  const more = Buffer.concat([golden('classes.crush'), Buffer.from([1, 2, 3])]);
  expect(decodeCrushMap(more)).toEqual(goldenMap('classes'));
});

describe('malformed bytes are refused', () => {
  const small = golden('straw2-small.crush');
  const patched = (at: number, value: number): Buffer => {
    const b = Buffer.from(small);
    b.writeUInt32LE(value, at);
    return b;
  };
  test.each([
    ['magic', patched(0, 0x20000)],
    ['more bucket slots than bytes', patched(4, 0x7fffffff)],
    ['a negative number of slots', patched(4, 0xffffffff)],
    ['more rules than bytes', patched(8, 0xffffffff)],
    ['an unknown algorithm', patched(16, 9)],
    ['a bucket in the slot of another', patched(20, 0xfffffff0)],
    ['nothing', Buffer.alloc(0)],
  ])('%s', (_, bytes) => {
    expect(() => decodeCrushMap(bytes)).toThrow(DecodeError);
  });

  test('every truncation is refused or a shorter map', () => {
    const bytes = golden('choose-args.crush');
    for (let n = 0; n < bytes.length; n++) {
      try {
        decodeCrushMap(bytes.subarray(0, n));
      } catch (e) {
        expect(e).toBeInstanceOf(DecodeError);
      }
    }
  });

  test('flipped bytes give a DecodeError or a map that encodes, can be checked and, if sound, maps', () => {
    const names = fc.constantFrom(...ALL);
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    const out = new Int32Array(8);
    fc.assert(
      fc.property(names, flips, (name, changes) => {
        const bytes = Buffer.from(golden(`${name}.crush`));
        for (const [at, x] of changes) bytes[at % bytes.length]! ^= x;
        try {
          const map = decodeCrushMap(bytes);
          encodeCrushMap(map);
          if (checkCrushMap(map).length > 0) return;
          const mapper = new CrushMapper(map);
          const weights = new Uint32Array(map.maxDevices).fill(0x10000);
          for (let rule = 0; rule < map.rules.length; rule++) {
            mapper.runInto(rule, 42, 3, weights, out, 0);
          }
        } catch (e) {
          if (!(e instanceof DecodeError)) throw e;
        }
      }),
      { numRuns: 1500 },
    );
  });
});
