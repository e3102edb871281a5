import { CrushMapper } from '../crush/index.ts';
import { type OSDMap, placementSeed } from '../maps/index.ts';
import type { Clock } from '../runtime/index.ts';
import { mapWithPool, type PoolSpec } from './edited-map.ts';
import { GrowingTree, type TreeSpec } from './growing-tree.ts';
import { type Movement, movement, type PgStats } from './movement.ts';
import { type DistributionSummary, distribution } from './quality.ts';
import type { RecoveryRates } from './recovery.ts';

/** One change of the tree: items of a type are added, taken away, or their devices' weights multiplied. */
export type GrowthStep =
  | { readonly kind: 'add' | 'remove'; readonly type: string; readonly count: number }
  | {
      readonly kind: 'scale';
      readonly type: string;
      readonly count: number;
      readonly factor: number;
    };

export interface GrowthOptions {
  /** Rule 0 of the tree places it. */
  readonly pool: Omit<PoolSpec, 'rule'>;
  readonly stats?: PgStats;
  readonly rates?: RecoveryRates;
  /** Measures the mappings. */
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** The tree after a step, the first time before any. */
export interface GrowthStage {
  readonly step: GrowthStep | undefined;
  readonly quality: DistributionSummary;
  /** Actual over target per device, of devices that should hold something. */
  readonly fill: Float64Array;
  /** What the step moved. */
  readonly movement: Movement | undefined;
  /** One mapping, of CRUSH alone: the mean over all PGs. */
  readonly microsecondsPerMapping: number;
}

/** Describes a tree, changes it step by step, and tells after each what became of one pool on it. */
export function* simulateGrowth(
  spec: TreeSpec,
  steps: readonly GrowthStep[],
  options: GrowthOptions,
): Generator<GrowthStage> {
  const tree = new GrowingTree(spec);
  let before: OSDMap | undefined;
  for (const step of [undefined, ...steps]) {
    if (step) take(tree, step);
    const map = mapWithPool(tree.map, { ...options.pool, rule: 0 });
    const { actual, targets, summary } = distribution(map);
    yield {
      step,
      quality: summary,
      fill: actual.map((n, osd) => n / targets[osd]!).filter((_, osd) => targets[osd]! > 0),
      movement: before && movement(before, map, options.stats, options.rates),
      microsecondsPerMapping: costOfMapping(map, options.clock),
    };
    before = map;
  }
}

function take(tree: GrowingTree, step: GrowthStep): void {
  switch (step.kind) {
    case 'add':
      return tree.add(step.type, step.count);
    case 'remove':
      return tree.remove(step.type, step.count);
    case 'scale':
      return tree.scale(step.type, step.count, step.factor);
  }
}

function costOfMapping(map: OSDMap, clock: Pick<Clock, 'monotonicMs'>): number {
  const [poolId, pool] = [...map.data.pools][0]!;
  const mapper = new CrushMapper(map.crushMap);
  const row = new Int32Array(pool.size);
  const start = clock.monotonicMs();
  for (let seed = 0; seed < pool.pgNum; seed++) {
    const x = placementSeed(pool, poolId, seed);
    mapper.runInto(0, x, pool.size, map.data.osdWeight, row, poolId);
  }
  return ((clock.monotonicMs() - start) * 1000) / pool.pgNum;
}
