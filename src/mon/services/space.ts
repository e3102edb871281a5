import type { ClusterStatfs } from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { clusterTotals } from '../views/totals.ts';
import { heldByPool } from './fullness.ts';

/** The answer to `statfs`: the space of all OSDs, or what one pool holds and could still take. */
export function statfsOf(state: MonState, pool: number | undefined): ClusterStatfs {
  const all = clusterTotals(state);
  if (pool === undefined) return all;
  const { bytes, objects } = heldByPool(state).get(pool) ?? { bytes: 0, objects: 0 };
  const kbUsed = Math.floor(bytes / 1024);
  const kbAvail = Math.floor(all.kbAvail / (state.osdmap.pool(pool)?.size ?? 1));
  return { kb: kbUsed + kbAvail, kbUsed, kbAvail, numObjects: objects };
}
