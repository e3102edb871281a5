import { expect, test } from 'vitest';
import {
  addBucket,
  addSimpleRule,
  type CrushLocation,
  type CrushMap,
  createDefaultCrushMap,
  createWeightSet,
  crushHash2,
  editMany,
  insertItem,
  itemByName,
  linkBucket,
  moveBucket,
  removeDeviceClass,
  removeItem,
  removeRule,
  renameBucket,
  reweightAll,
  reweightItem,
  setDeviceClass,
  setItem,
  swapBuckets,
  weightOf,
} from '../src/crush/index.ts';
import { CephError } from '../src/errors/index.ts';
import { randomEditStep } from './support/crush-edit-steps.ts';
import { differences, randomCrushMap } from './support/crush-maps.ts';
import { type Dice, dice } from './support/sim-disk.ts';

type Edit = (map: CrushMap) => unknown;

function idOf(map: CrushMap, name: string): number {
  const id = itemByName(map, name);
  if (id === undefined) throw new CephError('ENOENT', name);
  return id;
}

function randomEdit(map: CrushMap, roll: Dice, step: number): Edit {
  const names = [...map.itemNames.values()].filter((name) => !name.includes('~'));
  const any = () => names[roll(names.length)]!;
  const [a, b, device] = [any(), any(), roll(map.maxDevices)];
  switch (roll(14)) {
    case 0:
      return (m) => setDeviceClass(m, device, ['hdd', 'ssd', 'new'][step % 3]!);
    case 1:
      return (m) => removeDeviceClass(m, device);
    case 2:
      return (m) => swapBuckets(m, idOf(m, a), idOf(m, b));
    case 3:
      return (m) => renameBucket(m, a, `renamed${step}`);
    case 4:
      return (m) => linkBucket(m, idOf(m, a), { host: b });
    case 5:
      return (m) =>
        addSimpleRule(m, { name: `r${step}`, root: a, failureDomain: 'host', deviceClass: 'hdd' });
    case 6:
      return (m) => removeRule(m, step % 4);
    default:
      return toolEdit(randomEditStep(map, roll));
  }
}

/** What a step of crushtool does to a map. */
function toolEdit([option, a = '', b = '', c = '', ...rest]: string[]): Edit {
  const words = [option, a, b, c, ...rest];
  const loc: CrushLocation = Object.fromEntries(
    words.flatMap((word, i) => (word === '--loc' ? [[words[i + 1], words[i + 2]]] : [])),
  );
  switch (option) {
    case '--add-item':
      return (m) => insertItem(m, Number(a), weightOf(Number(b)), c, loc);
    case '--update-item':
      return (m) => setItem(m, Number(a), weightOf(Number(b)), c, loc);
    case '--remove-item':
      return (m) => removeItem(m, idOf(m, a));
    case '--reweight-item':
      return (m) => reweightItem(m, idOf(m, a), weightOf(Number(b)));
    case '--move':
      return (m) => moveBucket(m, idOf(m, a), loc);
    case '--add-bucket':
      return (m) => addBucket(m, a, b);
    default:
      return reweightAll;
  }
}

test('many edits with an index leave what they leave one by one', () => {
  let done = 0;
  for (let seed = 0; seed < 40; seed++) {
    const roll = dice(crushHash2(seed, 123));
    const algs = [2, 4, 5, 5] as const;
    let plain = randomCrushMap(roll, {
      trees: 2,
      algs,
      chooseArgs: false,
      classes: seed % 2 === 0,
    });
    if (seed % 3 === 0) createWeightSet(plain, -1, 2);
    const indexed = structuredClone(plain);
    editMany(indexed, () => {
      for (let step = 0; step < 20; step++) {
        const edit = randomEdit(plain, roll, step);
        const next = structuredClone(plain);
        try {
          edit(next);
        } catch (e) {
          // A refused edit may stop halfway; on to the next one with the map before it.
          if (!(e instanceof CephError)) throw e;
          continue;
        }
        plain = next;
        edit(indexed);
        expect(differences(indexed, plain), `seed ${seed} step ${step}`).toEqual([]);
        done++;
      }
    });
  }
  expect(done).toBeGreaterThan(250);
});

test('a name that two items have means the larger id, one by one and with an index', () => {
  const map = createDefaultCrushMap();
  const root = itemByName(map, 'default')!;
  insertItem(map, 0, 0x10000, 'osd.0', { root: 'default' });
  map.itemNames.set(0, 'default');
  expect(itemByName(map, 'default')).toBe(0);
  editMany(map, () => expect(itemByName(map, 'default')).toBe(0));
  map.itemNames.delete(0);
  expect(itemByName(map, 'default')).toBe(root);
});
