import { CephError } from '../../errors/index.ts';
import { allocateBucketId, itemWeightAt, makeBucket, makeSlot } from '../bucket.ts';
import { tidyChooseArgs } from '../choose-args.ts';
import {
  forgetItemName,
  isShadow,
  parentsOf,
  putBucket,
  rootsOf,
  setItemName,
  shadowChanges,
  takeBucket,
} from '../lookup.ts';
import { BUCKET_ALG, type CrushBucket, type CrushMap, RULE_OP } from '../types.ts';
import { sumOf } from './weights.ts';

/**
 * Shadow trees. For every class in use each tree has a shadow that holds the devices of that class alone, in buckets
 * named `bucket~class`; a rule that takes a class takes the shadow. They follow from the trees after every edit, and
 * keep their ids. Source: rebuild_roots_with_classes and device_class_clone in crush/CrushWrapper.cc, release 16.2.
 */

/** Makes the shadow trees follow from the trees, and forgets classes that neither a device nor a rule uses. */
export function rebuildShadows(map: CrushMap): void {
  dropDeadClasses(map);
  const changes = shadowChanges(map);
  const classes = [...map.classNames].join();
  if (!changes || changes.all || changes.classes !== classes || map.chooseArgs.size > 0) {
    rebuildAll(map);
  } else {
    rebuildChanged(map, changes.buckets);
  }
  if (!changes) return;
  changes.all = false;
  changes.classes = classes;
  changes.buckets.clear();
}

function rebuildAll(map: CrushMap): void {
  const former = map.classBuckets;
  const formerIds = idsIn(former);
  const { before, kept } = shadowsOf(map);
  // Ceph removes all shadows, which also tidies the weight sets, and then makes them again.
  for (const id of before) if (!formerIds.has(id)) dropBucket(map, id);
  if (before.length > 0) tidyChooseArgs(map);
  makeShadows(map, former, true, kept);
  const after = idsIn(map.classBuckets);
  for (const id of before) if (!after.has(id)) dropBucket(map, id);
}

/**
 * The shadows to make anew, and by name those that stay as they are: what hangs below an ordinary bucket, as a
 * reclassified tree may, is no tree of shadows to Ceph, but stands in for the shadow of its name.
 */
function shadowsOf(map: CrushMap): { before: number[]; kept: ReadonlyMap<string, number> } {
  const isBelow = new Set<number>();
  const pending = rootsOf(map, { shadow: true }).filter((root) => isShadow(map, root));
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (isBelow.has(id)) continue;
    isBelow.add(id);
    for (const item of map.buckets.get(id)?.items ?? []) if (item < 0) pending.push(item);
  }
  const before: number[] = [];
  const kept = new Map<string, number>();
  for (const id of map.buckets.keys()) {
    if (!isShadow(map, id)) continue;
    if (isBelow.has(id)) before.push(id);
    else kept.set(map.itemNames.get(id)!, id);
  }
  return { before, kept };
}

/** The same where no more changed than what these buckets hold: only they and those above are looked at. */
function rebuildChanged(map: CrushMap, changed: ReadonlySet<number>): void {
  const stale = new Set<number>();
  const roots: number[] = [];
  const visit = (id: number): void => {
    if (stale.has(id) || isShadow(map, id) || !map.buckets.has(id)) return;
    stale.add(id);
    const parents = parentsOf(map, id);
    if (parents.length === 0) roots.push(id);
    for (const parent of parents) visit(parent);
  };
  for (const id of changed) visit(id);
  roots.sort((a, b) => a - b);
  const isStale = (id: number): boolean => stale.has(id);
  const kept = new Map<string, number>();
  cloneTrees({ map, former: map.classBuckets, isStale, uniform: true, kept }, roots);
}

/**
 * Makes the shadow trees of a map. Those that are there already, under their former ids, change only where they differ.
 * @param former the ids that they had, which they keep; 0 stands for any
 * @param uniform whether uniform buckets have shadows. For the text compiler of Ceph they do not, unless their devices
 *   weigh nothing
 * @param kept buckets that are the shadows of their name already
 * @throws CephError EEXIST when such an id is that of another bucket; ERANGE, EINVAL for weights a shadow cannot hold. The
 *   shadows made until then stay
 */
export function makeShadows(
  map: CrushMap,
  former: CrushMap['classBuckets'],
  uniform = true,
  kept: ReadonlyMap<string, number> = new Map(),
): void {
  map.classBuckets = new Map();
  const isStale = (): boolean => true;
  cloneTrees({ map, former, isStale, uniform, kept }, rootsOf(map, { shadow: false }));
}

function cloneTrees(
  what: Pick<Cloning, 'map' | 'former' | 'isStale' | 'uniform' | 'kept'>,
  roots: readonly number[],
): void {
  const { map } = what;
  const sums = new Map([...map.chooseArgs.keys()].map((key) => [key, new Map()]));
  const cloning: Cloning = { ...what, placed: new Map(), sums };
  const classIds = [...map.classNames.keys()].sort((a, b) => a - b);
  for (const root of roots) for (const classId of classIds) cloneForClass(cloning, root, classId);
}

function idsIn(classBuckets: CrushMap['classBuckets']): Set<number> {
  const ids = new Set<number>();
  for (const shadows of classBuckets.values()) for (const id of shadows.values()) ids.add(id);
  return ids;
}

/** Removes a bucket and everything said of it, but not from the buckets that hold it. */
export function dropBucket(map: CrushMap, id: number): void {
  takeBucket(map, id);
  forgetItemName(map, id);
  map.classMap.delete(id);
  map.classBuckets.delete(id);
  for (const args of map.chooseArgs.values()) args.delete(id);
}

function dropDeadClasses(map: CrushMap): void {
  const alive = new Set<number>();
  for (const [item, classId] of map.classMap) {
    if (item >= 0) alive.add(classId);
    if (alive.size === map.classNames.size) return;
  }
  const taken = new Set<number>();
  for (const rule of map.rules) {
    for (const step of rule?.steps ?? []) if (step.op === RULE_OP.TAKE) taken.add(step.arg1);
  }
  for (const shadows of map.classBuckets.values()) {
    for (const [classId, shadow] of shadows) if (taken.has(shadow)) alive.add(classId);
  }
  for (const id of [...map.classNames.keys()]) if (!alive.has(id)) map.classNames.delete(id);
}

interface Cloning {
  readonly map: CrushMap;
  readonly former: CrushMap['classBuckets'];
  /** Whether a bucket's shadows may differ from what they were. */
  readonly isStale: (bucketId: number) => boolean;
  readonly uniform: boolean;
  readonly kept: ReadonlyMap<string, number>;
  /** Shadows made so far, with what they are shadows of. */
  readonly placed: Map<number, string>;
  /** Ids that a new shadow may not take; computed when there is one. */
  reserved?: ReadonlySet<number>;
  /** By weight set: what each shadow stands for in the one above, per position. */
  readonly sums: ReadonlyMap<number, Map<number, number[]>>;
}

/** @returns the shadow of `original`, which other trees may share */
function cloneForClass(cloning: Cloning, original: number, classId: number): CrushBucket {
  const { map, former, placed, kept } = cloning;
  const name = `${map.itemNames.get(original)}~${map.classNames.get(classId)}`;
  const keptId = kept.get(name);
  if (keptId !== undefined) return map.buckets.get(keptId)!;
  const whose = `${original} ${classId}`;
  const existing = map.classBuckets.get(original)?.get(classId);
  const isDone = existing !== undefined && placed.get(existing) === whose;
  if (existing !== undefined && (isDone || !cloning.isStale(original))) {
    return map.buckets.get(existing)!;
  }
  const bucket = map.buckets.get(original)!;
  const items: number[] = [];
  const weights: number[] = [];
  const positions: number[] = [];
  for (let at = 0; at < bucket.items.length; at++) {
    const item = bucket.items[at]!;
    if (item >= 0) {
      if (map.classMap.get(item) !== classId) continue;
      items.push(item);
      weights.push(itemWeightAt(bucket, at));
    } else {
      const below = cloneForClass(cloning, item, classId);
      items.push(below.id);
      weights.push(below.weight);
    }
    positions.push(at);
  }
  // Children first: the id is taken after theirs, as Ceph does, so that equal edits give equal ids.
  const id = former.get(original)?.get(classId) || newId(cloning);
  if (placed.has(id) || (map.buckets.has(id) && !isShadow(map, id))) {
    throw new CephError('EEXIST', `shadow id ${id} is that of another bucket`);
  }
  if (!cloning.uniform && bucket.alg === BUCKET_ALG.UNIFORM && weights.some((w) => w > 0)) {
    throw new CephError('EINVAL', `no shadow of the uniform bucket ${original}`);
  }
  placed.set(id, whose);
  makeSlot(map, id);
  const shadow = place(map, { ...bucket, id }, items, weights);
  map.classMap.set(id, classId);
  if (map.itemNames.get(id) !== name) setItemName(map, id, name);
  const shadows = map.classBuckets.get(original) ?? new Map<number, number>();
  map.classBuckets.set(original, shadows.set(classId, id));
  weighInSets(cloning, original, shadow, positions);
  return shadow;
}

function newId(cloning: Cloning): number {
  cloning.reserved ??= idsIn(cloning.former);
  return allocateBucketId(cloning.map, cloning.reserved);
}

/** Puts a bucket with these contents in its slot, unless it is there. */
function place(map: CrushMap, head: CrushBucket, items: number[], weights: number[]): CrushBucket {
  const there = map.buckets.get(head.id);
  const same =
    there !== undefined &&
    there.alg === head.alg &&
    there.type === head.type &&
    there.hash === head.hash &&
    there.items.length === items.length &&
    items.every((item, i) => there.items[i] === item && itemWeightAt(there, i) === weights[i]);
  if (same) return there;
  const bucket = makeBucket(head, items, weights, map.tunables.strawCalcVersion);
  putBucket(map, bucket);
  return bucket;
}

/** Gives a shadow the weights that its bucket has in weight sets, for those of its items that the shadow holds. */
function weighInSets(
  { map, sums }: Cloning,
  original: number,
  shadow: CrushBucket,
  positions: readonly number[],
): void {
  for (const [key, args] of map.chooseArgs) {
    const sets = args.get(original)?.weightSets ?? [];
    const below = sums.get(key)!;
    const weightSets = sets.map((set, position) =>
      shadow.items.map((item, i) =>
        item >= 0 ? set[positions[i]!]! : (below.get(item)?.[position] ?? 0),
      ),
    );
    if (sets.length === 0) args.delete(shadow.id);
    else args.set(shadow.id, { weightSets, ids: [] });
    // Ceph carries up only the sum of the last position: above a host, the earlier ones weigh nothing in shadows.
    const last = weightSets.length - 1;
    below.set(
      shadow.id,
      weightSets.map((set, position) => (position === last ? sumOf(set) : 0)),
    );
  }
}
