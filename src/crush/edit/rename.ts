import { CephError } from '../../errors/index.ts';
import { itemByName, setItemName } from '../lookup.ts';
import type { CrushMap } from '../types.ts';
import { isValidCrushName } from './new-bucket.ts';

/** Gives an item another name. @throws CephError ENOENT, EEXIST, EINVAL; EALREADY when only the new name exists */
export function renameItem(map: CrushMap, from: string, to: string): void {
  setItemName(map, renamable(map, from, to), to);
}

/**
 * Gives a bucket another name. Its shadows keep theirs until the next edit, as in Ceph.
 * @throws CephError as {@link renameItem}; ENOTDIR for a device
 */
export function renameBucket(map: CrushMap, from: string, to: string): void {
  const id = renamable(map, from, to);
  if (id >= 0) {
    const why = `srcname = '${from}' is not a bucket because its id = ${id} is >= 0`;
    throw new CephError('ENOTDIR', why);
  }
  setItemName(map, id, to);
}

function renamable(map: CrushMap, from: string, to: string): number {
  const id = itemByName(map, from);
  const isTaken = itemByName(map, to) !== undefined;
  const [source, target] = [`srcname = '${from}'`, `dstname = '${to}'`];
  if (id === undefined) {
    const missing = `${source} does not exist`;
    if (isTaken) throw new CephError('EALREADY', `${missing} and ${target} already exists`);
    throw new CephError('ENOENT', missing);
  }
  if (isTaken) throw new CephError('EEXIST', `${target} already exists`);
  if (!isValidCrushName(to)) {
    throw new CephError('EINVAL', `${target} does not match [-_.0-9a-zA-Z]+`);
  }
  return id;
}
