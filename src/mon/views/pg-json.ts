import type { Json } from '../../codec/index.ts';
import {
  formatEVersion,
  formatPgId,
  formatPgState,
  type ObjectStatSum,
  type PgStat,
  type StoreStatfs,
  stamp,
} from '../../wire/index.ts';

// Members and their order: pg_stat_t::dump, object_stat_sum_t::dump, osd/osd_types.cc, release 16.2.

export function statSumJson(s: ObjectStatSum): Json {
  return {
    num_bytes: s.numBytes,
    num_objects: s.numObjects,
    num_object_clones: s.numObjectClones,
    num_object_copies: s.numObjectCopies,
    num_objects_missing_on_primary: s.numObjectsMissingOnPrimary,
    num_objects_missing: s.numObjectsMissing,
    num_objects_degraded: s.numObjectsDegraded,
    num_objects_misplaced: s.numObjectsMisplaced,
    num_objects_unfound: s.numObjectsUnfound,
    num_objects_dirty: s.numObjectsDirty,
    num_whiteouts: s.numWhiteouts,
    num_read: s.numRd,
    num_read_kb: s.numRdKb,
    num_write: s.numWr,
    num_write_kb: s.numWrKb,
    num_scrub_errors: s.numScrubErrors,
    num_shallow_scrub_errors: s.numShallowScrubErrors,
    num_deep_scrub_errors: s.numDeepScrubErrors,
    num_objects_recovered: s.numObjectsRecovered,
    num_bytes_recovered: s.numBytesRecovered,
    num_keys_recovered: s.numKeysRecovered,
    num_objects_omap: s.numObjectsOmap,
    num_objects_hit_set_archive: s.numObjectsHitSetArchive,
    num_bytes_hit_set_archive: s.numBytesHitSetArchive,
    num_flush: s.numFlush,
    num_flush_kb: s.numFlushKb,
    num_evict: s.numEvict,
    num_evict_kb: s.numEvictKb,
    num_promote: s.numPromote,
    num_flush_mode_high: s.numFlushModeHigh,
    num_flush_mode_low: s.numFlushModeLow,
    num_evict_mode_some: s.numEvictModeSome,
    num_evict_mode_full: s.numEvictModeFull,
    num_objects_pinned: s.numObjectsPinned,
    num_legacy_snapsets: s.numLegacySnapsets,
    num_large_omap_objects: s.numLargeOmapObjects,
    num_objects_manifest: s.numObjectsManifest,
    num_omap_bytes: s.numOmapBytes,
    num_omap_keys: s.numOmapKeys,
    num_objects_repaired: s.numObjectsRepaired,
  };
}

export function statfsJson(s: StoreStatfs): { [key: string]: Json } {
  return {
    total: s.total,
    available: s.available,
    internally_reserved: s.internallyReserved,
    allocated: s.allocated,
    data_stored: s.dataStored,
    data_compressed: s.dataCompressed,
    data_compressed_allocated: s.dataCompressedAllocated,
    data_compressed_original: s.dataCompressedOriginal,
    omap_allocated: s.omapAllocated,
    internal_metadata: s.internalMetadata,
  };
}
export const NO_STATFS: StoreStatfs = {
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
};

/** What `pgs_brief` and `dump_stuck` in text show of a PG. */
export function pgBriefJson(pg: PgStat): Json {
  return {
    pgid: formatPgId(pg.pgid),
    state: formatPgState(pg.state),
    up: pg.up,
    acting: pg.acting,
    up_primary: pg.upPrimary,
    acting_primary: pg.actingPrimary,
  };
}

/** All of a PG's report. What our OSDs do not report (snap trimming, shard locations) is empty. */
export function pgJson(pg: PgStat): Json {
  return {
    pgid: formatPgId(pg.pgid),
    version: formatEVersion(pg.version),
    reported_seq: pg.reportedSeq,
    reported_epoch: pg.reportedEpoch,
    state: formatPgState(pg.state),
    last_fresh: stamp(pg.lastFresh),
    last_change: stamp(pg.lastChange),
    last_active: stamp(pg.lastActive),
    last_peered: stamp(pg.lastPeered),
    last_clean: stamp(pg.lastClean),
    last_became_active: stamp(pg.lastChange),
    last_became_peered: stamp(pg.lastChange),
    last_unstale: stamp(pg.lastUnstale),
    last_undegraded: stamp(pg.lastUndegraded),
    last_fullsized: stamp(pg.lastFullsized),
    mapping_epoch: pg.mappingEpoch,
    log_start: formatEVersion(pg.logStart),
    ondisk_log_start: formatEVersion(pg.logStart),
    created: pg.created,
    last_epoch_clean: pg.lastEpochClean,
    parent: '0.0',
    parent_split_bits: 0,
    last_scrub: formatEVersion(pg.lastScrub),
    last_scrub_stamp: stamp(pg.lastScrubStamp),
    last_deep_scrub: formatEVersion(pg.lastDeepScrub),
    last_deep_scrub_stamp: stamp(pg.lastDeepScrubStamp),
    last_clean_scrub_stamp: stamp(pg.lastCleanScrubStamp),
    log_size: pg.logSize,
    ondisk_log_size: pg.ondiskLogSize,
    stats_invalid: pg.statsInvalid,
    dirty_stats_invalid: false,
    omap_stats_invalid: false,
    hitset_stats_invalid: false,
    hitset_bytes_stats_invalid: false,
    pin_stats_invalid: false,
    manifest_stats_invalid: false,
    snaptrimq_len: 0,
    stat_sum: statSumJson(pg.statsSum),
    up: pg.up,
    acting: pg.acting,
    avail_no_missing: [],
    object_location_counts: [],
    blocked_by: [],
    up_primary: pg.upPrimary,
    acting_primary: pg.actingPrimary,
    purged_snaps: [],
  };
}
