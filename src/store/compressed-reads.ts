import { CephError } from '../errors/index.ts';
import type { DiskFile } from '../runtime/index.ts';
import { BLOCK_BYTES, type Run } from './allocator.ts';
import type { CompressedExtent } from './extent.ts';

/**
 * How many units are read together: enough that turns through the thread pool do not count, and few enough that others
 * get their turn between the blobs that are unpacked.
 */
const TOGETHER_UNITS = 64;

/** Parts extents, in their order, into groups whose blobs are read together. */
export function* readGroups(extents: readonly CompressedExtent[]): Generator<CompressedExtent[]> {
  let group: CompressedExtent[] = [];
  let units = 0;
  for (const e of extents) {
    group.push(e);
    units += e.blob.crcs.length;
    if (units < TOGETHER_UNITS) continue;
    yield group;
    group = [];
    units = 0;
  }
  if (group.length > 0) yield group;
}

/**
 * The bytes of the blobs, as they lie on disk, one behind the other; what lies on disk like that is read at once.
 * @throws CephError EIO when the file ends before
 */
export async function readBlobs(
  file: DiskFile,
  extents: readonly CompressedExtent[],
): Promise<Buffer> {
  const reads: Run[] = [];
  let units = 0;
  for (const { blob } of extents) {
    for (const { unit, count } of blob.runs) {
      const last = reads.at(-1);
      if (last && last.unit + last.count === unit) {
        reads[reads.length - 1] = { unit: last.unit, count: last.count + count };
      } else reads.push({ unit, count });
      units += count;
    }
  }
  const out = Buffer.allocUnsafe(units * BLOCK_BYTES);
  let at = 0;
  const running = reads.map(async ({ unit, count }) => {
    const into = out.subarray(at, at + count * BLOCK_BYTES);
    at += into.length;
    if ((await file.read(into, unit * BLOCK_BYTES)) < into.length) {
      throw new CephError('EIO', `units ${unit}~${count} are not there`);
    }
  });
  await Promise.all(running);
  return out;
}
