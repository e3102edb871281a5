import { ERRNO } from '../../errors/index.ts';
import {
  OSD_OP,
  OSD_OP_MODE,
  OSD_OP_TYPE,
  OSD_OP_TYPE_MASK,
  type OSDOp,
  readArgs,
  SNAP_DIR,
  SNAP_HEAD,
} from '../../wire/index.ts';
import type { OpLimits, OpRequest } from './types.ts';

/** EMSGSIZE, which a write larger than osd_max_write_size gets; the table of errnos that clients know lacks it. */
const EMSGSIZE = 90;

/**
 * Classes that a 16.2 OSD loads by default (osd_class_load_list). A call to any other is refused with EPERM; we
 * execute none, so a call to one of these is answered like a method that the class does not have.
 */
const KNOWN_CLASSES = new Set(
  (
    'cephfs hello journal lock log numops otp rbd refcount rgw rgw_gc timeindex user version cas ' +
    'cmpomap queue 2pc_queue fifo'
  ).split(' '),
);

export type RequestKind = 'read' | 'write' | 'pg';

/**
 * What a request is, from its ops and not its flags; or -errno when it is refused before its object is looked at.
 * Order of the checks as observed on 16.2: ops, names, size, snapshot.
 */
export function classify(request: OpRequest, limits: OpLimits): RequestKind | number {
  const { op } = request;
  let modes = 0;
  let pg = false;
  let inputs = 0;
  let snapLists = 0;
  let calls = 0;
  for (const { code, payloadLength } of op.ops) {
    modes |= code & (OSD_OP_MODE.read | OSD_OP_MODE.write | OSD_OP_MODE.cache);
    if ((code & OSD_OP_TYPE_MASK) === OSD_OP_TYPE.pg) pg = true;
    if (code === OSD_OP.LIST_SNAPS) snapLists++;
    if (code === OSD_OP.CALL) calls++;
    inputs += payloadLength;
  }
  if (modes === 0 || inputs > request.data.length) return -ERRNO.EINVAL;
  if (calls > 0) return refuseCall(op, request.data);
  if (pg) return 'pg';
  const named = checkNames(op, limits);
  if (named < 0) return named;
  if ((modes & OSD_OP_MODE.write) !== 0) {
    if (request.data.length > limits.writeSizeMax) return -EMSGSIZE;
    return op.snapid === SNAP_HEAD ? 'write' : -ERRNO.EINVAL;
  }
  // The snapshots of an object can only be listed, and only by naming the snapshot directory.
  const wanted = op.snapid === SNAP_DIR ? op.ops.length : 0;
  return snapLists === wanted ? 'read' : -ERRNO.EINVAL;
}

/** The errno of the first call. */
function refuseCall(op: OSDOp, data: Uint8Array): number {
  let at = 0;
  for (const one of op.ops) {
    if (one.code === OSD_OP.CALL) {
      const { classLength } = readArgs('cls', one);
      const name = Buffer.from(data.subarray(at, at + classLength)).latin1Slice();
      if (!KNOWN_CLASSES.has(name)) return -ERRNO.EPERM;
      break;
    }
    at += one.payloadLength;
  }
  return -ERRNO.EOPNOTSUPP;
}

function checkNames(op: OSDOp, limits: OpLimits): number {
  const { name, locator } = op;
  if (
    name.length > limits.objectNameLengthMax ||
    locator.key.length > limits.objectNameLengthMax ||
    locator.namespace.length > limits.namespaceLengthMax
  ) {
    return -ERRNO.ENAMETOOLONG;
  }
  return name === '' ? -ERRNO.EINVAL : 0;
}
