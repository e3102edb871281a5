import { Decoder } from '../../codec/index.ts';
import { CephError, DecodeError } from '../../errors/index.ts';
import type { Connection, IncomingMessage } from '../../msgr/index.ts';
import type { BufferPool } from '../../runtime/index.ts';
import {
  ACKED_FLAGS,
  type AckLevel,
  ackLevelOf,
  type HObject,
  MOSDOpReply,
  ObjectLocator,
  OSD_FLAG,
  OSD_OP,
  type OSDOp,
  type OsdReplyOp,
  outgoingFront,
  type ReqId,
  readArgs,
  SNAP_HEAD,
  writeOSDOpReply,
} from '../../wire/index.ts';
import { oidKey, reqidKey } from '../log/log-entry.ts';
import type { CopyContent, CopySource, OpRequest, RequestKind } from '../ops/index.ts';
import type { ClientOp, OpAnswer } from './client-request.ts';
import { OpMemory } from './op-memory.ts';

/** What a request needs of the session it came by; the OSD's own requests have no more. */
export type Requester = Pick<Connection, 'peer' | 'peerAddrs' | 'send' | 'session' | 'close'>;

const ANSWER_FLAGS = OSD_FLAG.ACK | OSD_FLAG.ONNVRAM | OSD_FLAG.ONDISK;

/** The id of a request over its resends: its own, or if it leaves that zero, the sender's name and the message's tid. */
export function reqidOf(op: OSDOp, connection: Requester, tid: number): ReqId {
  if (op.reqid.name.num !== 0 || op.reqid.tid !== 0n) return op.reqid;
  return { name: connection.peer, tid: BigInt(tid), inc: op.clientInc };
}

/**
 * Sends the reply to a request. Rules: fact sheet §4.7 and §6.3.
 * @param done called when the reply's data is not looked at any more; see OutgoingMessage
 */
export function sendReply(
  connection: Requester,
  tid: number,
  op: OSDOp,
  epoch: number,
  answer: OpAnswer,
  done?: () => void,
): void {
  const { outcome, version, userVersion, isEarly } = answer;
  const count = op.ops.length;
  const ops = new Array<OsdReplyOp>(count);
  let data: Uint8Array[] | undefined;
  let dataCrcs: (Uint32Array | undefined)[] | undefined;
  for (let i = 0; i < count; i++) {
    const { code, flags, args, argsOffset } = op.ops[i]!;
    const output = outcome?.outputs[i];
    const payloadLength = output === undefined ? 0 : output.length;
    if (payloadLength > 0) {
      data ??= [];
      data.push(output!);
      if (outcome!.outputCrcs) {
        dataCrcs ??= [];
        dataCrcs[data.length - 1] = outcome!.outputCrcs[i];
      }
    }
    const result = outcome ? outcome.results[i]! : 0;
    ops[i] = { code, flags, args, argsOffset, payloadLength, result };
  }
  const asked = op.flags & ~ANSWER_FLAGS;
  const acknowledged = isEarly ? op.flags & OSD_FLAG.ONDISK : ACKED_FLAGS[ackLevelOf(op.flags)];
  const isVersioned = version.version !== 0n || isEarly;
  const front = writeOSDOpReply({
    name: op.name,
    pgid: op.pgid.pgid,
    flags: (asked | acknowledged) >>> 0,
    result: answer.result,
    badReplayVersion: isVersioned ? version : { epoch: 0, version: userVersion },
    epoch,
    ops,
    retryAttempt: op.retryAttempt,
    version,
    userVersion: isEarly ? 0n : userVersion,
  });
  connection.send(outgoingFront(MOSDOpReply, front, { tid, data, dataCrcs, done }));
}

/** The object that a request is for. */
export function oidOf(op: OSDOp): HObject {
  return {
    key: op.locator.key,
    name: op.name,
    snap: SNAP_HEAD,
    hash: op.hash,
    max: false,
    namespace: op.locator.namespace,
    pool: op.pgid.pgid.pool,
  };
}

/** What a request asks of the gate that let it in. */
export interface RequestHost {
  readonly pool: BufferPool;
  epoch(): number;
  answered(op: ClientOp, a: OpAnswer): void;
  /** Forgotten: the client sends it again when it has a newer map than that of the request. */
  dropped(by: Requester, epoch: number): void;
  isFenced(by: Requester): boolean;
}

/** A client's message as a request for the pipeline. It counts against its connection's throttle until answered. */
export class ClientRequest implements ClientOp, OpRequest {
  readonly op: OSDOp;
  readonly data: Buffer;
  readonly dataCrcs: Uint32Array | undefined;
  readonly memory: OpMemory;
  readonly oid: HObject;
  readonly key: string;
  readonly mayWrite: boolean;
  readonly ack: AckLevel;
  readonly isPgOp: boolean;
  readonly growth: number;
  readonly startedMs: number;
  copy: Promise<CopyContent> | undefined = undefined;
  private readonly by: Requester;
  private readonly message: IncomingMessage;
  private readonly host: RequestHost;
  private isOpen = true;
  private knownReqid: ReqId | undefined = undefined;
  private knownReqidKey: string | undefined = undefined;

  constructor(
    by: Requester,
    message: IncomingMessage,
    op: OSDOp,
    kind: RequestKind,
    startedMs: number,
    host: RequestHost,
  ) {
    this.by = by;
    this.message = message;
    this.host = host;
    this.op = op;
    this.data = message.data;
    this.dataCrcs = message.dataCrcs;
    this.oid = oidOf(op);
    this.key = oidKey(this.oid);
    this.mayWrite = kind === 'write';
    this.ack = ackLevelOf(op.flags);
    this.isPgOp = kind === 'pg';
    this.growth = kind === 'write' ? growthOf(op, message.data.length) : 0;
    this.startedMs = startedMs;
    this.memory = new OpMemory(message, host.pool);
    message.hold();
  }

  get request(): OpRequest {
    return this;
  }
  // Reads never ask for these.
  get reqid(): ReqId {
    this.knownReqid ??= reqidOf(this.op, this.by, this.message.tid);
    return this.knownReqid;
  }
  get reqidKey(): string {
    this.knownReqidKey ??= reqidKey(this.reqid);
    return this.knownReqidKey;
  }

  isFenced(): boolean {
    return this.host.isFenced(this.by);
  }

  answer(a: OpAnswer): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    const { by, message, memory, host } = this;
    const done = memory.isLarge ? memory.use() : undefined;
    sendReply(by, message.tid, this.op, host.epoch(), a, done);
    message.release();
    host.answered(this, a);
    memory.end();
  }

  drop(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.message.release();
    this.host.dropped(this.by, this.op.epoch);
  }
}

function growthOf(op: OSDOp, bytes: number): number {
  return onlyRemoves(op) ? 0 : bytes + 4096;
}

/** What only takes away goes through in a full store. */
export function onlyRemoves(op: OSDOp): boolean {
  return op.ops.every(removesOrReads);
}
function removesOrReads({ code }: { readonly code: number }): boolean {
  return (
    code === OSD_OP.DELETE ||
    code === OSD_OP.RMXATTR ||
    code === OSD_OP.OMAPRMKEYS ||
    code === OSD_OP.OMAPRMKEYRANGE ||
    code === OSD_OP.OMAPCLEAR ||
    (code & 0xf000) === 0x1000
  );
}

/**
 * The source of a COPY_FROM among the ops, if there is one. It is fetched before the request takes its place in the
 * queue of its object: two objects copied from each other would else wait for each other.
 */
export function copySourceOf(op: OSDOp, data: Uint8Array): CopySource | undefined {
  let at = 0;
  for (const one of op.ops) {
    if (one.code === OSD_OP.COPY_FROM || one.code === OSD_OP.COPY_FROM2) {
      try {
        const { snapid, srcVersion } = readArgs('copyFrom', one);
        const d = new Decoder(data, at, Math.min(data.length, at + one.payloadLength));
        const name = d.byteString();
        const locator = ObjectLocator.decode(d);
        return { name, locator, snapid, version: srcVersion };
      } catch (e) {
        // Execution reports it, in its place among the ops.
        if (e instanceof DecodeError || e instanceof CephError) return undefined;
        throw e;
      }
    }
    at += one.payloadLength;
  }
  return undefined;
}
