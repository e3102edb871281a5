import type { IncomingMessage, OutgoingMessage } from '../../msgr/index.ts';
import { ENTITY, type EntityAddr } from '../../wire/index.ts';
import { shardOf } from '../partition.ts';
import { peekPg, peekRequestPg } from '../peer-peek.ts';
import type { Requester } from '../requests/client-ops.ts';
import type { Ack } from '../shard/acks.ts';
import type { ShardCalls } from '../shard-front.ts';
import { looped } from './loopback.ts';

/** Brings what comes in to the shard that it is for. With one shard nobody looks which PG it is. */
export class ShardRouter {
  /** In the order of their indexes. */
  readonly all: ShardCalls[];
  /** Of clients, since the start. */
  requests = 0;
  private readonly first: ShardCalls;
  /** We, as a client of our own. */
  private self: Requester | undefined;

  constructor(first: ShardCalls) {
    this.first = first;
    this.all = [first];
  }

  /** @throws DecodeError */
  request(by: Requester, m: IncomingMessage): void {
    const { all } = this;
    this.requests++;
    const shard = all.length === 1 ? this.first : all[shardOf(peekRequestPg(m.front), all.length)]!;
    shard.request(by, m);
  }

  /** What a peer says about a PG. @throws DecodeError */
  peerMessage(from: number, m: IncomingMessage): void {
    const { all } = this;
    const shard = all.length === 1 ? this.first : all[shardOf(peekPg(m.front).pgid, all.length)]!;
    shard.peerMessage(from, m);
  }

  acked(from: number, acks: readonly Ack[]): void {
    const { length } = this.all;
    if (length === 1) {
      this.first.acked(from, acks);
      return;
    }
    this.all.forEach((shard, index) => {
      const mine = acks.filter((ack) => shardOf(ack.pgid, length) === index);
      if (mine.length > 0) shard.acked(from, mine);
    });
  }

  /** The answer to a request of a shard of ours: see CopyFetcher for how its number tells of which. @throws DecodeError */
  copyReply(m: IncomingMessage): void {
    this.all[m.tid % this.all.length]!.copyReply(m);
  }

  /** A copy whose source is here too: the request goes the way of a client's, the answer that of a peer's. */
  requestOfOurs(osd: number, addr: EntityAddr, message: OutgoingMessage): void {
    this.self ??= {
      peer: { type: ENTITY.osd, num: osd },
      peerAddrs: [addr],
      session: Number.POSITIVE_INFINITY, // knows every map
      send: (reply) => this.copyReply(looped(reply)),
      close: () => {},
    };
    const by = this.self;
    const incoming = looped(message);
    // Not from inside the request that asked.
    queueMicrotask(() => this.request(by, incoming));
  }

  neighbours(): Set<number> {
    return new Set(this.all.flatMap((shard) => [...shard.neighbours]));
  }
}
