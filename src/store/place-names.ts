import { readBe32 } from './object-key.ts';
import type { Collection } from './object-store.ts';
import { overlap } from './pg-bounds.ts';
import { type KeyRange, PG_SPACE, type Place } from './place.ts';

/** Which collection an object's key belongs to. */
export class PlaceNames {
  private readonly plain = new Map<number, Collection>();
  private readonly pgs: { readonly name: Collection; readonly place: Place }[] = [];
  /** Ascending; made when it is asked for. */
  private ranges: { readonly name: Collection; readonly range: KeyRange }[] | undefined;

  /** @returns the collection whose objects it would share; nothing is added then */
  add(name: Collection, place: Place): Collection | undefined {
    const { bounds } = place;
    if (!bounds) {
      const other = this.plain.get(place.space);
      if (other === undefined) this.plain.set(place.space, name);
      return other;
    }
    const other = this.pgs.find((pg) => overlap(pg.place.bounds!, bounds));
    if (other) return other.name;
    this.pgs.push({ name, place });
    this.ranges = undefined;
    return undefined;
  }

  /** @param key an object's */
  find(key: string): Collection | undefined {
    const space = readBe32(key, 1);
    if (space !== PG_SPACE) return this.plain.get(space);
    this.ranges ??= this.pgs
      .flatMap(({ name, place }) => place.ranges.map((range) => ({ name, range })))
      .sort((a, b) => (a.range.from < b.range.from ? -1 : 1));
    const { ranges } = this;
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle]!.range.to <= key) low = middle + 1;
      else high = middle;
    }
    const found = ranges[low];
    return found && found.range.from <= key ? found.name : undefined;
  }

  /** For people. */
  nameOf(key: string): string {
    const space = readBe32(key, 1);
    return this.find(key) ?? (space === PG_SPACE ? 'no PG' : `collection ${space}`);
  }
}
