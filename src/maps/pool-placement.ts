import { CRUSH_ITEM_NONE, type CrushMap, type CrushMapper, crushHash2 } from '../crush/index.ts';
import type { UpmapItem } from './codecs.ts';
import { OSD_STATE, type OSDMapData, WEIGHT_ONE } from './osdmap-data.ts';
import { placementSeed, ruleOf } from './pg-seed.ts';
import { type PgPool, POOL_TYPE } from './pool.ts';

// From a PG to its OSDs: fact sheet §8.2, §8.6; OSDMap::_pg_to_up_acting_osds of src/osd/OSDMap.cc, release 16.2.

/** What overrides the placement of single PGs of one pool, by seed. */
export interface PoolOverrides {
  readonly upmap: Map<number, readonly number[]>;
  readonly upmapItems: Map<number, readonly UpmapItem[]>;
  readonly pgTemp: Map<number, readonly number[]>;
  readonly primaryTemp: Map<number, number>;
}

/** A set of OSDs that is filled anew for each PG; ids beyond the count mean nothing. */
export class OsdSet {
  readonly ids: Int32Array;
  count = 0;

  constructor(width: number) {
    this.ids = new Int32Array(width);
  }

  assign(ids: ArrayLike<number>, count: number): void {
    for (let i = 0; i < count; i++) this.ids[i] = ids[i]!;
    this.count = count;
  }

  indexOf(osd: number): number {
    for (let i = 0; i < this.count; i++) if (this.ids[i] === osd) return i;
    return -1;
  }

  /** The first id that stands for an OSD; -1 when there is none. */
  get first(): number {
    for (let i = 0; i < this.count; i++) if (this.ids[i] !== CRUSH_ITEM_NONE) return this.ids[i]!;
    return -1;
  }
}

/**
 * Puts a PG's upmaps into the set that CRUSH chose; OSDs that are marked out get nothing by them. Source:
 * OSDMap::_apply_upmap, release 16.2.
 * @param set has room for `whole`
 */
export function applyUpmap(
  { osdWeight }: OSDMapData,
  set: OsdSet,
  whole: readonly number[] | undefined,
  items: readonly UpmapItem[] | undefined,
): void {
  if (whole) {
    if (whole.some((osd) => osdWeight[osd] === 0)) return;
    set.assign(whole, whole.length);
  }
  if (!items) return;
  for (const [from, to] of items) {
    const at = set.indexOf(from);
    if (at >= 0 && set.indexOf(to) < 0 && osdWeight[to] !== 0) set.ids[at] = to;
  }
}

/** Places the PGs of one pool. Each `place` fills the same sets anew, and allocates nothing. */
export class PoolPlacement {
  /** Room that any PG of the pool needs. */
  readonly width: number;
  /** What CRUSH chooses, before any override, of the OSDs that exist. */
  readonly raw: OsdSet;
  /** See UpActing. */
  readonly up: OsdSet;
  upPrimary = -1;
  readonly acting: OsdSet;
  actingPrimary = -1;

  private readonly m: OSDMapData;
  private readonly pool: PgPool;
  private readonly poolId: number;
  private readonly mapper: CrushMapper;
  private readonly rule: number;
  private readonly overrides: PoolOverrides;
  /** Do positions carry meaning, so that a missing OSD leaves a hole? */
  private readonly keepsPlaces: boolean;

  constructor(
    m: OSDMapData,
    poolId: number,
    crush: CrushMap,
    mapper: CrushMapper,
    overrides: PoolOverrides,
  ) {
    const pool = m.pools.get(poolId)!;
    this.m = m;
    this.pool = pool;
    this.poolId = poolId;
    this.mapper = mapper;
    this.overrides = overrides;
    this.rule = ruleOf(crush, pool);
    this.keepsPlaces = pool.type === POOL_TYPE.erasure;
    let width = pool.size;
    for (const osds of overrides.upmap.values()) width = Math.max(width, osds.length);
    for (const osds of overrides.pgTemp.values()) width = Math.max(width, osds.length);
    this.width = width;
    this.raw = new OsdSet(width);
    this.up = new OsdSet(width);
    this.acting = new OsdSet(width);
  }

  /** Fills all sets for the PG of this seed, which is below the pool's PG count. */
  place(seed: number): void {
    const { raw, up, acting, overrides } = this;
    const x = placementSeed(this.pool, this.poolId, seed);
    this.chooseRaw(x);
    up.assign(raw.ids, raw.count);
    applyUpmap(this.m, up, overrides.upmap.get(seed), overrides.upmapItems.get(seed));
    this.keepOnly(up, OSD_STATE.exists | OSD_STATE.up);
    this.upPrimary = this.chooseByAffinity(x);

    const temp = overrides.pgTemp.get(seed);
    acting.count = 0;
    if (temp) {
      acting.assign(temp, temp.length);
      this.keepOnly(acting, OSD_STATE.exists | OSD_STATE.up);
    }
    // One that consists of holes alone stands in as well, and has no primary.
    const tempPrimary = acting.count > 0 ? acting.first : this.upPrimary;
    this.actingPrimary = overrides.primaryTemp.get(seed) ?? tempPrimary;
    if (acting.count === 0) acting.assign(up.ids, up.count);
  }

  /** The part of {@link place} that fills `raw`. */
  placeRaw(seed: number): void {
    this.chooseRaw(placementSeed(this.pool, this.poolId, seed));
  }

  private chooseRaw(x: number): void {
    const { raw, m, pool } = this;
    raw.count = 0;
    if (this.rule < 0) return;
    raw.count = this.mapper.runInto(this.rule, x, pool.size, m.osdWeight, raw.ids, this.poolId);
    this.keepOnly(raw, OSD_STATE.exists);
  }

  /** Takes the OSDs that lack one of the state bits out of a set. */
  private keepOnly(set: OsdSet, bits: number): void {
    const { osdState, maxOsd } = this.m;
    const { ids } = set;
    let kept = 0;
    for (let i = 0; i < set.count; i++) {
      const osd = ids[i]!;
      if (osd >= 0 && osd < maxOsd && (osdState[osd]! & bits) === bits) ids[kept++] = osd;
      else if (this.keepsPlaces) ids[kept++] = CRUSH_ITEM_NONE;
    }
    set.count = kept;
  }

  /** Lets OSDs of low affinity pass the primary's part on. Moves the one chosen to the front of a replicated set. */
  private chooseByAffinity(x: number): number {
    const { up } = this;
    const at = this.m.primaryAffinity.length > 0 ? this.firstToAccept(x) : -1;
    if (at < 0) return up.first;
    const primary = up.ids[at]!;
    if (!this.keepsPlaces) {
      up.ids.copyWithin(1, 0, at);
      up.ids[0] = primary;
    }
    return primary;
  }

  /** Where the first OSD stands whose affinity lets it serve; -1 when there is none. */
  private firstToAccept(x: number): number {
    const { up, m } = this;
    for (let i = 0; i < up.count; i++) {
      const osd = up.ids[i]!;
      if (osd === CRUSH_ITEM_NONE) continue;
      const affinity = m.primaryAffinity[osd] ?? WEIGHT_ONE;
      if (affinity >= WEIGHT_ONE || crushHash2(x, osd) >>> 16 < affinity) return i;
    }
    return -1;
  }
}
