import { CephError } from '../../errors/index.ts';
import { itemWeightAt } from '../bucket.ts';
import { parentsOf, setItemName, subtreeContains } from '../lookup.ts';
import type { CrushBucket, CrushMap } from '../types.ts';
import { rebuildShadows } from './shadows.ts';
import { addToBucket, dropFromBucket, settleWeightSets, weighInBucket } from './weights.ts';

/**
 * Lets two buckets change places: contents, weights and names, while the ids stay where they are. Weight sets of what
 * moves start again from the weights. Source: swap_bucket in crush/CrushWrapper.cc, release 16.2.
 * @throws CephError EINVAL for devices, items that do not exist, or when one is above the other
 */
export function swapBuckets(map: CrushMap, first: number, second: number): void {
  const a = map.buckets.get(first);
  const b = map.buckets.get(second);
  if (!a || !b || subtreeContains(map, a.id, b.id) || subtreeContains(map, b.id, a.id)) {
    throw new CephError('EINVAL', `items ${first} and ${second} cannot be swapped`);
  }
  const [weightA, weightB] = [a.weight, b.weight];
  weighWhereHeld(map, a.id, weightB);
  weighWhereHeld(map, b.id, weightA);
  // The second gets the items of the first in the order of their ids, as it falls out in Ceph.
  const fromA = takeAll(map, a).sort((x, y) => x.item - y.item);
  for (const { item, weight } of takeAll(map, b)) addToBucket(map, a.id, item, weight);
  for (const { item, weight } of fromA) addToBucket(map, b.id, item, weight);
  const [nameA, nameB] = [map.itemNames.get(a.id)!, map.itemNames.get(b.id)!];
  setItemName(map, a.id, nameB);
  setItemName(map, b.id, nameA);
  rebuildShadows(map);
}

function weighWhereHeld(map: CrushMap, bucketId: number, weight: number): void {
  for (const parent of parentsOf(map, bucketId)) {
    weighInBucket(map, parent, bucketId, weight, true);
  }
  settleWeightSets(map);
}

function takeAll(map: CrushMap, b: CrushBucket): { item: number; weight: number }[] {
  const taken = b.items.map((item, at) => ({ item, weight: itemWeightAt(b, at) }));
  while (b.items.length > 0) dropFromBucket(map, b.id, 0);
  return taken;
}
