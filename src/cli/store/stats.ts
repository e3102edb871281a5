import { storeOwner } from '../../osd/index.ts';
import type { BlockStore } from '../../store/index.ts';
import { sumCompressed } from '../../wire/index.ts';
import { jsonText, type Request } from './words.ts';

/** `statfs`: the real tool's names. */
export function statfs(store: BlockStore, request: Request): string {
  const u = store.usage();
  const { compressed, allocated, original } = sumCompressed(u.compressed.values());
  return `${jsonText(request, {
    total: u.totalBytes,
    available: u.availableBytes,
    internally_reserved: 0,
    allocated: u.allocatedBytes,
    data_stored: u.dataBytes,
    data_compressed: compressed,
    data_compressed_allocated: allocated,
    data_compressed_original: original,
    omap_allocated: u.omapBytes,
    internal_metadata: u.metadataBytes,
  })}\n\n`;
}

/**
 * `stats`: who the store belongs to, its space, and how the free space is parted. `fragmentation` is 0 when all of it is
 * one run, and near 1 when it is in single units: one minus the share of free bytes that stand in runs of 4 MiB or more.
 * `compressed` is by pool.
 */
export function stats(store: BlockStore, request: Request): string {
  const { fsid, uuid, osd, newest } = storeOwner(store);
  const u = store.usage();
  let freeBytes = 0;
  let largeBytes = 0;
  let largest = 0;
  const runs: Record<string, number> = {};
  for (const bytes of store.freeRuns()) {
    freeBytes += bytes;
    if (bytes >= LARGE_BYTES) largeBytes += bytes;
    largest = Math.max(largest, bytes);
    const bound = RUN_BOUNDS.find(([below]) => bytes < below)?.[1] ?? 'more';
    runs[bound] = (runs[bound] ?? 0) + 1;
  }
  const share = freeBytes === 0 ? 0 : 1 - Math.max(largeBytes, largest) / freeBytes;
  return `${jsonText(request, {
    cluster_fsid: fsid,
    osd_fsid: uuid,
    whoami: osd,
    newest_map: newest,
    collections: store.collections().length,
    stripe: store.stripeBytes,
    total: u.totalBytes,
    available: u.availableBytes,
    data_stored: u.dataBytes,
    allocated: u.allocatedBytes,
    omap: u.omapBytes,
    metadata: u.metadataBytes,
    compressed: Object.fromEntries(u.compressed),
    free_in_file: freeBytes,
    largest_free: largest,
    free_runs: runs,
    fragmentation: Number(share.toFixed(4)),
  })}\n`;
}

const LARGE_BYTES = 4 * 2 ** 20;
const RUN_BOUNDS: readonly [number, string][] = [
  [64 * 1024, 'below 64 KiB'],
  [2 ** 20, 'below 1 MiB'],
  [16 * 2 ** 20, 'below 16 MiB'],
  [2 ** 30, 'below 1 GiB'],
];
