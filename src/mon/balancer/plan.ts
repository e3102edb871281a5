import { edited } from '../../balancer/index.ts';
import { fixed } from '../../codec/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import { type PgStat, pgState } from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { allPgs, sumPgs } from '../views/pg-view.ts';
import type { NoPlan, Plan } from './plan-types.ts';
import { findUpmaps } from './upmap-plan.ts';
import { findWeights } from './weight-plan.ts';

// Source: optimize of pybind/mgr/balancer/module.py, release 16.2, for conditions, limits and texts.

/** @param seed chooses whose turn it is among pools */
export function makePlan(
  state: MonState,
  name: string,
  pools: readonly string[],
  seed: number,
): Plan | NoPlan {
  const mode = String(state.option('mgr/balancer/mode'));
  const trouble = troubleOf(state);
  if (trouble) return { errno: 'EAGAIN', detail: trouble };
  if (mode === 'none') {
    const detail = 'Please do "ceph balancer mode" to choose a valid mode first';
    return { errno: 'ENOEXEC', detail };
  }
  const { osdmap } = state;
  const ids = idsOf(osdmap, pools);
  if (ids.length === 0) return { errno: 'ENOENT', detail: 'No pools available' };
  const found = mode === 'upmap' ? findUpmaps(state, ids, seed) : findWeights(state, ids);
  if ('errno' in found) return found;
  return { name, mode, osdmap, pools, ...found, after: edited(osdmap, found.patch) };
}

/** The ids of pools by their names; all without names. */
export function idsOf(osdmap: OSDMap, names: readonly string[]): number[] {
  if (names.length === 0) return [...osdmap.data.pools.keys()];
  return names.flatMap((name) => osdmap.poolByName(name)?.id ?? []);
}

/** What has to be over before anything is moved for balance. */
function troubleOf(state: MonState): string | undefined {
  const pgs = allPgs(state);
  const maxMisplaced = Number(state.option('target_max_misplaced_ratio'));
  const { stat } = sumPgs(pgs);
  const share = (n: number, of: number): number => (of > 0 ? n / of : 0);
  const unknown = share(pgs.filter((pg) => pg.state === 0n).length, pgs.length);
  const inactive = share(pgs.filter(isInactive).length, pgs.length);
  const degraded = share(stat.numObjectsDegraded, stat.numObjectCopies);
  const misplaced = share(stat.numObjectsMisplaced, stat.numObjectCopies);
  const later = 'try again later';
  if (unknown > 0) return `Some PGs (${fixed(unknown, 6)}) are unknown; ${later}`;
  if (degraded > 0) return `Some objects (${fixed(degraded, 6)}) are degraded; ${later}`;
  if (inactive > 0) return `Some PGs (${fixed(inactive, 6)}) are inactive; ${later}`;
  if (misplaced < maxMisplaced) return undefined;
  return `Too many objects (${fixed(misplaced, 6)} > ${fixed(maxMisplaced, 6)}) are misplaced; ${later}`;
}

const ACTIVE = pgState('active');
function isInactive(pg: PgStat): boolean {
  return (pg.state & ACTIVE) === 0n;
}
