import type { MapMessage } from '../../maps/index.ts';
import type { Shards } from '../../runtime/index.ts';
import type { EntityAddr } from '../../wire/index.ts';
import type { MapSharing } from '../map-follower.ts';
import type { Lease } from '../peer-messages.ts';
import type { Requester } from '../requests/client-ops.ts';
import type { Settings } from '../settings.ts';
import type { Shard } from '../shard/shard.ts';
import type { ShardCalls } from '../shard-front.ts';
import { RemoteShard, type RemoteShardFront } from '../threads/remote-shard.ts';
import { ShardRouter } from './shard-router.ts';

/** The shards of an OSD as its front has them: its own, shard 0, and those on other threads. */
export class ShardSet {
  readonly own: Shard;
  readonly router: ShardRouter;
  private readonly others: RemoteShard[] = [];

  constructor(own: Shard) {
    this.own = own;
    this.router = new ShardRouter(own);
  }

  /** In the order of their indexes. */
  get all(): readonly ShardCalls[] {
    return this.router.all;
  }

  /** Starts the others, and waits until each has its store. */
  async open(shards: Shards, front: RemoteShardFront, settings: Settings): Promise<void> {
    for (let index = 1; index < shards.count; index++) {
      this.others.push(new RemoteShard(shards, index, front, settings));
    }
    this.router.all.push(...this.others);
    await Promise.all(this.others.map((shard) => shard.opened));
  }

  /**
   * We listen: the maps of all may begin.
   * @param epoch of the front's map
   * @param fullAt see FrontMaps
   */
  begin(
    addr: EntityAddr,
    sharing: MapSharing,
    epoch: number,
    fullAt: (epoch: number) => Uint8Array | undefined,
  ): void {
    this.own.begin(addr);
    for (const shard of this.others) {
      // One that is ahead goes through the maps with us again: it must not miss those that follow.
      shard.beginAt(addr, sharing, fullAt(Math.min(shard.durableEpoch, epoch)));
    }
  }

  /** The oldest epoch from which a shard would go on after a crash, when ours has made its next commit. */
  get neededFrom(): number {
    return Math.min(this.own.seenEpoch, ...this.others.map((shard) => shard.durableEpoch));
  }
  /** Every shard has made this epoch durable. */
  haveAll(epoch: number): boolean {
    return this.all.every((shard) => shard.durableEpoch >= epoch);
  }

  /** The front's follower of maps speaks to that of another shard. */
  sendMap(from: number, to: number, message: MapMessage): void {
    this.others[to - 1]!.map(from, message);
  }

  /** A primary asks us to stand by it, see ShardFront. */
  standBy(osd: number, { upFrom, leaseMs }: Lease, then: (leaseMs: number) => void): void {
    const isGiven = this.own.promise(osd, upFrom, leaseMs);
    if (isGiven) for (const shard of this.others) shard.promised(osd, upFrom, leaseMs);
    then(isGiven ? leaseMs : 0);
  }

  /** A session is gone. */
  forget(by: Requester): void {
    for (const shard of this.all) shard.forget(by);
  }

  /** Resolves when no PG answers anybody any more. */
  async stop(): Promise<void> {
    await Promise.all(this.all.map((shard) => shard.stop()));
  }
  /** Closes all stores. */
  async close(): Promise<void> {
    await Promise.all(this.all.map((shard) => shard.close()));
  }
  /** Ends the other threads whatever they do. */
  abandon(): void {
    for (const shard of this.others) void shard.abandon();
  }
}
