import type { ChooseArg, CrushMap } from '../types.ts';
import { CrushTextError } from './errors.ts';
import type { ChooseArgsStatement } from './grammar.ts';

/** Adds weight sets and ids to the map. @throws CrushTextError for a key twice, unknown buckets, lists of a wrong length */
export function compileChooseArgs(map: CrushMap, { key, buckets }: ChooseArgsStatement): void {
  if (map.chooseArgs.has(key)) throw new CrushTextError([`${key} duplicated`]);
  const args = new Map<number, ChooseArg>();
  for (const { id, weightSets, ids } of buckets) {
    const bucket = map.buckets.get(id);
    if (id >= 0 || -id > map.maxBuckets) throw new CrushTextError([`${id} is out of range`]);
    if (!bucket) throw new CrushTextError([`${id} does not exist`]);
    const checkLength = (list: readonly number[], what: string): void => {
      const size = bucket.items.length;
      if (list.length === size) return;
      throw new CrushTextError([`${id} needs exactly ${size} ${what} but got ${list.length}`]);
    };
    for (const set of weightSets ?? []) checkLength(set, 'weights');
    if (ids) checkLength(ids, 'ids');
    // A bucket that comes twice has the last of each.
    const former = args.get(id);
    args.set(id, {
      weightSets: weightSets ?? former?.weightSets ?? [],
      ids: ids ?? former?.ids ?? [],
    });
  }
  map.chooseArgs.set(key, args);
}
