import { general } from '../../codec/index.ts';
import {
  addBucket,
  addSimpleRule,
  type CrushLocation,
  type CrushMap,
  createOrMoveItem,
  insertItem,
  isValidCrushName,
  itemByName,
  moveBucket,
  RULE_TYPE,
  rebuildShadows,
  reclassify,
  removeItem,
  removeRule,
  reweightAll,
  reweightItem,
  ruleByName,
  setItem,
  setSubtreeClass,
  typeByName,
  weightAt,
  weightOf,
} from '../../crush/index.ts';
import { CephError, ERRNO } from '../../errors/index.ts';
import { strerror, ToolFailure, type ToolIo } from '../tool-io.ts';
import { ME } from './files.ts';
import type { Request } from './request.ts';

/** Ends the tool as main does when it returns a negative errno. */
function failWith(message: string, errno: number): never {
  throw new ToolFailure(message, 256 - errno);
}

/** Runs an edit; what it refuses ends the tool with the errno in words. */
function edit(change: () => void): void {
  try {
    change();
  } catch (e) {
    if (e instanceof CephError) failWith(`${ME} ${strerror(e.errno)}`, e.errno);
    throw e;
  }
}

/**
 * The stage that changes the map, in the fixed order of Ceph's tool whatever the order of the options.
 * @returns whether anything was asked for, as Ceph counts it
 * @throws ToolFailure
 */
export function changeMap(map: CrushMap, r: Request, io: ToolIo): boolean {
  const stages = [
    setTunables,
    reweightNamed,
    removeNamed,
    addOrUpdate,
    addNamedBucket,
    move,
    addRule,
    dropRule,
    reweight,
    rebuildClassRoots,
    setClasses,
    reclassifyAll,
  ];
  let isModified = false;
  for (const stage of stages) if (stage(map, r, io)) isModified = true;
  return isModified;
}

type Stage = (map: CrushMap, r: Request, io: ToolIo) => boolean;

const U8_TUNABLES = ['chooseleafVaryR', 'chooseleafStable', 'strawCalcVersion'] as const;

const setTunables: Stage = (map, r) => {
  Object.assign(map.tunables, r.tunables);
  for (const key of U8_TUNABLES) map.tunables[key] &= 0xff;
  return Object.keys(r.tunables).length > 0;
};

const reweightNamed: Stage = (map, { reweightItem: { name, weight } }, io) => {
  if (name === '') return false;
  io.out(`${ME} reweighting item ${name} to ${general(weight)}\n`);
  const item = existing(map, name, io);
  edit(() => reweightItem(map, item, weightOf(weight)));
  return true;
};

/** An item's id; a name that does not exist is told in the tool's two lines. */
function existing(map: CrushMap, name: string, io: ToolIo): number {
  const item = itemByName(map, name);
  if (item !== undefined) return item;
  io.err(` name ${name} dne\n`);
  return failWith(`${ME} ${strerror(ERRNO.ENOENT)}`, ERRNO.ENOENT);
}

const removeNamed: Stage = (map, { removeItem: name }, io) => {
  if (name === '') return false;
  io.out(`${ME} removing item ${name}\n`);
  const item = existing(map, name, io);
  edit(() => removeItem(map, item));
  return true;
};

const addOrUpdate: Stage = (map, { itemId, isUpdate, itemWeight, addName, loc }) => {
  if (itemId < 0) return false;
  edit(() => {
    const weight = weightOf(itemWeight);
    if (isUpdate) setItem(map, itemId, weight, addName, loc);
    else insertItem(map, itemId, weight, addName, loc);
  });
  return true;
};

const addNamedBucket: Stage = (map, { addBucketType, addName, loc }) => {
  if (addBucketType === undefined) return false;
  if (itemByName(map, addName) !== undefined) {
    failWith(`${ME} bucket '${addName}' already exists`, ERRNO.EEXIST);
  }
  if ((typeByName(map, addBucketType) ?? 0) <= 0) {
    failWith(`${ME} bad bucket type: ${addBucketType}`, ERRNO.EINVAL);
  }
  if (!isValidCrushName(addName)) failWith(`${ME} bad bucket name: ${addName}`, ERRNO.EINVAL);
  let id = 0;
  try {
    id = addBucket(map, addName, addBucketType);
  } catch (e) {
    if (!(e instanceof CephError)) throw e;
    failWith(`${ME} unable to add bucket: ${strerror(e.errno)}`, e.errno);
  }
  if (Object.keys(loc).length === 0 || weightAt(map, id, loc) !== undefined) return true;
  try {
    moveBucket(map, id, loc);
  } catch (e) {
    if (!(e instanceof CephError)) throw e;
    failWith(`${ME} error moving bucket '${addName}' to ${locText(loc)}`, e.errno);
  }
  return true;
};

/** A location as Ceph prints a map: sorted, in braces. */
function locText(loc: CrushLocation): string {
  const pairs = Object.entries(loc).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${pairs.map(([type, name]) => `${type}=${name}`).join(',')}}`;
}

const move: Stage = (map, { move: name, loc }) => {
  if (name === undefined) return false;
  const id = itemByName(map, name);
  if (id === undefined) return failWith(`${ME} item '${name}' does not exist`, ERRNO.ENOENT);
  if (Object.keys(loc).length === 0) {
    failWith(`${ME} expecting additional --loc argument to --move`, ERRNO.EINVAL);
  }
  if (weightAt(map, id, loc) !== undefined) {
    throw new ToolFailure(`${ME} item '${name}' already at ${locText(loc)}`);
  }
  try {
    if (id < 0) moveBucket(map, id, loc);
    else if (!createOrMoveItem(map, id, 0, name, loc)) throw new ToolFailure('');
  } catch (e) {
    if (e instanceof CephError) failWith('', e.errno);
    throw e;
  }
  return true;
};

const addRule: Stage = (map, { addRule: isAsked, ruleName, rule }) => {
  if (!isAsked) return false;
  if (ruleByName(map, ruleName) !== undefined) {
    throw new ToolFailure(`rule ${ruleName} already exists`);
  }
  try {
    const { root, type, mode, deviceClass } = rule;
    addSimpleRule(map, {
      name: ruleName,
      root,
      // Without a failure domain: devices.
      failureDomain: type === '' ? (map.typeNames.get(0) ?? '') : type,
      ...(deviceClass !== '' && { deviceClass }),
      mode: mode === 'indep' ? mode : 'firstn',
      type: RULE_TYPE.REPLICATED,
    });
    // Last, as Ceph looks at it last; the map is not written then.
    if (mode !== 'firstn' && mode !== 'indep') throw new ToolFailure(`unknown mode ${mode}`);
  } catch (e) {
    if (e instanceof CephError) throw new ToolFailure(e.message);
    throw e;
  }
  return true;
};

const dropRule: Stage = (map, { removeRule: isAsked, ruleName }) => {
  if (!isAsked) return false;
  const id = ruleByName(map, ruleName);
  // Not a failure for Ceph, but the end.
  if (id === undefined) throw new ToolFailure(`rule ${ruleName} does not exist`, 0);
  removeRule(map, id);
  return true;
};

const reweight: Stage = (map, r) => {
  if (r.reweight) reweightAll(map);
  return r.reweight;
};

const rebuildClassRoots: Stage = (map, r) => {
  if (r.rebuildClassRoots) rebuildShadows(map);
  return r.rebuildClassRoots;
};

const setClasses: Stage = (map, { subtreeClasses }) => {
  const sorted = [...subtreeClasses].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [bucket, deviceClass] of sorted) {
    try {
      setSubtreeClass(map, bucket, deviceClass);
    } catch (e) {
      // A name that does not exist changes nothing, and Ceph says nothing.
      if (!(e instanceof CephError)) throw e;
    }
  }
  return sorted.length > 0;
};

const reclassifyAll: Stage = (map, r, io) => {
  if (!r.reclassify) return false;
  try {
    const request = { roots: r.reclassifyRoots, buckets: r.reclassifyBuckets };
    reclassify(map, request, (line) => io.out(`${line}\n`));
  } catch (e) {
    if (e instanceof CephError) throw new ToolFailure('failed to reclassify map');
    throw e;
  }
  return true;
};
