import { calcPgUpmaps, type UpmapChange } from '../../balancer/index.ts';
import { formatPgState } from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { allPgs } from '../views/pg-view.ts';
import type { Found, NoPlan } from './plan-types.ts';

// Source: do_upmap of pybind/mgr/balancer/module.py, release 16.2, for limits and texts.

const CLEAN = 'active+clean';

const NOTHING =
  'Unable to find further optimization, or pool(s) pg_num is decreasing, or distribution is already perfect';

/** Pool by pool: as many PGs of one are moved as are clean, and all in all as many as may be. */
export function findUpmaps(state: MonState, ids: readonly number[], seed: number): Found | NoPlan {
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
  if (changes.length === 0) return { errno: 'EALREADY', detail: NOTHING };
  const set = changes.filter(({ items }) => items.length > 0);
  const removed = changes.filter(({ items }) => items.length === 0);
  return {
    patch: {
      newPgUpmapItems: new Map(set.map(({ pgid, items }) => [pgid, [...items]])),
      oldPgUpmapItems: new Set(removed.map(({ pgid }) => pgid)),
    },
    commands: changes.map(({ pgid, items }) =>
      items.length === 0
        ? `ceph osd rm-pg-upmap-items ${pgid}`
        : `ceph osd pg-upmap-items ${pgid} ${items.flat().join(' ')}`,
    ),
  };
}
