import { DecodeError } from '../errors/index.ts';
import type { EVersion } from './basic.ts';
import { SNAP_HEAD } from './basic.ts';
import { checkCompat, decodeFront } from './message.ts';
import {
  MOSDOp,
  MOSDOpReply,
  OSD_OP_BYTES,
  OSD_OP_VERSION,
  type OSDOp,
  type OSDOpReply,
  type OsdOp,
} from './osd-op.ts';
import { OSD_OP_ARGS_BYTES } from './osd-op-args.ts';

// The op messages by hand, because every request passes here. The readers know one layout, the one that all 16.2
// programs write. Bytes that look different, too short ones among them, go to the declared codec, which reads them or
// says what is wrong; so these readers need no errors of their own.

const TWO32 = 0x1_0000_0000;
/** Up to the locator's key length: fixed offsets. */
const HEAD_BYTES = 117;
const LOCATOR_AT = 99;
const TRACE_AT = 63;
const TRACE_BYTES = 24;

interface Incoming {
  readonly front: Buffer;
  readonly version?: number;
  readonly compatVersion?: number;
}

/** Reads a request. Ops refer to their arguments inside `front`. @throws DecodeError */
export function readOSDOp(incoming: Incoming): OSDOp {
  checkCompat(MOSDOp, incoming.compatVersion);
  if (incoming.version !== undefined && incoming.version < OSD_OP_VERSION) {
    throw new DecodeError(`version ${incoming.version}, need ${OSD_OP_VERSION}`, 0, MOSDOp.name);
  }
  return tryReadOSDOp(incoming.front) ?? decodeFront(MOSDOp, incoming);
}

/** @internal The hand-written half of {@link readOSDOp}: undefined for bytes it leaves to the declared codec. */
export function tryReadOSDOp(b: Buffer): OSDOp | undefined {
  const end = b.length;
  if (end < HEAD_BYTES + 16) return undefined;
  // Envelopes of spg_t (18 bytes), pg_t, osd_reqid_t (21 bytes) and object_locator_t.
  if (b.readUInt32LE(0) !== 0x00120101 || b.readUInt16LE(4) !== 0 || b[6] !== 1) return undefined;
  if (b.readUInt32LE(36) !== 0x00150202 || b.readUInt16LE(40) !== 0) return undefined;
  if (b[LOCATOR_AT] !== 6 || b[LOCATOR_AT + 1]! > 6) return undefined;
  // Pool and entity numbers with a high word do not occur; the declared codec checks their range.
  if (b.readUInt32LE(11) !== 0 || b.readUInt32LE(47) !== 0 || b.readUInt32LE(109) !== 0) {
    return undefined;
  }
  const locatorEnd = LOCATOR_AT + 6 + b.readUInt32LE(LOCATOR_AT + 2);
  let at = HEAD_BYTES;
  const keyEnd = at + 4 + b.readUInt32LE(at);
  if (keyEnd + 4 > end) return undefined;
  const key = b.latin1Slice(at + 4, keyEnd);
  const namespaceEnd = keyEnd + 4 + b.readUInt32LE(keyEnd);
  // A newer locator with more fields ends later.
  if (namespaceEnd + 8 !== locatorEnd || locatorEnd + 4 > end) return undefined;
  const namespace = b.latin1Slice(keyEnd + 4, namespaceEnd);
  at = locatorEnd + 4 + b.readUInt32LE(locatorEnd);
  if (at + 2 > end) return undefined;
  const name = b.latin1Slice(locatorEnd + 4, at);
  const count = b.readUInt16LE(at);
  at += 2;
  const opsEnd = at + count * OSD_OP_BYTES;
  if (opsEnd + 20 > end) return undefined;
  const ops: OsdOp[] = [];
  for (; at < opsEnd; at += OSD_OP_BYTES) ops.push(readOp(b, at));
  const snapCount = b.readUInt32LE(opsEnd + 16);
  const tail = opsEnd + 20 + snapCount * 8;
  if (tail + 12 > end) return undefined;
  const snaps: bigint[] = [];
  for (let i = opsEnd + 20; i < tail; i += 8) snaps.push(read64(b, i));
  return {
    pgid: { pgid: { pool: b.readUInt32LE(7), seed: b.readUInt32LE(15) }, shard: b.readInt8(23) },
    hash: b.readUInt32LE(24),
    epoch: b.readUInt32LE(28),
    flags: b.readUInt32LE(32),
    reqid: {
      name: { type: b[42]!, num: b.readUInt32LE(43) },
      tid: read64(b, 51),
      inc: b.readInt32LE(59),
    },
    clientInc: b.readUInt32LE(87),
    mtime: { sec: b.readUInt32LE(91), nsec: b.readUInt32LE(95) },
    locator: {
      pool: b.readUInt32LE(105),
      key,
      namespace,
      hash: BigInt.asIntN(64, read64(b, namespaceEnd)),
    },
    name,
    ops,
    snapid: read64(b, opsEnd),
    snapSeq: read64(b, opsEnd + 8),
    snaps,
    retryAttempt: b.readInt32LE(tail),
    features: b.readBigUInt64LE(tail + 4),
  };
}

/** Most 64-bit fields are 0, -1 or SNAP_HEAD: those cost no allocation. */
function read64(b: Buffer, at: number): bigint {
  const low = b.readUInt32LE(at);
  const high = b.readUInt32LE(at + 4);
  if (high === 0 && low === 0) return 0n;
  if (high === 0xffffffff) {
    if (low === 0xfffffffe) return SNAP_HEAD;
    if (low === 0xffffffff) return ALL_ONES;
  }
  return b.readBigUInt64LE(at);
}
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

function readOp(b: Buffer, at: number): OsdOp {
  return {
    code: b.readUInt16LE(at),
    flags: b.readUInt32LE(at + 2),
    args: b,
    argsOffset: at + 6,
    payloadLength: b.readUInt32LE(at + 6 + OSD_OP_ARGS_BYTES),
  };
}

function writeOp(b: Buffer, at: number, op: OsdOp): void {
  b.writeUInt16LE(op.code, at);
  b.writeUInt32LE(op.flags, at + 2);
  for (let i = 0; i < OSD_OP_ARGS_BYTES; i++) b[at + 6 + i] = op.args[op.argsOffset + i]!;
  b.writeUInt32LE(op.payloadLength, at + 6 + OSD_OP_ARGS_BYTES);
}

function write53(b: Buffer, at: number, v: number): void {
  b.writeUInt32LE((v % TWO32) >>> 0, at);
  b.writeUInt32LE(Math.floor(v / TWO32), at + 4);
}

/** As {@link read64}: the frequent values without arithmetic on bigints. */
function write64(b: Buffer, at: number, v: bigint): void {
  if (v === 0n) {
    b.writeUInt32LE(0, at);
    b.writeUInt32LE(0, at + 4);
  } else if (v === -1n || v === SNAP_HEAD) {
    b.writeUInt32LE(v === -1n ? 0xffffffff : 0xfffffffe, at);
    b.writeUInt32LE(0xffffffff, at + 4);
  } else {
    b.writeBigUInt64LE(BigInt.asUintN(64, v), at);
  }
}

/** A signed id: small ones without a bigint. */
function writeId(b: Buffer, at: number, v: number): void {
  if (v >= 0) write53(b, at, v);
  else b.writeBigInt64LE(BigInt(v), at);
}

function writeString(b: Buffer, at: number, v: string): number {
  b.writeUInt32LE(v.length, at);
  b.latin1Write(v, at + 4, v.length);
  return at + 4 + v.length;
}

function writePg(b: Buffer, at: number, pool: number, seed: number): void {
  b[at] = 1;
  writeId(b, at + 1, pool);
  b.writeUInt32LE(seed, at + 9);
  b.writeInt32LE(-1, at + 13);
}

/** Writes a request's front. */
export function writeOSDOp(v: OSDOp): Buffer {
  const { locator, ops, snaps, reqid } = v;
  const strings = locator.key.length + locator.namespace.length + v.name.length;
  const b = Buffer.allocUnsafe(
    HEAD_BYTES + 54 + strings + ops.length * OSD_OP_BYTES + snaps.length * 8,
  );
  b.writeUInt32LE(0x00120101, 0);
  b.writeUInt16LE(0, 4);
  writePg(b, 6, v.pgid.pgid.pool, v.pgid.pgid.seed);
  b.writeInt8(v.pgid.shard, 23);
  b.writeUInt32LE(v.hash, 24);
  b.writeUInt32LE(v.epoch, 28);
  b.writeUInt32LE(v.flags, 32);
  b.writeUInt32LE(0x00150202, 36);
  b.writeUInt16LE(0, 40);
  b[42] = reqid.name.type;
  writeId(b, 43, reqid.name.num);
  write64(b, 51, reqid.tid);
  b.writeInt32LE(reqid.inc, 59);
  b.fill(0, TRACE_AT, TRACE_AT + TRACE_BYTES);
  b.writeUInt32LE(v.clientInc, 87);
  b.writeUInt32LE(v.mtime.sec, 91);
  b.writeUInt32LE(v.mtime.nsec, 95);
  b[LOCATOR_AT] = 6;
  b[LOCATOR_AT + 1] = locator.hash === -1n ? 3 : 6;
  b.writeUInt32LE(28 + locator.key.length + locator.namespace.length, LOCATOR_AT + 2);
  writeId(b, 105, locator.pool);
  b.writeInt32LE(-1, 113);
  let at = writeString(b, HEAD_BYTES, locator.key);
  at = writeString(b, at, locator.namespace);
  write64(b, at, locator.hash);
  at = writeString(b, at + 8, v.name);
  b.writeUInt16LE(ops.length, at);
  at += 2;
  for (const op of ops) {
    writeOp(b, at, op);
    at += OSD_OP_BYTES;
  }
  write64(b, at, v.snapid);
  write64(b, at + 8, v.snapSeq);
  b.writeUInt32LE(snaps.length, at + 16);
  at += 20;
  for (const snap of snaps) {
    write64(b, at, snap);
    at += 8;
  }
  b.writeInt32LE(v.retryAttempt, at);
  write64(b, at + 4, v.features);
  return b;
}

/** Reads a reply. Ops refer to their arguments inside `front`. @throws DecodeError */
export function readOSDOpReply(incoming: Incoming): OSDOpReply {
  checkCompat(MOSDOpReply, incoming.compatVersion);
  return tryReadOSDOpReply(incoming.front) ?? decodeFront(MOSDOpReply, incoming);
}

/** @internal The hand-written half of {@link readOSDOpReply}: undefined for bytes it leaves to the declared codec. */
export function tryReadOSDOpReply(b: Buffer): OSDOpReply | undefined {
  const end = b.length;
  if (end < 4) return undefined;
  let at = 4 + b.readUInt32LE(0);
  if (at + 49 > end) return undefined;
  const name = b.latin1Slice(4, at);
  // pg_t's version, a pool's high word, flags above 2^32.
  if (b[at] !== 1 || b.readUInt32LE(at + 5) !== 0 || b.readUInt32LE(at + 21) !== 0) {
    return undefined;
  }
  const head = at;
  const count = b.readUInt32LE(head + 45);
  at += 49;
  const opsEnd = at + count * OSD_OP_BYTES;
  const tail = opsEnd + 4 + count * 4;
  // The byte after the versions: no redirect. Behind it stands the trace.
  if (tail + 21 + TRACE_BYTES > end || b[tail + 20] !== 0) return undefined;
  const ops = [];
  for (let i = 0; i < count; i++, at += OSD_OP_BYTES) {
    ops.push({
      code: b.readUInt16LE(at),
      flags: b.readUInt32LE(at + 2),
      args: b,
      argsOffset: at + 6,
      payloadLength: b.readUInt32LE(at + 6 + OSD_OP_ARGS_BYTES),
      result: b.readInt32LE(opsEnd + 4 + i * 4),
    });
  }
  return {
    name,
    pgid: { pool: b.readUInt32LE(head + 1), seed: b.readUInt32LE(head + 9) },
    flags: b.readUInt32LE(head + 17),
    result: b.readInt32LE(head + 25),
    badReplayVersion: readEVersion(b, head + 29),
    epoch: b.readUInt32LE(head + 41),
    ops,
    retryAttempt: b.readInt32LE(opsEnd),
    version: readEVersion(b, tail),
    userVersion: read64(b, tail + 12),
    redirect: undefined,
  };
}

function readEVersion(b: Buffer, at: number): EVersion {
  return { version: read64(b, at), epoch: b.readUInt32LE(at + 8) };
}

function writeEVersion(b: Buffer, at: number, v: EVersion): void {
  write64(b, at, v.version);
  b.writeUInt32LE(v.epoch, at + 8);
}

/** Writes a reply's front. One with a redirect is left to the declared codec: {@link MOSDOpReply}. */
export function writeOSDOpReply(v: Omit<OSDOpReply, 'redirect'>): Buffer {
  const { ops } = v;
  const b = Buffer.allocUnsafe(102 + v.name.length + ops.length * (OSD_OP_BYTES + 4));
  let at = writeString(b, 0, v.name);
  writePg(b, at, v.pgid.pool, v.pgid.seed);
  write53(b, at + 17, v.flags);
  b.writeInt32LE(v.result, at + 25);
  writeEVersion(b, at + 29, v.badReplayVersion);
  b.writeUInt32LE(v.epoch, at + 41);
  b.writeUInt32LE(ops.length, at + 45);
  at += 49;
  for (const op of ops) {
    writeOp(b, at, op);
    at += OSD_OP_BYTES;
  }
  b.writeInt32LE(v.retryAttempt, at);
  at += 4;
  for (const op of ops) {
    b.writeInt32LE(op.result, at);
    at += 4;
  }
  writeEVersion(b, at, v.version);
  write64(b, at + 12, v.userVersion);
  b.fill(0, at + 20); // no redirect, the trace
  return b;
}
