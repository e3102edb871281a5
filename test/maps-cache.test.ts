import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OSDMap, OSDMapCache } from '../src/maps/index.ts';

const first = OSDMap.decode(readFileSync(new URL('golden/maps/live/full.1', import.meta.url)));
const at = (epoch: number): OSDMap => new OSDMap({ ...first.data, epoch });

test('an epoch is loaded once and then shared', () => {
  const loaded: number[] = [];
  const cache = new OSDMapCache(3, (epoch) => {
    loaded.push(epoch);
    return epoch <= 5 ? at(epoch) : undefined;
  });
  const one = cache.get(4);
  expect(one?.epoch).toBe(4);
  expect(cache.get(4)).toBe(one);
  expect(cache.get(9)).toBeUndefined();
  expect(loaded).toEqual([4, 9]);
});

test('the cache is bounded: what was used longest ago goes, the newest stays', () => {
  const cache = new OSDMapCache(3);
  const newest = cache.add(at(10));
  for (const epoch of [1, 2, 3, 4]) cache.add(at(epoch));
  expect(cache.size).toBe(3);
  expect(cache.newest).toBe(newest);
  expect([1, 2, 3, 4].map((epoch) => cache.get(epoch)?.epoch)).toEqual([
    undefined,
    undefined,
    3,
    4,
  ]);
  cache.get(3);
  cache.add(at(5));
  expect([3, 4, 5].map((epoch) => cache.get(epoch)?.epoch)).toEqual([3, undefined, 5]);
});

test('a second map of an epoch gives way to the first', () => {
  const cache = new OSDMapCache(2);
  const held = cache.add(at(7));
  expect(cache.add(at(7))).toBe(held);
});

test('trimming forgets the epochs that nobody may ask for', () => {
  const cache = new OSDMapCache(10);
  for (const epoch of [1, 2, 3]) cache.add(at(epoch));
  cache.trim(3);
  expect([1, 2, 3].map((epoch) => cache.get(epoch)?.epoch)).toEqual([undefined, undefined, 3]);
});
