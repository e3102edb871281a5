import {
  byteString,
  type Codec,
  constant,
  custom,
  mapped,
  opt,
  s32,
  struct,
  tuple,
  u8,
  u16,
  u32,
  u53,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { assert } from '../errors/index.ts';
import { EVersion, HObject, ObjectLocator, PgId, ReqId, SPgId, UTime } from './basic.ts';
import { message } from './message.ts';
import { OSD_OP_ARGS_BYTES, type OsdOpArgs } from './osd-op-args.ts';

// Declared form of the op messages: fact sheet §4.6 to §4.9, §6.1; src/messages/MOSD*.h of Ceph 16.2. The data path
// uses the readers and writers of osd-op-fast.ts, which a property test holds to these.

/** Size of one op on the wire. */
export const OSD_OP_BYTES = 38;

/** One operation of a request or reply; its 28 bytes of arguments stand in `args` at `argsOffset`. */
export interface OsdOp extends OsdOpArgs {
  readonly code: number;
  readonly flags: number;
  /** Bytes of the message's data that belong to this op: its input, or in a reply its output. */
  readonly payloadLength: number;
}
/** An op in a reply with its own result: 0, a positive value of the op's, or -errno. */
export interface OsdReplyOp extends OsdOp {
  readonly result: number;
}

const Op: Codec<OsdOp> = custom<OsdOp>({
  name: 'osd_op',
  encode: (o, v) => {
    o.u16(v.code);
    o.u32(v.flags);
    const args = v.args.subarray(v.argsOffset, v.argsOffset + OSD_OP_ARGS_BYTES);
    assert(args.length === OSD_OP_ARGS_BYTES, 'an op has 28 bytes of arguments');
    o.raw(args);
    o.u32(v.payloadLength);
  },
  decode: (d) => {
    const code = d.u16();
    const flags = d.u32();
    const argsOffset = d.take(OSD_OP_ARGS_BYTES);
    return { code, flags, args: d.buffer, argsOffset, payloadLength: d.u32() };
  },
  generate: (g) => ({
    code: g.below(65536),
    flags: g.below(512),
    args: Buffer.from(Array.from({ length: OSD_OP_ARGS_BYTES }, () => g.below(256))),
    argsOffset: 0,
    payloadLength: g.below(2 ** 32),
  }),
});

/** u16 count and items. */
const ops16: Codec<OsdOp[]> = custom<OsdOp[]>({
  name: 'vec<osd_op>',
  encode: (o, v) => {
    u16.encode(o, v.length);
    for (const op of v) Op.encode(o, op);
  },
  decode: (d) => Array.from({ length: u16.decode(d) }, () => Op.decode(d)),
  generate: (g) => Array.from({ length: g.below(5) }, () => Op.generate(g)),
});

/** A blkin trace, which this release never fills. */
const zero64 = constant(u64, 0n);
const trace = struct('blkin_trace_info', { traceId: zero64, spanId: zero64, parentSpanId: zero64 });
const NO_TRACE = { traceId: 0n, spanId: 0n, parentSpanId: 0n };

const reqidAndTrace: Codec<ReqId> = mapped<[ReqId, typeof NO_TRACE], ReqId>(
  'osd_reqid_t',
  tuple(ReqId, trace),
  ([reqid]) => reqid,
  (reqid) => [reqid, NO_TRACE],
);

/** The version of MOSDOp we read; older ones order their fields differently and come only from older clients. */
export const OSD_OP_VERSION = 8;
const OSDOp = struct('MOSDOp', {
  /** The actual PG. */
  pgid: SPgId,
  /** The object's full hash; for listing the PG's seed. */
  hash: u32,
  /** Newest map of the client. */
  epoch: u32,
  /** OSD_FLAG. */
  flags: u32,
  /** Zeros mean: the sender's name, the header's tid. */
  reqid: reqidAndTrace,
  clientInc: u32,
  mtime: UTime,
  locator: ObjectLocator,
  name: byteString,
  ops: ops16,
  /** What a read reads: SNAP_HEAD normally. */
  snapid: u64,
  snapSeq: u64,
  /** Newest first. */
  snaps: vec(u64),
  /** 0 on the first sending. */
  retryAttempt: s32,
  features: u64,
});
/** A client's request. Its data segment holds the inputs of all ops, joined in order. */
export type OSDOp = ValueOf<typeof OSDOp>;
export const MOSDOp = message(
  'MOSDOp',
  42,
  { version: OSD_OP_VERSION, compat: 3, priority: 63 },
  OSDOp,
);

/** request_redirect_t: where a tiered object is really served. */
export const RequestRedirect = versioned(
  'request_redirect_t',
  { v: 1, compat: 1 },
  { locator: ObjectLocator, name: byteString, opsLength: constant(u32, 0) },
);
export type RequestRedirect = ValueOf<typeof RequestRedirect>;

const replyHead = struct('MOSDOpReply', {
  name: byteString,
  pgid: PgId,
  flags: u53,
  result: s32,
  badReplayVersion: EVersion,
  epoch: u32,
  ops: vec(Op),
  retryAttempt: s32,
});
const replyTail = struct('MOSDOpReply', {
  version: EVersion,
  userVersion: u64,
  redirect: opt(RequestRedirect),
  trace,
});

/** An OSD's answer, matched by tid. Its data segment holds the outputs of all ops, joined in order. */
export interface OSDOpReply {
  name: string;
  pgid: PgId;
  flags: number;
  /** 0, a positive result of the last op, or -errno. */
  result: number;
  badReplayVersion: EVersion;
  epoch: number;
  ops: OsdReplyOp[];
  /** Copied from the request. */
  retryAttempt: number;
  version: EVersion;
  userVersion: bigint;
  redirect: RequestRedirect | undefined;
}
// The results stand after the ops without a count of their own, which no declaration can say.
const OSDOpReply: Codec<OSDOpReply> = custom<OSDOpReply>({
  name: 'MOSDOpReply',
  encode: (o, v) => {
    replyHead.encode(o, v);
    for (const op of v.ops) o.s32(op.result);
    replyTail.encode(o, { ...v, trace: NO_TRACE });
  },
  decode: (d) => {
    const { ops, ...head } = replyHead.decode(d);
    const withResults = ops.map((op) => ({ ...op, result: d.s32() }));
    const { version, userVersion, redirect } = replyTail.decode(d);
    return { ...head, ops: withResults, version, userVersion, redirect };
  },
  generate: (g) => {
    const { ops, ...head } = replyHead.generate(g);
    const withResults = ops.map((op) => ({ ...op, result: s32.generate(g) }));
    const { version, userVersion, redirect } = replyTail.generate(g);
    return { ...head, ops: withResults, version, userVersion, redirect };
  },
});
export const MOSDOpReply = message('MOSDOpReply', 43, { version: 8, compat: 2 }, OSDOpReply);

export const BACKOFF_OP = { block: 1, ackBlock: 2, unblock: 3 } as const;
/** Stops and resumes a client's requests for objects in [begin, end). */
export const MOSDBackoff = message(
  'MOSDBackoff',
  61,
  { version: 1, compat: 1 },
  struct('MOSDBackoff', {
    pgid: SPgId,
    epoch: u32,
    op: u8,
    id: u64,
    begin: HObject,
    end: HObject,
  }),
);
