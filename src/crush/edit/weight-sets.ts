import { CephError } from '../../errors/index.ts';
import { itemWeights } from '../bucket.ts';
import { BUCKET_ALG, type CrushMap } from '../types.ts';
import { carryUp, completeArgs, weightSetPositions } from './weights.ts';

/**
 * Weight sets: weights in place of a pool's own, or of all pools', which a balancer trims. Source: create_choose_args
 * and choose_args_adjust_item_weight in crush/CrushWrapper.{h,cc}, release 16.2.
 */

/**
 * Makes a weight set with the weights that hold now.
 * @param key pool id, or CHOOSE_ARGS_DEFAULT
 * @param positions 1, or the size of the pool to weigh each replica apart
 * @returns false when there is one already
 */
export function createWeightSet(map: CrushMap, key: number, positions: number): boolean {
  if (map.chooseArgs.has(key)) return false;
  const args = new Map();
  for (const b of map.buckets.values()) {
    if (b.alg !== BUCKET_ALG.STRAW2) continue;
    const weightSets = Array.from({ length: positions }, () => itemWeights(b));
    args.set(b.id, { weightSets, ids: [] });
  }
  map.chooseArgs.set(key, args);
  return true;
}

/** Removes a weight set. @returns whether there was one */
export function removeWeightSet(map: CrushMap, key: number): boolean {
  return map.chooseArgs.delete(key);
}

/** Positions of a weight set. @throws CephError ENOENT */
export function positionsOfWeightSet(map: CrushMap, key: number): number {
  return weightSetPositions(argsOf(map, key));
}

/**
 * Sets an item's weights in a weight set, one per position, and those of the buckets above.
 * @throws CephError ENOENT when there is no such set, or no bucket holds the item with as many positions
 */
export function reweightWeightSet(
  map: CrushMap,
  key: number,
  item: number,
  weights: readonly number[],
): void {
  const args = argsOf(map, key);
  const made = completeArgs(map, args);
  for (const id of made) carryUp(map, args, id);
  let found = made.length > 0;
  let problems = '';
  for (const id of [...map.buckets.keys()].sort((a, b) => b - a)) {
    const sets = args.get(id)?.weightSets ?? [];
    if (sets.length !== weights.length) {
      problems += `weight_set_positions != ${weights.length} for bucket ${id}`;
      continue;
    }
    const at = map.buckets.get(id)!.items.indexOf(item);
    if (at < 0) continue;
    found = true;
    sets.forEach((set, position) => {
      set[at] = weights[position]!;
    });
    carryUp(map, args, id);
  }
  if (!found) throw new CephError('ENOENT', `${problems}item ${item} not found in crush map`);
}

function argsOf(map: CrushMap, key: number) {
  const args = map.chooseArgs.get(key);
  if (!args) throw new CephError('ENOENT', `no weight set ${key}`);
  return args;
}
