import {
  addSimpleRule,
  BUCKET_ALG,
  type CrushMap,
  createDefaultCrushMap,
  rebuildShadows,
  removeRule,
  type Straw2Bucket,
  typeByName,
  weightOf,
} from '../crush/index.ts';
import { CephError } from '../errors/index.ts';

/** A regular tree: so many of the first type below the root, so many of the next in each, down to the devices. */
export interface TreeSpec {
  /** From the top; the last type is `osd`. */
  readonly levels: readonly { readonly type: string; readonly count: number }[];
  /** Weights of the devices of one host in turn, as commands write them. Default: 1. */
  readonly weights?: readonly number[];
  /** Device classes in turn. Default: none. */
  readonly classes?: readonly string[];
  /** Type of which no two shards of a PG share an item. Default: the one above `osd`. */
  readonly failureDomain?: string;
  /** Class of the devices that the rule takes. Default: all. */
  readonly ruleClass?: string;
  /** For an erasure-coded pool. */
  readonly erasure?: boolean;
}

/** Bucket ids are 32-bit, but a map's slots are one array. */
const ITEMS_MAX = 4_000_000;

/**
 * A CRUSH map that is described and changed by counts: `add('rack', 1)`. Ids are given once and never again, so that
 * what stays keeps its draws. Made for trees of many thousand devices: an edit costs one pass over the map.
 */
export class GrowingTree {
  /** Changed in place by the edits. Its one rule is 0. */
  readonly map: CrushMap;
  private readonly spec: TreeSpec;
  /** Depth of each type in the spec. */
  private readonly depths = new Map<string, number>();
  private nextDevice = 0;
  private nextBucket = -2;
  private readonly root = -1;
  /** Children of each bucket that were made so far, for names. */
  private readonly named = new Map<number, number>();

  /** @throws CephError EINVAL for a tree that makes no sense, E2BIG for one too large */
  constructor(spec: TreeSpec) {
    this.spec = spec;
    this.map = createDefaultCrushMap();
    let above = Number.POSITIVE_INFINITY;
    let items = 1;
    spec.levels.forEach(({ type, count }, depth) => {
      const number = typeByName(this.map, type);
      if (number === undefined) throw new CephError('EINVAL', `unknown type ${type}`);
      if (number >= above) {
        throw new CephError('EINVAL', `${type} is no part of ${spec.levels[depth - 1]!.type}`);
      }
      above = number;
      items *= count;
      this.depths.set(type, depth);
    });
    if (above !== 0) throw new CephError('EINVAL', 'a tree ends with its osds');
    if (items > ITEMS_MAX) throw new CephError('E2BIG', `${items} devices; at most ${ITEMS_MAX}`);
    const top = spec.levels[0]!;
    this.fill(this.root, 0, top.count);
    this.settle();
    this.makeRule();
  }

  private makeRule(): void {
    const { levels, failureDomain, ruleClass, erasure } = this.spec;
    removeRule(this.map, 0);
    addSimpleRule(this.map, {
      name: 'rule',
      root: 'default',
      failureDomain: failureDomain ?? levels.at(-2)?.type ?? 'osd',
      ...(ruleClass !== undefined && { deviceClass: ruleClass }),
      ...(erasure && { mode: 'indep' as const }),
    });
  }

  private bucket(id: number): Straw2Bucket {
    return this.map.buckets.get(id) as Straw2Bucket;
  }

  /** Adds `count` items of the level at `depth`, with all that is below them. */
  private fill(parentId: number, depth: number, count: number): void {
    const parent = this.bucket(parentId);
    const { type } = this.spec.levels[depth]!;
    const isDevice = depth === this.spec.levels.length - 1;
    for (let i = 0; i < count; i++) {
      const ordinal = this.named.get(parentId) ?? 0;
      this.named.set(parentId, ordinal + 1);
      const id = isDevice ? this.nextDevice++ : this.nextBucket--;
      parent.items.push(id);
      parent.itemWeights.push(0);
      if (isDevice) this.nameDevice(parent, id, ordinal);
      else {
        const prefix = parentId === this.root ? '' : `${this.map.itemNames.get(parentId)}-`;
        this.map.itemNames.set(id, `${prefix}${type}${ordinal}`);
        this.map.buckets.set(id, emptyBucket(id, typeByName(this.map, type)!));
        this.fill(id, depth + 1, this.spec.levels[depth + 1]!.count);
      }
    }
  }

  private nameDevice(host: Straw2Bucket, id: number, ordinal: number): void {
    const { weights = [1], classes = [] } = this.spec;
    host.itemWeights[host.itemWeights.length - 1] = weightOf(weights[ordinal % weights.length]!);
    this.map.itemNames.set(id, `osd.${id}`);
    const className = classes[ordinal % classes.length];
    if (className === undefined) return;
    let classId = [...this.map.classNames].find(([, name]) => name === className)?.[0];
    classId ??= this.map.classNames.size;
    this.map.classNames.set(classId, className);
    this.map.classMap.set(id, classId);
  }

  /** Sums the weights upwards and makes the shadow trees anew. */
  private settle(): void {
    const sum = (id: number): number => {
      const bucket = this.bucket(id);
      bucket.items.forEach((item, i) => {
        if (item < 0) bucket.itemWeights[i] = sum(item);
      });
      bucket.weight = bucket.itemWeights.reduce((a, b) => a + b, 0);
      return bucket.weight;
    };
    if (sum(this.root) > 0xffffffff) {
      throw new CephError(
        'ERANGE',
        'the tree weighs more than a bucket can say; use smaller weights',
      );
    }
    this.map.maxDevices = this.nextDevice;
    while (this.map.maxBuckets < -this.nextBucket)
      this.map.maxBuckets = this.map.maxBuckets * 2 || 8;
    rebuildShadows(this.map);
    for (const id of this.map.buckets.keys()) this.nextBucket = Math.min(this.nextBucket, id - 1);
  }

  private depthOf(type: string): number {
    const depth = this.depths.get(type);
    if (depth === undefined) throw new CephError('EINVAL', `the tree has no level ${type}`);
    return depth;
  }

  /** Buckets of the level above `depth`, each with its place in the tree's order. */
  private parentsAt(depth: number): Straw2Bucket[] {
    let level = [this.bucket(this.root)];
    for (let d = 0; d < depth; d++) {
      level = level.flatMap((b) => b.items.map((item) => this.bucket(item)));
    }
    return level;
  }

  /** New items of a type, one after the other where there are fewest. */
  add(type: string, count: number): void {
    const depth = this.depthOf(type);
    const parents = this.parentsAt(depth);
    for (let i = 0; i < count; i++) {
      const least = parents.reduce((a, b) => (b.items.length < a.items.length ? b : a));
      this.fill(least.id, depth, 1);
    }
    this.settle();
  }

  /** Takes items of a type away, the newest of where there are most. @throws CephError EINVAL when there are fewer */
  remove(type: string, count: number): void {
    const parents = this.parentsAt(this.depthOf(type));
    for (let i = 0; i < count; i++) {
      const most = parents.reduce((a, b) => (b.items.length >= a.items.length ? b : a));
      const item = most.items.pop();
      if (item === undefined) throw new CephError('EINVAL', `no ${type} is left to remove`);
      most.itemWeights.pop();
      this.forget(item);
    }
    this.settle();
  }

  /** Multiplies the weight of the devices below the first `count` items of a type. */
  scale(type: string, count: number, factor: number): void {
    const depth = this.depthOf(type);
    let left = count;
    for (const parent of this.parentsAt(depth)) {
      parent.items.forEach((item, i) => {
        if (left-- <= 0) return;
        if (item >= 0) parent.itemWeights[i] = scaled(parent.itemWeights[i]!, factor);
        else this.scaleBelow(item, factor);
      });
    }
    this.settle();
  }

  private scaleBelow(id: number, factor: number): void {
    const bucket = this.bucket(id);
    bucket.items.forEach((item, i) => {
      if (item < 0) this.scaleBelow(item, factor);
      else bucket.itemWeights[i] = scaled(bucket.itemWeights[i]!, factor);
    });
  }

  private forget(item: number): void {
    const { map } = this;
    for (const child of map.buckets.get(item)?.items ?? []) this.forget(child);
    map.buckets.delete(item);
    map.itemNames.delete(item);
    map.classMap.delete(item);
  }
}

function emptyBucket(id: number, type: number): Straw2Bucket {
  return { id, type, alg: BUCKET_ALG.STRAW2, hash: 0, weight: 0, items: [], itemWeights: [] };
}

function scaled(weight: number, factor: number): number {
  return Math.min(0xffffffff, Math.round(weight * factor));
}
