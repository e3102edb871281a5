import { DecodeError } from '../errors/index.ts';
import type { PgId } from '../wire/index.ts';

/** What a peer's message says first: about which PG, as of which map, in which interval. @throws DecodeError */
export function peekPg(front: Buffer): { pgid: PgId; epoch: number; since: number } {
  if (front.length < 25) throw new DecodeError('too short', front.length, 'PG message');
  return {
    pgid: { pool: Number(front.readBigInt64LE(1)), seed: front.readUInt32LE(9) },
    epoch: front.readUInt32LE(17),
    since: front.readUInt32LE(21),
  };
}

/** The PG of a client's request, which stands first in it: spg_t, a header of 6 bytes and a pg_t. @throws DecodeError */
export function peekRequestPg(front: Buffer): PgId {
  if (front.length < 24) throw new DecodeError('too short', front.length, 'MOSDOp');
  return { pool: front.readUInt32LE(7), seed: front.readUInt32LE(15) };
}
