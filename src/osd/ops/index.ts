/**
 * The op interpreter: what one client request does to one object, or reads from it. It decides and reads through the
 * store port; it writes nothing itself. Uses `errors`, `codec`, `wire`, `store`. Spec: fact sheet 06, and what a 16.2
 * OSD was seen to answer (test/golden/osd-ops).
 */
export { classify, type RequestKind } from './classify.ts';
export { COPY_BEGIN, collectCopy, copyGetInput } from './copy.ts';
export { noStats } from './draft.ts';
export { refuse } from './execution.ts';
export { execute } from './interpreter.ts';
export { executePg, type ListableObjects, pgEnd } from './listing.ts';
export * from './object-info.ts';
export { type Digests, ownReqid, recordDigests } from './own-change.ts';
export * from './types.ts';
