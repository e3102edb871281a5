import type { MapItem, MapKey, MapKind } from './types.ts';

/** A shared item and the shard that brought it. */
export interface Held {
  readonly item: MapItem;
  readonly first: number;
}

/** The items a shard knows, its own and references to those of others. */
export class Shelf {
  private readonly held: Record<MapKind, Map<number, Held>> = {
    full: new Map(),
    change: new Map(),
  };
  /** Epochs before this one are gone for good. */
  oldest = 1;
  /** The highest epoch anybody spoke of. */
  newest = 0;

  get size(): number {
    return this.held.full.size + this.held.change.size;
  }

  find({ kind, epoch }: MapKey): Held | undefined {
    return this.held[kind].get(epoch);
  }

  /** The item is new and not before `oldest`. */
  put(held: Held): void {
    const { kind, epoch } = held.item;
    this.held[kind].set(epoch, held);
    this.heardOf(epoch);
  }

  heardOf(epoch: number): void {
    this.newest = Math.max(this.newest, epoch);
  }

  /** Drops what is before `oldest`. @returns whether that is later than before */
  trim(oldest: number): boolean {
    if (oldest <= this.oldest) return false;
    this.oldest = oldest;
    for (const items of [this.held.full, this.held.change]) {
      for (const epoch of items.keys()) if (epoch < oldest) items.delete(epoch);
    }
    return true;
  }

  /** Changes without a hole, from `from` or the oldest kept, to `to` at most. */
  changes(from: number, to: number): MapItem[] {
    const out: MapItem[] = [];
    for (let epoch = Math.max(from, this.oldest); epoch <= to; epoch++) {
      const found = this.held.change.get(epoch);
      if (!found) break;
      out.push(found.item);
    }
    return out;
  }

  /** The newest full map later than `epoch`. */
  fullAfter(epoch: number): MapItem | undefined {
    const last = Math.max(epoch, ...this.held.full.keys());
    return last > epoch ? this.held.full.get(last)?.item : undefined;
  }

  /** By kind, in the order of arrival. */
  *all(): Generator<Held> {
    yield* this.held.full.values();
    yield* this.held.change.values();
  }
}
