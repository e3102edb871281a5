import { CRUSH_ITEM_NONE, type CrushMap, itemWeights, RULE_OP } from '../crush/index.ts';

/**
 * What a rule demands of a PG's devices, apart from how it draws them: per `take ... emit` a tree, and on each level
 * how many different children of one parent may serve. Whoever replaces a device by another keeps to this.
 */

/** One level of a block: within one parent, at most `perParent` different items of `type` serve a PG. */
interface ShapeLevel {
  readonly type: number;
  readonly perParent: number;
  /** The item of this level that a device lies below; CRUSH_ITEM_NONE for a device outside the block. */
  readonly above: Int32Array;
}

/** An item of one level with those of the next that lie below it. */
export interface ShapeNode {
  readonly id: number;
  /** Sum over the devices below, in 16.16 units. */
  weight: number;
  readonly children: ShapeNode[];
}

/** What lies between a `take` and its `emit`. */
export interface ShapeBlock {
  /** Places in the result, from `first` on. */
  readonly first: number;
  readonly count: number;
  /** The last level is always that of the devices. */
  readonly levels: readonly ShapeLevel[];
  /** The root that is taken. */
  readonly tree: ShapeNode;
  /** How many devices the levels ask for; above `count` when the pool is smaller. */
  readonly capacity: number;
}

/**
 * @param deviceWeight factor of a device's weight in the tree, 0 to 1: 0 for one that takes no data
 * @returns undefined for a rule that does not end at devices of a tree, or does not exist
 */
export function shapeOfRule(
  map: CrushMap,
  ruleId: number,
  size: number,
  deviceWeight: (osd: number) => number,
): ShapeBlock[] | undefined {
  const steps = map.rules[ruleId]?.steps;
  if (!steps) return undefined;
  const blocks: ShapeBlock[] = [];
  let root = 0;
  let levels: { type: number; perParent: number }[] = [];
  let first = 0;
  for (const { op, arg1, arg2 } of steps) {
    switch (op) {
      case RULE_OP.TAKE:
        root = arg1;
        levels = [];
        break;
      case RULE_OP.CHOOSE_FIRSTN:
      case RULE_OP.CHOOSE_INDEP:
      case RULE_OP.CHOOSELEAF_FIRSTN:
      case RULE_OP.CHOOSELEAF_INDEP: {
        if (levels.at(-1)?.type === 0) return undefined; // nothing lies below a device
        const perParent = arg1 > 0 ? arg1 : arg1 + size;
        if (perParent <= 0) break; // the step is passed over
        levels.push({ type: arg2, perParent });
        const toLeaf = op === RULE_OP.CHOOSELEAF_FIRSTN || op === RULE_OP.CHOOSELEAF_INDEP;
        if (toLeaf && arg2 > 0) levels.push({ type: 0, perParent: 1 });
        break;
      }
      case RULE_OP.EMIT: {
        if (root >= 0 || levels.at(-1)?.type !== 0) return undefined;
        const capacity = levels.reduce((product, level) => product * level.perParent, 1);
        const count = Math.min(capacity, size - first);
        if (count > 0) {
          const filled = levels.map((level) => ({
            ...level,
            above: new Int32Array(map.maxDevices).fill(CRUSH_ITEM_NONE),
          }));
          const tree: ShapeNode = { id: root, weight: 0, children: [] };
          descend(map, root, filled, [tree], deviceWeight, 0);
          blocks.push({ first, count, levels: filled, tree, capacity });
        }
        first += count;
        root = 0;
        levels = [];
        break;
      }
    }
  }
  return blocks.length > 0 ? blocks : undefined;
}

/** No tree is deeper; what is, goes in circles. */
const DEPTH_MAX = 64;

/** Enters what lies below `bucketId` into the levels. `path` holds the node of each level met so far. */
function descend(
  map: CrushMap,
  bucketId: number,
  levels: readonly ShapeLevel[],
  path: ShapeNode[],
  deviceWeight: (osd: number) => number,
  depth: number,
): void {
  const bucket = map.buckets.get(bucketId);
  const level = levels[path.length - 1];
  if (!bucket || !level || depth > DEPTH_MAX) return;
  const weights = itemWeights(bucket);
  bucket.items.forEach((item, i) => {
    const type = item >= 0 ? 0 : map.buckets.get(item)?.type;
    if (type !== level.type) {
      if (item < 0) descend(map, item, levels, path, deviceWeight, depth + 1);
      return;
    }
    const node: ShapeNode = { id: item, weight: 0, children: [] };
    path.at(-1)!.children.push(node);
    path.push(node);
    if (item >= 0) {
      const weight = weights[i]! * deviceWeight(item);
      path.forEach((ancestor, l) => {
        ancestor.weight += weight;
        if (l > 0) levels[l - 1]!.above[item] = ancestor.id;
      });
    } else {
      descend(map, item, levels, path, deviceWeight, depth + 1);
    }
    path.pop();
  });
}

/**
 * May `to` serve in place `at` of a PG, beside the devices of the other places? It must lie in the block's tree, be no
 * second of another place, and on no level exceed what one parent may hold.
 * @param row the PG's devices, from `start` in `rows`
 */
export function fitsShape(
  block: ShapeBlock,
  rows: Int32Array,
  start: number,
  at: number,
  to: number,
): boolean {
  const { levels, first, count } = block;
  const last = levels.length - 1;
  if (levels[last]!.above[to] !== to) return false;
  for (let l = last; l >= 0; l--) {
    const { above, perParent } = levels[l]!;
    const parents = l > 0 ? levels[l - 1]!.above : undefined;
    const mine = above[to]!;
    let others = 0;
    for (let i = first; i < first + count; i++) {
      const osd = rows[start + i]!;
      if (i === at || osd === CRUSH_ITEM_NONE) continue;
      if (parents && parents[osd] !== parents[to]) continue;
      const theirs = above[osd]!;
      if (theirs === mine) {
        if (l === last) return false;
        continue;
      }
      if (isFirstOfItsKind(above, rows, start, first, i, at)) others++;
    }
    if (others >= perParent) return false;
  }
  return true;
}

/** Is no device before place `i` below the same item? So that each item is counted once. */
function isFirstOfItsKind(
  above: Int32Array,
  rows: Int32Array,
  start: number,
  first: number,
  i: number,
  skip: number,
): boolean {
  const item = above[rows[start + i]!];
  for (let j = first; j < i; j++) {
    if (j !== skip && above[rows[start + j]!] === item) return false;
  }
  return true;
}

/**
 * How many shards each device should hold if those of `pgs` PGs were spread by weight alone, except that no item takes
 * more of a PG than the rule lets it: what a small failure domain cannot have, the others share.
 * @param shards how many there are to spread over the block; what cannot find a place is left out
 * @param out per device; the block's shares are added
 */
export function addTargets(
  block: ShapeBlock,
  pgs: number,
  shards: number,
  out: Float64Array,
): void {
  const rooms = new Map<ShapeNode, number>();
  const most = pgs * roomIn(block.tree, block.levels, 0, rooms);
  share(block.tree, Math.min(shards, most), pgs, block.levels, 0, rooms, out);
}

/** Shards of one PG that an item can hold, whatever it weighs: as many children as the rule lets serve. */
function roomIn(
  node: ShapeNode,
  levels: readonly ShapeLevel[],
  l: number,
  rooms: Map<ShapeNode, number>,
): number {
  if (node.weight <= 0) return 0;
  const level = levels[l];
  if (!level) return 1;
  const below = node.children.map((child) => roomIn(child, levels, l + 1, rooms));
  const room = below
    .sort((a, b) => b - a)
    .slice(0, level.perParent)
    .reduce((sum, n) => sum + n, 0);
  rooms.set(node, room);
  return room;
}

/** @param pgs how many PGs use this item */
function share(
  node: ShapeNode,
  shards: number,
  pgs: number,
  levels: readonly ShapeLevel[],
  l: number,
  rooms: ReadonlyMap<ShapeNode, number>,
  out: Float64Array,
): void {
  if (l === levels.length) {
    if (node.id < out.length) out[node.id]! += shards;
    return;
  }
  const room = (child: ShapeNode): number => rooms.get(child) ?? (child.weight > 0 ? 1 : 0);
  const shares = fillByWeight(
    node.children,
    shards,
    node.children.map((child) => pgs * room(child)),
  );
  node.children.forEach((child, i) => {
    const mine = shares[i]!;
    if (mine > 0) share(child, mine, mine / room(child), levels, l + 1, rooms, out);
  });
}

/** Shares `total` by weight with at most its cap for each; less than `total` when all are full. */
function fillByWeight(
  nodes: readonly ShapeNode[],
  total: number,
  caps: readonly number[],
): number[] {
  const shares = nodes.map(() => 0);
  let open = nodes.map((_, i) => i).filter((i) => nodes[i]!.weight > 0 && caps[i]! > 0);
  let left = total;
  while (open.length > 0) {
    const weight = open.reduce((sum, i) => sum + nodes[i]!.weight, 0);
    const full = open.filter((i) => (left * nodes[i]!.weight) / weight > caps[i]!);
    if (full.length === 0) {
      for (const i of open) shares[i] = (left * nodes[i]!.weight) / weight;
      break;
    }
    for (const i of full) {
      shares[i] = caps[i]!;
      left -= caps[i]!;
    }
    const isFull = new Set(full);
    open = open.filter((i) => !isFull.has(i));
  }
  return shares;
}
