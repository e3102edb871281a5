import {
  addStatSum,
  type ClusterStatfs,
  emptyStatSum,
  type ObjectStatSum,
  type PoolStat,
} from '../../wire/index.ts';
import type { MonState } from '../state.ts';

const KIB = 1024;

/** The sums of a pool's PGs, and how many copies of them there are. */
interface PoolSums {
  readonly sum: ObjectStatSum;
  logSize: number;
  ondiskLogSize: number;
  up: number;
  acting: number;
}

function sumsOf(state: MonState, pool: number): PoolSums {
  const sums: PoolSums = { sum: emptyStatSum(), logSize: 0, ondiskLogSize: 0, up: 0, acting: 0 };
  for (const pg of state.pgStats.values()) {
    if (pg.pgid.pool !== pool) continue;
    addStatSum(sums.sum, pg.statsSum);
    sums.logSize += pg.logSize;
    sums.ondiskLogSize += pg.ondiskLogSize;
    sums.up += pg.up.length;
    sums.acting += pg.acting.length;
  }
  return sums;
}

/** The answer to `statfs`: the space of all OSDs, or what one pool holds and could still take. */
export function clusterStatfs(state: MonState, pool: number | undefined): ClusterStatfs {
  let [total, used, available] = [0, 0, 0];
  for (const stat of state.osdStats.values()) {
    total += stat.totalBytes;
    used += stat.usedBytes;
    available += stat.availableBytes;
  }
  if (pool !== undefined) {
    const copies = state.osdmap.pool(pool)?.size ?? 1;
    const { numBytes, numObjects } = sumsOf(state, pool).sum;
    const free = available / copies;
    return inKib(numBytes + free, numBytes, free, numObjects);
  }
  let objects = 0;
  for (const pg of state.pgStats.values()) objects += pg.statsSum.numObjects;
  return inKib(total, used, available, objects);
}

function inKib(total: number, used: number, available: number, numObjects: number): ClusterStatfs {
  return {
    kb: Math.floor(total / KIB),
    kbUsed: Math.floor(used / KIB),
    kbAvail: Math.floor(available / KIB),
    numObjects,
  };
}

/** What `rados df` shows; pools that do not exist are left out. */
export function poolStats(state: MonState, names: readonly string[]): Map<string, PoolStat> {
  const out = new Map<string, PoolStat>();
  for (const name of names) {
    const found = state.osdmap.poolByName(name);
    if (found) out.set(name, poolStat(sumsOf(state, found.id)));
  }
  return out;
}

/** Without figures of the stores, tools take bytes times copies for the space used. */
function poolStat(s: PoolSums): PoolStat {
  return {
    stats: { sum: s.sum, categories: 0 },
    logSize: s.logSize,
    ondiskLogSize: s.ondiskLogSize,
    up: s.up,
    acting: s.acting,
    storeStats: {
      total: 0,
      available: 0,
      internallyReserved: 0,
      allocated: 0,
      dataStored: 0,
      dataCompressed: 0,
      dataCompressedAllocated: 0,
      dataCompressedOriginal: 0,
      omapAllocated: 0,
      internalMetadata: 0,
    },
    numStoreStats: 0,
  };
}
