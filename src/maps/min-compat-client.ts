import { type CrushMap, crushTunablesDump, hasIncompatChooseArgs } from '../crush/index.ts';
import { releaseByName, releaseName } from './names.ts';
import type { OSDMap } from './osdmap.ts';
import { WEIGHT_ONE } from './osdmap-data.ts';
import { POOL_FLAG, POOL_TYPE } from './pool.ts';

type Release = 'argonaut' | 'dumpling' | 'firefly' | 'hammer' | 'jewel' | 'luminous';

/**
 * The oldest release of which a client can use the map: `luminous`. Source: OSDMap::get_features and
 * get_min_compat_client, osd/OSDMap.cc, release 16.2.
 * @param crush a CRUSH map to take the place of the map's own
 */
export function minCompatClient(map: OSDMap, crush: CrushMap = map.crushMap): Release {
  const { pgUpmap, pgUpmapItems, primaryAffinity } = map.data;
  if (pgUpmap.size + pgUpmapItems.size > 0 || hasIncompatChooseArgs(crush)) return 'luminous';
  const needs = crushTunablesDump(crush);
  if (needs.require_feature_tunables5 || needs.has_v5_rules) return 'jewel';
  if (needs.has_v4_buckets) return 'hammer';
  const pools = [...map.data.pools.values()];
  if (
    needs.require_feature_tunables3 ||
    needs.has_v3_rules ||
    primaryAffinity.some((affinity) => affinity !== WEIGHT_ONE) ||
    pools.some((p) => p.type === POOL_TYPE.erasure || p.tiers.size > 0 || p.tierOf >= 0)
  ) {
    return 'firefly';
  }
  const isHashedApart = pools.some((p) => (p.flags & POOL_FLAG.hashpspool) !== 0);
  return needs.require_feature_tunables2 || isHashedApart ? 'dumpling' : 'argonaut';
}

/**
 * Why clients as old as the map promises to serve could not use it with this CRUSH map.
 * @returns undefined when they can, or when nothing is promised
 */
export function clientsLeftBehind(map: OSDMap, crush: CrushMap): string | undefined {
  const promised = map.data.requireMinCompatClient;
  const needed = minCompatClient(map, crush);
  if (promised === 0 || releaseByName(needed)! <= promised) return undefined;
  return `requires client version ${needed} but require_min_compat_client is ${releaseName(promised)}`;
}
