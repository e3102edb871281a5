import { appendCrc32c, CRC_BLOCK_BYTES, CRC_BLOCK_SEED } from '../../codec/index.ts';
import { ERRNO } from '../../errors/index.ts';
import { DEFAULT_BOUNDS } from '../../msgr/index.ts';
import { HINT } from '../../store/index.ts';
import { OSD_OP_FLAG, type OsdOp, readArgs } from '../../wire/index.ts';
import { type Execution, kib } from './execution.ts';
import { checkRange, extentOf } from './extent.ts';
import { OBJECT_FLAG } from './object-info.ts';

export function write(x: Execution, op: OsdOp): number {
  const e = extentOf(op);
  const data = x.input(op);
  if (e.length !== data.length) return -ERRNO.EINVAL;
  return writeAt(x, e.offset, data, e.truncateSeq, e.truncateSize, x.inputCrcs(op));
}

/**
 * A write tells which truncation its sender knew last. An older one than the object's is cut at the object's end, for
 * its tail was truncated since; a newer one truncates first (PrimaryLogPG::do_osd_ops, CEPH_OSD_OP_WRITE).
 */
function writeAt(
  x: Execution,
  offset: number,
  given: Uint8Array,
  truncateSeq: number,
  truncateSize: number,
  crcs?: Uint32Array,
): number {
  const { objectSizeMax } = x.env.limits;
  let data = given;
  if (x.truncateSeq > truncateSeq && offset + data.length > x.size) {
    data = data.subarray(0, Math.max(0, x.size - offset));
  }
  const checked = checkWrite(x, offset, data.length);
  if (checked < 0) return checked;
  if (truncateSeq > x.truncateSeq) {
    // Without this bound a write of one byte could make an object of any size.
    if (truncateSize > objectSizeMax) return -ERRNO.EFBIG;
    x.truncateSeq = truncateSeq;
    x.truncateSize = truncateSize;
    if (x.exists && truncateSize !== x.size) truncateTo(x, truncateSize);
  }
  x.create();
  x.stats.numWr++;
  if (data.length === 0) {
    if (offset > x.size) truncateTo(x, offset);
    return 0;
  }
  put(x, offset, data, crcs);
  return 0;
}

/**
 * What all ops of a request write goes to the other members in one message. A pattern is written at no cost to who sends
 * it: with a few of them the message would be one that no member takes, and that is sent again for ever.
 */
const WRITTEN_BYTES_MAX = DEFAULT_BOUNDS.dataBytesMax;

/** EFBIG unless a request may write this as well. */
export function checkWrite(x: Execution, offset: number, length: number): number {
  if (x.writtenBytes + length > WRITTEN_BYTES_MAX) return -ERRNO.EFBIG;
  return checkRange(offset, length, x.env.limits.objectSizeMax);
}

/** @param crcs of whole blocks of what `data` begins with; it may have been cut since */
function put(x: Execution, offset: number, data: Uint8Array, crcs?: Uint32Array): void {
  const { oid } = x.object;
  x.txn.push({ op: 'write', c: x.env.collection, oid, offset, data, ...(crcs && { crcs }) });
  x.stats.numWrKb += kib(data.length);
  x.writtenBytes += data.length;
  x.resize(Math.max(x.size, offset + data.length));
}

function truncateTo(x: Execution, size: number): void {
  x.txn.push({ op: 'truncate', c: x.env.collection, oid: x.object.oid, size });
  x.resize(size);
}

/** Replaces the data, whatever offset the op names. */
export function writeFull(x: Execution, op: OsdOp): number {
  const { length } = extentOf(op);
  const data = x.input(op);
  if (length !== data.length) return -ERRNO.EINVAL;
  const checked = checkWrite(x, 0, length);
  if (checked < 0) return checked;
  x.create();
  x.stats.numWr++;
  if (x.size > length) truncateTo(x, length);
  const crcs = x.inputCrcs(op);
  if (length > 0) put(x, 0, data, crcs);
  x.dataDigest = digestOf(x, data, crcs);
  return 0;
}

/** The digest of an object's whole data where it costs next to nothing: that of others is left to the next deep scrub. */
function digestOf(x: Execution, data: Uint8Array, crcs?: Uint32Array): number | undefined {
  const blocks = crcs?.length ?? 0;
  if (data.length - blocks * CRC_BLOCK_BYTES > CRC_BLOCK_BYTES) return undefined;
  let digest = CRC_BLOCK_SEED;
  for (let i = 0; i < blocks; i++) digest = appendCrc32c(digest, crcs![i]!);
  const rest = blocks === 0 ? data : data.subarray(blocks * CRC_BLOCK_BYTES);
  return rest.length > 0 ? x.env.crc32c(digest, rest) : digest;
}

export function append(x: Execution, op: OsdOp): number {
  const { length } = extentOf(op);
  const data = x.input(op);
  if (length !== data.length) return -ERRNO.EINVAL;
  return writeAt(x, x.size, data, x.truncateSeq, x.truncateSize, x.inputCrcs(op));
}

/** Writes a pattern again and again. */
export function writeSame(x: Execution, op: OsdOp): number {
  const { offset, length, dataLength } = readArgs('writesame', op);
  const pattern = x.input(op);
  if (length === 0) return 0;
  if (dataLength === 0 || dataLength !== pattern.length || length % dataLength !== 0) {
    return -ERRNO.EINVAL;
  }
  const checked = checkWrite(x, offset, length);
  if (checked < 0) return checked;
  const data = Buffer.alloc(length, pattern);
  return writeAt(x, offset, data, x.truncateSeq, x.truncateSize);
}

/** Cuts or extends. A truncation that the object has seen already does nothing; nor does one of a missing object. */
export function truncate(x: Execution, op: OsdOp): number {
  const e = extentOf(op);
  if (!x.exists) return 0;
  const checked = checkRange(e.offset, e.length, x.env.limits.objectSizeMax);
  if (checked < 0) return checked;
  if (e.truncateSeq !== 0) {
    if (e.offset !== e.truncateSize) return -ERRNO.EINVAL;
    if (e.truncateSeq <= x.truncateSeq) return 0;
    x.truncateSeq = e.truncateSeq;
    x.truncateSize = e.truncateSize;
  }
  cut(x, e.offset);
  return 0;
}

function cut(x: Execution, size: number): void {
  x.modified = true;
  x.stats.numWr++;
  truncateTo(x, size);
}

/** Never extends: a range that reaches the object's end shortens it instead. */
export function zero(x: Execution, op: OsdOp): number {
  const { offset, length } = extentOf(op);
  const { objectSizeMax } = x.env.limits;
  const inBounds = offset < objectSizeMax && length >= 1 && length <= objectSizeMax;
  if (x.exists && inBounds && offset + length >= x.size) {
    if (offset >= x.size) return x.result;
    cut(x, offset);
    return 0;
  }
  const checked = checkRange(offset, length, objectSizeMax);
  if (checked < 0) return checked;
  if (!x.exists || length === 0) return 0;
  x.modified = true;
  x.stats.numWr++;
  x.resize(x.size);
  x.txn.push({ op: 'zero', c: x.env.collection, oid: x.object.oid, offset, length });
  return 0;
}

export function remove(x: Execution): number {
  if (!x.exists) return -ERRNO.ENOENT;
  x.remove();
  return 0;
}

export function create(x: Execution, op: OsdOp): number {
  if (x.exists && (op.flags & OSD_OP_FLAG.EXCL) !== 0) return -ERRNO.EEXIST;
  x.create();
  x.stats.numWr++;
  return 0;
}

/** The hint is kept with the object, and the store hears of what it looks at. */
export function setAllocHint(x: Execution, op: OsdOp): number {
  const hint = readArgs('allocHint', op);
  x.create();
  x.stats.numWr++;
  x.expectedObjectSize = hint.expectedObjectSize;
  x.expectedWriteSize = hint.expectedWriteSize;
  // RBD says it again with every write.
  if (((x.allocHintFlags ^ hint.flags) & (HINT.compressible | HINT.incompressible)) !== 0) {
    const { oid } = x.object;
    x.txn.push({ op: 'hint', c: x.env.collection, oid, flags: hint.flags });
  }
  x.allocHintFlags = hint.flags;
  return 0;
}

export function undirty(x: Execution): number {
  if ((x.flags & OBJECT_FLAG.dirty) === 0) return 0;
  x.undirty = true;
  x.modified = true;
  x.stats.numWr++;
  return 0;
}
