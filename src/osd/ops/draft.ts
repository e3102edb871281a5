import type { StoreOp } from '../../store/index.ts';
import { type EVersion, type UTime, utimeOfMs } from '../../wire/index.ts';
import { INFO_NEW, OBJECT_FLAG, type ObjectInfo } from './object-info.ts';
import type { ObjectContext, OpEnv, OpRequest, StatsDelta } from './types.ts';

/** Of what changes nothing that is counted. */
export function noStats(): StatsDelta {
  return {
    numBytes: 0,
    numObjects: 0,
    numObjectsDirty: 0,
    numObjectsOmap: 0,
    numRd: 0,
    numRdKb: 0,
    numWr: 0,
    numWrKb: 0,
  };
}

/**
 * An object as the ops of a request leave it, so far only here: its info, the steps that bring the store there, and what
 * changes in the PG's statistics.
 */
export class Draft {
  readonly env: OpEnv;
  readonly request: OpRequest;
  readonly object: ObjectContext;
  txn: StoreOp[] = [];
  stats = noStats();
  /** The object's user version after the request. */
  userVersion = 0n;

  exists: boolean;
  size: number;
  flags: number;
  truncateSeq: number;
  truncateSize: number;
  expectedObjectSize: number;
  expectedWriteSize: number;
  allocHintFlags: number;
  dataDigest: number | undefined;
  omapDigest: number | undefined;

  /** Data that the steps carry. */
  writtenBytes = 0;

  /** The object changes, if only in its info. */
  modified = false;
  /** It changes in a way that gives it a new user version. */
  userModified = false;
  undirty = false;
  /** COPY_FROM takes both over from its source. */
  copied: { userVersion: bigint; mtime: UTime } | undefined;

  constructor(env: OpEnv, request: OpRequest, object: ObjectContext) {
    this.env = env;
    this.request = request;
    this.object = object;
    const info = object.info ?? INFO_NEW;
    this.exists = object.info !== undefined;
    this.size = info.size;
    this.flags = info.flags;
    this.truncateSeq = info.truncateSeq;
    this.truncateSize = info.truncateSize;
    this.expectedObjectSize = info.expectedObjectSize;
    this.expectedWriteSize = info.expectedWriteSize;
    this.allocHintFlags = info.allocHintFlags;
    this.dataDigest = info.dataDigest;
    this.omapDigest = info.omapDigest;
  }

  /** Whether the store has the object, whatever earlier ops of this request did. */
  get stored(): boolean {
    return this.object.info !== undefined;
  }

  /** An op that writes makes the object if it is missing. */
  create(): void {
    this.modified = true;
    if (this.exists) return;
    this.exists = true;
    this.stats.numObjects++;
  }

  /** All that changes data says so here. */
  resize(size: number): void {
    this.dataDigest = undefined;
    this.stats.numBytes += size - this.size;
    this.size = size;
  }

  remove(): void {
    const { oid } = this.object;
    this.txn.push({ op: 'remove', c: this.env.collection, oid });
    this.modified = true;
    this.exists = false;
    this.stats.numObjects--;
    this.stats.numWr++;
    this.resize(0);
    this.setOmap(false);
    if ((this.flags & OBJECT_FLAG.dirty) !== 0) this.stats.numObjectsDirty--;
    this.flags = 0;
    this.truncateSeq = 0;
    this.truncateSize = 0;
    this.expectedObjectSize = 0;
    this.expectedWriteSize = 0;
    this.allocHintFlags = 0;
  }

  get hasOmap(): boolean {
    return (this.flags & OBJECT_FLAG.omap) !== 0;
  }
  /** All that changes the omap says so here. */
  setOmap(present: boolean): void {
    this.omapDigest = undefined;
    if (this.hasOmap === present) return;
    this.flags ^= OBJECT_FLAG.omap;
    this.stats.numObjectsOmap += present ? 1 : -1;
  }

  /** A change makes the object dirty, unless an op has just made it clean. */
  protected markDirty(): void {
    const was = (this.flags & OBJECT_FLAG.dirty) !== 0;
    if (was === !this.undirty) return;
    this.flags ^= OBJECT_FLAG.dirty;
    this.stats.numObjectsDirty += was ? -1 : 1;
  }

  /** The object's info when all is done. @param version of the change */
  protected nextInfo(version: EVersion): ObjectInfo {
    const { env, request, object, copied } = this;
    const before = object.info ?? INFO_NEW;
    // A request without a stamp leaves the object's as it was.
    const { mtime } = request.op;
    const stamped = copied !== undefined || mtime.sec !== 0 || mtime.nsec !== 0;
    return {
      version,
      priorVersion: before.version,
      lastReqid: request.reqid,
      userVersion: this.userVersion,
      size: this.size,
      mtime: copied?.mtime ?? (stamped ? mtime : before.mtime),
      localMtime: stamped ? utimeOfMs(env.nowMs) : before.localMtime,
      flags: this.flags,
      truncateSeq: this.truncateSeq,
      truncateSize: this.truncateSize,
      expectedObjectSize: this.expectedObjectSize,
      expectedWriteSize: this.expectedWriteSize,
      allocHintFlags: this.allocHintFlags,
      dataDigest: this.dataDigest,
      omapDigest: this.omapDigest,
    };
  }
}
