/**
 * What `crushtool --test`, `--compare` and `--check` find out about a map. Source: crush/CrushTester of Ceph 16.2.
 */
export { nameProblem, overlappedRules } from './check.ts';
export { compareCrushMaps } from './compare.ts';
export type { CrushTestOptions, CrushTestSink } from './options.ts';
export { testCrushMap } from './test.ts';
export { testWeight } from './weights.ts';
