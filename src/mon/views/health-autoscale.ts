import { type HealthCheck, warning } from '../../maps/index.ts';
import type { MonState } from '../state.ts';
import { type Advice, autoscaleAdvice, isAutoscaleOff } from './autoscale.ts';
import { bytesIn } from './autoscale-status.ts';

// Codes and texts: pybind/mgr/pg_autoscaler/module.py, release 16.2.15. That release warns of every pool in mode `warn`,
// whatever it has; before and after it does so of those that are off by the threshold, and so does this.

/** What the autoscaler warns of. */
export function autoscaleChecks(state: MonState): HealthCheck[] {
  // It computes what each pool holds, for which few ask: only where somebody has told the autoscaler something.
  const isAsked = [...state.osdmap.data.pools.values()].some(
    (p) => p.pgAutoscaleMode !== 0 || hasTarget(p.options.values),
  );
  if (!isAsked || isAutoscaleOff(state)) return [];
  const advice = autoscaleAdvice(state);
  return [...counts(advice), ...overcommitted(advice), ...bytesAndRatio(state)];
}

const TARGET_BYTES = 16;
const TARGET_RATIO = 17;

function hasTarget(options: ReadonlyMap<number, unknown>): boolean {
  return options.has(TARGET_BYTES) || options.has(TARGET_RATIO);
}

function counts({ pools }: Advice): HealthCheck[] {
  const off = pools.filter((p) => p.mode === 'warn' && p.isOff);
  const check = (few: boolean): HealthCheck[] => {
    const detail = off
      .filter((p) => p.final > p.pool.pgNumTarget === few)
      .map(
        (p) => `Pool ${p.name} has ${p.pool.pgNumTarget} placement groups, should have ${p.final}`,
      );
    if (detail.length === 0) return [];
    const summary = `${detail.length} pools have too ${few ? 'few' : 'many'} placement groups`;
    const code = few ? 'POOL_TOO_FEW_PGS' : 'POOL_TOO_MANY_PGS';
    return [warning(code, summary, detail.length, detail)];
  };
  return [...check(true), ...check(false)];
}

function overcommitted({ pools, subtrees }: Advice): HealthCheck[] {
  const detail: string[] = [];
  for (const [root, { pools: names, capacity }] of subtrees) {
    const here = pools.filter((p) => p.root === root);
    const total = here.reduce((n, p) => n + Math.max(p.actualRawUsed, p.targetBytes * p.rate), 0);
    const aimed = here.filter((p) => p.targetBytes > 0);
    const target = Math.trunc(aimed.reduce((n, p) => n + p.targetBytes * p.rate, 0));
    if (target === 0 || capacity === 0 || total <= capacity) continue;
    const times = (total / capacity).toFixed(3);
    detail.push(
      `Pools ${pyList(names)} overcommit available storage by ${times}x due to target_size_bytes ${bytesIn(target, 5)} on pools ${pyList(aimed.map((p) => p.name))}`,
    );
  }
  if (detail.length === 0) return [];
  const summary = `${detail.length} subtrees have overcommitted pool target_size_bytes`;
  return [warning('POOL_TARGET_SIZE_BYTES_OVERCOMMITTED', summary, detail.length, detail)];
}

function pyList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`;
}

function bytesAndRatio(state: MonState): HealthCheck[] {
  const detail = [...state.osdmap.data.pools]
    .filter(
      ([, { options }]) => options.values.has(TARGET_BYTES) && options.values.has(TARGET_RATIO),
    )
    .map(
      ([id]) => `Pool ${state.osdmap.poolName(id)} has target_size_bytes and target_size_ratio set`,
    );
  if (detail.length === 0) return [];
  const summary = `${detail.length} pools have both target_size_bytes and target_size_ratio set`;
  return [warning('POOL_HAS_TARGET_SIZE_BYTES_AND_RATIO', summary, detail.length, detail)];
}
