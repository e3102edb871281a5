import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
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
