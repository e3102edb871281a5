import type { CrushMap, CrushMapper } from '../crush/index.ts';
import { type PgId, parsePgId } from '../wire/index.ts';
import type { PgKey, UpmapItem } from './codecs.ts';
import { OSD_STATE, type OSDMapData } from './osdmap-data.ts';
import { type OsdSet, type PoolOverrides, PoolPlacement } from './pool-placement.ts';

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

/**
 * Does every OSD that keeps its own state keep its PGs as well? CRUSH and upmaps ask for weights, and for who exists: that
 * others come and go moves nothing to an OSD, it only shows who serves beside it. Those are the most frequent changes. (One
 * that does not exist leaves the raw set before upmaps look whether their target is in it already.)
 */
export function spreadsAlike(a: OSDMapData, b: OSDMapData): boolean {
  return (
    a.crush === b.crush &&
    a.pools === b.pools &&
    a.pgTemp === b.pgTemp &&
    a.pgUpmap === b.pgUpmap &&
    a.pgUpmapItems === b.pgUpmapItems &&
    a.maxOsd === b.maxOsd &&
    sameNumbers(a.osdWeight, b.osdWeight) &&
    a.osdState.every((bits, id) => ((bits ^ b.osdState[id]!) & OSD_STATE.exists) === 0)
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
  private readonly pools = new Map<number, PoolPlacement>();
  private overrides: Map<number, PoolOverrides> | undefined;

  constructor(m: OSDMapData, crush: CrushMap, mapper: CrushMapper) {
    this.m = m;
    this.crush = crush;
    this.mapper = mapper;
  }

  /** What places the PGs of one pool, one at a time; undefined for a pool that does not exist. */
  pool(poolId: number): PoolPlacement | undefined {
    const known = this.pools.get(poolId);
    if (known || !this.m.pools.has(poolId)) return known;
    this.overrides ??= overridesByPool(this.m);
    const overrides = this.overrides.get(poolId) ?? noOverrides();
    const made = new PoolPlacement(this.m, poolId, this.crush, this.mapper, overrides);
    this.pools.set(poolId, made);
    return made;
  }

  /** What CRUSH chooses, before any override, of the OSDs that exist. */
  rawOsds(pg: PgId): number[] {
    const pool = this.pool(pg.pool);
    if (!pool) return [];
    pool.placeRaw(pg.seed);
    return listOf(pool.raw);
  }

  /** The PG is one of a pool that exists. */
  locate(pg: PgId): UpActing {
    const pool = this.pool(pg.pool)!;
    pool.place(pg.seed);
    const { up, upPrimary, acting, actingPrimary } = pool;
    return { up: listOf(up), upPrimary, acting: listOf(acting), actingPrimary };
  }
}

const listOf = ({ ids, count }: OsdSet): number[] => Array.from(ids.subarray(0, count));

const noOverrides = (): PoolOverrides => ({
  upmap: new Map(),
  upmapItems: new Map(),
  pgTemp: new Map(),
  primaryTemp: new Map(),
});

/** The map's overrides are by the text of a PG's id, which costs too much to make for every PG that is placed. */
function overridesByPool(m: OSDMapData): Map<number, PoolOverrides> {
  const out = new Map<number, PoolOverrides>();
  const sort = <V>(from: Map<PgKey, V>, pick: (o: PoolOverrides) => Map<number, V>): void => {
    for (const [key, value] of from) {
      const { pool, seed } = parsePgId(key)!;
      const overrides = out.get(pool) ?? noOverrides();
      out.set(pool, overrides);
      pick(overrides).set(seed, value);
    }
  };
  sort<readonly number[]>(m.pgUpmap, (o) => o.upmap);
  sort<readonly UpmapItem[]>(m.pgUpmapItems, (o) => o.upmapItems);
  sort<readonly number[]>(m.pgTemp, (o) => o.pgTemp);
  sort(m.primaryTemp, (o) => o.primaryTemp);
  return out;
}
