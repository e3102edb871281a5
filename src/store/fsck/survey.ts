import { CompressedFigures } from '../compressed-figures.ts';
import { parseObjectKey } from '../keys.ts';
import { decodeOnode, encodeOnode, type Onode } from '../onode.ts';
import { PlaceNames } from '../place-names.ts';
import { type Figures, NO_FIGURES } from '../store-space.ts';
import type { WideKeyValue } from '../wide-key-value.ts';
import { type Finding, objectText } from './finding.ts';
import { UnitCounts } from './unit-counts.ts';

/** An object's patch, of which the bytes were not seen yet. */
export interface ExpectedPatch {
  readonly object: string;
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

/** Of an omap: bytes of its header and its entries, and how many entries these are. */
export interface OmapSize {
  bytes: number;
  entries: number;
}

/** What an object's record says of its omap, and what was seen of it. */
export interface ExpectedOmap {
  readonly object: string;
  readonly recorded: OmapSize;
  readonly seen: OmapSize;
}

/** What a walk through a store has found out so far, shared by its steps. */
export class Survey {
  readonly kv: WideKeyValue;
  /** Units of the data file. */
  units = 0;
  readonly collections = new PlaceNames();
  readonly refs = new UnitCounts();
  readonly patches = new Map<number, ExpectedPatch>();
  readonly omaps = new Map<number, ExpectedOmap>();
  /** Counted anew. */
  readonly figures: Figures = { ...NO_FIGURES };
  readonly compressed = new CompressedFigures();
  /** Keys of objects' records that say nothing to this release, or that name no object. */
  readonly unknown = new Set<string>();
  /** What mends the findings that can be. */
  readonly changes = new Map<string, Uint8Array | null>();
  /** Something that may own units, patches or omaps cannot be read: what seems to have no owner is kept. */
  hasUnreadable = false;
  private readonly found: (finding: Finding) => void;

  constructor(kv: WideKeyValue, found: (finding: Finding) => void) {
    this.kv = kv;
    this.found = found;
  }

  report(mends: Finding['mends'], text: string): void {
    this.found({ text, mends });
  }

  /** An object by its key. @throws DecodeError */
  textOf(key: string): string {
    return objectText(this.collections.nameOf(key), parseObjectKey(key).oid);
  }

  /** Numbers that are in use are not given out again. */
  sawId(id: number): void {
    this.figures.nextId = Math.max(this.figures.nextId, id + 1);
  }

  /** Changes an object's record, without changing its length. */
  amend(key: string, change: (n: Onode) => void): void {
    const n = decodeOnode(key, this.changes.get(key) ?? this.kv.get(key)!);
    change(n);
    this.changes.set(key, encodeOnode(n));
  }

  /** How what has no owner is mended. */
  get orphanMends(): Finding['mends'] {
    return this.hasUnreadable ? 'discard' : 'repair';
  }
}
