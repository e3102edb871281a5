import type { CrushMap } from '../types.ts';
import type { CrushTestOptions } from './options.ts';

const WEIGHT_ONE = 0x10000;

/** A weight as `--weight` takes it: 16.16, from 0 to 1. Source: CrushTester::set_device_weight, release 16.2. */
export function testWeight(value: number): number {
  return Math.min(
    Math.max(Math.trunc(Math.fround(Math.fround(value) * WEIGHT_ONE)), 0),
    WEIGHT_ONE,
  );
}

/** The weights a test begins with: devices of the map are in, unless the caller says otherwise. */
export function initialWeights(map: CrushMap, options: CrushTestOptions): Uint32Array {
  const weights = new Uint32Array(map.maxDevices);
  for (const bucket of map.buckets.values()) {
    for (const item of bucket.items) if (item >= 0) weights[item] = WEIGHT_ONE;
  }
  for (const [device, weight] of options.deviceWeights ?? []) weights[device] = weight;
  return weights;
}

/**
 * Takes devices out: in a random choice of the buckets that hold devices, the first ones. Source:
 * CrushTester::adjust_weights, release 16.2, which dies where there is a single such bucket.
 */
export function markDown(
  map: CrushMap,
  { markDownRatio = 0, markDownBucketRatio = 1 }: CrushTestOptions,
  weights: Uint32Array,
  random: () => number,
): void {
  if (!(markDownRatio > 0)) return;
  const buckets: number[] = [];
  for (let slot = 0; slot < map.maxBuckets; slot++) {
    const bucket = map.buckets.get(-1 - slot);
    if (bucket && (bucket.weight | 0) > 0 && bucket.items[0]! >= 0) buckets.push(bucket.id);
  }
  permute(buckets, random);
  const visited = share(markDownBucketRatio, buckets.length);
  for (const id of buckets.slice(0, visited)) {
    const { items } = map.buckets.get(id)!;
    // Ceph permutes the items too, and then takes them in their old order: only the generator moves on.
    permute([...items], random);
    for (const item of items.slice(0, share(markDownRatio, items.length))) {
      if (item >= 0) weights[item] = 0;
    }
  }
}

function permute(list: number[], random: () => number): void {
  if (list.length < 2) return;
  for (let i = 0; i < list.length; i++) {
    const j = random() % (list.length - 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}

function share(ratio: number, count: number): number {
  return Math.max(0, Math.trunc(Math.fround(Math.fround(ratio) * count)));
}
