import { DecodeError } from '../../errors/index.ts';
import {
  ENTITY,
  EVERSION_ZERO,
  type EVersion,
  type ReqId,
  TIME_ZERO,
  type UTime,
} from '../../wire/index.ts';

/** Attribute of the store that holds {@link ObjectInfo}. User attributes have this character before their name. */
export const INFO_ATTR = '_';

/** Bits of {@link ObjectInfo.flags}; values as object_info_t::flag_t in src/osd/osd_types.h, Ceph 16.2. */
export const OBJECT_FLAG = { dirty: 1 << 2, omap: 1 << 3 } as const;
/** Bits beside them in the stored form, and in Ceph's: which digests are known. */
export const DIGEST_FLAG = { data: 1 << 4, omap: 1 << 5 } as const;

/** What the OSD knows of an object beside its content. A value is never changed, only replaced. */
export interface ObjectInfo {
  /** Of the last change, and of the one before. */
  readonly version: EVersion;
  readonly priorVersion: EVersion;
  readonly lastReqid: ReqId;
  readonly userVersion: bigint;
  readonly size: number;
  /** As the client says, and by the OSD's clock. */
  readonly mtime: UTime;
  readonly localMtime: UTime;
  /** {@link OBJECT_FLAG} */
  readonly flags: number;
  /** The newest truncation that a client announced with a write, and the size it cut to (CephFS). */
  readonly truncateSeq: number;
  readonly truncateSize: number;
  readonly expectedObjectSize: number;
  readonly expectedWriteSize: number;
  readonly allocHintFlags: number;
  /** crc32c(0xffffffff) of all data, when it is known: every change of data that does not replace all forgets it. */
  readonly dataDigest: number | undefined;
  /** As a deep scrub makes it, see the scrub's digest of an omap; likewise forgotten. */
  readonly omapDigest: number | undefined;
}

const REQID_ZERO: ReqId = { name: { type: ENTITY.osd, num: 0 }, tid: 0n, inc: 0 };

/** An object that has just come into being. */
export const INFO_NEW: ObjectInfo = {
  version: EVERSION_ZERO,
  priorVersion: EVERSION_ZERO,
  lastReqid: REQID_ZERO,
  userVersion: 0n,
  size: 0,
  mtime: TIME_ZERO,
  localMtime: TIME_ZERO,
  flags: 0,
  truncateSeq: 0,
  truncateSize: 0,
  expectedObjectSize: 0,
  expectedWriteSize: 0,
  allocHintFlags: 0,
  dataDigest: undefined,
  omapDigest: undefined,
};

const FORMAT = 2;
const LENGTH = 128;
/** Without digests. */
const OLD_FORMAT = 1;
const OLD_LENGTH = 120;

/**
 * Our own format, of one fixed length: it is written with every change of an object, so it costs one allocation.
 * Later formats get another first byte.
 */
export function encodeObjectInfo(v: ObjectInfo): Buffer {
  const b = Buffer.allocUnsafe(LENGTH);
  b.writeUInt32LE(FORMAT, 0);
  b.writeUInt32LE((v.flags | digestFlags(v)) >>> 0, 4);
  b.writeBigUInt64LE(v.version.version, 8);
  b.writeUInt32LE(v.version.epoch, 16);
  b.writeUInt32LE(v.priorVersion.epoch, 20);
  b.writeBigUInt64LE(v.priorVersion.version, 24);
  b.writeBigUInt64LE(v.userVersion, 32);
  writeU53(b, v.size, 40);
  b.writeUInt32LE(v.mtime.sec, 48);
  b.writeUInt32LE(v.mtime.nsec, 52);
  b.writeUInt32LE(v.localMtime.sec, 56);
  b.writeUInt32LE(v.localMtime.nsec, 60);
  writeU53(b, v.lastReqid.name.num, 64);
  b.writeBigUInt64LE(v.lastReqid.tid, 72);
  b.writeInt32LE(v.lastReqid.inc, 80);
  b.writeUInt32LE(v.lastReqid.name.type, 84);
  writeU53(b, v.truncateSize, 88);
  b.writeUInt32LE(v.truncateSeq, 96);
  b.writeUInt32LE(v.allocHintFlags, 100);
  writeU53(b, v.expectedObjectSize, 104);
  writeU53(b, v.expectedWriteSize, 112);
  b.writeUInt32LE(v.dataDigest ?? 0, 120);
  b.writeUInt32LE(v.omapDigest ?? 0, 124);
  return b;
}

/** @throws DecodeError when the bytes are not ours: the object is damaged. */
export function decodeObjectInfo(bytes: Uint8Array): ObjectInfo {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const format = b.length >= OLD_LENGTH ? b.readUInt32LE(0) : 0;
  if (
    b.length !== (format === OLD_FORMAT ? OLD_LENGTH : LENGTH) ||
    format > FORMAT ||
    format === 0
  ) {
    throw new DecodeError(`${b.length} bytes of unknown format`, 0, 'ObjectInfo');
  }
  const flags = b.readUInt32LE(4);
  return {
    flags: (flags & ~(DIGEST_FLAG.data | DIGEST_FLAG.omap)) >>> 0,
    version: { version: b.readBigUInt64LE(8), epoch: b.readUInt32LE(16) },
    priorVersion: { version: b.readBigUInt64LE(24), epoch: b.readUInt32LE(20) },
    userVersion: b.readBigUInt64LE(32),
    size: readU53(b, 40),
    mtime: { sec: b.readUInt32LE(48), nsec: b.readUInt32LE(52) },
    localMtime: { sec: b.readUInt32LE(56), nsec: b.readUInt32LE(60) },
    lastReqid: {
      name: { type: b.readUInt32LE(84), num: readU53(b, 64) },
      tid: b.readBigUInt64LE(72),
      inc: b.readInt32LE(80),
    },
    truncateSize: readU53(b, 88),
    truncateSeq: b.readUInt32LE(96),
    allocHintFlags: b.readUInt32LE(100),
    expectedObjectSize: readU53(b, 104),
    expectedWriteSize: readU53(b, 112),
    dataDigest: flags & DIGEST_FLAG.data ? b.readUInt32LE(120) : undefined,
    omapDigest: flags & DIGEST_FLAG.omap ? b.readUInt32LE(124) : undefined,
  };
}

/** Which digests are known, as bits of {@link DIGEST_FLAG}. */
export function digestFlags(v: Pick<ObjectInfo, 'dataDigest' | 'omapDigest'>): number {
  return (
    (v.dataDigest === undefined ? 0 : DIGEST_FLAG.data) |
    (v.omapDigest === undefined ? 0 : DIGEST_FLAG.omap)
  );
}

function writeU53(b: Buffer, v: number, at: number): void {
  b.writeUInt32LE(v >>> 0, at);
  b.writeUInt32LE(Math.floor(v / 2 ** 32), at + 4);
}
function readU53(b: Buffer, at: number): number {
  return b.readUInt32LE(at) + b.readUInt32LE(at + 4) * 2 ** 32;
}
