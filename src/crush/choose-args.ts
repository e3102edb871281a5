import { BUCKET_ALG, CHOOSE_ARGS_DEFAULT, type ChooseArg, type CrushMap } from './types.ts';

/**
 * Drops what weight sets and ids say of buckets that are gone or draw otherwise than straw2, and makes each list as long
 * as its bucket: lists too short end in zeros. Source: update_choose_args in crush/CrushWrapper.cc, release 16.2.
 */
export function tidyChooseArgs(map: CrushMap): void {
  for (const args of map.chooseArgs.values()) {
    const positions = positionsOf(args);
    for (const [id, arg] of args) {
      const bucket = map.buckets.get(id);
      if (bucket?.alg !== BUCKET_ALG.STRAW2) {
        args.delete(id);
        continue;
      }
      // Ceph leaves those alone that have another number of positions than the first.
      if (arg.weightSets.length !== positions) continue;
      const size = bucket.items.length;
      for (const set of arg.weightSets) {
        while (set.length < size) set.push(0);
        set.length = size;
      }
    }
  }
}

/** How many positions the first bucket has that has weights. */
function positionsOf(args: ReadonlyMap<number, ChooseArg>): number {
  let first = Number.NEGATIVE_INFINITY;
  for (const [id, { weightSets }] of args) if (weightSets.length > 0 && id > first) first = id;
  return args.get(first)?.weightSets.length ?? 1;
}

/**
 * Whether clients older than luminous, which know nothing of weight sets, would place otherwise: all but a compat weight
 * set, which an old client's map can carry in the items' own weights. Source: CrushWrapper::has_incompat_choose_args,
 * crush/CrushWrapper.h, release 16.2.
 */
export function hasIncompatChooseArgs(map: CrushMap): boolean {
  if (map.chooseArgs.size === 0) return false;
  const compat = map.chooseArgs.get(CHOOSE_ARGS_DEFAULT);
  if (map.chooseArgs.size > 1 || !compat) return true;
  return [...compat.values()].some((arg) => arg.weightSets.length > 1 || arg.ids.length > 0);
}
