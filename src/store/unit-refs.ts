import { type Allocator, BLOCK_BYTES } from './allocator.ts';
import type { Group } from './committer.ts';
import type { CompressedFigures } from './compressed-figures.ts';
import { poolOf } from './compression.ts';
import {
  type CompressedExtent,
  type Extent,
  originalBytes,
  sliceExtent,
  unitsOf,
} from './extent.ts';
import type { Onode } from './onode.ts';
import type { Overlay } from './overlay.ts';
import { SharedUnits } from './shared-units.ts';
import type { Figures } from './store-space.ts';

/** Knows when units are free again: when no extent of any object refers to them. */
export class UnitRefs {
  private readonly allocator: Allocator;
  private readonly compressed: CompressedFigures;
  private readonly group: () => Group;
  private readonly shared: SharedUnits;

  constructor(o: {
    allocator: Allocator;
    overlay: Overlay;
    figures: Figures;
    compressed: CompressedFigures;
    group: () => Group;
  }) {
    this.allocator = o.allocator;
    this.compressed = o.compressed;
    this.group = o.group;
    this.shared = new SharedUnits({
      get: (key) => o.overlay.get(key),
      set: (key, value) => o.group().changes.set(key, value),
      grew: (by) => {
        o.figures.sharedRefs += by;
      },
    });
  }

  /**
   * An extent that refers to the units of this one, which is the object's or a part of such, too. The caller marks that
   * as shared, and puts this into an object of the same pool.
   */
  share(n: Onode, e: Extent): Extent {
    this.refer(e);
    if (e.blob) this.compressed.add(poolOf(n.key), { original: originalBytes(e) });
    return { ...e };
  }

  /** An object's extent is gone. */
  drop(e: Extent): void {
    for (const { unit, count } of unitsOf(e)) {
      if (e.shared) this.shared.drop(unit, count, (at, some) => this.free(at, some));
      else this.free(unit, count);
    }
  }

  /** An object is about to lose the blocks from..end of a compressed extent, and may keep what is beside them. */
  cut(n: Onode, e: CompressedExtent, from: number, end: number): void {
    const pool = poolOf(n.key);
    this.compressed.add(pool, { original: -originalBytes(sliceExtent(e, from, end)) });
    const keepsStart = e.block < from;
    const keepsEnd = e.block + e.count > end;
    if (keepsStart && keepsEnd) this.refer(e);
    if (keepsStart || keepsEnd) return;
    const before = this.allocator.ownedUnits;
    this.drop(e);
    if (this.allocator.ownedUnits === before) return;
    const { bytes, crcs } = e.blob;
    this.compressed.add(pool, { compressed: -bytes, allocated: -crcs.length * BLOCK_BYTES });
  }

  private refer(e: Extent): void {
    for (const { unit, count } of unitsOf(e)) this.shared.add(unit, count);
    e.shared = true;
  }

  private free(unit: number, count: number): void {
    this.allocator.disown(unit, count);
    this.group().freed.push({ unit, count });
  }
}
