import type { DecodeError } from '../../errors/index.ts';
import type { MapMessage, OSDMap } from '../../maps/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import type { MessageOf, MOSDMap } from '../../wire/index.ts';
import { MapFollower, type MapSharing } from '../map-follower.ts';
import { type MapListener, OsdMaps, shareMaps } from '../osd-maps.ts';
import type { Partition } from '../partition.ts';
import type { Shard } from '../shard/shard.ts';
import type { Superblock } from '../superblock.ts';

/** What the front's maps are joined to. */
export interface FrontMapsScope {
  /** The front's own shard, in whose store they are kept. */
  readonly own: Shard;
  readonly store: ObjectStore;
  readonly superblock: Superblock;
  readonly partition: Partition;
  readonly sharing: MapSharing;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /** The oldest epoch from which a shard would go on after a crash now. */
  neededFrom(): number;
  /** To the maps of another shard; in order. */
  send(to: number, message: MapMessage): void;
  /** After one or more maps that came together. */
  afterMaps(): void;
  /** The monitor sent something that is no map. */
  malformed(error: DecodeError): void;
  fatal(error: unknown): void;
}

/** The maps as the front has them: from the monitor, to the store and to all shards. */
export class FrontMaps {
  private readonly scope: FrontMapsScope;
  private readonly stored: OsdMaps;
  private readonly follower: MapFollower;
  /** What the monitor has, as far as we know. */
  private newestEpoch = 0;

  /** @throws CephError EIO when the store lacks its newest map */
  constructor(scope: FrontMapsScope) {
    const { store, superblock, partition, sharing, crc32c, own } = scope;
    this.scope = scope;
    this.stored = new OsdMaps(store, superblock, crc32c);
    this.follower = new MapFollower({
      partition,
      sharing,
      current: this.stored.current,
      crc32c,
      send: scope.send,
      load: (key) => this.stored.kept(key),
      onMap: (map, previous) => this.reached(map, previous),
      afterMaps: () => {
        void own.commitMaps(this.stored.commit(scope.neededFrom()));
        scope.afterMaps();
      },
      fatal: scope.fatal,
    });
    if (this.stored.current) own.advance(this.stored.current, undefined);
  }

  get current(): OSDMap | undefined {
    return this.stored.current;
  }
  get epoch(): number {
    return this.stored.epoch;
  }
  get oldest(): number {
    return this.stored.oldest;
  }
  /** We have all that the monitor has spoken of. */
  get isNewest(): boolean {
    return this.newestEpoch <= this.epoch;
  }

  /** Follows the maps that a monitor sent. */
  accept(message: MessageOf<typeof MOSDMap>): void {
    this.newestEpoch = message.newestMap;
    this.follower.offer(this.stored.continuing(message), (e) => {
      this.stored.forgetReceived();
      this.scope.malformed(e);
    });
  }

  /** What the maps of another shard say to ours. */
  receive(from: number, message: MapMessage): void {
    this.follower.receive(from, message);
  }

  /** The map of an epoch in full, if what leads to it is kept. */
  fullAt(epoch: number): Uint8Array | undefined {
    return this.stored.fullAt(epoch);
  }

  /** Who had this epoch gets what it lacks, once. */
  share(to: MapListener, epoch: number): void {
    shareMaps(this.stored, to, epoch);
  }

  private reached(map: OSDMap, previous: OSDMap | undefined): void {
    const isNext = previous !== undefined || map.epoch === 1;
    this.stored.reached(map, isNext ? this.follower.change(map.epoch) : undefined);
    this.scope.own.advance(map, previous);
  }
}
