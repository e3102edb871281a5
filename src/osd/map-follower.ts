import { assert, DecodeError } from '../errors/index.ts';
import {
  type MapCacheMode,
  type MapKey,
  type MapMessage,
  type OSDMap,
  SharedMaps,
} from '../maps/index.ts';
import type { ReceivedMap } from './osd-maps.ts';
import type { Partition } from './partition.ts';

/** How shards share maps: osd_map_cache_mode, osd_map_cache_size. */
export interface MapSharing {
  readonly mode: MapCacheMode;
  readonly epochsMax: number;
}

/** What follows the maps on one thread. */
export interface FollowerScope {
  readonly partition: Partition;
  readonly sharing: MapSharing;
  /** The newest map known at the start. */
  readonly current: OSDMap | undefined;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /** To the follower of another shard; in order. */
  send(to: number, message: MapMessage): void;
  /** The bytes of a map of the past, where they are stored. */
  load?(key: MapKey): Uint8Array | undefined;
  /** The next map. @param previous undefined for the first one, and after a gap */
  onMap(map: OSDMap, previous: OSDMap | undefined): void;
  /** After one or more maps that came together. */
  afterMaps(): void;
  fatal(error: unknown): void;
}

/**
 * Follows the maps on one thread, through the cache that all shards of the OSD share. Maps that come together are one
 * batch: nothing else happens on this thread between the first of them and `afterMaps`.
 */
export class MapFollower {
  private readonly scope: FollowerScope;
  private readonly maps: SharedMaps;
  private hasReached = false;

  constructor(scope: FollowerScope) {
    this.scope = scope;
    const { partition, sharing, current, crc32c } = scope;
    const { index } = partition;
    this.maps = new SharedMaps({
      shard: index,
      elders: Array.from({ length: index }, (_, elder) => elder),
      ...sharing,
      ...(current ? { current } : {}),
      crc32c,
      link: { send: (to, message) => scope.send(to, message) },
      ...(scope.load ? { load: (key: MapKey) => scope.load!(key) } : {}),
      onMap: (map, previous) => {
        this.hasReached = true;
        scope.onMap(map, previous);
      },
      onConflict: ({ kind, epoch }) =>
        scope.fatal(new Error(`shards have different bytes for the ${kind} map ${epoch}`)),
      onFailure: (error) => scope.fatal(error),
    });
  }

  get epoch(): number {
    return this.maps.current?.epoch ?? 0;
  }

  /** The change that led to an epoch, if the cache still has it. */
  change(epoch: number): Uint8Array | undefined {
    return this.maps.get('change', epoch);
  }

  /**
   * Maps that a monitor sent, one after another. Those that come after a malformed one lead nowhere.
   * @param malformed gets what is wrong with it
   */
  offer(items: readonly ReceivedMap[], malformed: (error: DecodeError) => void): void {
    this.batch(() => {
      for (const { kind, epoch, bytes } of items) {
        this.maps.offer(kind, epoch, bytes).catch((e: unknown) => {
          if (e instanceof DecodeError) malformed(e);
          else this.scope.fatal(e);
        });
      }
    });
  }

  /** What the follower of another shard says. */
  receive(from: number, message: MapMessage): void {
    this.batch(() => this.maps.receive(from, message));
  }

  private batch(run: () => void): void {
    assert(!this.hasReached, 'a batch of maps ends before the next');
    run();
    if (!this.hasReached) return;
    this.hasReached = false;
    this.scope.afterMaps();
  }
}
