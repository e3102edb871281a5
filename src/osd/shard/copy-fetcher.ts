import { CephError } from '../../errors/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../../msgr/index.ts';
import {
  argsBytes,
  ENTITY,
  MOSDOp,
  OSD_FLAG,
  OSD_OP,
  type OSDOp,
  type OsdOp,
  outgoingFront,
  readOSDOpReply,
  TIME_ZERO,
  writeOSDOp,
} from '../../wire/index.ts';
import { type CopyContent, type CopySource, collectCopy, copyGetInput } from '../ops/index.ts';
import type { Partition } from '../partition.ts';

const PART_BYTES = 8 << 20;

/** What the fetcher needs of the daemon. */
export interface CopyFetcherHost {
  readonly id: number;
  readonly partition: Partition;
  readonly map: OSDMap | undefined;
  /** To another OSD, or to ourselves. */
  send(osd: number, message: OutgoingMessage): void;
}

interface Pending {
  readonly send: () => void;
  readonly resolve: (r: { output: Uint8Array; userVersion: bigint }) => void;
  readonly reject: (e: Error) => void;
}

/** Reads whole objects from whatever OSD serves them, for COPY_FROM: a client that knows one request. */
export class CopyFetcher {
  private readonly host: CopyFetcherHost;
  private readonly pending = new Map<number, Pending>();
  /** Numbers of a shard leave its index when divided by the count of shards: an answer finds its way by that. */
  private nextTid: number;

  constructor(host: CopyFetcherHost) {
    this.host = host;
    this.nextTid = host.partition.index + host.partition.count;
  }

  /**
   * @throws CephError what the source's OSD answered; ENOENT when the pool is gone; ERANGE or EOVERFLOW also when it is
   * changed between two parts
   */
  fetch(source: CopySource): Promise<CopyContent> {
    let { version } = source;
    return collectCopy(async (cursor) => {
      const part = await this.get({ ...source, version }, copyGetInput(cursor, PART_BYTES));
      // From the second part on: half of one version and half of another is what the source never was.
      version = part.userVersion;
      return part;
    });
  }

  private get(
    source: CopySource,
    input: Buffer,
  ): Promise<{ output: Uint8Array; userVersion: bigint }> {
    const tid = this.nextTid;
    this.nextTid += this.host.partition.count;
    return new Promise((resolve, reject) => {
      const send = (): void => this.send(tid, source, input);
      this.pending.set(tid, { send, resolve, reject });
      send();
    });
  }

  /** The map or a session changed: what is not answered goes out again; reading twice does no harm. */
  sendAgain(): void {
    for (const p of [...this.pending.values()]) p.send();
  }

  onReply(message: Pick<IncomingMessage, 'front' | 'data' | 'tid' | 'compatVersion'>): void {
    const p = this.pending.get(message.tid);
    if (!p) return;
    this.pending.delete(message.tid);
    const reply = readOSDOpReply(message);
    if (reply.result < 0) {
      p.reject(new CephError(reply.result, 'the source of a copy cannot be read'));
      return;
    }
    const length = reply.ops[reply.ops.length - 1]?.payloadLength ?? 0;
    const output = message.data.subarray(message.data.length - length);
    p.resolve({ output, userVersion: reply.userVersion });
  }

  private send(tid: number, source: CopySource, input: Buffer): void {
    const { host } = this;
    const { name, locator } = source;
    const place = host.map?.locate(locator.pool, name, locator.key, locator.namespace);
    if (!host.map || !place) {
      this.pending.get(tid)?.reject(new CephError('ENOENT', 'the pool of the source is gone'));
      this.pending.delete(tid);
      return;
    }
    const get = argsBytes('copyGet', { maxBytes: PART_BYTES });
    const ops: OsdOp[] = [
      { code: OSD_OP.COPY_GET, flags: 0, args: get, argsOffset: 0, payloadLength: input.length },
    ];
    if (source.version !== 0n) {
      const args = argsBytes('assertVer', { unused: 0n, version: source.version });
      ops.unshift({ code: OSD_OP.ASSERT_VER, flags: 0, args, argsOffset: 0, payloadLength: 0 });
    }
    const op: OSDOp = {
      pgid: { pgid: place.pgid, shard: -1 },
      hash: place.hash,
      epoch: host.map.epoch,
      flags: OSD_FLAG.READ | OSD_FLAG.ACK,
      reqid: { name: { type: ENTITY.osd, num: host.id }, tid: BigInt(tid), inc: host.map.epoch },
      clientInc: 0,
      mtime: TIME_ZERO,
      locator: { ...locator, hash: -1n },
      name,
      ops,
      snapid: source.snapid,
      snapSeq: 0n,
      snaps: [],
      retryAttempt: 0,
      features: 0n,
    };
    const primary = host.map.pgToUpActing(place.pgid).actingPrimary;
    if (primary < 0) return;
    host.send(primary, outgoingFront(MOSDOp, writeOSDOp(op), { tid, data: [input] }));
  }
}
