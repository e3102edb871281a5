/**
 * The object store: atomic, durable transactions on objects in collections. Uses `errors`, `codec`, `runtime`, `wire`.
 */
export type { BlockStoreOptions } from './block-parts.ts';
export * from './block-store.ts';
export * from './compression-policy.ts';
export { nameText, objectFields, objectText } from './fsck/finding.ts';
export { type FsckOptions, type FsckResult, fsck } from './fsck/fsck.ts';
export * from './held-memory.ts';
export { wipe } from './label.ts';
export * from './memory-key-value.ts';
export * from './memory-store.ts';
export * from './object-store.ts';
export * from './oid-codec.ts';
export { belongs, ownPool, type PgBounds } from './pg-bounds.ts';
export type { StorePlace } from './store-files.ts';
export * from './transaction-codec.ts';
export * from './without-ranges.ts';
