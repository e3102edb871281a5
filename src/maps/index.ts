/**
 * The cluster's maps: OSDMap (full, incremental, applied), MonMap, the way from an object to its PG and from a PG to its
 * OSDs, and the bytes of OSDMaps that the shards of an OSD share (`shared`). Uses `errors`, `codec`, `runtime`, `crush`,
 * `wire`. Spec: src/osd/OSDMap.cc and src/mon/MonMap.cc of Ceph 16.2.
 */
export type { Blocklist, OsdInfo, OsdXInfo, PgKey, UpmapItem } from './codecs.ts';
export * from './first-map.ts';
export * from './health-check.ts';
export * from './incremental.ts';
export * from './intervals.ts';
export { clientsLeftBehind, minCompatClient } from './min-compat-client.ts';
export * from './mon-features.ts';
export * from './monmap.ts';
export * from './monmap-edit.ts';
export * from './monmap-print.ts';
export * from './names.ts';
export * from './osd-health.ts';
export * from './osd-tree.ts';
export * from './osdmap.ts';
export * from './osdmap-data.ts';
export * from './osdmap-json.ts';
export { osdLine, osdMapText } from './osdmap-print.ts';
export {
  type Halving,
  halvings,
  isMergePart,
  parentSeed,
  placementSeed,
  ruleOf,
  splitBits,
  stableMod,
} from './pg-seed.ts';
export { placesAlike, type UpActing } from './placement.ts';
export * from './pool.ts';
export * from './pool-health.ts';
export { holds, type PoolMapping } from './pool-mapping.ts';
export { applyUpmap, OsdSet } from './pool-placement.ts';
export { poolJson, poolsText } from './pool-print.ts';
export * from './shared/shared-maps.ts';
export * from './shared/types.ts';
export * from './simple-map.ts';
