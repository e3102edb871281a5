import { CRUSH_ITEM_NONE, type CrushMap, type CrushMapper, crushHash2 } from '../crush/index.ts';
import { formatPgId, type PgId } from '../wire/index.ts';
import { OSD_STATE, type OSDMapData, WEIGHT_ONE } from './osdmap-data.ts';
import { type PgPool, POOL_FLAG, POOL_TYPE } from './pool.ts';

// From a PG to its OSDs: fact sheet §8.2, §8.6; OSDMap::_pg_to_up_acting_osds of src/osd/OSDMap.cc, release 16.2.

/** Where a PG lives. Erasure-coded pools keep the position of a missing OSD as CRUSH_ITEM_NONE. Primary -1: none. */
export interface UpActing {
  /** What CRUSH and the overrides say, without OSDs that are down. */
  readonly up: readonly number[];
  readonly upPrimary: number;
  /** Who serves: `up`, unless a temporary mapping stands in. */
  readonly acting: readonly number[];
  readonly actingPrimary: number;
}
/** The answer for a PG that does not exist. */
export const NOWHERE: UpActing = { up: [], upPrimary: -1, acting: [], actingPrimary: -1 };

/** Smallest 2^k - 1 with 2^k >= n. */
function maskOf(n: number): number {
  return n <= 1 ? 0 : 2 ** (32 - Math.clz32(n - 1)) - 1;
}

/** ceph_stable_mod: like x mod n, but growing n moves only what must move. @returns below n */
export function stableMod(x: number, n: number): number {
  const mask = maskOf(n);
  const low = (x & mask) >>> 0;
  return low < n ? low : (x & (mask >>> 1)) >>> 0;
}

/** The number a PG's placement is computed from. `seed` is a PG's seed or an object's full hash. */
export function placementSeed(pool: PgPool, poolId: number, seed: number): number {
  const s = stableMod(seed, pool.pgpNum);
  return pool.flags & POOL_FLAG.hashpspool ? crushHash2(s, poolId) : (s + poolId) >>> 0;
}

/** The rule that places a pool: the first of its number, type and size; -1 when there is none. */
export function ruleOf(crush: CrushMap, pool: PgPool): number {
  return crush.rules.findIndex(
    (rule) =>
      rule !== undefined &&
      rule.ruleset === pool.crushRule &&
      rule.type === pool.type &&
      rule.minSize <= pool.size &&
      pool.size <= rule.maxSize,
  );
}

const isNone = (osd: number): boolean => osd === CRUSH_ITEM_NONE;
const inRange = (m: OSDMapData, osd: number): boolean => osd >= 0 && osd < m.maxOsd;

/** Without the OSDs that fail the test; positions stay where they carry meaning. */
function keepOnly(pool: PgPool, osds: readonly number[], keep: (osd: number) => boolean): number[] {
  return pool.type === POOL_TYPE.erasure
    ? osds.map((osd) => (keep(osd) ? osd : CRUSH_ITEM_NONE))
    : osds.filter(keep);
}

/**
 * Do both maps send every PG to the same OSDs, as far as a look at what placement reads can tell? So it is for most
 * changes of a running cluster (up_thru, blocklist, flags), which then cost no new mapping.
 */
export function placesAlike(a: OSDMapData, b: OSDMapData): boolean {
  return (
    a.crush === b.crush &&
    a.pools === b.pools &&
    a.pgTemp === b.pgTemp &&
    a.primaryTemp === b.primaryTemp &&
    a.pgUpmap === b.pgUpmap &&
    a.pgUpmapItems === b.pgUpmapItems &&
    sameNumbers(a.osdState, b.osdState) &&
    sameNumbers(a.osdWeight, b.osdWeight) &&
    sameNumbers(a.primaryAffinity, b.primaryAffinity)
  );
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}

/** Places the PGs of one map. */
export class Placement {
  private readonly m: OSDMapData;
  private readonly crush: CrushMap;
  private readonly mapper: CrushMapper;

  constructor(m: OSDMapData, crush: CrushMap, mapper: CrushMapper) {
    this.m = m;
    this.crush = crush;
    this.mapper = mapper;
  }

  private has(osd: number, bits: number): boolean {
    return inRange(this.m, osd) && (this.m.osdState[osd]! & bits) === bits;
  }

  /** What CRUSH chooses, before any override, of the OSDs that exist. */
  rawOsds(pool: PgPool, pg: PgId): number[] {
    const rule = ruleOf(this.crush, pool);
    if (rule < 0) return [];
    const x = placementSeed(pool, pg.pool, pg.seed);
    const chosen = this.mapper.run(rule, x, pool.size, this.m.osdWeight, pg.pool);
    return keepOnly(pool, chosen, (osd) => this.has(osd, OSD_STATE.exists));
  }

  /** Ids in range that are marked out: upmap does not send data to them. */
  private isMarkedOut(osd: number): boolean {
    return inRange(this.m, osd) && this.m.osdWeight[osd] === 0;
  }

  private applyUpmap(pg: PgId, raw: number[]): number[] {
    const key = formatPgId(pg);
    const whole = this.m.pgUpmap.get(key);
    if (whole?.some((osd) => this.isMarkedOut(osd))) return raw;
    const out = whole ? [...whole] : raw;
    for (const [from, to] of this.m.pgUpmapItems.get(key) ?? []) {
      const at = out.indexOf(from);
      if (at >= 0 && !out.includes(to) && !this.isMarkedOut(to)) out[at] = to;
    }
    return out;
  }

  /** Lets OSDs of low affinity pass the primary's part on. Moves the one chosen to the front of a replicated set. */
  private chooseByAffinity(pool: PgPool, pg: PgId, up: number[]): number {
    const first = up.find((osd) => !isNone(osd)) ?? -1;
    const affinity = this.m.primaryAffinity;
    if (!up.some((osd) => !isNone(osd) && (affinity[osd] ?? WEIGHT_ONE) !== WEIGHT_ONE)) {
      return first;
    }
    const x = placementSeed(pool, pg.pool, pg.seed);
    const accepts = (osd: number): boolean => {
      const a = affinity[osd] ?? WEIGHT_ONE;
      return a >= WEIGHT_ONE || crushHash2(x, osd) >>> 16 < a;
    };
    const at = up.findIndex((osd) => !isNone(osd) && accepts(osd));
    if (at < 0) return first;
    const primary = up[at]!;
    if (at > 0 && pool.type !== POOL_TYPE.erasure) {
      up.splice(at, 1);
      up.unshift(primary);
    }
    return primary;
  }

  locate(pool: PgPool, pg: PgId): UpActing {
    const isUp = (osd: number): boolean => this.has(osd, OSD_STATE.exists | OSD_STATE.up);
    const up = keepOnly(pool, this.applyUpmap(pg, this.rawOsds(pool, pg)), isUp);
    const upPrimary = this.chooseByAffinity(pool, pg, up);
    const key = formatPgId(pg);
    const temp = keepOnly(pool, this.m.pgTemp.get(key) ?? [], isUp);
    const acting = temp.length > 0 ? temp : up;
    const actingPrimary =
      this.m.primaryTemp.get(key) ?? temp.find((osd) => !isNone(osd)) ?? upPrimary;
    return { up, upPrimary, acting, actingPrimary };
  }
}
