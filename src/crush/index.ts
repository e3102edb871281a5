/**
 * Placement: a CRUSH map as data, its bytes, its compiled form that maps inputs to devices, and the edits a monitor
 * makes. Uses `errors` and `codec`. Source: crush/ of Ceph 16.2, for the facts; the code is our own.
 */
export {
  isShadow,
  itemByName,
  itemWeights,
  parentsOf,
  rootsOf,
  typeByName,
} from './bucket.ts';
export * from './build.ts';
export * from './check.ts';
export { classOf, removeDeviceClass, setDeviceClass } from './classes.ts';
export { crushChooseArgsDump, crushDump, crushRuleDump, crushTunablesDump } from './dump.ts';
export * from './edit.ts';
export { decodeCrushMap, encodeCrushMap } from './encoding.ts';
export { crushHash2, crushHash3, crushHash4, strHashRjenkins } from './hash.ts';
export * from './location.ts';
export * from './mapper.ts';
export * from './rules.ts';
export { straw2Logs, straw2Tables } from './straw2-log.ts';
export * from './tester/index.ts';
export { compileCrushMap } from './text/compile.ts';
export { decompileCrushMap } from './text/decompile.ts';
export { CrushTextError } from './text/errors.ts';
export * from './tree.ts';
export * from './tunables.ts';
export * from './types.ts';
export { weightOf } from './weights.ts';
