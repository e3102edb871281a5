import type { Collection, ObjectStore, StoreOp } from '../../store/index.ts';
import type { EVersion, HObject, OsdOp, ReqId, UTime } from '../../wire/index.ts';
import type { ObjectInfo } from './object-info.ts';

/** What the interpreter must know of the pool. */
export interface OpPool {
  /** False in erasure-coded pools. */
  readonly supportsOmap: boolean;
  /** False in erasure-coded pools without ec_overwrites. */
  readonly allowsOverwrite: boolean;
}

/** Bounds of single requests and objects, named after Ceph's options with their defaults (global.yaml.in, 16.2). */
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
};

/** The part of an MOSDOp that decides its outcome. An MOSDOp with its ops' inputs attached has this form. */
export interface OpRequest {
  readonly ops: readonly OsdOp[];
  /** MOSDOp flags, fact sheet §6.3. */
  readonly flags: number;
  readonly reqid: ReqId;
  /** Client's stamp; zero lets the OSD's clock decide. */
  readonly mtime: UTime;
  readonly snapid: bigint;
  readonly snapSeq: bigint;
}

/** Content of an object fetched for COPY_FROM, as COPY_GET of the source gives it; decoded by {@link decodeCopy}. */
export interface CopyContent {
  readonly data: Uint8Array;
  readonly mtime: UTime;
  readonly userVersion: bigint;
  /** User attributes without the leading underscore. */
  readonly attrs: ReadonlyMap<string, Uint8Array>;
  readonly omapHeader: Uint8Array;
  readonly omap: ReadonlyMap<string, Uint8Array>;
  readonly truncateSeq: number;
  readonly truncateSize: bigint;
}

/** Where COPY_FROM reads. `version` 0 is any; else the source must have that user version (ERANGE, EOVERFLOW). */
export interface CopySource {
  readonly pool: number;
  readonly namespace: string;
  readonly key: string;
  readonly name: string;
  readonly snapid: bigint;
  readonly version: bigint;
}

/** The surroundings of one execution. One value may serve all executions of a PG if the PG updates its fields. */
export interface OpEnv {
  readonly store: ObjectStore;
  readonly collection: Collection;
  readonly pool: OpPool;
  readonly limits: OpLimits;
  /** Wall clock in milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Version that the PG gives this request if it changes anything or fails as a write. */
  readonly nextVersion: EVersion;
  /** User version for a change: one above the PG's last user version and the object's. */
  readonly nextUserVersion: bigint;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /** Fetches the whole source of a COPY_FROM. Rejects with CephError. Absent: EOPNOTSUPP. */
  readonly fetchCopy?: (source: CopySource) => Promise<CopyContent>;
}

/** An object as the last accepted request left it, durable or not. `info` of a missing object is undefined. */
export interface ObjectContext {
  readonly oid: HObject;
  readonly info: ObjectInfo | undefined;
}

/** Change of a PG's object_stat_sum by one request. */
export interface StatsDelta {
  bytes: number;
  objects: number;
  dirty: number;
  omapObjects: number;
  rd: number;
  rdKb: number;
  wr: number;
  wrKb: number;
}

/**
 * What one request comes to. `results` and `outputs` have one entry per op; `outputs[i]` is undefined when there is
 * nothing to send. The reply rules of fact sheet §6.3 (dropped outputs of writes, RETURNVEC) are applied already.
 */
export interface OpOutcome {
  /** Of the message: 0, an op's positive result, or -errno. */
  readonly result: number;
  readonly results: readonly number[];
  readonly outputs: readonly (Uint8Array | undefined)[];
  /**
   * `read`: answer at once; reply version 0'0. `modify`/`delete`: submit `txn` and a log entry of that kind, then answer.
   * `error`: a refused write, or one that changes nothing; consumes a version as an error entry of the log, `txn` is empty.
   * `early`: refused before it was looked at; reply carries neither the ACK flag nor versions.
   */
  readonly kind: 'read' | 'modify' | 'delete' | 'error' | 'early';
  /** Changes to this object, `_` attribute included; empty unless modify or delete. */
  readonly txn: StoreOp[];
  /** The object afterwards; undefined when it does not exist. */
  readonly info: ObjectInfo | undefined;
  readonly stats: StatsDelta;
  /** For the reply: of the object afterwards. */
  readonly userVersion: bigint;
}
