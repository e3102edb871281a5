import { crc32c } from '../../src/codec/index.ts';
import {
  type CopyContent,
  type CopySource,
  classify,
  decodeObjectInfo,
  execute,
  executePg,
  INFO_ATTR,
  type ObjectContext,
  OP_LIMITS,
  type OpLimits,
  type OpOutcome,
  type OpRequest,
  pgEnd,
  refuse,
} from '../../src/osd/ops/index.ts';
import { MemoryStore, type ObjectStore } from '../../src/store/index.ts';
import {
  type EVersion,
  type HObject,
  OSD_OP_ARGS_BYTES,
  type OsdOp,
  SNAP_HEAD,
  TIME_ZERO,
  type UTime,
} from '../../src/wire/index.ts';

/** An op as tables write it: hexadecimal arguments and input. */
export interface VectorOp {
  code: number;
  flags?: number;
  args?: string;
  input?: string;
}

export interface Ask {
  name: string;
  ops: readonly VectorOp[];
  ns?: string;
  key?: string;
  hash?: number;
  flags?: number;
  mtime?: UTime;
  snapid?: bigint;
  snapSeq?: number;
  snaps?: readonly number[];
}

export interface HarnessOptions {
  store?: ObjectStore;
  limits?: Partial<OpLimits>;
  fetchCopy?: (source: CopySource) => Promise<CopyContent>;
}

const NO_ARGS = Buffer.alloc(OSD_OP_ARGS_BYTES);

/** The least PG around the interpreter: one PG that holds everything, on a store, with Ceph's rules for versions. */
export class OpHarness {
  readonly store: ObjectStore;
  readonly collection: string;
  readonly pool: number;
  lastVersion = 0n;
  lastUserVersion = 0n;
  nowMs = 1_000_000;
  private readonly options: HarnessOptions;
  private made = false;

  constructor(pool = 1, options: HarnessOptions = {}) {
    this.pool = pool;
    this.collection = `${pool}.0`;
    this.store = options.store ?? new MemoryStore();
    this.options = options;
  }

  request(ask: Ask): OpRequest {
    const inputs = ask.ops.map((op) => Buffer.from(op.input ?? '', 'hex'));
    const ops = ask.ops.map((op, i): OsdOp => {
      const args = Buffer.concat([Buffer.from(op.args ?? '', 'hex'), NO_ARGS]);
      const payloadLength = inputs[i]!.length;
      return { code: op.code, flags: op.flags ?? 0, args, argsOffset: 0, payloadLength };
    });
    return {
      op: {
        pgid: { pgid: { pool: this.pool, seed: 0 }, shard: -1 },
        hash: ask.hash ?? 0,
        epoch: 1,
        flags: ask.flags ?? 0,
        reqid: { name: { type: 8, num: 4100 }, tid: 1n, inc: 0 },
        clientInc: 0,
        mtime: ask.mtime ?? TIME_ZERO,
        locator: { pool: this.pool, key: ask.key ?? '', namespace: ask.ns ?? '', hash: -1n },
        name: ask.name,
        ops,
        snapid: ask.snapid ?? SNAP_HEAD,
        snapSeq: BigInt(ask.snapSeq ?? 0),
        snaps: (ask.snaps ?? []).map(BigInt),
        retryAttempt: 0,
        features: 0n,
      },
      data: Buffer.concat(inputs),
      reqid: { name: { type: 8, num: 4100 }, tid: 1n, inc: 0 },
    };
  }

  oid(ask: Pick<Ask, 'name' | 'ns' | 'key' | 'hash'>): HObject {
    const { name, ns = '', key = '', hash = 0 } = ask;
    return { key, name, snap: SNAP_HEAD, hash, max: false, namespace: ns, pool: this.pool };
  }

  object(oid: HObject): ObjectContext {
    const attr = this.store.getattr(this.collection, oid, INFO_ATTR);
    return { oid, info: attr && decodeObjectInfo(attr) };
  }

  /** The outcome and the version that a reply carries. */
  async ask(ask: Ask): Promise<{ outcome: OpOutcome; version: number }> {
    if (!this.made) await this.store.submit([{ op: 'mkcoll', c: this.collection }]);
    this.made = true;
    const request = this.request(ask);
    const limits = { ...OP_LIMITS, ...this.options.limits };
    const env = {
      store: this.store,
      collection: this.collection,
      limits,
      nowMs: this.nowMs,
      crc32c,
      fetchCopy: this.options.fetchCopy,
    };
    const object = this.object(this.oid(ask));
    const kind = classify(request, limits);
    if (typeof kind === 'number') return { outcome: refuse(request, object, kind), version: 0 };
    if (kind === 'pg') {
      const end = pgEnd({ pool: this.pool, seed: 0 }, 1);
      const outcome = executePg(env, request, this.pool, end);
      return {
        outcome: { ...outcome, userVersion: this.lastUserVersion },
        version: Number(this.lastVersion),
      };
    }
    const prepared = await execute(env, request, kind, object);
    const version: EVersion = { version: this.lastVersion + 1n, epoch: 1 };
    const outcome = prepared.finish(version, this.lastUserVersion);
    if (outcome.kind === 'read' || outcome.kind === 'early') return { outcome, version: 0 };
    this.lastVersion++;
    if (outcome.kind !== 'error') {
      await this.store.submit(outcome.txn);
      if (outcome.userVersion > this.lastUserVersion) this.lastUserVersion = outcome.userVersion;
    }
    return { outcome, version: Number(this.lastVersion) };
  }
}
