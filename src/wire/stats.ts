import { constant, s32, struct, u32, type ValueOf, versioned } from '../codec/index.ts';
import { id64 } from './basic.ts';

// Layouts: fact sheet §4.5; src/osd/osd_types.h of Ceph 16.2. Counts are s64 on the wire and stay far below 2^53.

/** object_stat_sum_t: what a PG or a pool holds and what was done to it. */
export const ObjectStatSum = versioned(
  'object_stat_sum_t',
  { v: 20, compat: 14 },
  {
    numBytes: id64,
    numObjects: id64,
    numObjectClones: id64,
    numObjectCopies: id64,
    numObjectsMissingOnPrimary: id64,
    numObjectsDegraded: id64,
    numObjectsUnfound: id64,
    numRd: id64,
    numRdKb: id64,
    numWr: id64,
    numWrKb: id64,
    numScrubErrors: id64,
    numObjectsRecovered: id64,
    numBytesRecovered: id64,
    numKeysRecovered: id64,
    numShallowScrubErrors: id64,
    numDeepScrubErrors: id64,
    numObjectsDirty: id64,
    numWhiteouts: id64,
    numObjectsOmap: id64,
    numObjectsHitSetArchive: id64,
    numObjectsMisplaced: id64,
    numBytesHitSetArchive: id64,
    numFlush: id64,
    numFlushKb: id64,
    numEvict: id64,
    numEvictKb: id64,
    numPromote: id64,
    numFlushModeHigh: s32,
    numFlushModeLow: s32,
    numEvictModeSome: s32,
    numEvictModeFull: s32,
    numObjectsPinned: id64,
    numObjectsMissing: id64,
    numLegacySnapsets: id64,
    numLargeOmapObjects: id64,
    numObjectsManifest: id64,
    numOmapBytes: id64,
    numOmapKeys: id64,
    numObjectsRepaired: id64,
  },
);
export type ObjectStatSum = ValueOf<typeof ObjectStatSum>;

const SUM_KEYS = Object.keys(
  ObjectStatSum.generate({ below: () => 0 }),
) as readonly (keyof ObjectStatSum)[];

/** A sum of nothing; the caller's to change. */
export function emptyStatSum(): ObjectStatSum {
  const sum = {} as ObjectStatSum;
  for (const key of SUM_KEYS) sum[key] = 0;
  return sum;
}

/** Adds `b` to `into`, field by field. */
export function addStatSum(into: ObjectStatSum, b: ObjectStatSum): void {
  for (const key of SUM_KEYS) into[key] += b[key];
}

const ObjectStatCollection = versioned(
  'object_stat_collection_t',
  { v: 2, compat: 2 },
  { sum: ObjectStatSum, categories: constant(u32, 0) },
);

/** store_statfs_t: what an object store says of its space, in bytes. */
export const StoreStatfs = versioned(
  'store_statfs_t',
  { v: 1, compat: 1 },
  {
    total: id64,
    available: id64,
    internallyReserved: id64,
    allocated: id64,
    dataStored: id64,
    dataCompressed: id64,
    dataCompressedAllocated: id64,
    dataCompressedOriginal: id64,
    omapAllocated: id64,
    internalMetadata: id64,
  },
);
export type StoreStatfs = ValueOf<typeof StoreStatfs>;

/** pool_stat_t. Without store stats (`numStoreStats` 0) clients compute space from the sums. */
export const PoolStat = versioned(
  'pool_stat_t',
  { v: 7, compat: 5 },
  {
    stats: ObjectStatCollection,
    logSize: id64,
    ondiskLogSize: id64,
    up: s32,
    acting: s32,
    storeStats: StoreStatfs,
    numStoreStats: u32,
  },
);
export type PoolStat = ValueOf<typeof PoolStat>;

/** ceph_statfs: the cluster's space in KiB. */
export const ClusterStatfs = struct('ceph_statfs', {
  kb: id64,
  kbUsed: id64,
  kbAvail: id64,
  numObjects: id64,
});
export type ClusterStatfs = ValueOf<typeof ClusterStatfs>;
