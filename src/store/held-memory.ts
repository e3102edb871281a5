/** Memory of one use, about: how many things, and their bytes. */
export interface HeldMemory {
  readonly items: number;
  readonly bytes: number;
}
export const NOTHING_HELD: HeldMemory = { items: 0, bytes: 0 };

/** Memory of a store by use, under the names that Ceph's `dump_mempools` has for it. */
export interface StoreMemory {
  readonly bluestore_alloc: HeldMemory;
  /** Objects at rest. */
  readonly bluestore_cache_onode: HeldMemory;
  /** Changes that are in the journal and not yet in the key/value store. */
  readonly bluestore_writing_deferred: HeldMemory;
}
