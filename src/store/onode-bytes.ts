import type { Onode } from './onode.ts';

/*
 * What things take in memory on a 64-bit engine without compressed pointers, found by counting words and held to what the
 * heap grows by (test/store-memory.test.ts).
 */
/** The object, its key's head, its tables and lists while they are empty, its place in the cache. */
const OBJECT_BYTES = 500;
const ATTRIBUTE_BYTES = 64;
const EXTENT_BYTES = 380;
/** Up to so many checksums lie within the heap; more of them take a piece of memory outside. */
const CHECKSUMS_INSIDE = 16;
const OUTSIDE_BYTES = 200;
const BLOB_BYTES = 200;
const PATCH_BYTES = 100;

/** Memory that an object at rest takes in a cache, about. */
export function onodeBytes(n: Onode): number {
  let bytes = OBJECT_BYTES + n.key.length + (n.omapHeader?.length ?? 0);
  for (const [name, value] of n.attrs) bytes += ATTRIBUTE_BYTES + name.length + value.length;
  for (const e of n.extents) {
    bytes += EXTENT_BYTES;
    if (e.blob) bytes += BLOB_BYTES + 8 * e.blob.crcs.length;
    else bytes += 4 * e.crcs.length + (e.crcs.length > CHECKSUMS_INSIDE ? OUTSIDE_BYTES : 0);
  }
  return bytes + PATCH_BYTES * n.patches.length;
}
