/**
 * Placement. A CRUSH map is plain data (types.ts) with its bytes (encoding.ts); `edit` changes it, `mapping` compiles it
 * to map inputs to devices, `text` and `document` are its forms for people and programs, `tester` tries it as crushtool
 * does. Uses `errors` and `codec`. Source: crush/ of Ceph 16.2, for the facts; the code is our own.
 */
export { deviceLimit, itemWeightAt, itemWeights, makeBucket } from './bucket.ts';
export * from './check.ts';
export { hasIncompatChooseArgs, tidyChooseArgs } from './choose-args.ts';
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
export * from './edit/build.ts';
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
} from './edit/classes.ts';
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
} from './edit/edit.ts';
export { buildLayers, type Layer, type LayeredMap } from './edit/layers.ts';
export * from './edit/new-bucket.ts';
export { type ReclassifyRequest, reclassify } from './edit/reclassify.ts';
export * from './edit/remove.ts';
export * from './edit/rename.ts';
export { reweightAll, reweightItem, reweightSubtree } from './edit/reweight.ts';
export * from './edit/rules.ts';
export { rebuildShadows } from './edit/shadows.ts';
export { swapBuckets } from './edit/swap.ts';
export * from './edit/weight-sets.ts';
export { weightOf } from './edit/weights.ts';
export { decodeCrushMap, encodeCrushMap } from './encoding.ts';
export { crushHash2, crushHash3, crushHash4, strHashRjenkins } from './hash.ts';
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
export * from './mapping/mapper.ts';
export { straw2Logs, straw2Tables } from './mapping/straw2-log.ts';
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
export { TUNABLE_WORDS } from './words.ts';
