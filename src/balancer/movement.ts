import { CRUSH_ITEM_NONE } from '../crush/index.ts';
import { type OSDMap, type PgPool, POOL_TYPE, type PoolMapping, stableMod } from '../maps/index.ts';
import { shardTargets } from './quality.ts';
import {
  type CopyJob,
  estimateRecovery,
  type RecoveryEstimate,
  type RecoveryRates,
} from './recovery.ts';

/** What a PG of the old map holds: client data, before replication or coding. */
interface PgContents {
  readonly objects: number;
  readonly bytes: number;
}
export type PgStats = (poolId: number, seed: number) => PgContents;

/** What moves of one pool, or of all. A shard is one copy, or one chunk of an erasure code, of one PG. */
export interface MovedData {
  /** PGs of the finer of both maps: a PG that is split counts as its parts. */
  pgs: number;
  /** PGs of which a shard has to be copied. */
  pgsMoved: number;
  shards: number;
  /** Shards copied to a device that did not hold them. */
  shardsMoved: number;
  /** Of those, the ones whose former device is gone: until they are copied, a PG has less redundancy. */
  shardsDegraded: number;
  /** Copies of objects to be made, and their bytes. */
  objectsMoved: number;
  bytesMoved: number;
  bytes: number;
  /**
   * Fewest shards that would have to move for the new weights, from a spread by the old ones; undefined where a rule
   * does not tell.
   */
  shardsLeast: number | undefined;
  /** PGs with fewer devices than the pool's size in the new map, and those below its min_size. */
  undersized: number;
  belowMinSize: number;
  /** PGs that none, or for an erasure code too few, of the old devices still serve. */
  lost: number;
}

interface PoolMovement extends MovedData {
  readonly poolId: number;
  readonly name: string;
}

/** Per device, by id. */
interface DeviceMovement {
  readonly shardsIn: Float64Array;
  readonly shardsOut: Float64Array;
  readonly bytesIn: Float64Array;
  readonly bytesOut: Float64Array;
  /** What it holds before and after. */
  readonly bytesBefore: Float64Array;
  readonly bytesAfter: Float64Array;
}

export interface Movement {
  readonly total: MovedData;
  readonly pools: readonly PoolMovement[];
  /** Shards moved, of all shards. */
  readonly movedRatio: number;
  /** Shards moved over the fewest possible; undefined when that is less than one. */
  readonly overOptimum: number | undefined;
  readonly devices: DeviceMovement;
  readonly recovery: RecoveryEstimate;
}

/**
 * What moves when a cluster goes from one map to the other, from all PGs clean on their `up` devices. Pools of only one
 * of the maps do not count.
 * @param stats contents of the old map's PGs. Default: nothing, so only shards are counted
 */
export function movement(
  oldMap: OSDMap,
  newMap: OSDMap,
  stats: PgStats = () => ({ objects: 0, bytes: 0 }),
  rates: RecoveryRates = {},
): Movement {
  const size = Math.max(oldMap.data.maxOsd, newMap.data.maxOsd);
  const list = (): Float64Array => new Float64Array(size);
  const devices: DeviceMovement = {
    shardsIn: list(),
    shardsOut: list(),
    bytesIn: list(),
    bytesOut: list(),
    bytesBefore: list(),
    bytesAfter: list(),
  };
  const jobs: CopyJob[] = [];
  const pools: PoolMovement[] = [];
  for (const poolId of [...oldMap.data.pools.keys()].sort((a, b) => a - b)) {
    if (!newMap.pool(poolId)) continue;
    const pool = new PoolMove(oldMap, newMap, poolId, stats, devices, jobs);
    pools.push(pool.run());
  }
  const total = nothingMoved();
  for (const pool of pools) addUp(total, pool);
  return {
    total,
    pools,
    movedRatio: total.shards === 0 ? 0 : total.shardsMoved / total.shards,
    overOptimum:
      total.shardsLeast !== undefined && total.shardsLeast >= 1
        ? total.shardsMoved / total.shardsLeast
        : undefined,
    devices,
    recovery: estimateRecovery(jobs, size, rates),
  };
}

function nothingMoved(): MovedData {
  return {
    pgs: 0,
    pgsMoved: 0,
    shards: 0,
    shardsMoved: 0,
    shardsDegraded: 0,
    objectsMoved: 0,
    bytesMoved: 0,
    bytes: 0,
    shardsLeast: 0,
    undersized: 0,
    belowMinSize: 0,
    lost: 0,
  };
}

function addUp(total: MovedData, pool: MovedData): void {
  const { shardsLeast: least } = total;
  for (const key of Object.keys(nothingMoved()) as (keyof MovedData)[]) {
    total[key] = (total[key] ?? 0) + (pool[key] ?? 0);
  }
  if (least === undefined || pool.shardsLeast === undefined) total.shardsLeast = undefined;
}

/** One pool's part. */
class PoolMove {
  private readonly oldMap: OSDMap;
  private readonly newMap: OSDMap;
  private readonly poolId: number;
  private readonly stats: PgStats;
  private readonly devices: DeviceMovement;
  private readonly jobs: CopyJob[];
  private readonly pool: PgPool;
  private readonly before: PoolMapping;
  private readonly after: PoolMapping;
  private readonly out: MovedData = nothingMoved();
  /** Shards that are needed to read a PG, each this part of its bytes. */
  private readonly dataShards: number;

  constructor(
    oldMap: OSDMap,
    newMap: OSDMap,
    poolId: number,
    stats: PgStats,
    devices: DeviceMovement,
    jobs: CopyJob[],
  ) {
    this.oldMap = oldMap;
    this.newMap = newMap;
    this.poolId = poolId;
    this.stats = stats;
    this.devices = devices;
    this.jobs = jobs;
    this.pool = newMap.pool(poolId)!;
    this.before = oldMap.poolMapping(poolId)!;
    this.after = newMap.poolMapping(poolId)!;
    this.dataShards = dataShardsOf(newMap, this.pool);
  }

  run(): PoolMovement {
    const { poolId, oldMap, newMap, before, after, out } = this;
    const pgs = Math.max(before.pgNum, after.pgNum);
    // A PG that is split begins where its parent was, with a part of the data; merging is the same backwards.
    const parts = new Uint32Array(before.pgNum);
    for (let seed = 0; seed < pgs; seed++) parts[stableMod(seed, before.pgNum)]!++;
    for (let seed = 0; seed < pgs; seed++) {
      const parent = stableMod(seed, before.pgNum);
      const { objects, bytes } = this.stats(poolId, parent);
      const from = rowOf(before, parent);
      const to = rowOf(after, stableMod(seed, after.pgNum));
      this.compare(from, to, objects / parts[parent]!, bytes / parts[parent]! / this.dataShards);
    }
    out.pgs = pgs;
    out.shardsLeast = leastMovement(oldMap, newMap, poolId, pgs);
    return { poolId, name: newMap.poolName(poolId) ?? `${poolId}`, ...out };
  }

  /** @param bytes of one shard */
  private compare(from: Int32Array, to: Int32Array, objects: number, bytes: number): void {
    const { out, devices, newMap, pool } = this;
    const placed = to.filter(isSome);
    const held = from.filter(isSome);
    out.shards += placed.length;
    if (placed.length < pool.size) out.undersized++;
    if (placed.length < pool.minSize) out.belowMinSize++;
    const isErasure = pool.type === POOL_TYPE.erasure;
    const incoming = isErasure
      ? to.filter((osd, i) => isSome(osd) && from[i] !== osd)
      : placed.filter((osd) => !held.includes(osd));
    const outgoing = isErasure
      ? from.filter((osd, i) => isSome(osd) && to[i] !== osd)
      : held.filter((osd) => !placed.includes(osd));
    for (const osd of held) devices.bytesBefore[osd]! += bytes;
    for (const osd of placed) devices.bytesAfter[osd]! += bytes;
    out.bytes += bytes * placed.length;
    const gone = held.filter((osd) => !newMap.isUp(osd)).length;
    const survivors = held.filter((osd) => newMap.isUp(osd));
    if (survivors.length < (isErasure ? this.dataShards : 1)) out.lost++;
    for (const osd of outgoing) {
      devices.shardsOut[osd]!++;
      devices.bytesOut[osd]! += bytes;
    }
    if (incoming.length === 0) return;
    out.pgsMoved++;
    out.shardsMoved += incoming.length;
    out.shardsDegraded += Math.min(gone, incoming.length);
    out.objectsMoved += objects * incoming.length;
    out.bytesMoved += bytes * incoming.length;
    for (const osd of incoming) {
      devices.shardsIn[osd]!++;
      devices.bytesIn[osd]! += bytes;
    }
    const sources = [...survivors].slice(0, this.dataShards);
    if (sources.length > 0 && bytes > 0) {
      this.jobs.push({ sources, targets: [...incoming], bytes });
    }
  }
}

function isSome(osd: number): boolean {
  return osd !== CRUSH_ITEM_NONE;
}

function rowOf(mapping: PoolMapping, seed: number): Int32Array {
  const start = seed * mapping.width;
  return mapping.up.subarray(start, start + mapping.upCounts[seed]!);
}

/** How many shards make an object whole: k of an erasure code, one copy of a replicated pool. */
function dataShardsOf(map: OSDMap, pool: PgPool): number {
  if (pool.type !== POOL_TYPE.erasure) return 1;
  const k = Number(map.data.erasureCodeProfiles.get(pool.erasureCodeProfile)?.get('k'));
  return Number.isInteger(k) && k > 0 ? k : Math.max(1, pool.minSize - 1);
}

/** Shards that have to move when every device goes from its old target to its new one. */
function leastMovement(
  oldMap: OSDMap,
  newMap: OSDMap,
  poolId: number,
  pgs: number,
): number | undefined {
  const before = shardTargets(oldMap, poolId);
  const after = shardTargets(newMap, poolId);
  if (!before || !after) return undefined;
  const oldPgs = oldMap.pool(poolId)!.pgNum;
  const newPgs = newMap.pool(poolId)!.pgNum;
  let perPg = 0;
  after.forEach((target, osd) => {
    perPg += Math.max(0, target / newPgs - (before[osd] ?? 0) / oldPgs);
  });
  return perPg * pgs;
}
