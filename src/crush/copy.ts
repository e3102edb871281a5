import type { ChooseArg, CrushBucket, CrushMap } from './types.ts';

/** A map of its own with the same contents: what an edit changes while others still read the first. */
export function copyCrushMap(map: CrushMap): CrushMap {
  return {
    maxBuckets: map.maxBuckets,
    maxDevices: map.maxDevices,
    buckets: mapValues(map.buckets, copyBucket),
    rules: map.rules.map(
      (rule) => rule && { ...rule, steps: rule.steps.map((step) => ({ ...step })) },
    ),
    typeNames: new Map(map.typeNames),
    itemNames: new Map(map.itemNames),
    ruleNames: new Map(map.ruleNames),
    tunables: { ...map.tunables },
    classMap: new Map(map.classMap),
    classNames: new Map(map.classNames),
    classBuckets: mapValues(map.classBuckets, (shadows) => new Map(shadows)),
    chooseArgs: mapValues(map.chooseArgs, (args) => mapValues(args, copyArg)),
  };
}

function mapValues<K, V>(from: ReadonlyMap<K, V>, copy: (value: V) => V): Map<K, V> {
  const to = new Map<K, V>();
  for (const [key, value] of from) to.set(key, copy(value));
  return to;
}

function copyBucket(b: CrushBucket): CrushBucket {
  const copy = { ...b, items: b.items.slice() };
  if ('itemWeights' in copy) copy.itemWeights = copy.itemWeights.slice();
  if ('sums' in copy) copy.sums = copy.sums.slice();
  if ('straws' in copy) copy.straws = copy.straws.slice();
  if ('nodeWeights' in copy) copy.nodeWeights = copy.nodeWeights.slice();
  return copy;
}

function copyArg({ weightSets, ids }: ChooseArg): ChooseArg {
  return { weightSets: weightSets.map((set) => set.slice()), ids: ids.slice() };
}
