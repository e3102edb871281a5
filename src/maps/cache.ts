import { assert } from '../errors/index.ts';
import type { OSDMap } from './osdmap.ts';

/**
 * OSDMaps by epoch, each decoded once and shared by all that need it. Holds at most `capacity` epochs; when full, the
 * one used longest ago goes. The newest map always stays, for it is the one that everybody asks for.
 */
export class OSDMapCache {
  private readonly capacity: number;
  private readonly load: (epoch: number) => OSDMap | undefined;
  /** In order of use, the latest last. */
  private readonly maps = new Map<number, OSDMap>();
  private newestEpoch = 0;

  /**
   * @param capacity epochs held, at least 1
   * @param load decodes an epoch from wherever its bytes are kept; undefined when they are not
   */
  constructor(capacity: number, load: (epoch: number) => OSDMap | undefined = () => undefined) {
    assert(capacity >= 1, 'a map cache holds at least one map');
    this.capacity = capacity;
    this.load = load;
  }

  /** The newest map that was added. */
  get newest(): OSDMap | undefined {
    return this.maps.get(this.newestEpoch);
  }

  get size(): number {
    return this.maps.size;
  }

  get(epoch: number): OSDMap | undefined {
    const held = this.maps.get(epoch);
    if (held) {
      this.maps.delete(epoch);
      this.maps.set(epoch, held);
      return held;
    }
    const loaded = this.load(epoch);
    return loaded && this.add(loaded);
  }

  /** Keeps a map. @returns the one held for its epoch: an earlier one if there is, so that all share it */
  add(map: OSDMap): OSDMap {
    const held = this.maps.get(map.epoch);
    if (held) return held;
    this.maps.set(map.epoch, map);
    this.newestEpoch = Math.max(this.newestEpoch, map.epoch);
    for (const epoch of this.maps.keys()) {
      if (this.maps.size <= this.capacity) break;
      if (epoch !== this.newestEpoch) this.maps.delete(epoch);
    }
    return map;
  }

  /** Forgets the epochs before `oldest`, which nobody may ask for any more. */
  trim(oldest: number): void {
    for (const epoch of this.maps.keys()) {
      if (epoch < oldest && epoch !== this.newestEpoch) this.maps.delete(epoch);
    }
  }
}
