import type { IncomingMessage } from '../../src/msgr/index.ts';
import {
  argsBytes,
  MOSDOp,
  OSD_FLAG,
  OSD_OP,
  SNAP_HEAD,
  TIME_ZERO,
  writeOSDOp,
} from '../../src/wire/index.ts';

/** The front part of a client's request to write `length` bytes at the begin of an object of PG 1.0, or of another. */
export function writeRequest(name: string, epoch: number, length: number, hash = 0, seed = 0) {
  const args = argsBytes('extent', { offset: 0, length, truncateSize: 0, truncateSeq: 0 });
  return Buffer.from(
    writeOSDOp({
      pgid: { pgid: { pool: 1, seed }, shard: -1 },
      hash,
      epoch,
      flags: OSD_FLAG.WRITE | OSD_FLAG.ONDISK,
      reqid: { name: { type: 8, num: 0 }, tid: 0n, inc: 0 },
      clientInc: 0,
      mtime: TIME_ZERO,
      locator: { pool: 1, key: '', namespace: '', hash: -1n },
      name,
      ops: [{ code: OSD_OP.WRITE, flags: 0, args, argsOffset: 0, payloadLength: length }],
      snapid: SNAP_HEAD,
      snapSeq: 0n,
      snaps: [],
      retryAttempt: 0,
      features: 0n,
    }),
  );
}

/** A request as the messenger hands it over. @param told what becomes of the message */
export function requestMessage(
  front: Buffer,
  data: Buffer,
  told: (what: 'held' | 'released' | 'recycled') => void,
): IncomingMessage {
  return {
    type: MOSDOp.type,
    version: MOSDOp.version,
    compatVersion: MOSDOp.compat,
    tid: 1,
    seq: 1,
    priority: 127,
    front,
    middle: Buffer.alloc(0),
    data,
    dataCrcs: undefined,
    isLarge: false,
    hold: () => told('held'),
    release: () => told('released'),
    recycle: () => told('recycled'),
  };
}
