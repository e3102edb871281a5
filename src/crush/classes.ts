import { CephError } from '../errors/index.ts';
import {
  allocateBucketId,
  isShadow,
  itemWeights,
  keyOf,
  makeBucket,
  makeSlot,
  rootsOf,
} from './bucket.ts';
import { type ChooseArg, type CrushMap, RULE_OP } from './types.ts';

/**
 * Device classes. For every class in use each tree has a shadow that holds the devices of that class alone, in buckets
 * named `bucket~class`; a rule that takes a class takes the shadow. The shadows are made anew after every edit, with
 * the ids they had. Source: rebuild_roots_with_classes and device_class_clone in crush/CrushWrapper.cc, release 16.2.
 */

/**
 * Gives a device a class, and a name if it has none: a device may have a class before it is in any bucket.
 * @returns whether the map changed
 * @throws CephError EBUSY when it has another class, which must be removed first
 */
export function setDeviceClass(map: CrushMap, device: number, className: string): boolean {
  const current = map.classMap.get(device);
  if (current !== undefined) {
    const currentName = map.classNames.get(current);
    if (currentName === className) return false;
    throw new CephError('EBUSY', `osd.${device} has already bound to class '${currentName}'`);
  }
  if (!map.itemNames.has(device)) map.itemNames.set(device, `osd.${device}`);
  map.maxDevices = Math.max(map.maxDevices, device + 1);
  map.classMap.set(device, classIdFor(map, className));
  rebuildShadows(map);
  return true;
}

/** Takes a device's class away. @returns whether it had one */
export function removeDeviceClass(map: CrushMap, device: number): boolean {
  if (!map.classMap.delete(device)) return false;
  rebuildShadows(map);
  return true;
}

/** Name of an item's class; of a shadow bucket too. */
export function classOf(map: CrushMap, item: number): string | undefined {
  const id = map.classMap.get(item);
  return id === undefined ? undefined : map.classNames.get(id);
}

/**
 * The shadow of a bucket for a class.
 * @throws CephError ENOENT when there is no such class, or no device of it in the tree
 */
export function shadowOf(map: CrushMap, bucketId: number, className: string): number {
  const classId = keyOf(map.classNames, className);
  const shadow = classId === undefined ? undefined : map.classBuckets.get(bucketId)?.get(classId);
  if (shadow === undefined) {
    const name = map.itemNames.get(bucketId) ?? bucketId;
    throw new CephError('ENOENT', `root ${name} has no devices with class ${className}`);
  }
  return shadow;
}

/** Id of a class, which is made if there is none of that name. */
export function classIdFor(map: CrushMap, className: string): number {
  const existing = keyOf(map.classNames, className);
  if (existing !== undefined) return existing;
  const id = Math.max(-1, ...map.classNames.keys()) + 1;
  map.classNames.set(id, className);
  return id;
}

/** Makes the shadow trees anew from the trees, and forgets classes that neither a device nor a rule uses. */
export function rebuildShadows(map: CrushMap): void {
  dropDeadClasses(map);
  const former = map.classBuckets;
  for (const id of [...map.buckets.keys()]) if (isShadow(map, id)) dropBucket(map, id);
  map.classBuckets = new Map();
  makeShadows(map, former);
}

/** Makes the shadow trees of a map that has none. @param former the ids that they had, which they keep */
export function makeShadows(map: CrushMap, former: CrushMap['classBuckets']): void {
  const reserved = new Set<number>();
  for (const shadows of former.values()) for (const id of shadows.values()) reserved.add(id);
  const classIds = [...map.classNames.keys()].sort((a, b) => a - b);
  for (const root of rootsOf(map, { shadow: false })) {
    for (const classId of classIds) cloneForClass(map, root, classId, former, reserved);
  }
}

/** Removes a bucket and everything said of it, but not from the buckets that hold it. */
export function dropBucket(map: CrushMap, id: number): void {
  map.buckets.delete(id);
  map.itemNames.delete(id);
  map.classMap.delete(id);
  for (const args of map.chooseArgs.values()) args.delete(id);
}

function dropDeadClasses(map: CrushMap): void {
  const alive = new Set<number>();
  for (const [item, classId] of map.classMap) if (item >= 0) alive.add(classId);
  for (const rule of map.rules) {
    for (const step of rule?.steps ?? []) {
      const shadowClass = step.op === RULE_OP.TAKE && isShadow(map, step.arg1);
      const classId = map.classMap.get(step.arg1);
      if (shadowClass && classId !== undefined) alive.add(classId);
    }
  }
  for (const id of [...map.classNames.keys()]) if (!alive.has(id)) map.classNames.delete(id);
}

/** @returns id of the shadow of `original`, which other trees may share */
function cloneForClass(
  map: CrushMap,
  original: number,
  classId: number,
  former: CrushMap['classBuckets'],
  reserved: Set<number>,
): number {
  const existing = map.classBuckets.get(original)?.get(classId);
  if (existing !== undefined) return existing;
  const bucket = map.buckets.get(original)!;
  const weights = itemWeights(bucket);
  const items: number[] = [];
  const itemPositions: number[] = [];
  bucket.items.forEach((item, position) => {
    if (item >= 0) {
      if (map.classMap.get(item) !== classId) return;
      items.push(item);
    } else {
      items.push(cloneForClass(map, item, classId, former, reserved));
    }
    itemPositions.push(position);
  });
  // Children first: the id is taken after theirs, as Ceph does, so that equal edits give equal ids.
  const id = former.get(original)?.get(classId) ?? allocateBucketId(map, reserved);
  reserved.add(id);
  makeSlot(map, id);
  const shadowWeights = items.map((item, i) =>
    item >= 0 ? weights[itemPositions[i]!]! : map.buckets.get(item)!.weight,
  );
  const version = map.tunables.strawCalcVersion;
  map.buckets.set(id, makeBucket({ ...bucket, id }, items, shadowWeights, version));
  map.classMap.set(id, classId);
  map.itemNames.set(id, `${map.itemNames.get(original)}~${map.classNames.get(classId)}`);
  const shadows = map.classBuckets.get(original) ?? new Map<number, number>();
  map.classBuckets.set(original, shadows.set(classId, id));
  for (const args of map.chooseArgs.values()) {
    const arg = args.get(original);
    if (arg) args.set(id, shadowArg(args, arg, items, itemPositions));
  }
  return id;
}

/** The weight sets and ids of a bucket, for those of its items that its shadow holds. */
function shadowArg(
  args: ReadonlyMap<number, ChooseArg>,
  original: ChooseArg,
  items: number[],
  itemPositions: number[],
): ChooseArg {
  return {
    weightSets: original.weightSets.map((set, position) =>
      items.map((item, i) => {
        if (item >= 0) return set[itemPositions[i]!]!;
        const below = args.get(item)?.weightSets ?? [];
        return (below[Math.min(position, below.length - 1)] ?? []).reduce((sum, w) => sum + w, 0);
      }),
    ),
    ids: original.ids.length > 0 ? itemPositions.map((p) => original.ids[p]!) : [],
  };
}
