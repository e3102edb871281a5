import { CRUSH_ITEM_NONE, type CrushMap, itemWeightAt, RULE_OP } from '../crush/index.ts';
import { type OSDMap, ruleOf, WEIGHT_ONE } from '../maps/index.ts';
import type { PgStats } from './movement.ts';

/** What is spread: each metric is counted, and scored, by itself. */
export const METRICS = ['pgs', 'objects', 'bytes'] as const;
export type Metric = (typeof METRICS)[number];
type ByMetric<T> = Readonly<Record<Metric, T>>;
type ByOsd = ReadonlyMap<number, number>;

export interface RootStats {
  readonly max: number;
  readonly min: number;
  readonly avg: number;
  readonly stddev: number;
  readonly sum_weight: number;
  /** 0 is perfect, 1 is never reached. */
  readonly score: number;
}

/** How evenly pools are spread, as Ceph's balancer counts it. By name of pool or root, then by OSD. */
export interface Evaluation {
  readonly targetByRoot: ReadonlyMap<string, ByOsd>;
  readonly countByPool: ReadonlyMap<string, ByMetric<ByOsd>>;
  readonly countByRoot: ReadonlyMap<string, ByMetric<ByOsd>>;
  readonly totalByPool: ReadonlyMap<string, ByMetric<number>>;
  readonly totalByRoot: ReadonlyMap<string, ByMetric<number>>;
  readonly statsByRoot: ReadonlyMap<string, ByMetric<RootStats>>;
  /** Mean of the roots' scores of the metrics asked for. */
  readonly score: number;
}

type Tally = Record<Metric, Map<number, number>>;
const tally = (): Tally => ({ pgs: new Map(), objects: new Map(), bytes: new Map() });
type Total = Record<Metric, number>;
const total = (): Total => ({ pgs: 0, objects: 0, bytes: 0 });

/**
 * Scores the spread of pools. Source: calc_eval and calc_stats of pybind/mgr/balancer/module.py, release 16.2.
 * @param pools ids; all when left out
 * @param metrics what the total score counts
 */
export function evaluate(
  map: OSDMap,
  contents: PgStats,
  pools: readonly number[] = [...map.data.pools.keys()],
  metrics: readonly Metric[] = METRICS,
): Evaluation {
  const crush = map.crushMap;
  const byRoot = new Map<
    string,
    { pools: Set<number>; target: ByOsd; count: Tally; total: Total }
  >();
  const ids = [...pools].sort((a, b) => a - b);
  for (const root of rootsTaken(crush)) {
    const here = ids.filter((id) => rootsOf(map, id).includes(root));
    if (here.length === 0) continue;
    const target = targetsBelow(map, root);
    const count = tally();
    for (const metric of METRICS) for (const osd of target.keys()) count[metric].set(osd, 0);
    byRoot.set(crush.itemNames.get(root) ?? '', {
      pools: new Set(here),
      target,
      count,
      total: total(),
    });
  }
  const countByPool = new Map<string, Tally>();
  const totalByPool = new Map<string, Total>();
  for (const id of ids) {
    const name = map.poolName(id) ?? '';
    const counts = tally();
    const totals = total();
    const roots = [...byRoot.values()].filter((r) => r.pools.has(id));
    const mapping = map.poolMapping(id)!;
    for (let seed = 0; seed < mapping.pgNum; seed++) {
      const at = seed * mapping.width;
      for (const osd of mapping.up.subarray(at, at + mapping.upCounts[seed]!)) {
        if (osd === CRUSH_ITEM_NONE) continue;
        const { objects, bytes } = contents(id, seed);
        const amount = { pgs: 1, objects, bytes };
        const root = roots.find((r) => r.target.has(osd));
        for (const metric of METRICS) {
          add(counts[metric], osd, amount[metric]);
          if (!root) continue;
          add(root.count[metric], osd, amount[metric]);
          root.total[metric] += amount[metric];
          totals[metric] += amount[metric];
        }
      }
    }
    countByPool.set(name, counts);
    totalByPool.set(name, totals);
  }
  const rows = [...byRoot];
  const statsByRoot = new Map(
    rows.map(([name, r]) => [name, statsOf(r.count, r.target, r.total)] as const),
  );
  let score = 0;
  for (const stats of statsByRoot.values()) for (const m of metrics) score += stats[m].score;
  return {
    targetByRoot: new Map(rows.map(([name, r]) => [name, r.target])),
    countByPool,
    countByRoot: new Map(rows.map(([name, r]) => [name, r.count])),
    totalByPool,
    totalByRoot: new Map(rows.map(([name, r]) => [name, r.total])),
    statsByRoot,
    score: rows.length === 0 ? 0 : score / (metrics.length * rows.length),
  };
}

function add(map: Map<number, number>, osd: number, amount: number): void {
  map.set(osd, (map.get(osd) ?? 0) + amount);
}

/** Roots that rules take, in the order of their ids. */
function rootsTaken(crush: CrushMap): number[] {
  const roots = new Set<number>();
  for (const rule of crush.rules) {
    for (const step of rule?.steps ?? []) if (step.op === RULE_OP.TAKE) roots.add(step.arg1);
  }
  return [...roots].sort((a, b) => a - b);
}

function rootsOf(map: OSDMap, poolId: number): number[] {
  const pool = map.pool(poolId);
  const rule = pool && map.crushMap.rules[ruleOf(map.crushMap, pool)];
  return (rule?.steps ?? []).filter((s) => s.op === RULE_OP.TAKE).map((s) => s.arg1);
}

/** The share of each device below a root, by its weight and override weight. */
function targetsBelow(map: OSDMap, root: number): Map<number, number> {
  const weights = new Map<number, number>();
  let sum = 0;
  const open = [root];
  for (let id = open.shift(); id !== undefined; id = open.shift()) {
    const bucket = map.crushMap.buckets.get(id);
    bucket?.items.forEach((item, i) => {
      if (item < 0) open.push(item);
      else {
        const weight = itemWeightAt(bucket, i);
        weights.set(item, weight);
        sum += weight;
      }
    });
  }
  const shares = new Map<number, number>();
  let shared = 0;
  for (const [osd, weight] of [...weights].sort((a, b) => a[0] - b[0])) {
    const override = (map.exists(osd) ? map.data.osdWeight[osd]! : 0) / WEIGHT_ONE;
    if (override === 0 || weight === 0) continue;
    const share = Math.fround(weight / sum) * override;
    shares.set(osd, share);
    shared += share;
  }
  for (const [osd, share] of shares) shares.set(osd, share / shared);
  return shares;
}

function statsOf(count: Tally, target: ByOsd, totals: Total): Record<Metric, RootStats> {
  const of = (metric: Metric): RootStats => metricStats(count[metric], target, totals[metric]);
  return { pgs: of('pgs'), objects: of('objects'), bytes: of('bytes') };
}

/** How even one metric lies below a root. @param target shares of the OSDs @param sum of all counts */
export function metricStats(count: ByOsd, target: ByOsd, sum: number): RootStats {
  if (sum === 0) return { max: 0, min: 0, avg: 0, stddev: 0, sum_weight: 0, score: 0 };
  const devices = Math.max(target.size, 1);
  const avg = sum / devices;
  let squares = 0;
  let score = 0;
  let sumWeight = 0;
  for (const [osd, n] of count) {
    const share = target.get(osd) ?? 0;
    const adjusted = share > 0 ? n / share / devices : 0;
    if (adjusted > avg) {
      score += share * erf((adjusted - avg) / avg / Math.SQRT2);
      sumWeight += share;
    }
    squares += (avg - adjusted) ** 2;
  }
  return {
    max: Math.max(...count.values()),
    min: Math.min(...count.values()),
    avg,
    stddev: Math.sqrt(squares / Math.max(devices - 1, 1)),
    sum_weight: sumWeight,
    score: score / Math.max(sumWeight, 1),
  };
}

/** The error function of a number of at least 0, to the precision of a double (series below 3, fraction above). */
export function erf(x: number): number {
  if (x < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return 1 - Math.exp(-x * x) / (Math.sqrt(Math.PI) * (x + fraction));
}
