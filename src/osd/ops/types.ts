import type { Collection, ObjectStore, StoreOp } from '../../store/index.ts';
import type { EVersion, HObject, ObjectLocator, OSDOp, ReqId, UTime } from '../../wire/index.ts';
import type { ObjectInfo } from './object-info.ts';

/** Bounds of single requests and objects: Ceph's options with their defaults (global.yaml.in, 16.2). */
export interface OpLimits {
  /** osd_max_object_size: no write may end beyond it. */
  readonly objectSizeMax: number;
  /** osd_max_object_name_len, for the object name and for the locator key. */
  readonly objectNameLengthMax: number;
  /** osd_max_object_namespace_len. */
  readonly namespaceLengthMax: number;
  /** osd_max_attr_size; 0 leaves it to the store. */
  readonly attrSizeMax: number;
  /** osd_max_attr_name_len, without the leading underscore. */
  readonly attrNameLengthMax: number;
  /** osd_max_write_size in bytes: the data of one request. */
  readonly writeSizeMax: number;
  /** osd_max_omap_entries_per_request. */
  readonly omapEntriesMax: number;
  /** osd_max_omap_bytes_per_request. */
  readonly omapBytesMax: number;
  /** osd_max_write_op_reply_len: output of one op of a write that asks for outputs. */
  readonly writeReplyOutputMax: number;
}

export const OP_LIMITS: OpLimits = {
  objectSizeMax: 128 * 2 ** 20,
  objectNameLengthMax: 2048,
  namespaceLengthMax: 256,
  attrSizeMax: 0,
  attrNameLengthMax: 100,
  writeSizeMax: 90 * 2 ** 20,
  omapEntriesMax: 1024,
  omapBytesMax: 2 ** 30,
  writeReplyOutputMax: 64,
};

/** One client request as it arrived. */
export interface OpRequest {
  readonly op: OSDOp;
  /** The message's data segment: the ops' inputs, joined. Written data becomes the store's, so it must not change. */
  readonly data: Uint8Array;
  /** crc32c(0xffffffff) of each whole 4096 bytes of `data`, if known. */
  readonly dataCrcs?: Uint32Array | undefined;
  /** Where large reads of it may put what they find; absent: in memory of their own. */
  readonly memory?: RequestMemory | undefined;
  /** The real id: of the sender and the message's tid when the request leaves its own zero. */
  readonly reqid: ReqId;
}

/** The memory of a request, given back when everybody is done with it. */
export interface RequestMemory {
  /** Memory of at least so many bytes, the request's until its end. */
  take(length: number): Buffer;
  /** Somebody else looks at the request's memory. @returns to be called when that is over */
  use(): () => void;
}

/** An object for COPY_FROM: all that COPY_GET of its OSD told. */
export interface CopyContent {
  readonly data: Uint8Array;
  readonly mtime: UTime;
  readonly userVersion: bigint;
  /** User attributes without the leading underscore. */
  readonly attrs: ReadonlyMap<string, Uint8Array>;
  readonly omapHeader: Uint8Array;
  readonly omap: ReadonlyMap<string, Uint8Array>;
  readonly truncateSeq: number;
  readonly truncateSize: number;
}

/** Where COPY_FROM reads. */
export interface CopySource {
  readonly name: string;
  readonly locator: ObjectLocator;
  readonly snapid: bigint;
  /** 0 for any; else the source must have this user version, or the fetch fails with ERANGE or EOVERFLOW. */
  readonly version: bigint;
}

/** The surroundings of one execution. One value may serve all executions of a PG if the PG updates its fields. */
export interface OpEnv {
  readonly store: ObjectStore;
  readonly collection: Collection;
  readonly limits: OpLimits;
  /** Wall clock in milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** CRC-32C without final inversion, as in Runtime. */
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /** Fetches the whole source of a COPY_FROM. Rejects with CephError. Absent: EOPNOTSUPP. */
  readonly fetchCopy?: (source: CopySource) => Promise<CopyContent>;
}

/** An object as the last accepted request left it, durable or not. A missing object has no info. */
export interface ObjectContext {
  readonly oid: HObject;
  readonly info: ObjectInfo | undefined;
}

/** Change of a PG's ObjectStatSum by one request; the fields are named alike. */
export interface StatsDelta {
  numBytes: number;
  numObjects: number;
  numObjectsDirty: number;
  numObjectsOmap: number;
  numRd: number;
  numRdKb: number;
  numWr: number;
  numWrKb: number;
}

/**
 * How a request is answered.
 * - `read`: at once; reply version 0'0 and `userVersion`, flags ACK and ONDISK.
 * - `modify`, `delete`: submit `txn` with a log entry of that kind, answer when durable; reply version is the one given.
 * - `error`: a write that was refused or changes nothing. It too uses up the version, as an error entry in the log
 *   that makes a resend get the same answer; `txn` is empty.
 * - `pg`: about the PG, not an object; reply version is the PG's last version, user version the PG's last.
 * - `early`: refused before it was looked at; reply without the ACK flag and without versions, nothing is logged.
 */
export type OutcomeKind = 'read' | 'modify' | 'delete' | 'error' | 'pg' | 'early';

/**
 * What one request comes to. `results` and `outputs` have one entry per op; an undefined output is empty. The reply
 * rules of fact sheet §6.3 (dropped outputs of writes, RETURNVEC) are applied already.
 */
export interface OpOutcome {
  readonly kind: OutcomeKind;
  /** Of the message: 0, an op's positive result, or -errno. */
  readonly result: number;
  readonly results: readonly number[];
  readonly outputs: readonly (Uint8Array | undefined)[];
  /** Of outputs that are stored data: crc32c(0xffffffff) of each whole 4096 bytes, as it was checked. */
  readonly outputCrcs?: readonly (Uint32Array | undefined)[] | undefined;
  /** Changes to this object, its info attribute included. Empty but for modify and delete. */
  readonly txn: readonly StoreOp[];
  /** The object afterwards; undefined when it does not exist. */
  readonly info: ObjectInfo | undefined;
  readonly stats: StatsDelta;
  /** For the reply, and for the log entry of a change. */
  readonly userVersion: bigint;
}

/** A request whose ops have all run. What it comes to is settled when the PG gives it its place in the PG's order. */
export interface Prepared {
  /** Whether this is a write: then {@link finish} uses up the version unless the outcome says `read` or `early`. */
  readonly writes: boolean;
  /** Something that it read of its object does not pass its checksum: the outcome would be an error. */
  readonly isDamaged: boolean;
  /**
   * To be called once, and the outcome submitted in the same turn, so that versions go to the log in order.
   * @param version what this request gets if it is a write
   * @param lastUserVersion the highest user version that any object of the PG ever had
   */
  finish(version: EVersion, lastUserVersion: bigint): OpOutcome;
}
