import type { IncomingMessage, OutgoingMessage } from '../../msgr/index.ts';
import { encodeTransaction, type StoreOp } from '../../store/index.ts';
import { decodeFront, type EVersion, type MessageOf, outgoingFront } from '../../wire/index.ts';
import { MRepOp } from '../peer-messages.ts';
import type { Logged } from './logged.ts';

// A change on its way to the other members, by hand since every write is one. Held to the declared MRepOp by a test.

type Header = Pick<MessageOf<typeof MRepOp>, 'pgid' | 'epoch' | 'since'>;

/*
 * The front: PG 17 bytes (version 1, pool, seed, -1), epoch, since, the entry with its length, trimTo 12, isEarly 1, the
 * steps with their length.
 */
const EPOCH_AT = 17;
const SINCE_AT = 21;
const ENTRY_AT = 25;
/** The version to trim to, and whether the member's word is wanted early. */
const TRIM_BYTES = 13;
const TWO32 = 0x1_0000_0000;

/** The message of a change: the transaction's data goes as it is. */
export function repOp(
  header: Header,
  item: Logged,
  txn: readonly StoreOp[],
  trimTo: EVersion,
  isEarly: boolean,
): OutgoingMessage {
  const [steps, ...data] = encodeTransaction(txn);
  const front = writeRepOp(header, item.bytes, trimTo, isEarly, steps!);
  return outgoingFront(MRepOp, front, { data, dataCrcs: crcsOf(txn) });
}

/** Reads a change; entry and steps are windows of the message. @throws DecodeError */
export function readRepOp(message: IncomingMessage): MessageOf<typeof MRepOp> {
  return tryReadRepOp(message.front) ?? decodeFront(MRepOp, message);
}

/** @internal */
export function writeRepOp(
  { pgid, epoch, since }: Header,
  entry: Uint8Array,
  trimTo: EVersion,
  isEarly: boolean,
  steps: Uint8Array,
): Buffer {
  const trimAt = ENTRY_AT + 4 + entry.length;
  const stepsAt = trimAt + TRIM_BYTES;
  const b = Buffer.allocUnsafe(stepsAt + 4 + steps.length);
  b[0] = 1;
  b.writeUInt32LE(pgid.pool >>> 0, 1);
  b.writeUInt32LE(Math.floor(pgid.pool / TWO32), 5);
  b.writeUInt32LE(pgid.seed, 9);
  b.writeInt32LE(-1, 13);
  b.writeUInt32LE(epoch, EPOCH_AT);
  b.writeUInt32LE(since, SINCE_AT);
  b.writeUInt32LE(entry.length, ENTRY_AT);
  b.set(entry, ENTRY_AT + 4);
  b.writeBigUInt64LE(trimTo.version, trimAt);
  b.writeUInt32LE(trimTo.epoch, trimAt + 8);
  b[stepsAt - 1] = isEarly ? 1 : 0;
  b.writeUInt32LE(steps.length, stepsAt);
  b.set(steps, stepsAt + 4);
  return b;
}

/** @internal Undefined for bytes that are left to the declared codec, which reads them or says what is wrong. */
export function tryReadRepOp(b: Buffer): MessageOf<typeof MRepOp> | undefined {
  if (b.length < ENTRY_AT + 4 || b[0] !== 1 || b.readUInt32LE(5) >= 0x20_0000) return undefined;
  const trimAt = ENTRY_AT + 4 + b.readUInt32LE(ENTRY_AT);
  const stepsAt = trimAt + TRIM_BYTES;
  if (stepsAt + 4 > b.length) return undefined;
  const end = stepsAt + 4 + b.readUInt32LE(stepsAt);
  if (end > b.length) return undefined;
  return {
    pgid: { pool: b.readUInt32LE(5) * TWO32 + b.readUInt32LE(1), seed: b.readUInt32LE(9) },
    epoch: b.readUInt32LE(EPOCH_AT),
    since: b.readUInt32LE(SINCE_AT),
    entry: b.subarray(ENTRY_AT + 4, trimAt),
    trimTo: { version: b.readBigUInt64LE(trimAt), epoch: b.readUInt32LE(trimAt + 8) },
    isEarly: b[stepsAt - 1] !== 0,
    steps: b.subarray(stepsAt + 4, end),
  };
}

/** What is known of the data of a transaction's writes, in the order in which it is sent. */
function crcsOf(txn: readonly StoreOp[]): (Uint32Array | undefined)[] | undefined {
  let isKnown = false;
  for (const op of txn) if (op.op === 'write' && op.crcs) isKnown = true;
  if (!isKnown) return undefined;
  const crcs: (Uint32Array | undefined)[] = [];
  for (const op of txn) if (op.op === 'write' && op.data.length > 0) crcs.push(op.crcs);
  return crcs;
}
