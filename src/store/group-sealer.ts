import type { Allocator } from './allocator.ts';
import type { BlockReader } from './block-reader.ts';
import type { Group } from './committer.ts';
import type { CompressedFigures } from './compressed-figures.ts';
import { bitmapKey, FIGURES_KEY } from './keys.ts';
import type { ObjectTable } from './object-table.ts';
import { dataRanges, encodeOnode } from './onode.ts';
import { encodeFigures, type Figures, type StoreSpace } from './store-space.ts';

interface Parts {
  readonly allocator: Allocator;
  readonly compressed: CompressedFigures;
  readonly figures: Figures;
  readonly reader: BlockReader;
  readonly space: StoreSpace;
  readonly table: ObjectTable;
}

/** Turns what a group of transactions changed in memory into records, and lets go of it when it is durable. */
export class GroupSealer {
  private readonly o: Parts;

  constructor(parts: Parts) {
    this.o = parts;
  }

  /** Writes the records of a group that takes no more. */
  seal(group: Group): void {
    const { allocator, compressed, figures, space } = this.o;
    this.account(group);
    space.sealed();
    for (const [key, n] of group.onodes) {
      const record = n.exists ? encodeOnode(n) : undefined;
      const bytes = record ? record.length + key.length : 0;
      figures.metadataBytes += bytes - n.recordBytes;
      figures.objects += (bytes > 0 ? 1 : 0) - (n.recordBytes > 0 ? 1 : 0);
      n.recordBytes = bytes;
      group.changes.set(key, record ?? null);
    }
    for (const { chunk, bytes } of allocator.takeTouched()) {
      group.changes.set(bitmapKey(chunk), bytes);
    }
    compressed.seal(group.changes);
    figures.ownedUnits = allocator.ownedUnits;
    group.changes.set(FIGURES_KEY, encodeFigures(figures));
  }

  /** Brings the count of data bytes up to date with the objects that a group changed. */
  account(group: Group): void {
    const { figures } = this.o;
    for (const n of group.onodes.values()) {
      let bytes = 0;
      for (const r of dataRanges(n, 0, n.size)) bytes += r.length;
      figures.dataBytes += bytes - n.dataBytes;
      n.dataBytes = bytes;
    }
  }

  /** A group is durable: what it replaced may be used again once nobody reads it. */
  settle(group: Group): void {
    const { allocator, reader, table } = this.o;
    table.settle(group);
    reader.afterReads(group.freed, (run) => allocator.release(run.unit, run.count));
  }
}
