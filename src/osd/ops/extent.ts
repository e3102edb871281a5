import { ERRNO } from '../../errors/index.ts';
import { type OsdExtent, type OsdOp, readExtent } from '../../wire/index.ts';

/**
 * The extent of an op. A truncation number of 1 with the size -1, which older CephFS clients send for "never
 * truncated", reads as none (PrimaryLogPG::do_osd_ops, 16.2).
 */
export function extentOf(op: OsdOp): OsdExtent {
  const e = readExtent(op);
  if (e.truncateSeq === 1 && e.truncateSize === Number.MAX_SAFE_INTEGER) {
    return { offset: e.offset, length: e.length, truncateSize: 0, truncateSeq: 0 };
  }
  return e;
}

/** EFBIG unless the range begins and ends within what an object may have; even an empty range must begin there. */
export function checkRange(offset: number, length: number, objectSizeMax: number): number {
  return offset >= objectSizeMax || offset + length > objectSizeMax ? -ERRNO.EFBIG : 0;
}
