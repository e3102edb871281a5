import { CRUSH_ITEM_NONE } from '../types.ts';
import type { Layout } from './layout.ts';

/** Buckets above each other; a map in which there are more below each other forces nothing so deep. */
const DEPTH_MAX = 64;

/**
 * The way down to a device that a caller wants first. The last way is remembered, for the steps of a rule follow the
 * same one, and so do mappings that force the same device. Nothing here allocates.
 */
export class ForcedWay {
  private readonly layout: Layout;
  /** Ids from a bucket to the device. */
  private readonly way = new Int32Array(DEPTH_MAX + 1);
  private length = 0;

  constructor(layout: Layout) {
    this.layout = layout;
  }

  /**
   * The first item of the type on the way from a bucket down to the device: where the bucket's own search would stop.
   * @param bucket its index
   * @returns CRUSH_ITEM_NONE when the device is not below the bucket, or no item of the type between them
   */
  itemBelow(bucket: number, device: number, type: number): number {
    for (let at = this.find(-1 - bucket, device) + 1; at < this.length; at++) {
      const item = this.way[at]!;
      if ((item >= 0 ? 0 : this.layout.type[-1 - item]) === type) return item;
    }
    return CRUSH_ITEM_NONE;
  }

  /** @returns where the bucket stands on the way; the way's end when there is none */
  private find(bucketId: number, device: number): number {
    if (this.length > 0 && this.way[this.length - 1] === device) {
      const at = this.way.subarray(0, this.length).indexOf(bucketId);
      if (at >= 0) return at;
    }
    this.length = 0;
    this.descend(bucketId, device, 0);
    return 0;
  }

  private descend(bucketId: number, device: number, depth: number): boolean {
    const { start, size, items, alg, count } = this.layout;
    const bucket = -1 - bucketId;
    if (depth >= DEPTH_MAX || bucket >= count || alg[bucket] === 0) return false;
    this.way[depth] = bucketId;
    const end = start[bucket]! + size[bucket]!;
    for (let i = start[bucket]!; i < end; i++) {
      const item = items[i]!;
      if (item === device) {
        this.way[depth + 1] = device;
        this.length = depth + 2;
        return true;
      }
      if (item < 0 && this.descend(item, device, depth + 1)) return true;
    }
    return false;
  }
}
