import { CephError } from '../errors/index.ts';
import { type Allocator, BLOCK_BYTES } from './allocator.ts';
import { BlockPlacer } from './block-placer.ts';
import type { BlockReader } from './block-reader.ts';
import type { Group } from './committer.ts';
import type { CompressedFigures } from './compressed-figures.ts';
import type { Compression } from './compression.ts';
import { type Extent, sliceExtent } from './extent.ts';
import { patchKey } from './keys.ts';
import { blocksTouched, extentAt, hasBlock, type Onode, patchAt } from './onode.ts';
import type { Overlay } from './overlay.ts';
import { type CopyPlan, type CopyRange, planCopy } from './range-copy.ts';
import type { Figures } from './store-space.ts';
import { UnitRefs } from './unit-refs.ts';

/** Writes below this many bytes ride in the metadata commit; larger ones go to blocks of their own first. */
const DIRECT_BYTES = 32 * 1024;
/** Patches of one object that make it worth moving them at once: its record lists them all. */
const PATCHES_MAX = 48;
/** Bytes that a patch of a single one counts for: so few patches wait that opening a store can go through them. */
const PATCH_WEIGHT = 256;
const ZEROS = new Uint8Array(BLOCK_BYTES);

/**
 * Changes the data of objects in memory and in the group that gathers. A block that is referred to is never written
 * again: new data goes to free units, or into the metadata as a patch that lies over the blocks until `movePatches`
 * writes patch and block together to a free unit.
 */
export class BlockWriter {
  /** Objects with patches, oldest first, and what these weigh: their bytes, and as much as a short one is work. */
  readonly patched = new Set<string>();
  patchedBytes = 0;
  private readonly allocator: Allocator;
  private readonly reader: BlockReader;
  private readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  private readonly figures: Figures;
  private readonly group: () => Group;
  private readonly hasSpare: (bytes: number) => boolean;
  private readonly refs: UnitRefs;
  private readonly blocks: BlockPlacer;

  constructor(o: {
    allocator: Allocator;
    overlay: Overlay;
    reader: BlockReader;
    compression: Compression;
    compressed: CompressedFigures;
    crc32c: (seed: number, bytes: Uint8Array) => number;
    figures: Figures;
    group: () => Group;
    /** Whether there is room for so many bytes beside what was promised to transactions. */
    hasSpare: (bytes: number) => boolean;
  }) {
    this.allocator = o.allocator;
    this.reader = o.reader;
    this.crc32c = o.crc32c;
    this.figures = o.figures;
    this.group = o.group;
    this.hasSpare = o.hasSpare;
    this.refs = new UnitRefs(o);
    this.blocks = new BlockPlacer({ ...o, refs: this.refs });
  }

  /** @param crcs of each whole block of `data` from its start, if known */
  write(n: Onode, offset: number, data: Uint8Array, crcs?: Uint32Array): void {
    if (data.length === 0) return;
    const end = offset + data.length;
    if (data.length < DIRECT_BYTES) {
      this.clear(n, offset, end);
      this.addPatch(n, offset, data);
    } else this.writeDirect(n, offset, data, crcs);
    n.size = Math.max(n.size, end);
    if (n.patches.length > PATCHES_MAX) this.movePatches(n);
    this.mendCuts();
  }

  zero(n: Onode, offset: number, length: number): void {
    if (length === 0) return;
    const end = offset + length;
    this.clear(n, offset, end);
    this.zeroPartial(n, offset, Math.min(end, roundUp(offset)));
    if (roundDown(end) >= roundUp(offset)) this.zeroPartial(n, roundDown(end), end);
    n.size = Math.max(n.size, end);
    this.mendCuts();
  }

  truncate(n: Onode, size: number): void {
    if (size < n.size) {
      this.clear(n, size, Number.MAX_SAFE_INTEGER);
      // What follows must read as zeros if the object grows again.
      this.zeroPartial(n, size, roundUp(size));
    }
    n.size = size;
    this.mendCuts();
  }

  removeData(n: Onode): void {
    this.clear(n, 0, Number.MAX_SAFE_INTEGER);
    n.size = 0;
  }

  /** Gives an object without data the data of another: blocks are shared, patches copied. */
  clone(from: Onode, to: Onode): void {
    to.extents = this.share(from, 0, Number.MAX_SAFE_INTEGER);
    for (const p of from.patches) this.addPatch(to, p.offset, this.reader.patchBytes(from, p));
    to.size = from.size;
  }

  /** Puts a part of an object's data into another, or elsewhere into the same. */
  cloneRange(from: Onode, to: Onode, range: CopyRange): void {
    const plan = planCopy(from, range);
    if (!plan) return;
    const shift = range.at - range.offset;
    // All is taken from the source before the target changes, since they may be one object.
    const copied = this.copiedBytes(from, plan);
    const shared = this.share(from, plan.from, plan.end);
    this.zero(to, range.at, Math.min(range.length, from.size - range.offset));
    for (const e of shared) {
      this.blocks.insert(to, { ...e, block: e.block + shift / BLOCK_BYTES });
    }
    for (const { offset, data } of copied) this.write(to, offset + shift, data);
    this.mendCuts();
  }

  /** Reads what `cloneRange` is going to copy. @throws CephError EIO */
  checkCopy(from: Onode, range: CopyRange): void {
    const plan = planCopy(from, range);
    if (plan) this.copiedBytes(from, plan);
  }

  private copiedBytes(n: Onode, { copied }: CopyPlan): { offset: number; data: Uint8Array }[] {
    return copied.map(({ offset, length }) => ({
      offset,
      data: this.reader.bytes(n, offset, length),
    }));
  }

  /** One more reference to each of the blocks from..end. @returns the extents for it */
  private share(n: Onode, from: number, end: number): Extent[] {
    const out: Extent[] = [];
    if (from >= end) return out;
    for (let i = extentAt(n.extents, from); i < n.extents.length; i++) {
      const e = n.extents[i]!;
      if (e.block >= end) break;
      e.shared = true;
      const part = sliceExtent(e, Math.max(from, e.block), Math.min(end, e.block + e.count));
      out.push(this.refs.share(n, part));
    }
    return out;
  }

  /**
   * Moves an object's patches to blocks: each run of touched blocks is put together and written to free units.
   * @returns why some are left, if so: there is no room, or a block cannot be read and keeps its patches
   */
  movePatches(n: Onode): 'moved' | 'no room' | 'damaged' {
    for (let i = 0; i < n.patches.length; ) {
      const first = n.patches[i]!;
      const from = Math.floor(first.offset / BLOCK_BYTES);
      let end = from;
      for (; i < n.patches.length; i++) {
        const p = n.patches[i]!;
        if (Math.floor(p.offset / BLOCK_BYTES) > end) break;
        end = Math.max(end, Math.ceil((p.offset + p.length) / BLOCK_BYTES));
      }
      if (this.allocator.freeUnits < end - from) return 'no room';
      let data: Uint8Array;
      try {
        // A patch of whole blocks is taken as it is, and that of a single block with its checksum.
        data = this.reader.bytes(n, from * BLOCK_BYTES, (end - from) * BLOCK_BYTES);
      } catch (error) {
        if (error instanceof CephError) return 'damaged';
        throw error;
      }
      const isBlock = first.length === BLOCK_BYTES && end === from + 1;
      const known = isBlock ? Uint32Array.of(first.crc) : undefined;
      this.blocks.put(n, from, data, { once: false, known });
    }
    for (const p of n.patches) this.forgetPatch(n, p);
    n.patches = [];
    this.patched.delete(n.key);
    this.mendCuts();
    return 'moved';
  }

  private writeDirect(
    n: Onode,
    offset: number,
    data: Uint8Array,
    crcs: Uint32Array | undefined,
  ): void {
    const end = offset + data.length;
    const from = roundUp(offset);
    // The last block, if it is new, is padded with zeros; one that exists keeps what follows under a patch.
    const padded = end % BLOCK_BYTES === 0 || !hasBlock(n, Math.floor(end / BLOCK_BYTES));
    const to = padded ? end : roundDown(end);
    this.clear(n, offset, end);
    if (from > offset) this.addPatch(n, offset, data.subarray(0, from - offset));
    const whole = data.subarray(from - offset, to - offset);
    // Its blocks are the object's only where both begin together.
    const known = from === offset ? crcs : undefined;
    this.blocks.put(n, from / BLOCK_BYTES, whole, { once: true, known });
    if (to < end) this.addPatch(n, to, data.subarray(to - offset));
  }

  /**
   * What is left of a compressed extent keeps all units of its blob. Where it would take no more without compression, it
   * is written anew; so no object takes more because it was compressed. Only if there is room: it is no part of what was
   * promised.
   */
  private mendCuts(): void {
    for (const { n, block } of this.blocks.takeCuts()) {
      const e = n.extents[extentAt(n.extents, block)];
      if (!e?.blob || e.block !== block || e.count > e.blob.crcs.length) continue;
      if (!this.hasSpare(e.count * BLOCK_BYTES)) continue;
      let data: Uint8Array;
      try {
        data = this.reader.blocks(n, block, block + e.count);
      } catch (error) {
        if (error instanceof CephError) continue; // damaged: it stays for whoever reads it
        throw error;
      }
      this.blocks.put(n, block, data, { once: false, known: undefined });
    }
  }

  /** Takes patches and whole blocks out of a range. Blocks at its edges stay: their caller covers them. */
  private clear(n: Onode, offset: number, end: number): void {
    this.clearPatches(n, offset, end);
    const from = Math.ceil(offset / BLOCK_BYTES);
    const to = Math.floor(end / BLOCK_BYTES);
    if (to > from) this.blocks.free(n, from, to);
  }

  private zeroPartial(n: Onode, offset: number, end: number): void {
    if (end > offset && hasBlock(n, Math.floor(offset / BLOCK_BYTES))) {
      this.addPatch(n, offset, ZEROS.subarray(0, end - offset));
    }
  }

  /** Adds bytes over blocks, where there is no patch. */
  private addPatch(n: Onode, offset: number, data: Uint8Array): void {
    const id = this.figures.nextId++;
    const crc = this.crc32c(0xffff_ffff, data);
    n.patches.splice(patchAt(n.patches, offset), 0, { offset, length: data.length, id, crc });
    this.group().changes.set(patchKey(id, n.key), data);
    this.figures.patchBytes += blocksTouched(offset, data.length) * BLOCK_BYTES;
    this.tookPatch(n.key, data.length);
  }

  private clearPatches(n: Onode, offset: number, end: number): void {
    const first = patchAt(n.patches, offset);
    let last = first;
    while (last < n.patches.length && n.patches[last]!.offset < end) last++;
    if (last === first) return;
    const kept: { offset: number; data: Uint8Array }[] = [];
    for (const p of n.patches.slice(first, last)) {
      const pEnd = p.offset + p.length;
      if (p.offset < offset || pEnd > end) {
        const data = this.reader.patchBytes(n, p);
        if (p.offset < offset) {
          kept.push({ offset: p.offset, data: data.subarray(0, offset - p.offset) });
        }
        if (pEnd > end) kept.push({ offset: end, data: data.subarray(end - p.offset) });
      }
      this.forgetPatch(n, p);
    }
    n.patches.splice(first, last - first);
    for (const k of kept) this.addPatch(n, k.offset, k.data);
    if (n.patches.length === 0) this.patched.delete(n.key);
  }

  /** There is one more patch of an object, of so many bytes: new, or there when the store was opened. */
  tookPatch(object: string, bytes: number): void {
    this.patchedBytes += bytes + PATCH_WEIGHT;
    this.patched.add(object);
  }

  private forgetPatch(n: Onode, p: { id: number; offset: number; length: number }): void {
    this.group().changes.set(patchKey(p.id, n.key), null);
    this.figures.patchBytes -= blocksTouched(p.offset, p.length) * BLOCK_BYTES;
    this.patchedBytes -= p.length + PATCH_WEIGHT;
  }
}

function roundUp(offset: number): number {
  return Math.ceil(offset / BLOCK_BYTES) * BLOCK_BYTES;
}
function roundDown(offset: number): number {
  return Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
}
