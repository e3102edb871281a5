import { expect, test } from 'vitest';
import { OSDMap } from '../src/maps/index.ts';
import { OldMaps } from '../src/mon/old-maps.ts';
import { builtMap } from './support/built-osdmap.ts';

const first = builtMap();
const bytesAt = (epoch: number): Buffer => new OSDMap({ ...first.data, epoch }).encode();

test('a map is decoded once, and again when others were asked for since', () => {
  const loaded: number[] = [];
  const maps = new OldMaps(3, (epoch) => {
    loaded.push(epoch);
    return bytesAt(epoch);
  });
  const four = maps.get(4);
  expect(four?.epoch).toBe(4);
  for (const epoch of [5, 6, 4, 7]) maps.get(epoch);
  // 5 was asked for longest ago, so it went for 7.
  expect(maps.get(4)).toBe(four);
  expect(loaded).toEqual([4, 5, 6, 7]);
  expect(maps.get(5)?.epoch).toBe(5);
  expect(loaded).toEqual([4, 5, 6, 7, 5]);
});

test('an epoch that is not stored is asked for each time', () => {
  let asked = 0;
  const maps = new OldMaps(3, () => {
    asked++;
    return undefined;
  });
  expect(maps.get(9)).toBeUndefined();
  expect(maps.get(9)).toBeUndefined();
  expect(asked).toBe(2);
});
