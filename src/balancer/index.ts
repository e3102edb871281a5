/**
 * What-if: how evenly a map spreads its PGs, what moves between two maps, upmaps and weight sets that even the spread
 * out, and trees that grow. Pure: no clock, no chance but from a seed. Uses `errors`, `crush`, `wire`, `maps`. Spec:
 * OSDMap::calc_pg_upmaps of src/osd/OSDMap.cc and the balancer module of Ceph 16.2, for what the results must respect;
 * the search is our own.
 */
export * from './edited-map.ts';
export * from './groups.ts';
export * from './growing-tree.ts';
export * from './growth.ts';
export * from './growth-picture.ts';
export * from './mapping-stats.ts';
export * from './movement.ts';
export * from './plan-picture.ts';
export * from './quality.ts';
export * from './recovery.ts';
export * from './rule-shape.ts';
export * from './score.ts';
export * from './spread.ts';
export * from './upmap-check.ts';
export * from './upmaps.ts';
export * from './weight-set.ts';
