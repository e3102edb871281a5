import { OSD_STATE, type OSDMap, type PgPool, POOL_FLAG } from '../../maps/index.ts';
import type { OsdStat } from '../../wire/index.ts';
import type { OsdMapPatch } from '../change.ts';
import type { MonState } from '../state.ts';

/**
 * Marks OSDs by how full they are, and pools that lie on full OSDs or are above their quota: clients hold or refuse
 * writes to a full pool. Source: OSDMonitor::tick, update_pool_flags and OSDService::recalc_full_state, release 16.2.
 */
export function updateFullness(state: MonState): OsdMapPatch | undefined {
  const newState = osdChanges(state);
  const bitsOf = (osd: number): number =>
    state.osdmap.data.osdState[osd]! ^ (newState.get(osd) ?? 0);
  const newPools = poolChanges(state, bitsOf);
  return newState.size + newPools.size > 0 ? { newState, newPools } : undefined;
}

const FULL_BITS = OSD_STATE.full | OSD_STATE.backfillfull | OSD_STATE.nearfull;

function osdChanges(state: MonState): Map<number, number> {
  const flips = new Map<number, number>();
  for (const [osd, stat] of state.osdStats) {
    if (!state.osdmap.isUp(osd)) continue;
    const flip = (state.osdmap.data.osdState[osd]! & FULL_BITS) ^ fullnessOf(state.osdmap, stat);
    if (flip !== 0) flips.set(osd, flip);
  }
  return flips;
}

function fullnessOf(osdmap: OSDMap, { availableBytes, totalBytes }: OsdStat): number {
  const ratio = totalBytes > 0 ? 1 - availableBytes / totalBytes : 0;
  const { fullRatio, backfillfullRatio, nearfullRatio } = osdmap.data;
  if (ratio >= fullRatio) return OSD_STATE.full;
  if (ratio >= backfillfullRatio) return OSD_STATE.backfillfull;
  return ratio >= nearfullRatio ? OSD_STATE.nearfull : 0;
}

const POOL_BITS =
  POOL_FLAG.full | POOL_FLAG.full_quota | POOL_FLAG.nearfull | POOL_FLAG.backfillfull;

function poolChanges(state: MonState, bitsOf: (osd: number) => number): Map<number, PgPool> {
  const { osdmap } = state;
  const held = heldByPool(state);
  const flags = new Map<number, number>();
  for (const osd of osdmap.osds()) {
    const bits = bitsOf(osd) & FULL_BITS;
    if (bits === 0) continue;
    for (const { pool } of osdmap.pgsOfOsd(osd)) {
      flags.set(pool, (flags.get(pool) ?? 0) | poolFlagOf(bits));
    }
  }
  const changed = new Map<number, PgPool>();
  for (const [id, pool] of osdmap.data.pools) {
    let wanted = flags.get(id) ?? 0;
    const { bytes, objects } = held.get(id) ?? { bytes: 0, objects: 0 };
    const over =
      (pool.quotaMaxBytes > 0n && bytes >= pool.quotaMaxBytes) ||
      (pool.quotaMaxObjects > 0n && objects >= pool.quotaMaxObjects);
    if (over) wanted |= POOL_FLAG.full | POOL_FLAG.full_quota;
    const next = (pool.flags & ~POOL_BITS) | wanted;
    if (next !== pool.flags) changed.set(id, { ...pool, flags: next });
  }
  return changed;
}

function poolFlagOf(osdBits: number): number {
  if (osdBits & OSD_STATE.full) return POOL_FLAG.full;
  return osdBits & OSD_STATE.backfillfull ? POOL_FLAG.backfillfull : POOL_FLAG.nearfull;
}

/** Bytes and objects of each pool, as its PGs reported them; a pool that reported nothing is absent. */
export function heldByPool(state: MonState): Map<number, { bytes: number; objects: number }> {
  const held = new Map<number, { bytes: number; objects: number }>();
  for (const { pgid, statsSum } of state.pgStats.values()) {
    const pool = held.get(pgid.pool) ?? { bytes: 0, objects: 0 };
    pool.bytes += statsSum.numBytes;
    pool.objects += statsSum.numObjects;
    held.set(pgid.pool, pool);
  }
  return held;
}
