import { type Codec, decodeAll } from '../../codec/index.ts';
import type { EVersion } from '../../wire/index.ts';
import { LogEntry, type PgTotals, reqidKey } from './log-entry.ts';

// By hand, because every change passes here on each member: once written, on the others once read. Held to the declared
// LogEntry by a property test.

/** What is remembered of a request to answer it again. */
export interface Done {
  readonly result: number;
  readonly version: EVersion;
  readonly userVersion: bigint;
}

/*
 * The layout of LogEntry: envelope of 6 bytes, kind u8, version, previous and prior of 12 bytes each, the object with an
 * envelope of its own, then from its end on: reqid 27, userVersion 8, result 4, totals 62.
 */
const KIND_AT = 6;
const VERSION_AT = 7;
const PREVIOUS_AT = 19;
const PRIOR_AT = 31;
const OID_AT = 43;
const ENVELOPE_BYTES = 6;
const OID_FIXED_BYTES = 33;
const NUM_AT = 7;
const TID_AT = 15;
const INC_AT = 23;
const USER_VERSION_AT = 27;
const RESULT_AT = 35;
const TOTALS_AT = 39;
const TAIL_BYTES = 101;
const TWO32 = 0x1_0000_0000;

/**
 * An entry as a log keeps it: its encoding, which is what disk and peers get, and what the log looks for. There are tens
 * of thousands of them, so the rest is decoded when it is asked for.
 */
export class Logged implements Done {
  readonly bytes: Buffer;
  readonly version: EVersion;
  readonly reqidKey: string;
  readonly result: number;
  readonly userVersion: bigint;

  /** The entry with its encoding. */
  static of(entry: LogEntry): Logged {
    return new Logged(writeLogEntry(entry), entry);
  }

  /**
   * An entry that came from a peer or the store. Its bytes are copied: a log keeps its entries for long, and a window
   * would keep the whole message that brought it.
   * @throws DecodeError
   */
  static from(received: Uint8Array): Logged {
    const bytes = Buffer.from(received);
    return new Logged(bytes, isPlain(bytes) ? undefined : decode(bytes));
  }

  private constructor(bytes: Buffer, entry: LogEntry | undefined) {
    this.bytes = bytes;
    if (entry) {
      this.version = entry.version;
      this.reqidKey = reqidKey(entry.reqid);
      this.result = entry.result;
      this.userVersion = entry.userVersion;
    } else {
      const tail = tailOf(bytes);
      this.version = readVersion(bytes, VERSION_AT);
      this.reqidKey = readReqidKey(bytes, tail);
      this.result = bytes.readInt32LE(tail + RESULT_AT);
      this.userVersion = bytes.readBigUInt64LE(tail + USER_VERSION_AT);
    }
  }

  get entry(): LogEntry {
    return decode(this.bytes);
  }
  /** See LogEntry.previous. */
  get previous(): EVersion {
    return readVersion(this.bytes, PREVIOUS_AT);
  }
  get totals(): PgTotals {
    return this.entry.totals;
  }
}

/** Of an encoded entry's object: what its PG is found by. */
export function hashOfEntry(bytes: Buffer): number {
  if (!isPlain(bytes)) return decode(bytes).oid.hash;
  const name = OID_AT + ENVELOPE_BYTES + 4 + bytes.readUInt32LE(OID_AT + ENVELOPE_BYTES);
  return bytes.readUInt32LE(name + 4 + bytes.readUInt32LE(name) + 8);
}

function decode(bytes: Buffer): LogEntry {
  return decodeAll(LogEntry as Codec<LogEntry>, bytes);
}

/**
 * Whether the bytes are of the one layout that is known here, with nothing in them that the declared codec would refuse.
 * All others are left to it.
 */
function isPlain(b: Buffer): boolean {
  if (b.length < OID_AT + ENVELOPE_BYTES + OID_FIXED_BYTES + TAIL_BYTES) return false;
  const tail = tailOf(b);
  return (
    tail + TAIL_BYTES === b.length &&
    isEnvelope(b, 0, 0x0101, b.length - ENVELOPE_BYTES) &&
    isOid(b, tail) &&
    isEnvelope(b, tail, 0x0202, USER_VERSION_AT - ENVELOPE_BYTES) &&
    isSmall(b, tail + NUM_AT) &&
    isEnvelope(b, tail + TOTALS_AT, 0x0101, TAIL_BYTES - TOTALS_AT - ENVELOPE_BYTES) &&
    areSmall(b, tail + TOTALS_AT + ENVELOPE_BYTES + 8)
  );
}

function tailOf(b: Buffer): number {
  return OID_AT + ENVELOPE_BYTES + b.readUInt32LE(OID_AT + 2);
}

function isEnvelope(b: Buffer, at: number, versions: number, length: number): boolean {
  return b.readUInt16LE(at) === versions && b.readUInt32LE(at + 2) === length;
}

/** Key, name, snap, hash, max, namespace and pool fill what lies before `end`. */
function isOid(b: Buffer, end: number): boolean {
  if (b.readUInt16LE(OID_AT) !== 0x0304) return false;
  const name = OID_AT + ENVELOPE_BYTES + 4 + b.readUInt32LE(OID_AT + ENVELOPE_BYTES);
  if (name + 4 > end) return false;
  const namespace = name + 4 + b.readUInt32LE(name) + 13;
  if (namespace + 4 > end) return false;
  const pool = namespace + 4 + b.readUInt32LE(namespace);
  return pool + 8 === end && isSmall(b, pool);
}

/** A number that is not negative and below 2^53. */
function isSmall(b: Buffer, at: number): boolean {
  return b.readUInt32LE(at + 4) < 0x20_0000;
}
function areSmall(b: Buffer, from: number): boolean {
  for (let at = from; at < b.length; at += 8) if (!isSmall(b, at)) return false;
  return true;
}

function readVersion(b: Buffer, at: number): EVersion {
  return { version: b.readBigUInt64LE(at), epoch: b.readUInt32LE(at + 8) };
}

function read53(b: Buffer, at: number): number {
  return b.readUInt32LE(at + 4) * TWO32 + b.readUInt32LE(at);
}

/** reqidKey of the encoded id. */
function readReqidKey(b: Buffer, tail: number): string {
  const tid = isSmall(b, tail + TID_AT)
    ? read53(b, tail + TID_AT)
    : b.readBigUInt64LE(tail + TID_AT);
  return `${b[tail + ENVELOPE_BYTES]}.${read53(b, tail + NUM_AT)}.${b.readInt32LE(tail + INC_AT)}.${tid}`;
}

/** The encoding of the declared LogEntry. */
export function writeLogEntry(e: LogEntry): Buffer {
  const { oid, reqid, totals } = e;
  const strings = oid.key.length + oid.name.length + oid.namespace.length;
  const tail = OID_AT + ENVELOPE_BYTES + OID_FIXED_BYTES + strings;
  const b = Buffer.allocUnsafe(tail + TAIL_BYTES);
  envelope(b, 0, 0x0101, b.length);
  b[KIND_AT] = e.kind;
  writeVersion(b, VERSION_AT, e.version);
  writeVersion(b, PREVIOUS_AT, e.previous);
  writeVersion(b, PRIOR_AT, e.prior);
  envelope(b, OID_AT, 0x0304, tail - OID_AT);
  let at = writeString(b, OID_AT + ENVELOPE_BYTES, oid.key);
  at = writeString(b, at, oid.name);
  write64(b, at, oid.snap);
  b.writeUInt32LE(oid.hash, at + 8);
  b[at + 12] = oid.max ? 1 : 0;
  at = writeString(b, at + 13, oid.namespace);
  writeId(b, at, oid.pool);
  envelope(b, tail, 0x0202, USER_VERSION_AT);
  b[tail + ENVELOPE_BYTES] = reqid.name.type;
  writeId(b, tail + NUM_AT, reqid.name.num);
  write64(b, tail + TID_AT, reqid.tid);
  b.writeInt32LE(reqid.inc, tail + INC_AT);
  write64(b, tail + USER_VERSION_AT, e.userVersion);
  b.writeInt32LE(e.result, tail + RESULT_AT);
  at = tail + TOTALS_AT;
  envelope(b, at, 0x0101, TAIL_BYTES - TOTALS_AT);
  write64(b, at + 6, totals.lastUserVersion);
  write53(b, at + 14, totals.objects);
  write53(b, at + 22, totals.bytes);
  write53(b, at + 30, totals.dirty);
  write53(b, at + 38, totals.omapObjects);
  write53(b, at + 46, totals.wr);
  write53(b, at + 54, totals.wrKb);
  return b;
}

/** @param bytes with the envelope's own */
function envelope(b: Buffer, at: number, versions: number, bytes: number): void {
  b.writeUInt16LE(versions, at);
  b.writeUInt32LE(bytes - ENVELOPE_BYTES, at + 2);
}
function writeVersion(b: Buffer, at: number, v: EVersion): void {
  write64(b, at, v.version);
  b.writeUInt32LE(v.epoch, at + 8);
}
function writeString(b: Buffer, at: number, v: string): number {
  b.writeUInt32LE(v.length, at);
  b.latin1Write(v, at + 4, v.length);
  return at + 4 + v.length;
}
function write53(b: Buffer, at: number, v: number): void {
  b.writeUInt32LE(v >>> 0, at);
  b.writeUInt32LE(Math.floor(v / TWO32), at + 4);
}
/** Small ones as plain numbers, which is several times faster. */
function write64(b: Buffer, at: number, v: bigint): void {
  if (v <= Number.MAX_SAFE_INTEGER) write53(b, at, Number(v));
  else b.writeBigUInt64LE(v, at);
}
function writeId(b: Buffer, at: number, v: number): void {
  if (v >= 0) write53(b, at, v);
  else b.writeBigInt64LE(BigInt(v), at);
}
