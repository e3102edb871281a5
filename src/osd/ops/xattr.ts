import { byteString, bytes, encodeToBytes, map } from '../../codec/index.ts';
import { ERRNO } from '../../errors/index.ts';
import { CMPXATTR_MODE, CMPXATTR_OP, type OsdOp, readArgs } from '../../wire/index.ts';
import { EMPTY, type Execution, kib } from './execution.ts';
import { INFO_ATTR } from './object-info.ts';

/** User attributes stand in the store behind this character, as in Ceph; the bare character is the object's info. */
const USER_PREFIX = INFO_ATTR;

interface XattrArgs {
  readonly name: string;
  readonly value: Uint8Array;
  readonly cmpOp: number;
  readonly cmpMode: number;
}

/** Name and value stand in the input one after the other; undefined when it is too short for them. */
function xattrArgs(x: Execution, op: OsdOp): XattrArgs | undefined {
  const { nameLength, valueLength, cmpOp, cmpMode } = readArgs('xattr', op);
  const input = x.input(op);
  if (nameLength + valueLength > input.length) return undefined;
  const name = Buffer.from(input.buffer, input.byteOffset, nameLength).latin1Slice();
  const value = input.subarray(nameLength, nameLength + valueLength);
  return { name, value, cmpOp, cmpMode };
}

/** The value, or -errno. */
function stored(x: Execution, name: string): Uint8Array | number {
  if (!x.stored) return -ERRNO.ENOENT;
  if (name === '') return -ERRNO.ENODATA;
  const { store, collection } = x.env;
  return store.getattr(collection, x.object.oid, USER_PREFIX + name) ?? -ERRNO.ENODATA;
}

export function getXattr(x: Execution, op: OsdOp): number {
  const args = xattrArgs(x, op);
  x.stats.numRd++;
  if (!args) return -ERRNO.EINVAL;
  const value = stored(x, args.name);
  if (typeof value === 'number') return value;
  x.output(value);
  return 0;
}

const XattrMap = map(byteString, bytes);

/** User attributes of an object in the store, without the prefix. */
export function userAttrs(x: Execution): Map<string, Uint8Array> {
  const user = new Map<string, Uint8Array>();
  if (!x.stored) return user;
  for (const [name, value] of x.env.store.getattrs(x.env.collection, x.object.oid)) {
    if (name.length > 1 && name.startsWith(USER_PREFIX)) user.set(name.slice(1), value);
  }
  return user;
}

export function getXattrs(x: Execution): number {
  x.stats.numRd++;
  x.output(encodeToBytes(XattrMap, userAttrs(x)));
  return x.stored ? 0 : -ERRNO.ENOENT;
}

/** A missing attribute compares as empty, or as 0. True is the result 1. */
export function compareXattr(x: Execution, op: OsdOp): number {
  const args = xattrArgs(x, op);
  x.stats.numRd++;
  if (!args) return -ERRNO.EINVAL;
  const found = stored(x, args.name);
  if (found === -ERRNO.ENOENT) return found;
  const value = typeof found === 'number' ? EMPTY : found;
  x.stats.numRdKb += kib(value.length);
  const order = orderOf(args, value);
  if (order === undefined) return -ERRNO.EINVAL;
  const holds = holdsFor(args.cmpOp, order);
  if (holds === undefined) return -ERRNO.EINVAL;
  return holds ? 1 : -ERRNO.ECANCELED;
}

/** Of the given value to the stored one. */
function orderOf(args: XattrArgs, value: Uint8Array): number | undefined {
  if (args.cmpMode === CMPXATTR_MODE.STRING) return Buffer.compare(args.value, value);
  if (args.cmpMode !== CMPXATTR_MODE.U64 || args.value.length < 8) return undefined;
  const given = Buffer.from(args.value).readBigUInt64LE();
  const own = decimalOf(Buffer.from(value).latin1Slice());
  return given < own ? -1 : given > own ? 1 : 0;
}

const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** What C's strtoull makes of a text: its leading digits, 0 without any, the largest value when they are too many. */
function decimalOf(text: string): bigint {
  const m = /^[ \t\n\v\f\r]*([+-]?)(\d+)/.exec(text);
  if (!m) return 0n;
  // Twenty digits hold every u64; a longer number is above the largest, unless it is zeros.
  const digits = m[2]!.replace(/^0+/, '').slice(0, 21) || '0';
  const n = BigInt(digits);
  if (n > U64_MAX) return U64_MAX;
  return m[1] === '-' ? BigInt.asUintN(64, -n) : n;
}

function holdsFor(cmpOp: number, order: number): boolean | undefined {
  switch (cmpOp) {
    case CMPXATTR_OP.EQ:
      return order === 0;
    case CMPXATTR_OP.NE:
      return order !== 0;
    case CMPXATTR_OP.GT:
      return order > 0;
    case CMPXATTR_OP.GTE:
      return order >= 0;
    case CMPXATTR_OP.LT:
      return order < 0;
    case CMPXATTR_OP.LTE:
      return order <= 0;
    default:
      return undefined;
  }
}

export function setXattr(x: Execution, op: OsdOp): number {
  const args = xattrArgs(x, op);
  if (!args) return -ERRNO.EINVAL;
  const { attrSizeMax, attrNameLengthMax } = x.env.limits;
  if (attrSizeMax > 0 && args.value.length > attrSizeMax) return -ERRNO.EFBIG;
  if (args.name.length > attrNameLengthMax) return -ERRNO.ENAMETOOLONG;
  x.create();
  x.stats.numWr++;
  // In Ceph too an attribute without a name is accepted and then gone: the object's info overwrites it.
  if (args.name === '') return 0;
  x.txn.push({
    op: 'setattrs',
    c: x.env.collection,
    oid: x.object.oid,
    attrs: new Map([[USER_PREFIX + args.name, args.value]]),
  });
  return 0;
}

/** Removing what is not there succeeds. */
export function removeXattr(x: Execution, op: OsdOp): number {
  if (!x.exists) return -ERRNO.ENOENT;
  const args = xattrArgs(x, op);
  if (!args) return -ERRNO.EINVAL;
  x.modified = true;
  x.stats.numWr++;
  if (args.name === '') return 0;
  const name = USER_PREFIX + args.name;
  x.txn.push({ op: 'rmattr', c: x.env.collection, oid: x.object.oid, name });
  return 0;
}
