import { CRUSH_ITEM_NONE } from '../crush/index.ts';
import { type OSDMap, ruleOf, WEIGHT_ONE } from '../maps/index.ts';
import { addTargets, shapeOfRule } from './rule-shape.ts';

/** How evenly shards lie on the devices, of one pool or several. */
export interface Distribution {
  /** Shards per device. */
  readonly actual: Float64Array;
  /** Shards each device should hold by weight, as far as the rules allow. */
  readonly targets: Float64Array;
  readonly summary: DistributionSummary;
}

export interface DistributionSummary {
  /** Devices that should hold something. */
  readonly devices: number;
  readonly shards: number;
  /** Mean of the targets. */
  readonly mean: number;
  /** Of actual less target, in shards. */
  readonly standardDeviation: number;
  /** Largest distance from a target, in shards. */
  readonly maxDeviation: number;
  /** The fullest and the emptiest device: actual / target. The fullest one is full first. */
  readonly fullest: number;
  readonly emptiest: number;
  /** Share of the whole capacity that is in use when the fullest device is full: 1 / fullest. */
  readonly usable: number;
  /**
   * Mean square of the deviations over what chance would give (binomial): about 1 for plain CRUSH, well below 1 for a
   * balanced map, above 1 where weights are not honoured. 0 when nothing is spread.
   */
  readonly varianceRatio: number;
}

/**
 * Shards each device should hold of a pool.
 * @returns undefined when the rule has no shape that tells
 */
export function shardTargets(map: OSDMap, poolId: number): Float64Array | undefined {
  const pool = map.pool(poolId);
  if (!pool) return undefined;
  const shape = shapeOfRule(map.crushMap, ruleOf(map.crushMap, pool), pool.size, (osd) =>
    map.exists(osd) ? map.data.osdWeight[osd]! / WEIGHT_ONE : 0,
  );
  if (!shape) return undefined;
  const targets = new Float64Array(Math.max(map.data.maxOsd, map.crushMap.maxDevices));
  for (const block of shape) addTargets(block, pool.pgNum, pool.pgNum * block.count, targets);
  return targets;
}

/** How evenly a map spreads its pools, all of them or these. Shards are counted where they are `up`. */
export function distribution(
  map: OSDMap,
  pools: Iterable<number> = map.data.pools.keys(),
): Distribution {
  const devices = Math.max(map.data.maxOsd, map.crushMap.maxDevices);
  const actual = new Float64Array(devices);
  const targets = new Float64Array(devices);
  /** What the count of a device would vary by if shards fell by chance. */
  const variance = new Float64Array(devices);
  for (const poolId of pools) {
    const wanted = shardTargets(map, poolId);
    const mapping = map.poolMapping(poolId);
    if (!wanted || !mapping) continue;
    for (const osd of mapping.up) if (osd !== CRUSH_ITEM_NONE) actual[osd]!++;
    wanted.forEach((target, osd) => {
      targets[osd]! += target;
      variance[osd]! += target * Math.max(0, 1 - target / mapping.pgNum);
    });
  }
  return { actual, targets, summary: summarize(actual, targets, variance) };
}

function summarize(
  actual: Float64Array,
  targets: Float64Array,
  variance: Float64Array,
): DistributionSummary {
  let devices = 0;
  let shards = 0;
  let targetSum = 0;
  let squares = 0;
  let byVariance = 0;
  let varied = 0;
  let maxDeviation = 0;
  let fullest = 0;
  let emptiest = Number.POSITIVE_INFINITY;
  for (let osd = 0; osd < actual.length; osd++) {
    const target = targets[osd]!;
    const count = actual[osd]!;
    shards += count;
    if (target === 0) continue;
    const deviation = count - target;
    devices++;
    targetSum += target;
    squares += deviation * deviation;
    maxDeviation = Math.max(maxDeviation, Math.abs(deviation));
    fullest = Math.max(fullest, count / target);
    emptiest = Math.min(emptiest, count / target);
    if (variance[osd]! === 0) continue;
    byVariance += (deviation * deviation) / variance[osd]!;
    varied++;
  }
  return {
    devices,
    shards,
    mean: devices === 0 ? 0 : targetSum / devices,
    standardDeviation: devices === 0 ? 0 : Math.sqrt(squares / devices),
    maxDeviation,
    fullest,
    emptiest: devices === 0 ? 0 : emptiest,
    usable: fullest === 0 ? 0 : Math.min(1, 1 / fullest),
    varianceRatio: varied === 0 ? 0 : byVariance / varied,
  };
}
