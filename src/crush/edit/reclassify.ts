import { CephError, strerror } from '../../errors/index.ts';
import { itemWeightAt, makeBucket } from '../bucket.ts';
import { parentOf, typeNameOf } from '../location.ts';
import { isShadow, itemByName, putBucket, setItemName, subtreeContains } from '../lookup.ts';
import { type CrushBucket, type CrushMap, RULE_OP } from '../types.ts';
import { classIdFor } from './classes.ts';
import { insertItem, linkBucket } from './edit.ts';
import { rebuildShadows } from './shadows.ts';
import { carriedWeight } from './weights.ts';

/**
 * From parallel trees for devices of different kinds, as maps had before there were device classes, to one tree and its
 * shadows. Old buckets become shadows under their old ids, so rules that take them still do, and nothing moves. Source:
 * CrushWrapper::reclassify, release 16.2.
 */

export interface ReclassifyRequest {
  /** Root to the class of all that is below it. */
  roots: ReadonlyMap<string, string>;
  /** Bucket, or `prefix%` or `%suffix` of buckets, to their class, and where new buckets for the rest of the name go. */
  buckets: ReadonlyMap<string, { deviceClass: string; parent: string }>;
}

/**
 * Changes the map in place; may fail halfway.
 * @param print gets each line of what is done, or of why not
 * @throws CephError
 */
export function reclassify(
  map: CrushMap,
  { roots, buckets }: ReclassifyRequest,
  print: (line: string) => void,
): void {
  for (const [root, className] of sortedByName(roots)) {
    reclassifyRoot(map, root, className, print);
  }
  const merge = new Merge(map, print);
  for (const [match, { deviceClass, parent }] of sortedByName(buckets)) {
    merge.assign(match, deviceClass, parent);
  }
  merge.run();
}

function sortedByName<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function emptyLike(map: CrushMap, { type, alg, hash }: CrushBucket, id: number): CrushBucket {
  return makeBucket({ id, type, alg, hash }, [], [], map.tunables.strawCalcVersion);
}

/** The free id nearest to -1; the slots grow one by one here. */
function newBucketId(map: CrushMap): number {
  let id = -1;
  while (map.buckets.has(id)) id--;
  map.maxBuckets = Math.max(map.maxBuckets, -id);
  return id;
}

/** Gives the buckets of a tree new ids; the old ids become their shadows of the class. */
function reclassifyRoot(
  map: CrushMap,
  root: string,
  className: string,
  print: (line: string) => void,
): void {
  const rootId = itemByName(map, root);
  if (rootId === undefined) {
    print(`root ${root} does not exist`);
    throw new CephError('EINVAL', `no bucket ${root}`);
  }
  const classId = classIdFor(map, className);
  print(`classify_root ${root} (${rootId}) as ${className}`);
  refuseTakenShadows(map, root, rootId, print);
  const renumbered = new Map<number, number>();
  const pending = [rootId];
  for (let id = pending.shift(); id !== undefined; id = pending.shift()) {
    const bucket = map.buckets.get(id);
    if (!bucket) {
      print(`cannot find bucket ${id}: (2) No such file or directory`);
      throw new CephError('ENOENT', `no bucket ${id}`);
    }
    const newId = newBucketId(map);
    print(`  renumbering bucket ${id} -> ${newId}`);
    renumbered.set(id, newId);
    putBucket(map, { ...bucket, id: newId });
    putBucket(map, emptyLike(map, bucket, id));
    for (const args of map.chooseArgs.values()) {
      const arg = args.get(id);
      if (arg) args.set(newId, arg);
      args.delete(id);
    }
    map.classBuckets.delete(id);
    map.classBuckets.set(newId, new Map([[classId, id]]));
    const name = map.itemNames.get(id) ?? '';
    setItemName(map, newId, name);
    setItemName(map, id, `${name}~${className}`);
    for (const item of bucket.items) if (item < 0) pending.unshift(item);
  }
  for (const bucket of [...map.buckets.values()]) {
    if (!bucket.items.some((item) => renumbered.has(item))) continue;
    putBucket(map, { ...bucket, items: bucket.items.map((i) => renumbered.get(i) ?? i) });
  }
  rebuildShadows(map);
}

function refuseTakenShadows(
  map: CrushMap,
  root: string,
  rootId: number,
  print: (line: string) => void,
): void {
  const shadows = map.classBuckets.get(rootId) ?? new Map<number, number>();
  map.rules.forEach((rule, ruleId) => {
    for (const { op, arg1 } of rule?.steps ?? []) {
      const taken = [...shadows].find(([, shadow]) => op === RULE_OP.TAKE && shadow === arg1);
      if (!taken) continue;
      print(`  rule ${ruleId} includes take on root ${root} class ${taken[0]}`);
      throw new CephError('EINVAL', `rule ${ruleId} takes a class of ${root}`);
    }
  });
}

/** Merges buckets into others, of which they become the shadows. */
class Merge {
  private readonly map: CrushMap;
  private readonly print: (line: string) => void;
  /** Old bucket to the one that takes its items. */
  private readonly sendTo = new Map<number, number>();
  /** Bucket to class to the old bucket that is to be its shadow. */
  private readonly shadows: CrushMap['classBuckets'] = new Map();
  private readonly shadowNames = new Map<number, string>();
  /** New bucket to where it goes if nothing holds it. */
  private readonly created = new Map<number, Record<string, string>>();

  constructor(map: CrushMap, print: (line: string) => void) {
    this.map = map;
    this.print = print;
  }

  /** Takes note of the buckets a pattern matches, and makes those they go to. */
  assign(match: string, className: string, parentName: string): void {
    const { map, print } = this;
    const parent = map.buckets.get(itemByName(map, parentName) ?? 0);
    if (!parent) {
      print(`default parent ${parentName} does not exist`);
      throw new CephError('EINVAL', `no bucket ${parentName}`);
    }
    const parentType = typeNameOf(map, parent.id);
    print(`classify_bucket ${match} as ${className} default bucket ${parentName} (${parentType})`);
    const classId = classIdFor(map, className);
    for (let id = -1; -id <= map.maxBuckets; id--) {
      const bucket = map.buckets.get(id);
      if (!bucket || isShadow(map, id)) continue;
      const name = map.itemNames.get(id) ?? '';
      const base = baseName(match, name, parentName);
      if (base === undefined) continue;
      print(`match ${match} to ${name} basename ${base}`);
      const baseId = this.baseBucket(base, bucket, { [parentType]: parentName });
      this.sendTo.set(id, baseId);
      const ofBase = this.shadows.get(baseId) ?? new Map<number, number>();
      this.shadows.set(baseId, ofBase.set(classId, id));
      this.shadowNames.set(id, `${base}~${className}`);
      for (const item of bucket.items) if (item >= 0) map.classMap.set(item, classId);
    }
  }

  private baseBucket(name: string, like: CrushBucket, loc: Record<string, string>): number {
    const { map, print } = this;
    const known = itemByName(map, name);
    if (known !== undefined) {
      const isNew = this.created.has(known);
      print(isNew ? `  already creating base ${known}` : `  have base ${known}`);
      return known;
    }
    const id = newBucketId(map);
    putBucket(map, emptyLike(map, like, id));
    setItemName(map, id, name);
    this.created.set(id, loc);
    print(`  created base ${id}`);
    return id;
  }

  run(): void {
    const { map } = this;
    for (const [from, to] of ascending(this.sendTo)) this.copyItems(from, to);
    for (const [id, loc] of ascending(this.created)) {
      if (parentOf(map, id) !== undefined) continue;
      const [[type, name] = ['', '']] = Object.entries(loc);
      this.print(`new bucket ${id} missing parent, adding at {${type}=${name}}`);
      this.attempt(() => linkBucket(map, id, loc));
    }
    for (const [id, shadows] of this.shadows) {
      const all = map.classBuckets.get(id) ?? new Map<number, number>();
      for (const [classId, shadow] of shadows) all.set(classId, shadow);
      map.classBuckets.set(id, all);
    }
    for (const [id, name] of this.shadowNames) setItemName(map, id, name);
    rebuildShadows(map);
  }

  private copyItems(from: number, to: number): void {
    const { map } = this;
    const source = map.buckets.get(from)!;
    const nameOf = (id: number): string => map.itemNames.get(id) ?? '';
    this.print(`moving items from ${from} (${nameOf(from)}) to ${to} (${nameOf(to)})`);
    const loc = { [typeNameOf(map, to)]: nameOf(to) };
    [...source.items].forEach((item, at) => {
      if (item >= 0) {
        if (subtreeContains(map, to, item)) return;
        const weight = carriedWeight(itemWeightAt(source, at));
        this.attempt(() => insertItem(map, item, weight, nameOf(item), loc));
        return;
      }
      const target = this.sendTo.get(item);
      if (target === undefined) {
        throw new CephError(
          'EINVAL',
          `item ${item} in bucket ${from} is not also a reclassified bucket`,
        );
      }
      if (subtreeContains(map, to, target)) return;
      this.attempt(() => linkBucket(map, target, loc));
    });
  }

  private attempt(edit: () => void): void {
    try {
      edit();
    } catch (e) {
      if (e instanceof CephError)
        this.print(`reclassify err from insert_item: ${strerror(e.errno)}`);
      throw e;
    }
  }
}

function ascending<T>(map: ReadonlyMap<number, T>): [number, T][] {
  return [...map].sort((a, b) => a[0] - b[0]);
}

/** What a matching name is beside the pattern, and the default parent for a pattern that is a whole name. */
function baseName(match: string, name: string, parent: string): string | undefined {
  if (name.length < match.length) return undefined;
  if (match.startsWith('%')) {
    return name.endsWith(match.slice(1))
      ? name.slice(0, name.length - match.length + 1)
      : undefined;
  }
  if (match.endsWith('%')) {
    return name.startsWith(match.slice(0, -1)) ? name.slice(match.length - 1) : undefined;
  }
  return match === name ? parent : undefined;
}
