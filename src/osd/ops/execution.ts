import { CRC_BLOCK_BYTES } from '../../codec/index.ts';
import { CephError, ERRNO } from '../../errors/index.ts';
import { POOLED_FROM } from '../../runtime/index.ts';
import type { ReadMemory } from '../../store/index.ts';
import { type EVersion, OSD_FLAG, type OsdOp } from '../../wire/index.ts';
import type { RequestKind } from './classify.ts';
import { Draft, noStats } from './draft.ts';
import { encodeObjectInfo, INFO_ATTR, type ObjectInfo } from './object-info.ts';
import type { ObjectContext, OpEnv, OpOutcome, OpRequest, OutcomeKind, Prepared } from './types.ts';

/** What one op comes to: a result, or a promise of it when it has to wait for a device or another OSD. */
export type Step = number | Promise<number>;

/**
 * One request being carried out, and at its end the outcome itself. Ops change the draft of the object and append to
 * its `txn`. Reads go to the store and do not see what earlier ops of the same request changed, except the
 * size and whether the object exists: so it is in Ceph (observed on 16.2: APPEND then READ gives the old bytes).
 */
export class Execution extends Draft implements OpOutcome, Prepared {
  kind: OutcomeKind;
  /** Result of the last op; some ops leave it as they found it. */
  result = 0;
  results: number[];
  outputs: (Uint8Array | undefined)[];
  outputCrcs: (Uint32Array | undefined)[] | undefined;
  info: ObjectInfo | undefined;

  /** Where the ops' inputs and outputs stand. */
  index = 0;
  inputOffset = 0;

  /** Something that was to be read does not pass its checksum. */
  isDamaged = false;

  constructor(env: OpEnv, request: OpRequest, kind: RequestKind, object: ObjectContext) {
    super(env, request, object);
    const count = request.op.ops.length;
    this.results = new Array<number>(count).fill(0);
    this.outputs = new Array<Uint8Array | undefined>(count).fill(undefined);
    this.kind = kind === 'write' ? 'modify' : kind;
    this.info = object.info;
  }

  /** The input of the op at hand: a window of the request's data. */
  input(op: OsdOp): Uint8Array {
    const { data } = this.request;
    const length = op.payloadLength;
    return length === data.length
      ? data
      : data.subarray(this.inputOffset, this.inputOffset + length);
  }

  /** The checksums of the blocks of an op's input, if they are known. */
  inputCrcs(op: OsdOp): Uint32Array | undefined {
    const { dataCrcs } = this.request;
    if (dataCrcs === undefined || this.inputOffset % CRC_BLOCK_BYTES !== 0) return undefined;
    const first = this.inputOffset / CRC_BLOCK_BYTES;
    const count = Math.floor(op.payloadLength / CRC_BLOCK_BYTES);
    return count > 0 ? dataCrcs.subarray(first, first + count) : undefined;
  }

  output(bytes: Uint8Array, crcs?: Uint32Array): void {
    this.outputs[this.index] = bytes;
    if (crcs) {
      this.outputCrcs ??= [];
      this.outputCrcs[this.index] = crcs;
    }
    this.stats.numRdKb += kib(bytes.length);
  }

  /** Reads data of the stored object and goes on with it; a failing device gives the op its errno. */
  read(
    offset: number,
    length: number,
    then: (bytes: Uint8Array, crcs?: Uint32Array) => number,
  ): Step {
    if (!this.stored || length === 0) return then(EMPTY);
    const { store, collection } = this.env;
    const { memory } = this.request;
    try {
      if (memory === undefined || length < POOLED_FROM) {
        const got = store.read(collection, this.object.oid, offset, length);
        return got instanceof Promise
          ? got.then((b) => then(b)).catch((e) => this.failed(e))
          : then(got);
      }
      const lent: ReadMemory = { take: (bytes) => memory.take(bytes), crcs: undefined };
      const got = store.read(collection, this.object.oid, offset, length, lent);
      if (!(got instanceof Promise)) return then(got, lent.crcs);
      // Whatever becomes of the request meanwhile, the device writes into its memory until then.
      const done = memory.use();
      return got
        .then((b) => then(b, lent.crcs))
        .catch((e) => this.failed(e))
        .finally(done);
    } catch (e) {
      return this.failed(e);
    }
  }

  /** The op result of a store that cannot read. */
  failed(e: unknown): number {
    const result = errnoOf(e);
    if (result === -ERRNO.EIO) this.isDamaged = true;
    return result;
  }

  get writes(): boolean {
    return this.kind === 'modify';
  }

  /** Applies the rules that turn the ops' results into the message's. */
  finish(version: EVersion, lastUserVersion: bigint): OpOutcome {
    const own = this.object.info?.userVersion ?? 0n;
    if (this.kind === 'early') return this.drop();
    if (this.result < 0) {
      // Observed on 16.2: a write that misses its object answers with the PG's last user version.
      if (this.writes) this.userVersion = this.result === -ERRNO.ENOENT ? lastUserVersion : own;
      if (this.writes) this.kind = 'error';
      return this.drop();
    }
    this.userVersion = own;
    if (!this.writes) return this;
    if (!this.modified) {
      this.kind = 'error';
      return this;
    }
    if ((this.request.op.flags & OSD_FLAG.RETURNVEC) === 0) {
      this.result = 0;
      this.outputs.fill(undefined);
    } else if (this.refuseLongOutputs()) {
      this.kind = 'read';
      this.userVersion = 0n;
      return this.drop();
    }
    this.commit(version, lastUserVersion);
    return this;
  }

  /** Nothing of the request happens but its answer. */
  private drop(): OpOutcome {
    this.txn = [];
    this.stats = noStats();
    return this;
  }

  /** Observed on 16.2: a write with an output above the limit is answered with EOVERFLOW and not applied. */
  private refuseLongOutputs(): boolean {
    for (let i = 0; i < this.outputs.length; i++) {
      const out = this.outputs[i];
      if (out === undefined || out.length <= this.env.limits.writeReplyOutputMax) continue;
      this.outputs[i] = undefined;
      this.results[i] = -ERRNO.EOVERFLOW;
      this.result = -ERRNO.EOVERFLOW;
    }
    return this.result < 0;
  }

  private commit(version: EVersion, lastUserVersion: bigint): void {
    const { env, object } = this;
    if (this.userModified) this.userVersion = this.nextUserVersion(version, lastUserVersion);
    else if (this.copied) this.userVersion = this.copied.userVersion;
    if (!this.exists) {
      this.kind = 'delete';
      this.info = undefined;
      return;
    }
    this.markDirty();
    const info = this.nextInfo(version);
    this.info = info;
    this.txn.push({
      op: 'setattrs',
      c: env.collection,
      oid: object.oid,
      attrs: new Map([[INFO_ATTR, encodeObjectInfo(info)]]),
    });
  }

  private nextUserVersion(version: EVersion, lastUserVersion: bigint): bigint {
    const own = this.userVersion;
    let next = own + 1n;
    if (lastUserVersion > own) next = lastUserVersion + 1n;
    // Not below the PG's version, which is all that old clients see.
    return next > version.version ? next : version.version;
  }
}

export const EMPTY: Uint8Array = Buffer.alloc(0);

/** The op result of an expected failure; anything else is not ours to handle. */
function errnoOf(e: unknown): number {
  if (e instanceof CephError) return -e.errno;
  throw e;
}

/** Bytes as the statistics count them: in KiB, rounded up. */
export function kib(bytes: number): number {
  return Math.ceil(bytes / 1024);
}

/** The outcome of a request that is refused before anything of it is looked at. */
export function refuse(request: OpRequest, object: ObjectContext, result: number): OpOutcome {
  const count = request.op.ops.length;
  return {
    kind: 'early',
    result,
    results: new Array<number>(count).fill(0),
    outputs: new Array<Uint8Array | undefined>(count).fill(undefined),
    txn: [],
    info: object.info,
    stats: noStats(),
    userVersion: 0n,
  };
}
