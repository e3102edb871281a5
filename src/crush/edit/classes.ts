import { CephError } from '../../errors/index.ts';
import { itemByName, keyOf, noteClass, setItemName } from '../lookup.ts';
import { type CrushMap, RULE_OP } from '../types.ts';
import { rebuildShadows } from './shadows.ts';

export { rebuildShadows } from './shadows.ts';

/** Device classes: what a device is made of, by name. Source: crush/CrushWrapper.cc, release 16.2. */

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
  if (!map.itemNames.has(device)) setItemName(map, device, `osd.${device}`);
  map.maxDevices = Math.max(map.maxDevices, device + 1);
  map.classMap.set(device, classIdFor(map, className));
  noteClass(map, device);
  rebuildShadows(map);
  return true;
}

/** Takes a device's class away. @returns whether it had one */
export function removeDeviceClass(map: CrushMap, device: number): boolean {
  if (!map.classMap.delete(device)) return false;
  noteClass(map, device);
  rebuildShadows(map);
  return true;
}

/**
 * Gives all devices below a bucket a class, in place of the one they have. The shadow trees stay as they are until
 * `rebuildShadows` or the next edit.
 * @throws CephError ENOENT, ENOTDIR for the name of a device
 */
export function setSubtreeClass(map: CrushMap, bucketName: string, className: string): void {
  const root = itemByName(map, bucketName);
  if (root === undefined) throw new CephError('ENOENT', `item ${bucketName} does not exist`);
  if (root >= 0) throw new CephError('ENOTDIR', `item ${bucketName} is not a bucket`);
  const classId = classIdFor(map, className);
  const seen = new Set<number>();
  const visit = (id: number): void => {
    if (seen.has(id)) return;
    seen.add(id);
    for (const item of map.buckets.get(id)?.items ?? []) {
      if (item < 0) {
        visit(item);
        continue;
      }
      map.classMap.set(item, classId);
      noteClass(map, item);
    }
  };
  visit(root);
}

/** Name of an item's class; of a shadow bucket too. */
export function classOf(map: CrushMap, item: number): string | undefined {
  const id = map.classMap.get(item);
  return id === undefined ? undefined : map.classNames.get(id);
}

/** Devices of a class, ascending. */
export function devicesOfClass(map: CrushMap, className: string): number[] {
  const classId = keyOf(map.classNames, className);
  const devices: number[] = [];
  for (const [item, id] of map.classMap) if (item >= 0 && id === classId) devices.push(item);
  return devices.sort((a, b) => a - b);
}

/**
 * The shadow of a bucket for a class.
 * @throws CephError EINVAL when there is no such class, or no shadow of the bucket for it
 */
export function shadowOf(map: CrushMap, bucketId: number, className: string): number {
  const classId = keyOf(map.classNames, className);
  if (classId === undefined) {
    throw new CephError('EINVAL', `device class ${className} does not exist`);
  }
  const shadow = map.classBuckets.get(bucketId)?.get(classId);
  if (shadow === undefined) {
    const name = map.itemNames.get(bucketId) ?? bucketId;
    throw new CephError('EINVAL', `root ${name} has no devices with class ${className}`);
  }
  return shadow;
}

/** Id of a class, which is made if there is none of that name. It is forgotten at the next edit unless it is used. */
export function classIdFor(map: CrushMap, className: string): number {
  const existing = keyOf(map.classNames, className);
  if (existing !== undefined) return existing;
  const id = Math.max(-1, ...map.classNames.keys()) + 1;
  map.classNames.set(id, className);
  return id;
}

/**
 * Takes a class away from all its devices and forgets it.
 * @returns its id; undefined when there is none of that name
 * @throws CephError EBUSY when rules take it
 */
export function removeClass(map: CrushMap, className: string): number | undefined {
  const classId = keyOf(map.classNames, className);
  if (classId === undefined) return undefined;
  const users = rulesOfClass(map, className).map((id) => `'${map.ruleNames.get(id)}'`);
  if (users.length > 0) {
    throw new CephError('EBUSY', `still referenced by crush_rule(s): ${users.join(',')}`);
  }
  const devices = devicesOfClass(map, className);
  if (devices.length === 0) {
    map.classNames.delete(classId);
  } else {
    for (const device of devices) {
      map.classMap.delete(device);
      noteClass(map, device);
    }
    rebuildShadows(map);
  }
  return classId;
}

/** Gives a class another name, and its shadow buckets. @throws CephError ENOENT, EEXIST */
export function renameClass(map: CrushMap, from: string, to: string): void {
  const classId = keyOf(map.classNames, from);
  if (classId === undefined) throw new CephError('ENOENT', `class '${from}' does not exist`);
  if (keyOf(map.classNames, to) !== undefined) {
    throw new CephError('EEXIST', `class '${to}' already exists`);
  }
  for (const [item, id] of map.classMap) {
    const [bucketName] = map.itemNames.get(item)?.split('~') ?? [];
    if (item < 0 && id === classId) setItemName(map, item, `${bucketName}~${to}`);
  }
  map.classNames.set(classId, to);
}

/** Ids of the rules that take devices of a class, ascending. */
export function rulesOfClass(map: CrushMap, className: string): number[] {
  const classId = keyOf(map.classNames, className);
  if (classId === undefined) return [];
  return map.rules.flatMap((rule, id) => {
    const takes = rule?.steps.filter((step) => step.op === RULE_OP.TAKE && step.arg1 < 0) ?? [];
    return takes.some((step) => map.classMap.get(step.arg1) === classId) ? id : [];
  });
}
