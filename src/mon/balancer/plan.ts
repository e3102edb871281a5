import { calcPgUpmaps, type UpmapChange } from '../../balancer/index.ts';
import { fixed } from '../../codec/index.ts';
import type { ErrnoName } from '../../errors/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import { formatPgState, type PgStat, pgState } from '../../wire/index.ts';
import type { OsdMapPatch } from '../change.ts';
import type { MonState } from '../state.ts';
import { allPgs, sumPgs } from '../views/pg-view.ts';

// Source: optimize and do_upmap of pybind/mgr/balancer/module.py, release 16.2, for conditions, limits and texts.

/** Upmaps that make a spread more even, not carried out yet. */
export interface Plan {
  readonly name: string;
  readonly mode: string;
  /** The map that it starts from. */
  readonly osdmap: OSDMap;
  /** Names; none: all pools. */
  readonly pools: readonly string[];
  readonly changes: readonly UpmapChange[];
}

/** Why there is no plan. */
export interface NoPlan {
  readonly errno: ErrnoName;
  readonly detail: string;
}

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
  if (mode !== 'upmap') return { errno: 'EINVAL', detail: `Unrecognized mode ${mode}` };
  const { osdmap } = state;
  const ids = idsOf(osdmap, pools);
  if (ids.length === 0) return { errno: 'ENOENT', detail: 'No pools available' };
  const changes = upmaps(state, ids, seed);
  if (changes.length > 0) return { name, mode, osdmap, pools, changes };
  const detail =
    'Unable to find further optimization, or pool(s) pg_num is decreasing, or distribution is already perfect';
  return { errno: 'EALREADY', detail };
}

/** The ids of pools by their names; all without names. */
export function idsOf(osdmap: OSDMap, names: readonly string[]): number[] {
  if (names.length === 0) return [...osdmap.data.pools.keys()];
  return names.flatMap((name) => osdmap.poolByName(name)?.id ?? []);
}

const CLEAN = 'active+clean';

/** Pool by pool: as many PGs of one are moved as are clean, and all in all as many as may be. */
function upmaps(state: MonState, ids: readonly number[], seed: number): UpmapChange[] {
  const maxDeviation = Number(state.option('mgr/balancer/upmap_max_deviation'));
  const clean = new Map<number, number>();
  for (const pg of allPgs(state)) {
    if (formatPgState(pg.state) !== CLEAN) continue;
    clean.set(pg.pgid.pool, (clean.get(pg.pgid.pool) ?? 0) + 1);
  }
  const steady = ids.filter((id) => {
    const pool = state.osdmap.pool(id)!;
    return pool.pgNum <= pool.pgNumTarget;
  });
  let left = Number(state.option('mgr/balancer/upmap_max_optimizations'));
  const changes: UpmapChange[] = [];
  // All pools get their turn.
  const first = steady.length === 0 ? 0 : seed % steady.length;
  for (const id of [...steady.slice(first), ...steady.slice(0, first)]) {
    const maxChanges = Math.min(left, clean.get(id) ?? 0);
    if (maxChanges === 0) continue;
    const found = calcPgUpmaps(state.osdmap, { maxDeviation, maxChanges, pools: [id], seed });
    changes.push(...found);
    left -= found.length;
    if (left <= 0) break;
  }
  return changes;
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

/** The change of the map that carries a plan out. */
export function patchOf(plan: Plan): OsdMapPatch {
  const set = plan.changes.filter(({ items }) => items.length > 0);
  const removed = plan.changes.filter(({ items }) => items.length === 0);
  return {
    newPgUpmapItems: new Map(set.map(({ pgid, items }) => [pgid, [...items]])),
    oldPgUpmapItems: new Set(removed.map(({ pgid }) => pgid)),
  };
}

/** A plan as the commands that carry it out. */
export function planCommands(plan: Plan): string {
  return plan.changes
    .map(({ pgid, items }) =>
      items.length === 0
        ? `ceph osd rm-pg-upmap-items ${pgid}`
        : `ceph osd pg-upmap-items ${pgid} ${items.flat().join(' ')}`,
    )
    .join('\n');
}
