import { describe, expect, it } from 'vitest';
import {
  BUCKET_ALG,
  buildLayers,
  checkCrushMap,
  encodeCrushMap,
  itemWeights,
} from '../src/crush/index.ts';

const { STRAW2, UNIFORM, TREE, LIST } = BUCKET_ALG;

describe('building a map in layers', () => {
  it('groups devices and buckets in their order, the last bucket with what is left', () => {
    const { map, root, rootCount } = buildLayers(7, [
      { name: 'host', alg: STRAW2, size: 2 },
      { name: 'rack', alg: LIST, size: 3 },
      { name: 'root', alg: TREE, size: 0 },
    ]);
    expect([root, rootCount]).toEqual(['root', 1]);
    expect([...map.typeNames.values()]).toEqual(['osd', 'host', 'rack', 'root']);
    const named = [...map.buckets.values()].map((b) => [map.itemNames.get(b.id), b.items]);
    expect(named).toEqual([
      ['host0', [0, 1]],
      ['host1', [2, 3]],
      ['host2', [4, 5]],
      ['host3', [6]],
      ['rack0', [-1, -2, -3]],
      ['rack1', [-4]],
      ['root', [-5, -6]],
    ]);
    expect(map.buckets.get(-7)!.weight).toBe(7 * 0x10000);
    expect(checkCrushMap(map)).toEqual([]);
  });

  it('names the first of several roots', () => {
    const built = buildLayers(6, [{ name: 'host', alg: STRAW2, size: 2 }]);
    expect([built.root, built.rootCount]).toEqual(['host0', 3]);
  });

  it('gives all items of a uniform bucket the weight of the first', () => {
    const { map } = buildLayers(5, [
      { name: 'host', alg: STRAW2, size: 2 },
      { name: 'root', alg: UNIFORM, size: 0 },
    ]);
    expect(itemWeights(map.buckets.get(-4)!)).toEqual([0x20000, 0x20000, 0x20000]);
  });

  it('cuts names as crushtool does', () => {
    const name = 'abcdefghijklmnopqrst';
    const { map } = buildLayers(1, [
      { name, alg: STRAW2, size: 1 },
      { name, alg: STRAW2, size: 0 },
    ]);
    expect([map.itemNames.get(-1), map.itemNames.get(-2)]).toEqual([
      name.slice(0, 18),
      name.slice(0, 19),
    ]);
  });

  it('refuses sizes below 0 and more items than a tree takes', () => {
    expect(() => buildLayers(3, [{ name: 'a', alg: STRAW2, size: -1 }])).toThrow('size -1');
    expect(() => buildLayers(200, [{ name: 'a', alg: TREE, size: 0 }])).toThrow('at most 64');
  });

  it('makes a map of many devices quickly', () => {
    const { map } = buildLayers(20_000, [
      { name: 'host', alg: STRAW2, size: 20 },
      { name: 'rack', alg: STRAW2, size: 20 },
      { name: 'root', alg: STRAW2, size: 0 },
    ]);
    expect(map.buckets.size).toBe(1000 + 50 + 1);
    expect(encodeCrushMap(map).length).toBeGreaterThan(200_000);
  });
});
