import { itemWeights, WEIGHT_MAX } from './bucket.ts';
import { isValidCrushName } from './edit/new-bucket.ts';
import { BUCKET_ALG, type CrushBucket, type CrushMap, type CrushRule, RULE_OP } from './types.ts';

/** Draws beyond this make a placement that cannot succeed take seconds. */
const TRIES_MAX = 10_000;
/** No pool has more replicas or shards. */
const CHOOSE_MAX = 255;
/** Ceph says that a hierarchy has ten levels at most, and relies on it nowhere; a walk far deeper runs out of stack. */
const DEPTH_MAX = 100;
/** Listing a tree names a bucket at each place where it hangs. */
const PLACES_MAX = 1_000_000;
const OPS = new Set<number>(Object.values(RULE_OP));

export interface CheckLimits {
  /** Device ids must be below this. Default: 10000, as `mon_max_osd`. */
  devicesMax?: number;
}

/**
 * What makes a map harmful: placement that reads what is not there, runs for ever, or means something else after the
 * next edit. Everything `decodeCrushMap` returns can be checked, and is safe to map with, if slow, before that.
 * @returns one line per problem; empty when there is none
 */
export function checkCrushMap(map: CrushMap, limits: CheckLimits = {}): string[] {
  const devicesMax = limits.devicesMax ?? 10_000;
  const problems: string[] = [];
  if (map.maxDevices > devicesMax) {
    problems.push(`device ids reach ${map.maxDevices - 1}, the limit is ${devicesMax - 1}`);
  }
  const add = (found: readonly string[]): void => {
    for (const problem of found) problems.push(problem);
  };
  for (const bucket of map.buckets.values()) add(bucketProblems(map, bucket));
  for (const find of [treeProblems, nameProblems, tunableProblems]) add(find(map));
  map.rules.forEach((rule, id) => {
    if (rule) add(ruleProblems(map, rule, id));
  });
  for (const find of [classProblems, chooseArgProblems]) add(find(map));
  return problems;
}

function bucketProblems(map: CrushMap, b: CrushBucket): string[] {
  const out: string[] = [];
  const bad = (problem: string) => out.push(`bucket ${b.id} ${problem}`);
  if (b.id >= 0 || -b.id > map.maxBuckets || map.buckets.get(b.id) !== b) bad('has no slot');
  if (b.type === 0 || !map.typeNames.has(b.type)) bad(`has unknown type ${b.type}`);
  if (b.hash !== 0) bad(`has unknown hash ${b.hash}`);
  if (!map.itemNames.has(b.id)) bad('has no name');
  const size = b.items.length;
  if (new Set(b.items).size !== size) bad('holds an item twice');
  for (const item of b.items) {
    if (item >= 0 ? item >= map.maxDevices : !map.buckets.has(item)) {
      bad(`holds item ${item}, which does not exist`);
    }
  }
  const listsBad =
    (b.alg === BUCKET_ALG.LIST && b.sums.length !== size) ||
    (b.alg === BUCKET_ALG.STRAW && b.straws.length !== size) ||
    (b.alg === BUCKET_ALG.TREE && !isTreeOf(b.nodeWeights.length, size)) ||
    ('itemWeights' in b && b.itemWeights.length !== size);
  if (listsBad) bad(`has weights for another number of items than ${size}`);
  else if (itemWeights(b).some((w) => !isWeight(w)) || !isWeight(b.weight)) {
    bad('has a weight that is no 32-bit number');
  }
  return out;
}

function isTreeOf(nodes: number, items: number): boolean {
  if (items === 0) return nodes <= 0xff;
  return nodes >= 2 * items && nodes <= 0xff && (nodes & (nodes - 1)) === 0;
}

function isWeight(w: number): boolean {
  return Number.isInteger(w) && w >= 0 && w <= WEIGHT_MAX;
}

/** How deep and how large the tree below a bucket is when all its places are counted. */
interface Extent {
  depth: number;
  places: number;
}

/**
 * Loops, and trees that are too deep or, since a bucket may hang at many places, too large to walk. Each bucket is gone
 * through once, however many hold it: one that is met again below itself closes a loop.
 */
function treeProblems(map: CrushMap): string[] {
  const inLoop = new Set<number>();
  const out: string[] = [];
  const extents = new Map<number, Extent | 'open'>();
  for (const root of map.buckets.keys()) {
    if (extents.has(root)) continue;
    const path = [{ id: root, next: 0, depth: 1, places: 1 }];
    extents.set(root, 'open');
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const item = map.buckets.get(top.id)!.items[top.next];
      if (item === undefined) {
        extents.set(top.id, top);
        path.pop();
        if (top.depth === DEPTH_MAX) out.push(`bucket ${top.id} is ${DEPTH_MAX} levels high`);
        if (top.places > PLACES_MAX) {
          out.push(`bucket ${top.id} has more than ${PLACES_MAX} places below it`);
          top.places = 1; // once is enough
        }
        continue;
      }
      const below = map.buckets.has(item) ? extents.get(item) : { depth: 0, places: 1 };
      if (below === undefined) {
        extents.set(item, 'open');
        path.push({ id: item, next: 0, depth: 1, places: 1 });
        continue;
      }
      top.next++;
      if (below === 'open') {
        inLoop.add(item);
      } else {
        top.depth = Math.max(top.depth, below.depth + 1);
        top.places += below.places;
      }
    }
  }
  for (const id of inLoop) out.push(`bucket ${id} contains itself`);
  return out;
}

function nameProblems(map: CrushMap): string[] {
  const out: string[] = [];
  const kinds = [
    ['item', map.itemNames],
    ['type', map.typeNames],
    ['rule', map.ruleNames],
  ] as const;
  for (const [kind, names] of kinds) {
    const seen = new Set<string>();
    for (const [id, name] of names) {
      // A shadow bucket is named after its bucket and class.
      const parts = kind === 'item' && id < 0 ? name.split('~') : [name];
      if (parts.length > 2 || !parts.every(isValidCrushName)) {
        out.push(`${kind} ${id} has the invalid name '${name}'`);
      }
      if (seen.has(name)) out.push(`${kind} name '${name}' is used twice`);
      seen.add(name);
    }
  }
  return out;
}

function tunableProblems(map: CrushMap): string[] {
  const { chooseTotalTries, chooseLocalTries, chooseLocalFallbackTries } = map.tunables;
  const most = Math.max(chooseTotalTries, chooseLocalTries, chooseLocalFallbackTries);
  return most > TRIES_MAX ? [`tunables ask for ${most} tries, the limit is ${TRIES_MAX}`] : [];
}

function ruleProblems(map: CrushMap, rule: CrushRule, id: number): string[] {
  const out: string[] = [];
  const bad = (problem: string) => out.push(`rule ${id} ${problem}`);
  if (id > 0xff) bad('has an id above 255');
  // Pools name a rule by its ruleset; maps where the two differ predate Luminous, which refuses them.
  if (rule.ruleset !== id) bad(`has ruleset ${rule.ruleset}`);
  if (!map.ruleNames.has(id)) bad('has no name');
  for (const { op, arg1, arg2 } of rule.steps) {
    if (!OPS.has(op)) bad(`has unknown step ${op}`);
    else if (op === RULE_OP.TAKE) {
      if (arg1 >= 0 ? arg1 >= map.maxDevices : !map.buckets.has(arg1)) {
        bad(`takes item ${arg1}, which does not exist`);
      }
    } else if (isChoose(op)) {
      if (!map.typeNames.has(arg2)) bad(`chooses unknown type ${arg2}`);
      if (Math.abs(arg1) > CHOOSE_MAX) bad(`chooses ${arg1} items, the limit is ${CHOOSE_MAX}`);
    } else if (arg1 > TRIES_MAX) {
      bad(`asks for ${arg1} tries, the limit is ${TRIES_MAX}`);
    }
  }
  return out;
}

function isChoose(op: number): boolean {
  return (
    op === RULE_OP.CHOOSE_FIRSTN ||
    op === RULE_OP.CHOOSE_INDEP ||
    op === RULE_OP.CHOOSELEAF_FIRSTN ||
    op === RULE_OP.CHOOSELEAF_INDEP
  );
}

function classProblems(map: CrushMap): string[] {
  const out: string[] = [];
  for (const [item, classId] of map.classMap) {
    if (!map.classNames.has(classId)) out.push(`item ${item} has unknown class ${classId}`);
  }
  for (const [bucketId, shadows] of map.classBuckets) {
    if (!map.buckets.has(bucketId)) out.push(`classes of bucket ${bucketId}, which does not exist`);
    for (const [classId, shadow] of shadows) {
      if (!map.classNames.has(classId)) out.push(`bucket ${bucketId} has unknown class ${classId}`);
      if (!map.buckets.has(shadow)) {
        out.push(`shadow ${shadow} of bucket ${bucketId} does not exist`);
      }
    }
  }
  return out;
}

function chooseArgProblems(map: CrushMap): string[] {
  const out: string[] = [];
  for (const [key, args] of map.chooseArgs) {
    for (const [bucketId, { weightSets, ids }] of args) {
      const where = `choose_args ${key} of bucket ${bucketId}`;
      const size = map.buckets.get(bucketId)?.items.length;
      if (size === undefined) {
        out.push(`${where}, which does not exist`);
        continue;
      }
      if (weightSets.some((set) => set.length !== size)) out.push(`${where}: wrong weight count`);
      if (ids.length !== 0 && ids.length !== size) out.push(`${where}: wrong id count`);
      if (weightSets.flat().some((w) => !isWeight(w))) out.push(`${where}: not a 32-bit weight`);
    }
  }
  return out;
}
