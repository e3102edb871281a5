import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { makeBucket, makeSlot, WEIGHT_MAX } from '../../src/crush/bucket.ts';
import { classIdFor, rebuildShadows } from '../../src/crush/edit/classes.ts';
import {
  BUCKET_ALG,
  type BucketAlg,
  CHOOSE_ARGS_DEFAULT,
  type CrushMap,
  type CrushTunables,
  TUNABLE_PROFILES,
} from '../../src/crush/index.ts';
import { randomRule } from './crush-rules.ts';
import type { Dice } from './sim-disk.ts';

/**
 * Random CRUSH maps of every shape. A map is drawn with dice, so it comes from a seed (`dice(seed)`) or, in a property
 * test, from fast-check ({@link crushMaps}), which can then make it smaller.
 */
export interface CrushMapShape {
  /** Trees that share no device, each with rules of its own. Default: 1. */
  trees?: number;
  /** Rules of a tree: 1 to this many. Default: 4. */
  rulesMax?: number;
  /** Algorithms to draw from. Default: all five. */
  algs?: readonly BucketAlg[];
  /** Whether there are device classes with their shadow trees. Default: for a third of the trees. */
  classes?: boolean;
  /** Whether there are weight sets and id sets. Default: for a third of the trees. */
  chooseArgs?: boolean;
  /** A bucket always weighs in its parent what its items add up to. Default: seldom it does not. */
  exactWeights?: boolean;
  /**
   * Only what the text form can say, so that a map comes back from it: eighths as weights, up to 100. Such a map may
   * have weightless tree buckets, which Ceph does not map soundly. Default: any 16.16 number.
   */
  textual?: boolean;
  /** Rules with steps that a mapping leaves without effect, such as negative tries. Default: none. */
  oddSteps?: boolean;
  /** Default: a profile or a mixture. */
  tunables?: CrushTunables;
}

/** A part of a map that stands for a map of its own: a tree or two over the same devices, with its rules. */
export interface GeneratedTree {
  devices: number[];
  /** Roots above the devices, the shadow trees' not among them. */
  roots: number[];
  /** Ids of the rules that take something of it. */
  rules: number[];
}

export interface GeneratedForest {
  map: CrushMap;
  trees: GeneratedTree[];
}

/** Draws from a list, and 0 once it is used up: a shorter list, or smaller numbers, give a simpler map. */
function diceFrom(list: readonly number[]): Dice {
  let at = 0;
  return (n) => (list[at++] ?? 0) % n;
}

/** Maps for property tests; fast-check shrinks them. */
export function crushMaps(shape: CrushMapShape = {}): fc.Arbitrary<CrushMap> {
  return fc
    .array(fc.nat({ max: 2 ** 30 }), { maxLength: 1500, size: 'max' })
    .map((list) => randomCrushMap(diceFrom(list), shape));
}

/**
 * Sets the inner nodes of tree buckets to 0. Ceph leaves them, when such a bucket grows or has one without weight, as it
 * finds them in memory, so that not even its own tools agree with each other.
 */
export function withoutInnerNodes(map: CrushMap): CrushMap {
  for (const b of map.buckets.values()) {
    if (b.alg !== BUCKET_ALG.TREE) continue;
    b.nodeWeights = b.nodeWeights.map((w, i) => (i % 2 === 1 && i < 2 * b.items.length ? w : 0));
  }
  return map;
}

/** Names of the parts in which two maps differ: for an assertion whose failure is short, and quick to shrink. */
export function differences(a: CrushMap, b: CrushMap): string[] {
  const parts = Object.keys(a) as (keyof CrushMap)[];
  return parts.filter((part) => !isDeepStrictEqual(a[part], b[part]));
}

/** One map; see {@link CrushMapShape}. */
export function randomCrushMap(roll: Dice, shape: CrushMapShape = {}): CrushMap {
  return randomForest(roll, shape).map;
}

/** A map of many trees that have nothing in common but the types, the tunables and the keys of choose_args. */
export function randomForest(roll: Dice, shape: CrushMapShape = {}): GeneratedForest {
  const map: CrushMap = {
    maxBuckets: 0,
    maxDevices: 0,
    buckets: new Map(),
    rules: [],
    typeNames: randomTypes(roll),
    itemNames: new Map(),
    ruleNames: new Map(),
    tunables: shape.tunables ?? randomTunables(roll),
    classMap: new Map(),
    classNames: new Map(),
    classBuckets: new Map(),
    chooseArgs: new Map(),
  };
  const grower = new Grower(map, roll, shape);
  const trees = Array.from({ length: shape.trees ?? 1 }, () => grower.tree());
  rebuildShadows(map);
  dropEmptyArgs(map);
  if (!shape.textual) avoidWeightlessTrees(map);
  for (const tree of trees) {
    const count = 1 + roll(shape.rulesMax ?? 4);
    for (let i = 0; i < count; i++) tree.rules.push(randomRule(map, tree, roll, shape));
  }
  return { map, trees };
}

/** What a shadow without items has for weights and ids says nothing, and is not encoded. */
function dropEmptyArgs(map: CrushMap): void {
  for (const args of map.chooseArgs.values()) {
    for (const [id, { weightSets, ids }] of args) {
      if (weightSets.length === 0 && ids.length === 0) args.delete(id);
    }
  }
}

/**
 * Makes weightless tree buckets straw2 ones: Ceph draws what lies beyond their items, unless these fill the tree, so
 * there is nothing to be equal to.
 */
function avoidWeightlessTrees(map: CrushMap): void {
  for (const b of map.buckets.values()) {
    if (b.alg !== BUCKET_ALG.TREE || b.weight > 0 || b.items.length * 2 === b.nodeWeights.length)
      continue;
    const head = { ...b, alg: BUCKET_ALG.STRAW2 };
    const weights = b.items.map(() => 0);
    map.buckets.set(b.id, makeBucket(head, b.items, weights, map.tunables.strawCalcVersion));
  }
}

/** Tunables of a profile, or a mixture of values that no profile has. */
function randomTunables(roll: Dice): CrushTunables {
  const profiles = Object.values(TUNABLE_PROFILES);
  if (roll(3) === 0) return { ...profiles[roll(profiles.length)]! };
  return {
    chooseLocalTries: roll(2) * roll(5),
    chooseLocalFallbackTries: roll(2) * roll(7),
    chooseTotalTries: [50, 19, 0, 1, 5, 100][roll(6)]! + roll(4),
    chooseleafDescendOnce: roll(2),
    chooseleafVaryR: roll(6),
    strawCalcVersion: roll(2),
    allowedBucketAlgs: [54, 22, 62, 32, 2, 4][roll(6)]!,
    chooseleafStable: roll(2),
  };
}

const TYPES = ['osd', 'host', 'chassis', 'rack', 'row', 'room', 'root'];

/** Three to seven types; their numbers rise, with gaps. */
function randomTypes(roll: Dice): Map<number, string> {
  const names = TYPES.slice(0, 3 + roll(TYPES.length - 2));
  let type = 0;
  return new Map(
    names.map((name, i) => {
      if (i > 0) type += roll(3) === 0 ? 1 + roll(20) : 1;
      return [type, name];
    }),
  );
}

/** A 16.16 weight: usual, nothing, next to nothing, a fraction, or huge. */
export function randomWeight(roll: Dice): number {
  switch (roll(12)) {
    case 0:
      return 0;
    case 1:
      return 1 + roll(16);
    case 2:
      return roll(0x10000);
    case 3:
      return (1 + roll(1000)) * 0x10000;
    case 4:
    case 5:
    case 6:
      return 0x10000;
    default:
      return 1 + roll(20 * 0x10000);
  }
}

/** OSD weights for a mapping, by device: in, out, partly out, and what is above 1; from none to all of them out. */
export function randomReweights(roll: Dice, devices: readonly number[]): Map<number, number> {
  const out = new Map<number, number>();
  const share = [0, 0, 1, 3, 6, 9, 10, 10][roll(8)]!;
  const kind = roll(3);
  for (const device of devices) {
    if (roll(10) >= share) continue;
    if (kind < 2 && roll(8) > 0) out.set(device, 0);
    else out.set(device, [roll(0x10000), 0x10000 + roll(0x10000), 1, 0xffff][roll(4)]!);
  }
  return out;
}

interface Item {
  id: number;
  weight: number;
}

/** Adds trees to a map. */
class Grower {
  private readonly map: CrushMap;
  private readonly roll: Dice;
  private readonly shape: CrushMapShape;
  private nextDevice = 0;
  private nextBucket = -1;
  /** Whether the tree that grows has device classes. */
  private classes = false;

  constructor(map: CrushMap, roll: Dice, shape: CrushMapShape) {
    this.map = map;
    this.roll = roll;
    this.shape = shape;
  }

  tree(): GeneratedTree {
    const { map, roll } = this;
    const before = this.nextBucket;
    this.classes = this.shape.classes ?? roll(3) === 2;
    const devices = this.newDevices();
    const roots = [this.root(devices)];
    if (roll(5) === 4) roots.push(this.root(devices.filter(() => roll(4) > 0)));
    if (this.classes) this.classify(devices);
    if (this.shape.chooseArgs ?? roll(3) === 2) this.replaceWeights(before);
    map.maxDevices = Math.max(map.maxDevices, ...devices.map((d) => d.id + 1));
    return { devices: devices.map((d) => d.id), roots, rules: [] };
  }

  private newDevices(): Item[] {
    const { roll } = this;
    const count = 1 + roll([3, 8, 16, 16, 24, 24, 40, 90][roll(8)]!);
    const one = roll(3) === 0 ? this.weight() : undefined;
    return Array.from({ length: count }, () => {
      if (roll(8) === 7) this.nextDevice += 1 + roll(3);
      const id = this.nextDevice++;
      this.map.itemNames.set(id, `osd.${id}`);
      return { id, weight: one ?? this.weight() };
    });
  }

  private weight(): number {
    const weight = randomWeight(this.roll);
    if (this.shape.textual) return Math.min(weight & ~0x1fff, 100 * 0x10000);
    // A shadow weighs what its devices weigh, whatever weight its bucket was given, and must not overflow.
    return this.classes ? Math.min(weight, 100 * 0x10000) : weight;
  }

  /** Groups the devices level by level; a group, or a single item, may skip levels. */
  private root(devices: readonly Item[]): number {
    const { map, roll } = this;
    const types = [...map.typeNames.keys()].filter((type) => type > 0);
    const top = types.splice(-1 - roll(2), 2)[0]!;
    const levels = types.filter(() => roll(3) > 0).slice(0, 3);
    const fan = 2 + roll(6);
    let items = [...devices];
    for (const type of levels) {
      const above: Item[] = [];
      while (items.length > 0) {
        const group = items.splice(0, 1 + roll(fan));
        if (roll(12) === 11) above.push(...group);
        else above.push(this.bucket(type, group));
      }
      if (roll(6) === 5) above.splice(roll(above.length + 1), 0, this.bucket(type, []));
      items = above;
    }
    return this.bucket(top, items).id;
  }

  private bucket(type: number, items: readonly Item[]): Item {
    const { map, roll, shape } = this;
    if (roll(10) === 9) this.nextBucket--;
    const id = this.nextBucket--;
    const algs = shape.algs ?? [BUCKET_ALG.STRAW2, ...Object.values(BUCKET_ALG)];
    let alg = algs[roll(algs.length)]!;
    let weights = items.map(({ weight }) =>
      !shape.exactWeights && roll(40) === 39 ? this.weight() : weight,
    );
    if (alg === BUCKET_ALG.UNIFORM && !this.canBeUniform(items, weights)) alg = BUCKET_ALG.STRAW2;
    if (alg === BUCKET_ALG.UNIFORM) weights = weights.map(() => weights[0]!);
    if (alg === BUCKET_ALG.TREE && items.length > 64) alg = BUCKET_ALG.STRAW2;
    while (weights.reduce((sum, w) => sum + w, 0) > WEIGHT_MAX)
      weights = weights.map((w) => w >>> 4);
    makeSlot(map, id);
    const ids = items.map((item) => item.id);
    const bucket = makeBucket(
      { id, type, alg, hash: 0 },
      ids,
      weights,
      map.tunables.strawCalcVersion,
    );
    map.buckets.set(id, bucket);
    map.itemNames.set(id, `${map.typeNames.get(type)}${-id}`);
    return { id, weight: bucket.weight };
  }

  /** Ceph makes no shadow of a uniform bucket, and compiles none without weight from text. */
  private canBeUniform(items: readonly Item[], weights: readonly number[]): boolean {
    const even = weights.every((w) => w === weights[0]);
    if (this.classes || (this.shape.textual && weights[0] === 0)) return false;
    return even || (!this.shape.exactWeights && items.every((item) => item.id >= 0));
  }

  /** Classes for most devices. */
  private classify(devices: readonly Item[]): void {
    const { map, roll } = this;
    const count = 1 + roll(3);
    for (const { id } of devices) {
      if (roll(6) === 5) continue;
      const name = ['hdd', 'ssd', 'nvme'][roll(count)]!;
      map.classMap.set(id, classIdFor(map, name));
    }
  }

  /** Weight sets and ids for some of the buckets made since `before`, in the default set, set 0 or another. */
  private replaceWeights(before: number): void {
    const { map, roll } = this;
    for (const key of [CHOOSE_ARGS_DEFAULT, 0, 7]) {
      if (roll(2) === 1) continue;
      const args = map.chooseArgs.get(key) ?? new Map();
      const positions = 1 + roll(3);
      const withIds = roll(3) === 2;
      for (let id = before; id > this.nextBucket; id--) {
        const bucket = map.buckets.get(id);
        if (bucket?.alg !== BUCKET_ALG.STRAW2 || bucket.items.length === 0 || roll(5) === 4)
          continue;
        const { items, itemWeights } = bucket;
        const weightSets = Array.from({ length: roll(8) === 7 ? 0 : positions }, () =>
          itemWeights.map((w) => (roll(2) === 0 ? w : this.weight())),
        );
        const ids = withIds ? items.map((item) => (roll(2) === 0 ? item : item - roll(5000))) : [];
        if (weightSets.length > 0 || ids.length > 0) args.set(id, { weightSets, ids });
      }
      if (args.size > 0) map.chooseArgs.set(key, args);
    }
  }
}
