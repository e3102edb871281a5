import { Decoder } from '../codec/index.ts';
import { CephError, DecodeError } from '../errors/index.ts';
import type { Connection, IncomingMessage } from '../msgr/index.ts';
import type { BufferPool, Clock } from '../runtime/index.ts';
import {
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
} from '../wire/index.ts';
import type { ClientOp, OpAnswer } from './client-request.ts';
import { oidKey, reqidKey } from './log-entry.ts';
import { OpMemory } from './op-memory.ts';
import type { CopySource, RequestKind } from './ops/index.ts';

/** What a request needs of the session it came by; the OSD's own requests have no more. */
export type Requester = Pick<Connection, 'peer' | 'peerAddrs' | 'send' | 'session' | 'close'>;

const ANSWER_FLAGS = OSD_FLAG.ACK | OSD_FLAG.ONNVRAM | OSD_FLAG.ONDISK;

/** The id of a request over its resends: its own, or if it leaves that zero, the sender's name and the message's tid. */
function reqidOf(op: OSDOp, connection: Requester, tid: number): ReqId {
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
  const data: Uint8Array[] = [];
  const outputCrcs = outcome?.outputCrcs;
  const dataCrcs: (Uint32Array | undefined)[] | undefined = outputCrcs && [];
  const ops: OsdReplyOp[] = op.ops.map((one, i) => {
    const output = outcome?.outputs[i];
    if (output && output.length > 0) {
      data.push(output);
      dataCrcs?.push(outputCrcs?.[i]);
    }
    return {
      code: one.code,
      flags: one.flags,
      args: one.args,
      argsOffset: one.argsOffset,
      payloadLength: output?.length ?? 0,
      result: outcome?.results[i] ?? 0,
    };
  });
  const asked = op.flags & ~ANSWER_FLAGS;
  const acknowledged = isEarly ? op.flags & OSD_FLAG.ONDISK : OSD_FLAG.ACK | OSD_FLAG.ONDISK;
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
  connection.send({ ...outgoingFront(MOSDOpReply, front, { tid, data }), dataCrcs, done });
}

/** Turns a message into a request for the pipeline. It counts against its connection's throttle until answered. */
export function clientOp(
  connection: Requester,
  message: IncomingMessage,
  op: OSDOp,
  kind: RequestKind,
  host: {
    clock: Clock;
    pool: BufferPool;
    epoch(): number;
    answered(op: ClientOp, a: OpAnswer): void;
    dropped(): void;
    isFenced(): boolean;
  },
): ClientOp {
  const { tid, data, dataCrcs } = message;
  const oid: HObject = {
    key: op.locator.key,
    name: op.name,
    snap: SNAP_HEAD,
    hash: op.hash,
    max: false,
    namespace: op.locator.namespace,
    pool: op.pgid.pgid.pool,
  };
  const reqid = reqidOf(op, connection, tid);
  message.hold();
  const memory = new OpMemory(message, host.pool);
  let isOpen = true;
  const made: ClientOp = {
    request: { op, data, dataCrcs, memory, reqid },
    memory,
    oid,
    key: oidKey(oid),
    reqid,
    reqidKey: reqidKey(reqid),
    mayWrite: kind === 'write',
    isPgOp: kind === 'pg',
    growth: kind === 'write' ? growthOf(op, data.length) : 0,
    startedMs: host.clock.monotonicMs(),
    copy: undefined,
    isFenced: host.isFenced,
    answer: (a) => {
      if (!isOpen) return;
      isOpen = false;
      sendReply(connection, tid, op, host.epoch(), a, memory.isLarge ? memory.use() : undefined);
      message.release();
      host.answered(made, a);
      memory.end();
    },
    drop: () => {
      if (!isOpen) return;
      isOpen = false;
      message.release();
      host.dropped();
    },
  };
  return made;
}

function growthOf(op: OSDOp, bytes: number): number {
  return onlyRemoves(op) ? 0 : bytes + 4096;
}

/** What only takes away goes through in a full store. */
export function onlyRemoves(op: OSDOp): boolean {
  return op.ops.every(
    ({ code }) =>
      code === OSD_OP.DELETE ||
      code === OSD_OP.RMXATTR ||
      code === OSD_OP.OMAPRMKEYS ||
      code === OSD_OP.OMAPRMKEYRANGE ||
      code === OSD_OP.OMAPCLEAR ||
      (code & 0xf000) === 0x1000,
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
