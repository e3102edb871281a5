import { DEFAULT_FEATURES } from '../../codec/index.ts';
import { CephError } from '../../errors/index.ts';
import type { IncomingMessage } from '../../msgr/index.ts';
import {
  MOSDOp,
  OSD_FLAG,
  type OSDOpReply,
  type Outgoing,
  outgoingFront,
  SNAP_HEAD,
  TIME_ZERO,
  utimeOfMs,
  writeOSDOp,
} from '../../wire/index.ts';
import type { Pending } from '../abort.ts';
import type { OpStep } from '../op-step.ts';
import type { Placement, Target } from './placement.ts';

/** What a request does: it decides what may pause it and how its flags tell the OSD. */
export type RequestKind = 'read' | 'write' | 'list';

/** What an OSD answered. */
export interface Reply {
  readonly result: number;
  readonly userVersion: bigint;
  /** One per step; windows of one buffer. */
  readonly outputs: readonly Buffer[];
}

/** What a request was handed to, until its answer comes. */
export interface Carrier {
  drop(tid: number): void;
}

/** One op vector on its way. */
export interface Request {
  readonly tid: number;
  readonly target: Target;
  readonly steps: readonly OpStep[];
  readonly kind: RequestKind;
  readonly mtimeMs: number;
  readonly ackFlags: number;
  readonly pending: Pending<Reply>;
  /** Of data sent. */
  readonly bytes: number;
  readonly startedMs: number;
  /** How often it was sent. */
  attempts: number;
  /** Where it was last sent; undefined while it waits. */
  carrier: Carrier | undefined;
  /** Where it belongs by the last map that it was routed by. */
  placement: Placement | undefined;
}

const FLAGS: Record<RequestKind, number> = {
  read: 0x400000 | OSD_FLAG.READ | OSD_FLAG.ONDISK,
  write: 0x400000 | OSD_FLAG.WRITE, // and what its acknowledgement asks for
  list: 0x420000 | OSD_FLAG.READ | OSD_FLAG.ONDISK,
};
const NO_REQID = { name: { type: 0, num: 0 }, tid: 0n, inc: 0 };

/** The message that carries a request which has its place. @param attempt how often it was sent before */
export function requestMessage(r: Request, epoch: number, attempt: number): Outgoing {
  const { pgid, hash } = r.placement!;
  const { target, steps } = r;
  const front = writeOSDOp({
    pgid: { pgid, shard: -1 },
    hash,
    epoch,
    flags: FLAGS[r.kind] | r.ackFlags | (attempt > 0 ? OSD_FLAG.RETRY : 0),
    reqid: NO_REQID,
    clientInc: 0,
    mtime: r.mtimeMs > 0 ? utimeOfMs(r.mtimeMs) : TIME_ZERO,
    locator: {
      pool: target.pool,
      key: target.key,
      namespace: target.namespace,
      hash: target.pgHash === undefined ? -1n : BigInt(pgid.seed),
    },
    name: target.name,
    ops: steps.map((s) => ({
      code: s.code,
      flags: s.flags,
      args: s.args,
      argsOffset: 0,
      payloadLength: s.dataLength,
    })),
    snapid: SNAP_HEAD,
    snapSeq: 0n,
    snaps: [],
    retryAttempt: attempt,
    features: DEFAULT_FEATURES,
  });
  const data = steps.length === 1 ? steps[0]!.data : steps.flatMap((s) => [...s.data]);
  return outgoingFront(MOSDOp, front, { tid: r.tid, data });
}

/** Gives the caller what the OSD answered. */
export function settle(r: Request, reply: OSDOpReply, m: IncomingMessage): void {
  const { result, userVersion } = reply;
  if (result < 0) r.pending.reject(errorOf(r, reply));
  else r.pending.resolve({ result, userVersion, outputs: outputsOf(reply, m.data) });
}

function errorOf(r: Request, reply: OSDOpReply): CephError {
  const at = reply.ops.findIndex((o) => o.result < 0);
  const where = at >= 0 && r.steps.length > 1 ? ` at step ${at + 1} of ${r.steps.length}` : '';
  const name = Buffer.from(r.target.name, 'latin1').toString('utf8');
  return new CephError(reply.result, `${r.kind} of '${name}' failed${where}`);
}

function outputsOf(reply: OSDOpReply, data: Buffer): Buffer[] {
  let at = 0;
  return reply.ops.map((o) => {
    const start = at;
    at += o.payloadLength;
    return data.subarray(start, at);
  });
}
