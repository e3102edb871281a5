import { encodeToBytes, map, u53 } from '../../codec/index.ts';
import { ERRNO } from '../../errors/index.ts';
import {
  type OsdOp,
  readArgs,
  SNAP_HEAD,
  SnapListOutput,
  SparseReadOutput,
  WatcherList,
} from '../../wire/index.ts';
import type { Execution, Step } from './execution.ts';
import { extentOf } from './extent.ts';
import { INFO_NEW, OBJECT_FLAG } from './object-info.ts';

/** READ and SYNC_READ. Length 0 is the whole object; a truncation the OSD has not seen yet shortens it. */
export function read(x: Execution, op: OsdOp): Step {
  x.stats.numRd++;
  return readClipped(x, op, (bytes, crcs) => {
    x.output(bytes, crcs);
    return 0;
  });
}

function readClipped(
  x: Execution,
  op: OsdOp,
  then: (bytes: Uint8Array, crcs?: Uint32Array) => number,
): Step {
  const e = extentOf(op);
  let { size } = x;
  if (
    e.truncateSeq > x.truncateSeq &&
    e.offset + e.length > e.truncateSize &&
    size > e.truncateSize
  ) {
    size = e.truncateSize;
  }
  const wanted = e.length === 0 ? size : e.length;
  return x.read(e.offset, Math.max(0, Math.min(wanted, size - e.offset)), then);
}

/** Compares with stored bytes; past the end they count as zeros. A difference at byte k is the result -(4095 + k). */
export function compareExtent(x: Execution, op: OsdOp): Step {
  const given = x.input(op);
  x.stats.numRd++;
  return readClipped(x, op, (stored) => {
    for (let i = 0; i < given.length; i++) {
      if (given[i] !== (i < stored.length ? stored[i] : 0)) return -4095 - i;
    }
    return 0;
  });
}

export function stat(x: Execution): number {
  x.stats.numRd++;
  if (!x.exists) return -ERRNO.ENOENT;
  const { mtime } = x.object.info ?? INFO_NEW;
  const out = Buffer.alloc(16);
  out.writeUInt32LE(x.size >>> 0, 0);
  out.writeUInt32LE(Math.floor(x.size / 2 ** 32), 4);
  out.writeUInt32LE(mtime.sec, 8);
  out.writeUInt32LE(mtime.nsec, 12);
  x.output(out);
  return x.result;
}

/** Stretches of data within a range that may reach past the object's end. */
function extents(x: Execution, offset: number, length: number) {
  const within = Math.min(length, x.size - offset);
  if (!x.stored || within <= 0) return [];
  return x.env.store.extents(x.env.collection, x.object.oid, offset, within);
}

export function sparseRead(x: Execution, op: OsdOp): Step {
  const e = extentOf(op);
  x.stats.numRd++;
  if (e.truncateSeq !== 0) return -ERRNO.EINVAL;
  const found = extents(x, e.offset, e.length);
  const finish = (parts: Uint8Array[]): number => {
    const data = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    const pairs = found.map((f): [number, number] => [f.offset, f.length]);
    x.output(encodeToBytes(SparseReadOutput, { extents: pairs, data }));
    return 0;
  };
  const { store, collection } = x.env;
  try {
    const parts = found.map((f) => store.read(collection, x.object.oid, f.offset, f.length));
    return parts.some((p) => p instanceof Promise)
      ? Promise.all(parts)
          .then(finish)
          .catch((e) => x.failed(e))
      : finish(parts as Uint8Array[]);
  } catch (error) {
    return x.failed(error);
  }
}

const ExtentMap = map(u53, u53);
export function mapExtents(x: Execution, op: OsdOp): number {
  const e = extentOf(op);
  x.stats.numRd++;
  const found = extents(x, e.offset, e.length);
  x.output(encodeToBytes(ExtentMap, new Map(found.map((f) => [f.offset, f.length]))));
  return x.result;
}

/** Of the user version. */
export function assertVersion(x: Execution, op: OsdOp): number {
  const { version } = readArgs('assertVer', op);
  const own = x.object.info?.userVersion ?? 0n;
  x.stats.numRd++;
  if (version === 0n) return -ERRNO.EINVAL;
  if (version < own) return -ERRNO.ERANGE;
  return version > own ? -ERRNO.EOVERFLOW : x.result;
}

export function isDirty(x: Execution): number {
  x.stats.numRd++;
  x.output(Buffer.from([(x.flags & OBJECT_FLAG.dirty) !== 0 ? 1 : 0]));
  return 0;
}

/** Nobody can watch yet. */
export function listWatchers(x: Execution): number {
  x.stats.numRd++;
  x.output(encodeToBytes(WatcherList, { watchers: [] }));
  return 0;
}

/** Without snapshots there is only the head. */
export function listSnaps(x: Execution): number {
  x.stats.numRd++;
  const head = { cloneid: SNAP_HEAD, snaps: [], overlap: [], size: x.size };
  x.output(encodeToBytes(SnapListOutput, { clones: [head], seq: 0n }));
  return 0;
}
