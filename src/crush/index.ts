/**
 * Placement: a CRUSH map as data, its bytes, its compiled form that maps inputs to devices, and the edits a monitor
 * makes. Uses `errors` and `codec`. Source: crush/ of Ceph 16.2, for the facts; the code is our own.
 */
export { deviceLimit, itemWeights, makeBucket } from './bucket.ts';
export * from './build.ts';
export * from './check.ts';
export { hasIncompatChooseArgs, tidyChooseArgs } from './choose-args.ts';
export {
  classIdFor,
  classOf,
  devicesOfClass,
  removeClass,
  removeDeviceClass,
  renameClass,
  rulesOfClass,
  setDeviceClass,
  setSubtreeClass,
} from './classes.ts';
export { copyCrushMap } from './copy.ts';
export { crushMapToDocument } from './document/export.ts';
export { crushMapFromDocument } from './document/import.ts';
export type { CrushDocument } from './document/types.ts';
export {
  crushChooseArgsDump,
  crushDump,
  crushRuleDump,
  crushTunablesDump,
  weightNumber,
} from './dump.ts';
export {
  type CrushLocation,
  createOrMoveItem,
  currentWeight,
  insertItem,
  linkBucket,
  moveBucket,
  reweightItemAt,
  setItem,
  weightAt,
} from './edit.ts';
export { decodeCrushMap, encodeCrushMap } from './encoding.ts';
export { crushHash2, crushHash3, crushHash4, strHashRjenkins } from './hash.ts';
export { buildLayers, type Layer, type LayeredMap } from './layers.ts';
export * from './location.ts';
export {
  editMany,
  isShadow,
  itemByName,
  parentsOf,
  rootsOf,
  subtreeContains,
  typeByName,
} from './lookup.ts';
export * from './mapper.ts';
export * from './new-bucket.ts';
export { type ReclassifyRequest, reclassify } from './reclassify.ts';
export * from './remove.ts';
export * from './rename.ts';
export { reweightAll, reweightItem, reweightSubtree } from './reweight.ts';
export * from './rules.ts';
export { rebuildShadows } from './shadows.ts';
export { straw2Logs, straw2Tables } from './straw2-log.ts';
export { swapBuckets } from './swap.ts';
export * from './tester/index.ts';
export { compileCrushMap } from './text/compile.ts';
export { decompileCrushMap } from './text/decompile.ts';
export { CrushTextError } from './text/errors.ts';
export {
  type CrushTreeNode,
  type CrushTreeOptions,
  crushTree,
  crushTreeNodeFields,
  strayDevices,
  strayTreeNode,
} from './tree.ts';
export * from './tree-text.ts';
export * from './tunables.ts';
export * from './types.ts';
export * from './weight-sets.ts';
export { weightOf } from './weights.ts';
