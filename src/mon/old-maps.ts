import { OSDMap } from '../maps/index.ts';

/**
 * Maps of past epochs that commands ask for, decoded from the store and kept while they are among the last few asked for.
 */
export class OldMaps {
  private readonly capacity: number;
  private readonly bytesOf: (epoch: number) => Uint8Array | undefined;
  /** In the order of use, the latest last. */
  private readonly maps = new Map<number, OSDMap>();

  /**
   * @param capacity maps kept
   * @param bytesOf the full map of an epoch; undefined when there is none
   */
  constructor(capacity: number, bytesOf: (epoch: number) => Uint8Array | undefined) {
    this.capacity = capacity;
    this.bytesOf = bytesOf;
  }

  /** @throws DecodeError */
  get(epoch: number): OSDMap | undefined {
    const map = this.maps.get(epoch) ?? this.load(epoch);
    if (!map) return undefined;
    this.maps.delete(epoch);
    this.maps.set(epoch, map);
    const [oldest] = this.maps.keys();
    if (this.maps.size > this.capacity) this.maps.delete(oldest!);
    return map;
  }

  private load(epoch: number): OSDMap | undefined {
    const bytes = this.bytesOf(epoch);
    return bytes && OSDMap.decode(bytes);
  }
}
