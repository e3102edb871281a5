import { CephError, type ErrnoName } from '../../errors/index.ts';
import { tidyChooseArgs } from '../choose-args.ts';
import { forgetItemName, isHeld } from '../lookup.ts';
import { type CrushMap, RULE_OP } from '../types.ts';
import { takeOut } from './edit.ts';
import { dropBucket, rebuildShadows } from './shadows.ts';
import { removeFromBucket } from './weights.ts';

/** Removing items, everywhere or below one bucket. Source: remove_item and its kin in crush/CrushWrapper.cc, release 16.2. */

export interface RemoveOptions {
  /** Buckets stay, outside the tree; devices keep their class. Default: false. */
  unlinkOnly?: boolean;
}

/**
 * Removes a device, with its name and class, or an empty bucket.
 * @throws CephError ENOENT; ENOTEMPTY for a bucket with items; EBUSY for one that a rule takes
 */
export function removeItem(map: CrushMap, item: number, options: RemoveOptions = {}): void {
  const unlinkOnly = options.unlinkOnly ?? false;
  const name = map.itemNames.get(item);
  const bucket = map.buckets.get(item);
  if (name === undefined || (item < 0 && !bucket)) {
    throw new CephError('ENOENT', `no item ${item}`);
  }
  if (bucket && !unlinkOnly) {
    if (bucket.items.length > 0) {
      throw new CephError('ENOTEMPTY', `bucket '${name}' is not empty`);
    }
    if (isInUse(map, item)) throw new CephError('EBUSY', `bucket '${name}' is in use by a rule`);
  }
  const wasHeld = takeOut(map, item);
  if (!forgetLast(map, item, unlinkOnly) && !wasHeld) {
    throw new CephError('ENOENT', `bucket '${name}' is in no bucket`);
  }
}

/**
 * Removes an item from below one bucket; it goes for good if it lies nowhere else.
 * @throws CephError ENOENT when it does not lie there, EINVAL for an ancestor that is no bucket, ENOTEMPTY, EBUSY
 */
export function removeItemUnder(
  map: CrushMap,
  item: number,
  ancestor: number,
  options: RemoveOptions = {},
): void {
  const why = removeUnder(map, item, ancestor, options.unlinkOnly ?? false);
  if (why !== undefined) {
    throw new CephError(why, `item ${item} cannot be removed from below item ${ancestor}`);
  }
}

/** Ceph's own recursion: each level looks again whether the item is now gone for good. @returns why not */
function removeUnder(
  map: CrushMap,
  item: number,
  ancestor: number,
  unlinkOnly: boolean,
): ErrnoName | undefined {
  if (!unlinkOnly && isInUse(map, item)) return 'EBUSY';
  const above = map.buckets.get(ancestor);
  if (!above) return 'EINVAL';
  let found = false;
  // The list shrinks under way, and what moves up into the place of a removed item is passed over.
  for (let at = 0; at < above.items.length; at++) {
    const here = above.items[at]!;
    if (here === item) {
      removeFromBucket(map, ancestor, at);
      found = true;
    } else if (here < 0 && removeUnder(map, item, here, unlinkOnly) === undefined) {
      found = true;
    }
  }
  if (!found) return 'ENOENT';
  if (item < 0 && !unlinkOnly) {
    const bucket = map.buckets.get(item);
    if (!bucket) return 'ENOENT';
    if (bucket.items.length > 0) return 'ENOTEMPTY';
  }
  forgetLast(map, item, unlinkOnly);
  return undefined;
}

/** Forgets an item that no bucket holds any longer, unless a rule needs it. @returns whether that was so */
function forgetLast(map: CrushMap, item: number, unlinkOnly: boolean): boolean {
  if (isHeld(map, item) || (item < 0 && isInUse(map, item))) return false;
  if (item < 0 && !unlinkOnly) {
    dropBucket(map, item);
    tidyChooseArgs(map);
  }
  if (item >= 0) {
    forgetItemName(map, item);
    if (!unlinkOnly) map.classMap.delete(item);
  }
  rebuildShadows(map);
  return true;
}

/** Whether a bucket is a shadow, or a rule takes it or one of its shadows. */
function isInUse(map: CrushMap, bucketId: number): boolean {
  for (const shadows of map.classBuckets.values()) {
    for (const shadow of shadows.values()) if (shadow === bucketId) return true;
  }
  const taken = new Set([bucketId, ...(map.classBuckets.get(bucketId)?.values() ?? [])]);
  return map.rules.some((rule) =>
    rule?.steps.some((step) => step.op === RULE_OP.TAKE && taken.has(step.arg1)),
  );
}
