import { DecodeError, ERRNO } from '../../errors/index.ts';
import { OSD_OP, OSD_OP_FLAG, OSD_OP_MODE, type OsdOp } from '../../wire/index.ts';
import { checksum } from './checksum.ts';
import type { RequestKind } from './classify.ts';
import { copyFrom, copyGet } from './copy.ts';
import * as data from './data-read.ts';
import * as write from './data-write.ts';
import { Execution, type Step } from './execution.ts';
import * as omap from './omap.ts';
import type { ObjectContext, OpEnv, OpRequest, Prepared } from './types.ts';
import * as xattr from './xattr.ts';

/**
 * Runs a request's ops on its object, in order, up to the first that fails without FAILOK. Changes nothing: the
 * result is settled by {@link Prepared.finish}. A promise only when an op waits for a device or another OSD; until it
 * is settled the caller lets no other request change the object.
 */
export function execute(
  env: OpEnv,
  request: OpRequest,
  kind: Exclude<RequestKind, 'pg'>,
  object: ObjectContext,
): Prepared | Promise<Prepared> {
  const x = new Execution(env, request, kind, object);
  const refused = refuseWhole(x);
  if (refused < 0) {
    x.result = refused;
    return x;
  }
  return run(x);
}

/** Errors of the request that come before its first op and leave no trace in the log. */
function refuseWhole(x: Execution): number {
  const { op } = x.request;
  if (!x.writes) {
    if (x.exists) return 0;
    x.kind = 'early';
    return -ERRNO.ENOENT;
  }
  if (op.snapSeq === 0n && op.snaps.length === 0) return 0;
  x.kind = 'read';
  // A snapshot context that contradicts itself is refused by Ceph as well; a sound one we cannot serve yet.
  const sound = op.snaps.every((s, i) => s <= (i === 0 ? op.snapSeq : op.snaps[i - 1]! - 1n));
  return sound ? -ERRNO.EOPNOTSUPP : -ERRNO.EINVAL;
}

function run(x: Execution): Prepared | Promise<Prepared> {
  const { ops } = x.request.op;
  while (x.index < ops.length) {
    const op = ops[x.index]!;
    const result = attempt(x, op);
    if (typeof result !== 'number') {
      return result.then((r) => (settle(x, op, r) ? run(x) : x));
    }
    if (!settle(x, op, result)) return x;
  }
  return x;
}

/** Takes an op's result and goes on to the next op, if there is to be one. */
function settle(x: Execution, op: OsdOp, result: number): boolean {
  x.result = result;
  if (x.kind === 'early') {
    x.results[x.index] = -ERRNO.EINPROGRESS;
    return false;
  }
  x.results[x.index] = result;
  if (result < 0) {
    if ((op.flags & OSD_OP_FLAG.FAILOK) === 0) return false;
    x.result = 0;
  }
  x.index++;
  x.inputOffset += op.payloadLength;
  return true;
}

function attempt(x: Execution, op: OsdOp): Step {
  if ((op.code & OSD_OP_MODE.write) !== 0 && !KEEPS_USER_VERSION.has(op.code))
    x.userModified = true;
  try {
    return step(x, op);
  } catch (e) {
    // The input of an op that should hold an encoded value.
    if (e instanceof DecodeError) return -ERRNO.EINVAL;
    // Attributes and omap are read at once.
    return x.failed(e);
  }
}

/** Ops that change an object without its users seeing a new version. */
const KEEPS_USER_VERSION = new Set<number>([OSD_OP.UNDIRTY, OSD_OP.COPY_FROM, OSD_OP.COPY_FROM2]);

function step(x: Execution, op: OsdOp): Step {
  switch (op.code) {
    case OSD_OP.READ:
    case OSD_OP.SYNC_READ:
      return data.read(x, op);
    case OSD_OP.WRITE:
      return write.write(x, op);
    case OSD_OP.WRITEFULL:
      return write.writeFull(x, op);
    case OSD_OP.SETALLOCHINT:
      return write.setAllocHint(x, op);
    case OSD_OP.STAT:
      return data.stat(x);
    case OSD_OP.APPEND:
      return write.append(x, op);
    case OSD_OP.DELETE:
      return write.remove(x);
    case OSD_OP.CREATE:
      return write.create(x, op);
    case OSD_OP.TRUNCATE:
      return write.truncate(x, op);
    case OSD_OP.ZERO:
      return write.zero(x, op);
    case OSD_OP.WRITESAME:
      return write.writeSame(x, op);
    case OSD_OP.UNDIRTY:
      return write.undirty(x);
    case OSD_OP.SPARSE_READ:
      return data.sparseRead(x, op);
    case OSD_OP.MAPEXT:
      return data.mapExtents(x, op);
    case OSD_OP.CMPEXT:
      return data.compareExtent(x, op);
    case OSD_OP.CHECKSUM:
      return checksum(x, op);
    case OSD_OP.ASSERT_VER:
      return data.assertVersion(x, op);
    case OSD_OP.ISDIRTY:
      return data.isDirty(x);
    case OSD_OP.LIST_WATCHERS:
      return data.listWatchers(x);
    case OSD_OP.LIST_SNAPS:
      return data.listSnaps(x);
    case OSD_OP.GETXATTR:
      return xattr.getXattr(x, op);
    case OSD_OP.GETXATTRS:
      return xattr.getXattrs(x);
    case OSD_OP.CMPXATTR:
      return xattr.compareXattr(x, op);
    case OSD_OP.SETXATTR:
      return xattr.setXattr(x, op);
    case OSD_OP.RMXATTR:
      return xattr.removeXattr(x, op);
    case OSD_OP.OMAPGETKEYS:
      return omap.getOmap(x, op, false);
    case OSD_OP.OMAPGETVALS:
      return omap.getOmap(x, op, true);
    case OSD_OP.OMAPGETHEADER:
      return omap.getOmapHeader(x);
    case OSD_OP.OMAPGETVALSBYKEYS:
      return omap.getOmapByKeys(x, op);
    case OSD_OP.OMAP_CMP:
      return omap.compareOmap(x, op);
    case OSD_OP.OMAPSETVALS:
      return omap.setOmap(x, op);
    case OSD_OP.OMAPSETHEADER:
      return omap.setOmapHeader(x, op);
    case OSD_OP.OMAPCLEAR:
      return omap.clearOmap(x);
    case OSD_OP.OMAPRMKEYS:
      return omap.removeOmapKeys(x, op);
    case OSD_OP.OMAPRMKEYRANGE:
      return omap.removeOmapRange(x, op);
    case OSD_OP.COPY_GET:
      return copyGet(x, op);
    case OSD_OP.COPY_FROM:
    case OSD_OP.COPY_FROM2:
      return copyFrom(x, op);
    default:
      return -ERRNO.EOPNOTSUPP;
  }
}
