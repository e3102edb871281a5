import { type CrushMap, encodeCrushMap } from '../crush/index.ts';
import {
  emptyIncremental,
  firstOSDMap,
  type Incremental,
  newPgPool,
  OSD_STATE,
  OSDMap,
  POOL_TYPE,
  WEIGHT_ONE,
} from '../maps/index.ts';
import { TIME_ZERO } from '../wire/index.ts';
import type { UpmapChange } from './upmaps.ts';

// Maps made of other maps: what a proposal leads to.

/** A pool for a CRUSH map that comes without one. */
export interface PoolSpec {
  readonly pgNum: number;
  readonly size: number;
  /** Rule id. */
  readonly rule: number;
  readonly erasure?: boolean;
  /** Data shards of an erasure code. Default: size - 1. */
  readonly dataShards?: number;
}

const NO_CLUSTER = '00000000-0000-0000-0000-000000000000';
/** Name of the erasure code profile of a pool made by {@link mapWithPool}. */
const PROFILE = 'plan';

/** A map with pool 1 on this CRUSH map, where every device of the tree is up and in. */
export function mapWithPool(crush: CrushMap, spec: PoolSpec): OSDMap {
  const { size, pgNum, erasure = false } = spec;
  const dataShards = spec.dataShards ?? Math.max(1, size - 1);
  const pool = newPgPool({
    type: erasure ? POOL_TYPE.erasure : POOL_TYPE.replicated,
    size,
    minSize: erasure ? Math.min(size, dataShards + 1) : Math.max(1, size - Math.floor(size / 2)),
    crushRule: crush.rules[spec.rule]?.ruleset ?? spec.rule,
    pgNum,
    createTime: TIME_ZERO,
  });
  if (erasure) pool.erasureCodeProfile = PROFILE;
  const devices = new Set<number>();
  for (const { items } of crush.buckets.values()) {
    for (const item of items) if (item >= 0) devices.add(item);
  }
  const ids = [...devices].sort((a, b) => a - b);
  const first = new OSDMap(firstOSDMap({ fsid: NO_CLUSTER, stamp: TIME_ZERO, crush }));
  return edited(first, {
    newMaxOsd: crush.maxDevices,
    newState: new Map(ids.map((id) => [id, OSD_STATE.up])),
    newWeight: new Map(ids.map((id) => [id, WEIGHT_ONE])),
    newPoolMax: 1,
    newPools: new Map([[1, pool]]),
    newPoolNames: new Map([[1, 'pool']]),
    newErasureCodeProfiles: new Map([
      [
        PROFILE,
        new Map([
          ['k', `${dataShards}`],
          ['m', `${size - dataShards}`],
        ]),
      ],
    ]),
  });
}

/** The map with one change more. */
export function edited(map: OSDMap, change: Partial<Incremental>): OSDMap {
  const { fsid, epoch, data } = map;
  const empty = emptyIncremental({ fsid, epoch: epoch + 1, modified: data.modified });
  return map.applyIncremental({ ...empty, ...change });
}

/** The map with another CRUSH map. */
export function withCrush(map: OSDMap, crush: CrushMap): OSDMap {
  return edited(map, { crush: encodeCrushMap(crush) });
}

/** The map with these upmaps set and removed. */
export function withUpmaps(map: OSDMap, changes: readonly UpmapChange[]): OSDMap {
  const set = changes.filter(({ items }) => items.length > 0);
  const removed = changes.filter(({ items }) => items.length === 0);
  return edited(map, {
    newPgUpmapItems: new Map(set.map(({ pgid, items }) => [pgid, [...items]])),
    oldPgUpmapItems: new Set(removed.map(({ pgid }) => pgid)),
  });
}
