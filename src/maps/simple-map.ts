import {
  type CrushLocation,
  type CrushMap,
  createDefaultCrushMap,
  encodeCrushMap,
  insertItem,
  weightOf,
} from '../crush/index.ts';
import { CephError } from '../errors/index.ts';
import { TIME_ZERO, type UTime, UUID_ZERO } from '../wire/index.ts';
import { noOsdInfo, noOsdXInfo } from './codecs.ts';
import { firstOSDMap } from './first-map.ts';
import type { OSDMapData } from './osdmap-data.ts';
import type { PgPool } from './pool.ts';

// Maps out of nothing, as osdmaptool makes them. Source: OSDMap::build_simple_optioned, osd/OSDMap.cc, release 16.2.

/** What a simple map has. */
export interface SimpleMap {
  readonly stamp: UTime;
  readonly maxOsd: number;
  /** Devices in the CRUSH map, each of weight 1, in the order in which they are put there. */
  readonly devices: readonly { readonly id: number; readonly loc: CrushLocation }[];
  /** Number of the type that the one rule spreads over. */
  readonly failureDomain: number;
  /** Pool 1; none without. */
  readonly pool?: { readonly name: string; readonly pool: PgPool };
}

/** A map of epoch 0 with nothing in it, not even flags, ratios or a type of bucket. */
export function blankOSDMap(): OSDMapData {
  const nothing: CrushMap = {
    ...createDefaultCrushMap(),
    maxBuckets: 0,
    buckets: new Map(),
    rules: [],
    typeNames: new Map(),
    itemNames: new Map(),
    ruleNames: new Map(),
  };
  return {
    ...firstOSDMap({ fsid: UUID_ZERO, stamp: TIME_ZERO, crush: nothing }),
    epoch: 0,
    flags: 0,
    erasureCodeProfiles: new Map(),
    nearfullRatio: 0,
    fullRatio: 0,
    backfillfullRatio: 0,
    requireMinCompatClient: 0,
    requireOsdRelease: 0,
  };
}

/**
 * A map of epoch 0 whose OSDs have never existed: only their places in the tree are known.
 * @throws CephError EINVAL for a device name or place that CRUSH does not take, or a failure domain that is no type
 */
export function simpleOSDMap(of: SimpleMap): OSDMapData {
  const crush = simpleCrushMap(of);
  const { erasureCodeProfiles } = firstOSDMap({ fsid: UUID_ZERO, stamp: of.stamp, crush });
  const perOsd = <T>(make: () => T): T[] => Array.from({ length: of.maxOsd }, make);
  return {
    ...blankOSDMap(),
    created: of.stamp,
    modified: of.stamp,
    crush: encodeCrushMap(crush),
    erasureCodeProfiles,
    pools: new Map(of.pool && [[1, of.pool.pool]]),
    poolNames: new Map(of.pool && [[1, of.pool.name]]),
    poolMax: of.pool ? 1 : 0,
    maxOsd: of.maxOsd,
    osdState: perOsd(() => 0),
    osdWeight: perOsd(() => 0),
    clientAddrs: perOsd(() => []),
    hbBackAddrs: perOsd(() => []),
    osdInfo: perOsd(noOsdInfo),
    clusterAddrs: perOsd(() => []),
    osdUuid: perOsd(() => UUID_ZERO),
    osdXInfo: perOsd(noOsdXInfo),
    hbFrontAddrs: perOsd(() => []),
  };
}

function simpleCrushMap({ devices, failureDomain }: SimpleMap): CrushMap {
  const type = createDefaultCrushMap().typeNames.get(failureDomain);
  if (type === undefined)
    throw new CephError('EINVAL', `no CRUSH type has number ${failureDomain}`);
  const crush = createDefaultCrushMap({ failureDomain: type });
  for (const { id, loc } of devices) insertItem(crush, id, weightOf(1), `osd.${id}`, loc);
  return crush;
}
