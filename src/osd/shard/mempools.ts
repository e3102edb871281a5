import { type HeldMemory, NOTHING_HELD } from '../../store/index.ts';

/** Memory by use; a use that is not named is none. */
export type Mempools = { readonly [name in (typeof NAMES)[number]]?: HeldMemory };

/** Names and order of a 16.2 OSD, those of other daemons included. Source: its own answer. */
const NAMES = [
  'bloom_filter',
  'bluestore_alloc',
  'bluestore_cache_data',
  'bluestore_cache_onode',
  'bluestore_cache_meta',
  'bluestore_cache_other',
  'bluestore_Buffer',
  'bluestore_Extent',
  'bluestore_Blob',
  'bluestore_SharedBlob',
  'bluestore_inline_bl',
  'bluestore_fsck',
  'bluestore_txc',
  'bluestore_writing_deferred',
  'bluestore_writing',
  'bluefs',
  'bluefs_file_reader',
  'bluefs_file_writer',
  'buffer_anon',
  'buffer_meta',
  'osd',
  'osd_mapbl',
  'osd_pglog',
  'osdmap',
  'osdmap_mapping',
  'pgmap',
  'mds_co',
  'unittest_1',
  'unittest_2',
] as const;

/** Together. */
export function sumOf(held: readonly HeldMemory[]): HeldMemory {
  return held.reduce(
    (sum, h) => ({ items: sum.items + h.items, bytes: sum.bytes + h.bytes }),
    NOTHING_HELD,
  );
}

/** The answer of `dump_mempools`: sums over the shards. */
export function dumpMempools(shards: readonly Mempools[]): unknown {
  const byPool: Record<string, HeldMemory> = {};
  for (const name of NAMES) {
    byPool[name] = sumOf(shards.map((pools) => pools[name] ?? NOTHING_HELD));
  }
  return { mempool: { by_pool: byPool, total: sumOf(Object.values(byPool)) } };
}
