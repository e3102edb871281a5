import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { makeBucket } from '../src/crush/bucket.ts';
import {
  addBucket,
  addSimpleRule,
  CHOOSE_ARGS_DEFAULT,
  type CrushMap,
  checkCrushMap,
  classOf,
  copyCrushMap,
  createDefaultCrushMap,
  createOrMoveItem,
  createWeightSet,
  crushTree,
  crushTreeNodeFields,
  currentWeight,
  decodeCrushMap,
  devicesOfClass,
  encodeCrushMap,
  itemByName,
  itemWeights,
  linkBucket,
  moveBucket,
  parentsOf,
  RULE_TYPE,
  rebuildShadows,
  removeClass,
  removeDeviceClass,
  removeItem,
  removeItemUnder,
  removeRule,
  removeWeightSet,
  renameBucket,
  renameClass,
  renameRule,
  reweightAll,
  reweightItem,
  reweightSubtree,
  reweightWeightSet,
  ruleByName,
  rulesOfClass,
  setDeviceClass,
  setItem,
  setSubtreeClass,
  setTunablesProfile,
  swapBuckets,
  type TunableProfile,
  weightOf,
} from '../src/crush/index.ts';
import { CephError } from '../src/errors/index.ts';
import { GOLDEN_MAPS, golden, goldenMap } from './crush-golden.ts';

interface Edit {
  command: string;
  /** `ceph osd getcrushmap` after the command, in base64. */
  map: string;
  /** `ceph osd crush tree --show-shadow -f json` after the command. */
  tree?: { nodes: unknown[] };
}
const recorded = JSON.parse(gunzipSync(golden('edits.json.gz')).toString()) as {
  /** The maps of a new cluster while its first three OSDs boot. */
  boot: string[];
  edits: Edit[];
};
const mapOf = (base64: string): CrushMap => decodeCrushMap(Buffer.from(base64, 'base64'));
const locOf = (args: string[]) =>
  Object.fromEntries(args.map((a) => a.split('=') as [string, string]));
const deviceOf = (name: string): number => Number(name.slice('osd.'.length));

/** Commands in the record that this library has no edit for, or does otherwise on purpose. */
const NOT_OURS = /profile/;

/** Does to the map what the command did to the real one. */
function replay(map: CrushMap, command: string): unknown {
  const [name, ...args] = command.replace(/^osd crush /, '').split(' ') as [string, ...string[]];
  const [a = '', b = '', ...rest] = args;
  switch (name) {
    case 'add-bucket':
      return addBucket(map, a, b);
    case 'move': {
      const item = itemByName(map, a)!;
      if (item < 0) return moveBucket(map, item, locOf([b, ...rest]));
      return createOrMoveItem(map, item, currentWeight(map, item)!, a, locOf([b, ...rest]));
    }
    case 'set':
      return setItem(map, deviceOf(a), weightOf(Number(b)), a, locOf(rest));
    case 'create-or-move':
      return createOrMoveItem(map, deviceOf(a), weightOf(Number(b)), a, locOf(rest));
    case 'reweight':
      return reweightItem(map, itemByName(map, a)!, weightOf(Number(b)));
    case 'rm':
      return removeItem(map, itemByName(map, a)!);
    case 'rm-device-class':
      for (const osd of args) removeDeviceClass(map, deviceOf(osd));
      return true;
    case 'set-device-class':
      return setDeviceClass(map, deviceOf(b), a);
    case 'tunables':
      return setTunablesProfile(map, a as TunableProfile);
    case 'weight-set':
      if (a === 'create-compat') return createWeightSet(map, CHOOSE_ARGS_DEFAULT, 1);
      if (a === 'rm-compat') return removeWeightSet(map, CHOOSE_ARGS_DEFAULT);
      return reweightWeightSet(map, CHOOSE_ARGS_DEFAULT, itemByName(map, b)!, [
        weightOf(Number(rest[0])),
      ]);
    case 'reweight-subtree':
      return reweightSubtree(map, itemByName(map, a)!, weightOf(Number(b)));
    case 'reweight-all':
      return reweightAll(map);
    case 'rename-bucket':
      return renameBucket(map, a, b);
    case 'class':
      return renameClass(map, b, rest[0]!);
    case 'rule':
      return replayRule(map, a, [b, ...rest]);
    default:
      throw new Error(`no replay for ${command}`);
  }
}

function replayRule(map: CrushMap, verb: string, args: string[]): unknown {
  const [name = '', root = '', failureDomain = '', last] = args;
  switch (verb) {
    case 'create-replicated':
      addSimpleRule(map, { name, root, failureDomain, ...(last && { deviceClass: last }) });
      return true;
    case 'create-simple': {
      const mode = last === 'indep' ? 'indep' : 'firstn';
      addSimpleRule(map, { name, root, failureDomain, mode, type: RULE_TYPE.REPLICATED });
      return true;
    }
    case 'create-erasure':
      // The profiles p1 and p2 have three shards; p2 spreads them over hosts with hdds.
      addSimpleRule(map, {
        name,
        root: 'default',
        mode: 'indep',
        maxSize: 3,
        ...(root === 'p1'
          ? { failureDomain: 'osd' }
          : { failureDomain: 'host', deviceClass: 'hdd' }),
      });
      return true;
    case 'rm':
      return removeRule(map, ruleByName(map, name)!);
    case 'rename':
      return renameRule(map, name, root);
    default:
      throw new Error(`no replay for rule ${verb}`);
  }
}

describe('edits recorded from a real cluster', () => {
  recorded.edits.forEach(({ command, map: after }, i) => {
    const before = recorded.edits[i - 1];
    if (!before || NOT_OURS.test(command)) return;
    test(command, () => {
      const map = mapOf(before.map);
      replay(map, command);
      // Ceph's own decoder recomputes max_devices, so compare what is decoded and then the bytes.
      expect(mapOf(encodeCrushMap(map).toString('base64'))).toEqual(mapOf(after));
      expect(checkCrushMap(map)).toEqual([]);
    });
  });
});

test('the tree of every recorded map is the one `ceph osd crush tree --show-shadow` prints', () => {
  for (const { command, map, tree } of recorded.edits) {
    if (!tree) continue;
    const nodes = crushTree(mapOf(map), { shadow: true }).map((node) => ({
      ...crushTreeNodeFields(node),
      ...(node.children && { children: node.children }),
    }));
    expect(JSON.stringify(nodes), command).toBe(JSON.stringify(tree.nodes));
  }
});

test('a new cluster goes through the same maps as a real one while its OSDs boot', () => {
  const loc = { host: 'vm', root: 'default' };
  const map = createDefaultCrushMap({ failureDomain: 'osd' });
  const maps = [encodeCrushMap(map).toString('base64')];
  for (const id of [0, 1, 2]) {
    setDeviceClass(map, id, 'hdd');
    maps.push(encodeCrushMap(map).toString('base64'));
    createOrMoveItem(map, id, weightOf(0.0098), `osd.${id}`, loc);
    maps.push(encodeCrushMap(map).toString('base64'));
  }
  expect(maps).toEqual(recorded.boot);
});

test('the builder makes the map of a real three-OSD cluster, byte for byte', () => {
  const loc = { host: 'vm', root: 'default' };
  const osds = [0, 1, 2].map((id) => ({ id, weight: 0.0098, loc }));
  const map = createDefaultCrushMap({ failureDomain: 'osd', osds });
  expect(encodeCrushMap(map).equals(golden('three-osds.crush'))).toBe(true);
});

test('buckets rebuilt from their weights alone equal those crushtool computed', () => {
  // Sums of lists, nodes of trees, straws of both calculations.
  for (const name of GOLDEN_MAPS) {
    const map = goldenMap(name);
    const expected = encodeCrushMap(map);
    for (const b of [...map.buckets.values()]) {
      const rebuilt = makeBucket(b, b.items, itemWeights(b), map.tunables.strawCalcVersion);
      map.buckets.set(b.id, rebuilt);
    }
    expect(encodeCrushMap(map).equals(expected), name).toBe(true);
  }
});

describe('links, swaps and removal below a bucket', () => {
  const loc = (host: string) => ({ host, root: 'default' });
  const fresh = () =>
    createDefaultCrushMap({
      osds: [0, 1, 2].map((id) => ({ id, weight: id + 1, loc: loc(id < 2 ? 'a' : 'b') })),
    });
  const id = (map: CrushMap, name: string): number => itemByName(map, name)!;
  const weightsOf = (map: CrushMap, name: string) => itemWeights(map.buckets.get(id(map, name))!);
  const one = weightOf(1);

  test('a bucket at two places weighs in both, and is taken out of one alone', () => {
    const map = fresh();
    addBucket(map, 'other', 'root');
    linkBucket(map, id(map, 'a'), { root: 'other' });
    expect(weightsOf(map, 'other')).toEqual([3 * one]);
    reweightItem(map, 0, 5 * one);
    expect(weightsOf(map, 'other')).toEqual([7 * one]);
    expect(map.buckets.get(id(map, 'default'))!.weight).toBe(10 * one);
    removeItemUnder(map, id(map, 'a'), id(map, 'other'), { unlinkOnly: true });
    expect(weightsOf(map, 'other')).toEqual([]);
    expect(parentsOf(map, id(map, 'a'))).toEqual([id(map, 'default')]);
    expect(() => removeItemUnder(map, 0, id(map, 'other'))).toThrow(CephError);
    expect(checkCrushMap(map)).toEqual([]);
  });

  test('unlinked buckets stay, unlinked devices keep their class', () => {
    const map = fresh();
    removeItem(map, id(map, 'b'), { unlinkOnly: true });
    expect(map.buckets.get(id(map, 'b'))!.items).toEqual([2]);
    removeItem(map, 2, { unlinkOnly: true });
    expect([map.itemNames.has(2), classOf(map, 2)]).toEqual([false, 'hdd']);
    removeItem(map, 1);
    expect([map.itemNames.has(1), classOf(map, 1)]).toEqual([false, undefined]);
  });

  test('swapped buckets exchange contents, names and weights, not ids', () => {
    const map = fresh();
    const [a, b] = [id(map, 'a'), id(map, 'b')];
    swapBuckets(map, a, b);
    expect([id(map, 'a'), id(map, 'b')]).toEqual([b, a]);
    expect(map.buckets.get(b)!.items).toEqual([0, 1]);
    expect(map.buckets.get(id(map, 'default'))!.weight).toBe(6 * one);
    expect(() => swapBuckets(map, a, id(map, 'default'))).toThrow(CephError);
    expect(() => swapBuckets(map, a, 0)).toThrow(CephError);
    expect(checkCrushMap(map)).toEqual([]);
  });

  test('classes of a subtree, made and removed as a whole', () => {
    const map = fresh();
    setSubtreeClass(map, 'a', 'ssd');
    rebuildShadows(map);
    expect(devicesOfClass(map, 'ssd')).toEqual([0, 1]);
    addSimpleRule(map, {
      name: 'fast',
      root: 'default',
      failureDomain: 'host',
      deviceClass: 'ssd',
    });
    expect(rulesOfClass(map, 'ssd')).toEqual([1]);
    expect(() => removeClass(map, 'ssd')).toThrow("still referenced by crush_rule(s): 'fast'");
    removeRule(map, 1);
    expect(removeClass(map, 'ssd')).toBe(1);
    expect([...map.itemNames.values()].filter((name) => name.endsWith('~ssd'))).toEqual([]);
    expect(removeClass(map, 'ssd')).toBeUndefined();
  });

  test('weight sets are made once, and take as many weights as they have positions', () => {
    const map = fresh();
    expect([createWeightSet(map, 7, 2), createWeightSet(map, 7, 1)]).toEqual([true, false]);
    reweightWeightSet(map, 7, 0, [one, 2 * one]);
    const sets = map.chooseArgs.get(7)!.get(id(map, 'default'))!.weightSets;
    expect(sets.map((set) => set[0])).toEqual([3 * one, 4 * one]);
    expect(() => reweightWeightSet(map, 7, 0, [one])).toThrow('weight_set_positions != 1');
    expect(() => reweightWeightSet(map, 7, 9, [one, one])).toThrow('item 9 not found');
    expect(() => reweightWeightSet(map, 8, 0, [one])).toThrow(CephError);
    expect([removeWeightSet(map, 7), removeWeightSet(map, 7)]).toEqual([true, false]);
  });

  test('a copy is another map', () => {
    const map = fresh();
    createWeightSet(map, CHOOSE_ARGS_DEFAULT, 1);
    const bytes = encodeCrushMap(map);
    const copy = copyCrushMap(map);
    expect(encodeCrushMap(copy).equals(bytes)).toBe(true);
    swapBuckets(copy, id(map, 'a'), id(map, 'b'));
    reweightItem(copy, 0, 9 * one);
    addSimpleRule(copy, { name: 'x', root: 'default', failureDomain: 'osd' });
    copy.rules[0]!.steps.pop();
    expect(encodeCrushMap(map).equals(bytes)).toBe(true);
  });
});

describe('refusals', () => {
  const errno = (f: () => void): string => {
    try {
      f();
    } catch (e) {
      if (e instanceof CephError) return e.code;
      throw e;
    }
    return 'none';
  };
  const fresh = () =>
    createDefaultCrushMap({ osds: [{ id: 0, weight: 1, loc: { host: 'a', root: 'default' } }] });

  test('names and places that make no sense', () => {
    const map = fresh();
    const one = weightOf(1);
    expect(errno(() => addBucket(map, 'a', 'host'))).toBe('EEXIST');
    expect(errno(() => addBucket(map, 'b', 'osd'))).toBe('EINVAL');
    expect(errno(() => addBucket(map, 'b~c', 'host'))).toBe('EINVAL');
    expect(errno(() => setItem(map, 1, one, 'osd.0', { host: 'a' }))).toBe('EEXIST');
    expect(errno(() => setItem(map, 1, one, 'osd.1', {}))).toBe('EINVAL');
    expect(errno(() => setItem(map, 1, one, 'osd.1', { rack: 'a' }))).toBe('EINVAL');
  });

  test('a bucket below itself', () => {
    const map = fresh();
    addBucket(map, 'r', 'rack');
    moveBucket(map, itemByName(map, 'a')!, { rack: 'r' });
    expect(errno(() => moveBucket(map, itemByName(map, 'r')!, { host: 'a' }))).toBe('ELOOP');
  });

  test('removal of what is in use', () => {
    const map = fresh();
    expect(errno(() => removeItem(map, 7))).toBe('ENOENT');
    expect(errno(() => removeItem(map, itemByName(map, 'a')!))).toBe('ENOTEMPTY');
    removeItem(map, 0);
    removeItem(map, itemByName(map, 'a')!);
    expect(errno(() => removeItem(map, itemByName(map, 'default')!))).toBe('EBUSY');
  });

  test('rules and classes that do not fit', () => {
    const map = fresh();
    const rule = { name: 'x', root: 'default', failureDomain: 'host' };
    expect(errno(() => addSimpleRule(map, { ...rule, name: 'replicated_rule' }))).toBe('EEXIST');
    expect(errno(() => addSimpleRule(map, { ...rule, root: 'nowhere' }))).toBe('ENOENT');
    expect(errno(() => addSimpleRule(map, { ...rule, failureDomain: 'blade' }))).toBe('EINVAL');
    expect(errno(() => addSimpleRule(map, { ...rule, deviceClass: 'ssd' }))).toBe('EINVAL');
    expect(errno(() => setDeviceClass(map, 0, 'ssd'))).toBe('EBUSY');
    expect(errno(() => removeRule(map, 5))).toBe('ENOENT');
    expect(errno(() => reweightItem(map, 5, 1))).toBe('ENOENT');
    expect(errno(() => weightOf(32768))).toBe('EOVERFLOW');
    expect(errno(() => renameClass(map, 'ssd', 'x'))).toBe('ENOENT');
    expect(errno(() => renameClass(map, 'hdd', 'hdd'))).toBe('EEXIST');
    expect(errno(() => setSubtreeClass(map, 'osd.0', 'x'))).toBe('ENOTDIR');
    expect(errno(() => renameBucket(map, 'osd.0', 'x'))).toBe('ENOTDIR');
    expect(errno(() => renameBucket(map, 'x', 'a'))).toBe('EALREADY');
  });
});
