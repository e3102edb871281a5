import { mapPool, type OSDMap, type PoolMapping } from '../maps/index.ts';

/** Mappings by map and pool, kept as long as the map is: every question about a map asks for them. */
const known = new WeakMap<OSDMap, Map<number, PoolMapping>>();

/** {@link mapPool}, once per map and pool. */
export function mappingOf(map: OSDMap, poolId: number): PoolMapping | undefined {
  const ofMap = known.get(map) ?? new Map<number, PoolMapping>();
  known.set(map, ofMap);
  const mapping = ofMap.get(poolId) ?? mapPool(map, poolId);
  if (mapping) ofMap.set(poolId, mapping);
  return mapping;
}
