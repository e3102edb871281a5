import { assert } from '../errors/index.ts';
import { type Allocator, BLOCK_BYTES, type Run } from './allocator.ts';
import type { Group } from './committer.ts';
import { blocksOf } from './compressed-blob.ts';
import type { CompressedFigures } from './compressed-figures.ts';
import { type Compression, type CompressionRule, type Packed, poolOf } from './compression.ts';
import {
  type CompressedExtent,
  type Extent,
  originalBytes,
  type Unwritten,
  unitsOf,
} from './extent.ts';
import { extentAt, insertExtent, type Onode, takeBlocks } from './onode.ts';
import type { UnitRefs } from './unit-refs.ts';

const ZEROS = new Uint8Array(BLOCK_BYTES);

/** How blocks are put. */
export interface Put {
  /** Large data of a client, which it has itself: the system need not keep it. */
  readonly once: boolean;
  /** Checksums of whole blocks from the first on, if known. */
  readonly known: Uint32Array | undefined;
}

interface Parts {
  readonly allocator: Allocator;
  readonly refs: UnitRefs;
  readonly compression: Compression;
  readonly compressed: CompressedFigures;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /** The group that gathers. */
  readonly group: () => Group;
}

/** Puts whole blocks of objects into free units, compressed where the pool's rule says so, and takes them out again. */
export class BlockPlacer {
  private readonly o: Parts;
  /** Compressed extents that were cut since they were asked for. */
  private cuts: { readonly n: Onode; readonly block: number }[] = [];

  constructor(parts: Parts) {
    this.o = parts;
  }

  /** Writes whole blocks, the last filled up with zeros, to free units. What the object had there is gone. */
  put(n: Onode, from: number, data: Uint8Array, how: Put): void {
    this.free(n, from, from + blocksOf(data.length));
    const rule = this.o.compression.ruleFor(n);
    if (rule) this.putCompressed(n, from, data, how, rule);
    else this.putPlain(n, from, data, how);
  }

  /** Adds an extent, a part of another, where the object has no blocks. */
  insert(n: Onode, e: Extent): void {
    insertExtent(n, e);
    if (e.blob) this.cuts.push({ n, block: e.block });
  }

  /** Takes the blocks from..end out of the object. */
  free(n: Onode, from: number, end: number): void {
    for (const e of takeBlocks(n, from, end, this.cut)) this.o.refs.drop(e);
  }

  private readonly cut = (n: Onode, e: CompressedExtent, from: number, end: number): void => {
    this.o.refs.cut(n, e, from, end);
    if (e.block < from) this.cuts.push({ n, block: e.block });
    if (e.block + e.count > end) this.cuts.push({ n, block: end });
  };

  /** First blocks of compressed extents that were cut since the last call, as they were right then. */
  takeCuts(): readonly { readonly n: Onode; readonly block: number }[] {
    if (this.cuts.length === 0) return NO_CUTS;
    const { cuts } = this;
    this.cuts = [];
    return cuts;
  }

  /** In parts that end where the object's offset is a multiple of the largest blob; what does not shrink stays plain. */
  private putCompressed(
    n: Onode,
    from: number,
    data: Uint8Array,
    how: Put,
    rule: CompressionRule,
  ): void {
    const step = rule.maxBlobBytes / BLOCK_BYTES;
    const end = from + blocksOf(data.length);
    let plain = from;
    const putPlainUpTo = (block: number) => {
      if (block === plain) return;
      const part = data.subarray((plain - from) * BLOCK_BYTES, (block - from) * BLOCK_BYTES);
      this.putPlain(n, plain, part, { ...how, known: how.known?.subarray(plain - from) });
    };
    for (let at = from; at < end; ) {
      const next = Math.min(end, (Math.floor(at / step) + 1) * step);
      const part = data.subarray((at - from) * BLOCK_BYTES, (next - from) * BLOCK_BYTES);
      const packed = this.o.compression.pack(rule, part);
      if (packed) {
        putPlainUpTo(at);
        this.putPacked(n, at, part, packed, how.once);
        plain = next;
      }
      at = next;
    }
    putPlainUpTo(end);
  }

  private putPlain(n: Onode, from: number, data: Uint8Array, { once, known }: Put): void {
    let at = 0;
    let block = from;
    for (const { unit, count } of this.allocate(n, from, blocksOf(data.length))) {
      const part = data.subarray(at, at + count * BLOCK_BYTES);
      const unwritten = { data: part, unit };
      const crcs = this.blockCrcs(part, count, known?.subarray(block - from));
      insertExtent(n, { block, count, unit, crcs, shared: false, unwritten });
      this.write({ unit, count }, part, once, unwritten);
      at += part.length;
      block += count;
    }
  }

  private putPacked(
    n: Onode,
    block: number,
    data: Uint8Array,
    { algorithm, bytes }: Packed,
    once: boolean,
  ): void {
    const units = blocksOf(bytes.length);
    const runs = this.allocate(n, block, units);
    const unwritten = { data, unit: 0 };
    const crcs = Array.from(this.blockCrcs(bytes, units, undefined));
    const e: CompressedExtent = {
      block,
      count: blocksOf(data.length),
      skip: 0,
      blob: { algorithm, originalBytes: data.length, bytes: bytes.length, runs, crcs },
      shared: false,
      unwritten,
    };
    insertExtent(n, e);
    let at = 0;
    for (const run of runs) {
      this.write(run, bytes.subarray(at, at + run.count * BLOCK_BYTES), once, unwritten);
      at += run.count * BLOCK_BYTES;
    }
    const allocated = units * BLOCK_BYTES;
    const pool = poolOf(n.key);
    this.o.compressed.add(pool, {
      compressed: bytes.length,
      allocated,
      original: originalBytes(e),
    });
  }

  /** Right behind what the object has before the block, if there is room. */
  private allocate(n: Onode, block: number, count: number): readonly Run[] {
    const before = n.extents[extentAt(n.extents, block) - 1];
    const last = before && unitsOf(before).at(-1);
    const runs = this.o.allocator.allocate(count, last && last.unit + last.count);
    assert(runs, 'room was reserved before the transaction was taken');
    return runs;
  }

  private write(run: Run, data: Uint8Array, once: boolean, unwritten: Unwritten): void {
    const pad = run.count * BLOCK_BYTES - data.length;
    const buffers = pad > 0 ? [data, ZEROS.subarray(0, pad)] : [data];
    const group = this.o.group();
    group.writes.push({ unit: run.unit, count: run.count, buffers, once });
    group.unwritten.push(unwritten);
  }

  private blockCrcs(data: Uint8Array, count: number, known: Uint32Array | undefined): Uint32Array {
    const { crc32c } = this.o;
    const crcs = new Uint32Array(count);
    const given = Math.min(known?.length ?? 0, Math.floor(data.length / BLOCK_BYTES));
    if (known) crcs.set(known.subarray(0, given));
    for (let i = given; i < count; i++) {
      const bytes = data.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      let crc = crc32c(0xffff_ffff, bytes);
      if (bytes.length < BLOCK_BYTES) crc = crc32c(crc, ZEROS.subarray(bytes.length));
      crcs[i] = crc;
    }
    return crcs;
  }
}

const NO_CUTS: readonly never[] = [];
