import { devicesBelow } from '../../crush/index.ts';
import {
  PG_AUTOSCALE_MODE,
  type PgPool,
  POOL_FLAG,
  POOL_OPTION,
  ruleOf,
} from '../../maps/index.ts';
import type { MonState } from '../state.ts';
import { storedByPool } from './df.ts';
import { rawRate } from './totals.ts';

// How many PGs each pool should have for what it holds, or is expected to hold. Source of the rules and of the fields'
// names: pybind/mgr/pg_autoscaler/module.py, release 16.2.15.

/** What the autoscaler thinks of one pool. Bytes. */
export interface AutoscaleAdvice {
  readonly id: number;
  readonly name: string;
  readonly pool: PgPool;
  readonly root: number;
  readonly mode: keyof typeof PG_AUTOSCALE_MODE;
  readonly logicalUsed: number;
  readonly targetBytes: number;
  readonly rate: number;
  readonly capacity: number;
  readonly actualRawUsed: number;
  readonly rawUsed: number;
  readonly actualCapacityRatio: number;
  readonly capacityRatio: number;
  readonly targetRatio: number;
  readonly effectiveTargetRatio: number;
  readonly ideal: number;
  readonly final: number;
  /** The pool is off by more than {@link THRESHOLD}. */
  readonly isOff: boolean;
  readonly bias: number;
  readonly isBulk: boolean;
}

/** OSDs that pools share; their PGs are shared out among these pools. */
interface Subtree {
  readonly osds: Set<number>;
  readonly pools: string[];
  capacity: number;
  pgsLeft: number;
  /** Pools that have their share of the PGs. */
  served: number;
  targetRatio: number;
  targetBytes: number;
}

/** All that the autoscaler has to say. */
export interface Advice {
  readonly pools: readonly AutoscaleAdvice[];
  readonly subtrees: ReadonlyMap<number, Pick<Subtree, 'pools' | 'capacity'>>;
}

/** A pool keeps its PGs until they are so many times too few or too many. */
const THRESHOLD = 3;
/** pg_num_min of a pool that has none. */
const PG_NUM_MIN = 32;

type Candidate = Omit<AutoscaleAdvice, 'ideal' | 'final' | 'isOff'>;

/**
 * Pools without `bulk` get PGs by what they hold; of what is left, bulk pools that hold more than their even share get
 * as many as that, and the others share the rest evenly. Pools whose OSDs lie partly under another root get no advice.
 */
export function autoscaleAdvice(state: MonState): Advice {
  const { subtrees, overlapping } = subtreesOf(state);
  const stored = storedByPool(state);
  const candidates = sortedPools(state)
    .filter(([id, pool]) => stored.has(id) && !overlapping.has(rootOf(state, pool)))
    .map(([id, pool]) => candidate(state, id, pool, subtrees, stored.get(id)!))
    .filter((c) => c.capacity > 0);
  const small = candidates
    .filter((c) => !c.isBulk)
    .map((c) => served(c, subtrees, c.capacityRatio));
  const even: Candidate[] = [];
  const large = candidates.flatMap((c) => {
    if (!c.isBulk) return [];
    const tree = subtrees.get(c.root)!;
    if (c.capacityRatio > 1 / (tree.pools.length - tree.served)) {
      return [served(c, subtrees, c.capacityRatio)];
    }
    even.push(c);
    return [];
  });
  const rest = even.map((c) => {
    const tree = subtrees.get(c.root)!;
    const ratio = 1 / (tree.pools.length - tree.served);
    return advised(c, ratio, ratio * tree.pgsLeft);
  });
  return { pools: [...small, ...large, ...rest], subtrees };
}

function served(
  c: Candidate,
  subtrees: ReadonlyMap<number, Subtree>,
  ratio: number,
): AutoscaleAdvice {
  const tree = subtrees.get(c.root)!;
  const pgs = ratio * tree.pgsLeft;
  tree.pgsLeft -= Math.trunc(pgs);
  tree.served++;
  return advised(c, ratio, pgs);
}

/** @param copies of PGs that are the pool's share */
function advised(c: Candidate, ratio: number, copies: number): AutoscaleAdvice {
  const { pool } = c;
  const ideal = (copies / pool.size) * c.bias;
  const min = numberOption(pool, 'pg_num_min') || PG_NUM_MIN;
  const max = numberOption(pool, 'pg_num_max') || Number.POSITIVE_INFINITY;
  const final = Math.min(max, Math.max(min, nearestPowerOfTwo(ideal)));
  const { pgNumTarget } = pool;
  const isFar = final > pgNumTarget * THRESHOLD || final < pgNumTarget / THRESHOLD;
  return { ...c, ideal: Math.trunc(ideal), final, isOff: isFar && ratio >= 0 && ratio <= 1 };
}

/** Of the powers of two around `n` the nearer; the upper one when they are equally near. */
export function nearestPowerOfTwo(n: number): number {
  const whole = Math.trunc(n);
  if (whole <= 0) return 0;
  const high = 2 ** Math.ceil(Math.log2(whole));
  const low = Math.floor(high / 2);
  return high - n > n - low ? low : high;
}

function sortedPools(state: MonState): [number, PgPool][] {
  return [...state.osdmap.data.pools].sort((a, b) => a[0] - b[0]);
}

/** What a pool's rule takes first. */
function rootOf(state: MonState, pool: PgPool): number {
  const { crushMap } = state.osdmap;
  const take = crushMap.rules[ruleOf(crushMap, pool)]?.steps.find((step) => step.op === 1);
  return take?.arg1 ?? 0;
}

function subtreesOf(state: MonState): {
  subtrees: Map<number, Subtree>;
  overlapping: ReadonlySet<number>;
} {
  const subtrees = new Map<number, Subtree>();
  const overlapping = new Set<number>();
  const perOsd = Number(state.option('mon_target_pg_per_osd'));
  for (const [id, pool] of sortedPools(state)) {
    const root = rootOf(state, pool);
    const osds = devicesBelow(state.osdmap.crushMap, root);
    const shared = [...subtrees].find(([, tree]) => osds.some((osd) => tree.osds.has(osd)));
    if (shared && shared[0] !== root) overlapping.add(shared[0]).add(root);
    const tree = shared?.[1] ?? newSubtree();
    subtrees.set(root, tree);
    for (const osd of osds) tree.osds.add(osd);
    tree.pools.push(state.osdmap.poolName(id) ?? '');
    const ratio = numberOption(pool, 'target_size_ratio');
    tree.targetRatio += ratio;
    if (!ratio) tree.targetBytes += numberOption(pool, 'target_size_bytes') * rawRate(state, pool);
  }
  for (const tree of new Set(subtrees.values())) {
    tree.pgsLeft = tree.osds.size * perOsd;
    for (const osd of tree.osds) {
      tree.capacity += Math.floor((state.osdStats.get(osd)?.totalBytes ?? 0) / 1024) * 1024;
    }
  }
  return { subtrees, overlapping };
}

function newSubtree(): Subtree {
  const osds = new Set<number>();
  return { osds, pools: [], capacity: 0, pgsLeft: 0, served: 0, targetRatio: 0, targetBytes: 0 };
}

function candidate(
  state: MonState,
  id: number,
  pool: PgPool,
  subtrees: ReadonlyMap<number, Subtree>,
  logicalUsed: number,
): Candidate {
  const root = rootOf(state, pool);
  const { capacity, targetRatio: allRatios, targetBytes: allBytes } = subtrees.get(root)!;
  const rate = rawRate(state, pool);
  const targetRatio = numberOption(pool, 'target_size_ratio');
  const targetBytes = targetRatio === 0 ? numberOption(pool, 'target_size_bytes') : 0;
  const rawUsed = Math.max(logicalUsed, targetBytes) * rate;
  let effectiveTargetRatio = allRatios > 0 ? targetRatio / allRatios : targetRatio;
  if (capacity > 0) effectiveTargetRatio *= 1 - Math.min(1, allBytes / capacity);
  return {
    id,
    name: state.osdmap.poolName(id) ?? '',
    pool,
    root,
    mode: modeOf(pool),
    logicalUsed,
    targetBytes,
    rate,
    capacity,
    actualRawUsed: logicalUsed * rate,
    rawUsed,
    actualCapacityRatio: (logicalUsed * rate) / capacity,
    capacityRatio: Math.max(rawUsed / capacity, effectiveTargetRatio),
    targetRatio,
    effectiveTargetRatio,
    bias: numberOption(pool, 'pg_autoscale_bias') || 1,
    isBulk: (pool.flags & POOL_FLAG.bulk) !== 0,
  };
}

function modeOf(pool: PgPool): keyof typeof PG_AUTOSCALE_MODE {
  const found = Object.entries(PG_AUTOSCALE_MODE).find(([, v]) => v === pool.pgAutoscaleMode);
  return (found?.[0] ?? 'off') as keyof typeof PG_AUTOSCALE_MODE;
}

/** An option's value; 0 when it is not set. */
function numberOption(pool: PgPool, name: keyof typeof POOL_OPTION): number {
  return Number(pool.options.values.get(POOL_OPTION[name].key) ?? 0);
}

/** `osd pool set noautoscale`: the autoscaler does nothing and says nothing. */
export const NO_AUTOSCALE = 'mgr/pg_autoscaler/noautoscale';

export function isAutoscaleOff(state: MonState): boolean {
  return state.config.some((s) => s.name === NO_AUTOSCALE && s.value === 'true');
}
