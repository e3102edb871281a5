import { type PgPool, POOL_TYPE } from '../../maps/index.ts';
import {
  type ClusterStatfs,
  type CompressedPool,
  type PoolStat,
  sumCompressed,
} from '../../wire/index.ts';
import { heldByPool } from '../services/fullness.ts';
import type { MonState } from '../state.ts';
import { allPgs, countedOsds, groupBy, type PgSums, sumPgs } from './pg-view.ts';

/** Bytes of space over a set of OSDs. */
export interface Space {
  readonly osds: number;
  readonly total: number;
  readonly used: number;
  readonly available: number;
  readonly data: number;
  readonly omap: number;
  readonly metadata: number;
}
/** @param round applied to each OSD's figures before they are summed */
export function spaceOf(
  state: MonState,
  keep: (osd: number) => boolean = () => true,
  round: (bytes: number) => number = (bytes) => bytes,
): Space {
  const sum = { osds: 0, total: 0, used: 0, available: 0, data: 0, omap: 0, metadata: 0 };
  for (const [osd, s] of countedOsds(state)) {
    if (!keep(osd)) continue;
    sum.osds++;
    sum.total += round(s.totalBytes);
    sum.used += round(s.usedBytes);
    sum.available += round(s.availableBytes);
    sum.data += round(s.dataBytes);
    sum.omap += round(s.omapBytes);
    sum.metadata += round(s.metadataBytes);
  }
  return sum;
}

/** The answer to MStatfs: the space of all OSDs, or what one pool holds and could still take. */
export function statfsOf(state: MonState, pool: number | undefined): ClusterStatfs {
  const space = spaceOf(state);
  const kib = (bytes: number): number => Math.floor(bytes / 1024);
  if (pool === undefined) {
    const numObjects = allPgs(state).reduce((n, pg) => n + pg.statsSum.numObjects, 0);
    return {
      kb: kib(space.total),
      kbUsed: kib(space.used),
      kbAvail: kib(space.available),
      numObjects,
    };
  }
  const { bytes, objects } = heldByPool(state).get(pool) ?? { bytes: 0, objects: 0 };
  const kbUsed = kib(bytes);
  const kbAvail = Math.floor(kib(space.available) / (state.osdmap.pool(pool)?.size ?? 1));
  return { kb: kbUsed + kbAvail, kbUsed, kbAvail, numObjects: objects };
}

/** Bytes on disks for a byte of user data: the size, or (k+m)/k of an erasure-coded pool. */
export function rawRate(state: MonState, pool: PgPool): number {
  if (pool.type !== POOL_TYPE.erasure) return pool.size;
  const profile = state.osdmap.data.erasureCodeProfiles.get(pool.erasureCodeProfile);
  const k = Number(profile?.get('k') ?? 1);
  return (k + Number(profile?.get('m') ?? 0)) / k;
}

/**
 * What each pool holds, by name, as MGetPoolStats asks for it. Our OSDs report no space per pool, so space follows
 * from the copies that the PGs' acting sets hold.
 * @param names pools to report; all without them; unknown ones are left out
 */
export function poolStats(state: MonState, names?: readonly string[]): Map<string, PoolStat> {
  const byPool = groupBy(allPgs(state), (pg) => pg.pgid.pool);
  const out = new Map<string, PoolStat>();
  for (const [id, pool] of [...state.osdmap.data.pools].sort((a, b) => a[0] - b[0])) {
    const name = state.osdmap.poolName(id) ?? '';
    if (names && !names.includes(name)) continue;
    const sums = sumPgs(byPool.get(id) ?? []);
    const stored = Math.round(storedBytes(sums, rawRate(state, pool)));
    out.set(name, poolStat(sums, stored, compressedOf(state, id), countedOsds(state).length));
  }
  return out;
}

/** What compression does. Bytes. */
export type Compressed = Omit<CompressedPool, 'pool'>;

/** What compression does for a pool, or for all, on OSDs that hold data. */
export function compressedOf(state: MonState, pool?: number): Compressed {
  const all = countedOsds(state).flatMap(([, stat]) => stat.compressed);
  return sumCompressed(pool === undefined ? all : all.filter((c) => c.pool === pool));
}

/** Bytes of all copies that exist: what is missing of degraded objects is not stored. */
function storedBytes({ stat }: PgSums, rate: number): number {
  if (stat.numObjectCopies === 0) return stat.numBytes * rate;
  const present = (stat.numObjectCopies - stat.numObjectsDegraded) / stat.numObjectCopies;
  return stat.numBytes * rate * present;
}

function poolStat(
  sums: PgSums,
  stored: number,
  { compressed, allocated, original }: Compressed,
  stores: number,
): PoolStat {
  const none = 0;
  return {
    stats: { sum: sums.stat, categories: 0 },
    logSize: sums.logSize,
    ondiskLogSize: sums.ondiskLogSize,
    up: sums.up,
    acting: sums.acting,
    storeStats: {
      total: none,
      available: none,
      internallyReserved: none,
      allocated: Math.max(0, stored - original + allocated),
      dataStored: stored,
      dataCompressed: compressed,
      dataCompressedAllocated: allocated,
      dataCompressedOriginal: original,
      omapAllocated: none,
      internalMetadata: none,
    },
    numStoreStats: stores,
  };
}
