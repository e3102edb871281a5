import { isShadow, parentsOf } from './lookup.ts';
import type { CrushMap } from './types.ts';

// Where an item is in the hierarchy and what is below it, without the shadows.

/** The items of a bucket; none for a device. */
export function childrenOf(crush: CrushMap, id: number): readonly number[] {
  return crush.buckets.get(id)?.items ?? [];
}

/** The ordinary bucket that holds an item: the one in the first slot, if several do. */
export function parentOf(crush: CrushMap, item: number): number | undefined {
  return parentsOf(crush, item).find((id) => !isShadow(crush, id));
}

/** Type and name of every bucket above an item, from the root down. */
export function fullLocation(crush: CrushMap, item: number): [type: string, name: string][] {
  const path: [string, string][] = [];
  for (let at = parentOf(crush, item); at !== undefined; at = parentOf(crush, at)) {
    path.unshift([typeNameOf(crush, at), crush.itemNames.get(at) ?? '']);
  }
  return path;
}

/** Name of an item's type. */
export function typeNameOf(crush: CrushMap, item: number): string {
  return crush.typeNames.get(crush.buckets.get(item)?.type ?? 0) ?? '';
}

/** Devices below an item, each once, ascending. */
export function devicesBelow(crush: CrushMap, item: number): number[] {
  const found = new Set<number>();
  const visit = (id: number): void => {
    if (id >= 0) found.add(id);
    else for (const child of childrenOf(crush, id)) visit(child);
  };
  visit(item);
  return [...found].sort((a, b) => a - b);
}
