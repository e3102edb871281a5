import { CephError } from '../errors/index.ts';
import { type DiskFile, Slab } from '../runtime/index.ts';
import { BLOCK_BYTES, type Run } from './allocator.ts';
import { readBlobs, readGroups } from './compressed-reads.ts';
import type { Compression } from './compression.ts';
import { type CompressedExtent, type Extent, sliceExtent, unwrittenAt } from './extent.ts';
import { patchKey } from './keys.ts';
import type { ReadMemory } from './object-store.ts';
import { extentAt, type Onode, type Patch, patchAt } from './onode.ts';
import type { Overlay } from './overlay.ts';

/** Up to this many bytes are read at once: from the page cache that is cheaper than a turn through the thread pool. */
const SYNC_MAX = 128 * 1024;
/** Extents of so many bytes are read past the page cache: they were written past it (see BlockWriter). */
const PAST_CACHE_FROM = 512 * 1024;

/** Reads objects: blocks from the file or from memory while they are on their way, patches over them, all checked. */
export class BlockReader {
  private readonly file: DiskFile;
  private readonly overlay: Overlay;
  private readonly compression: Compression;
  private readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  private readonly reading = new Set<Promise<unknown>>();
  /** For what readers look at and forget. */
  private readonly slab = new Slab();

  constructor(
    file: DiskFile,
    overlay: Overlay,
    compression: Compression,
    crc32c: (seed: number, bytes: Uint8Array) => number,
  ) {
    this.file = file;
    this.overlay = overlay;
    this.compression = compression;
    this.crc32c = crc32c;
  }

  /**
   * A range within the object's size.
   * @throws CephError EIO, or rejects with it
   */
  read(
    n: Onode,
    offset: number,
    length: number,
    memory?: ReadMemory,
  ): Uint8Array | Promise<Uint8Array> {
    const from = Math.floor(offset / BLOCK_BYTES);
    const end = Math.ceil((offset + length) / BLOCK_BYTES);
    const skip = offset - from * BLOCK_BYTES;
    const whole = this.inOnePlace(n, offset, length);
    if (whole) return whole;
    const parts = extentsIn(n, from, end);
    let blocks = 0;
    for (const e of parts) if (!e.unwritten?.data) blocks += e.blob ? e.blob.crcs.length : e.count;
    const bytes = (end - from) * BLOCK_BYTES;
    const out = memory ? memory.take(bytes).subarray(0, bytes) : this.slab.take(bytes);
    if (memory && skip === 0)
      memory.crcs = crcsOf(n, parts, from, Math.floor(length / BLOCK_BYTES));
    if (blocks * BLOCK_BYTES <= SYNC_MAX) {
      this.fill(n, out, from, end, parts);
      return out.subarray(skip, skip + length);
    }
    const done = this.fillLater(n, out, from, end, parts).then(() =>
      out.subarray(skip, skip + length),
    );
    const settled: Promise<unknown> = done
      .catch(() => {}) // the caller has `done`
      .then(() => this.reading.delete(settled));
    this.reading.add(settled);
    return done;
  }

  /** Whole blocks, patches applied, at once. @throws CephError EIO */
  blocks(n: Onode, from: number, end: number): Uint8Array {
    const out = Buffer.allocUnsafe((end - from) * BLOCK_BYTES);
    this.fill(n, out, from, end, extentsIn(n, from, end));
    return out;
  }

  /** A range within the object's size, at once. @returns bytes that are the caller's. @throws CephError EIO */
  bytes(n: Onode, offset: number, length: number): Uint8Array {
    const whole = this.inOnePlace(n, offset, length);
    if (whole) return whole;
    const from = Math.floor(offset / BLOCK_BYTES);
    const skip = offset - from * BLOCK_BYTES;
    const end = Math.ceil((offset + length) / BLOCK_BYTES);
    return this.blocks(n, from, end).subarray(skip, skip + length);
  }

  /** @throws CephError EIO when the bytes are not what was written */
  patchBytes(n: Onode, p: Patch): Uint8Array {
    const bytes = this.overlay.get(patchKey(p.id, n.key));
    if (!bytes || bytes.length !== p.length || this.crc32c(0xffff_ffff, bytes) !== p.crc) {
      throw new CephError('EIO', `damaged data at ${p.offset}~${p.length} of an object`);
    }
    return bytes;
  }

  /** Calls `release` with units once no read begun before can still look at them. */
  afterReads(freed: readonly Run[], release: (run: Run) => void): void {
    if (this.reading.size === 0) for (const run of freed) release(run);
    else {
      Promise.all(this.reading).then(() => {
        for (const run of freed) release(run);
      });
    }
  }

  /** Resolves when no read is under way. */
  async drain(): Promise<void> {
    await Promise.all(this.reading);
  }

  /** The range from one patch or from bytes on their way, if one of these holds all of it. */
  private inOnePlace(n: Onode, offset: number, length: number): Uint8Array | undefined {
    const end = offset + length;
    const p = n.patches[patchAt(n.patches, offset)];
    if (p && p.offset < end) {
      if (p.offset > offset || p.offset + p.length < end) return undefined;
      return this.patchBytes(n, p).subarray(offset - p.offset, end - p.offset);
    }
    const block = Math.floor(offset / BLOCK_BYTES);
    const e = n.extents[extentAt(n.extents, block)];
    const data = e?.unwritten?.data;
    if (!e || !data || e.block > block) return undefined;
    const at = offset - e.block * BLOCK_BYTES + unwrittenAt(e);
    if (end > (e.block + e.count) * BLOCK_BYTES || at + length > data.length) return undefined;
    // A copy: it must outlive the write, whose bytes are another's again when it is durable.
    return Buffer.from(data.subarray(at, at + length));
  }

  private fill(n: Onode, out: Buffer, from: number, end: number, parts: readonly Extent[]): void {
    const gaps = gapsIn(parts, from, end);
    for (const [start, stop] of gaps) {
      out.fill(0, (start - from) * BLOCK_BYTES, (stop - from) * BLOCK_BYTES);
    }
    for (const e of parts) {
      const into = window(out, from, e);
      if (e.unwritten?.data) copyUnwritten(e, into);
      else if (e.blob) this.unpack(e, into);
      else {
        const count = this.file.readSync(into, e.unit * BLOCK_BYTES);
        this.verify(e.unit, e.crcs, into, count);
      }
    }
    this.layPatches(n, out, from, end);
  }

  private async fillLater(
    n: Onode,
    out: Buffer,
    from: number,
    end: number,
    parts: readonly Extent[],
  ): Promise<void> {
    for (const [start, stop] of gapsIn(parts, from, end)) {
      out.fill(0, (start - from) * BLOCK_BYTES, (stop - from) * BLOCK_BYTES);
    }
    // Patches are taken now: the read shows one moment, whatever is written while the device works.
    const patches = patchesIn(n, from, end).map((p) => ({ p, bytes: this.patchBytes(n, p) }));
    const compressed: CompressedExtent[] = [];
    const running = parts.map(async (e) => {
      const into = window(out, from, e);
      if (e.unwritten?.data) copyUnwritten(e, into);
      else if (e.blob) compressed.push(e);
      else {
        const use = into.length >= PAST_CACHE_FROM ? 'once' : undefined;
        const count = await this.file.read(into, e.unit * BLOCK_BYTES, use);
        this.verify(e.unit, e.crcs, into, count);
      }
    });
    for (const group of readGroups(compressed)) {
      running.push(this.unpackLater(group, (e) => window(out, from, e)));
    }
    // All of them, even if one failed: none may write into memory that is somebody else's by then.
    await Promise.allSettled(running);
    await Promise.all(running);
    for (const { p, bytes } of patches) layPatch(out, from, end, p, bytes);
  }

  private layPatches(n: Onode, out: Buffer, from: number, end: number): void {
    for (const p of patchesIn(n, from, end)) layPatch(out, from, end, p, this.patchBytes(n, p));
  }

  /** The blocks of a compressed extent. */
  private unpack(e: CompressedExtent, into: Buffer): void {
    const { blob } = e;
    let original = this.compression.unpacked(blob);
    if (!original) {
      const bytes = Buffer.allocUnsafe(blob.crcs.length * BLOCK_BYTES);
      for (const { run, window, crcs } of windowsOf(e, bytes)) {
        this.verify(run.unit, crcs, window, this.file.readSync(window, run.unit * BLOCK_BYTES));
      }
      original = this.compression.unpack(blob, bytes);
    }
    copyOriginal(e, original, into);
  }

  private async unpackLater(
    group: readonly CompressedExtent[],
    into: (e: CompressedExtent) => Buffer,
  ): Promise<void> {
    const bytes = await readBlobs(this.file, group);
    let at = 0;
    for (const e of group) {
      const own = bytes.subarray(at, at + e.blob.crcs.length * BLOCK_BYTES);
      at += own.length;
      for (const { run, window, crcs } of windowsOf(e, own)) {
        this.verify(run.unit, crcs, window, window.length);
      }
      copyOriginal(e, this.compression.unpack(e.blob, own), into(e));
    }
  }

  private verify(unit: number, crcs: ArrayLike<number>, bytes: Buffer, count: number): void {
    for (let i = 0; i < crcs.length; i++) {
      const block = bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      if (count < (i + 1) * BLOCK_BYTES || this.crc32c(0xffff_ffff, block) !== crcs[i]) {
        throw new CephError('EIO', `checksum of unit ${unit + i} does not match`);
      }
    }
  }
}

/** The runs of a blob with the parts of its bytes, and of its checksums, that they hold. */
function* windowsOf({ blob }: CompressedExtent, bytes: Buffer) {
  let at = 0;
  for (const run of blob.runs) {
    const end = at + run.count;
    const window = bytes.subarray(at * BLOCK_BYTES, end * BLOCK_BYTES);
    yield { run, window, crcs: blob.crcs.slice(at, end) };
    at = end;
  }
}

/** What an extent shows of its blob; a last block that was not full ends in zeros. */
function copyOriginal(e: CompressedExtent, original: Uint8Array, into: Buffer): void {
  const at = e.skip * BLOCK_BYTES;
  const some = original.subarray(at, at + into.length);
  into.set(some);
  into.fill(0, some.length);
}

/** The parts of an object's extents within the blocks from..end. */
function extentsIn(n: Onode, from: number, end: number): Extent[] {
  const out: Extent[] = [];
  for (let i = extentAt(n.extents, from); i < n.extents.length; i++) {
    const e = n.extents[i]!;
    if (e.block >= end) break;
    out.push(sliceExtent(e, Math.max(from, e.block), Math.min(end, e.block + e.count)));
  }
  return out;
}

function gapsIn(parts: readonly Extent[], from: number, end: number): [number, number][] {
  const out: [number, number][] = [];
  let at = from;
  for (const e of parts) {
    if (e.block > at) out.push([at, e.block]);
    at = e.block + e.count;
  }
  if (at < end) out.push([at, end]);
  return out;
}

function patchesIn(n: Onode, from: number, end: number): Patch[] {
  const out: Patch[] = [];
  for (let i = patchAt(n.patches, from * BLOCK_BYTES); i < n.patches.length; i++) {
    if (n.patches[i]!.offset >= end * BLOCK_BYTES) break;
    out.push(n.patches[i]!);
  }
  return out;
}

function window(out: Buffer, from: number, e: Extent): Buffer {
  const at = (e.block - from) * BLOCK_BYTES;
  return out.subarray(at, at + e.count * BLOCK_BYTES);
}

function copyUnwritten(e: Extent, into: Buffer): void {
  const { data } = e.unwritten!;
  const at = unwrittenAt(e);
  const some = data!.subarray(at, at + into.length);
  into.set(some);
  into.fill(0, some.length);
}

function layPatch(out: Buffer, from: number, end: number, p: Patch, bytes: Uint8Array): void {
  const base = from * BLOCK_BYTES;
  const start = Math.max(p.offset, base);
  const stop = Math.min(p.offset + p.length, end * BLOCK_BYTES);
  out.set(bytes.subarray(start - p.offset, stop - p.offset), start - base);
}

/** Checksums of the blocks from `from` on, which the reader checks; none where patches lie over them or nothing is. */
function crcsOf(
  n: Onode,
  parts: readonly Extent[],
  from: number,
  count: number,
): Uint32Array | undefined {
  if (patchesIn(n, from, from + count).length > 0) return undefined;
  const crcs = new Uint32Array(count);
  let at = from;
  for (const e of parts) {
    if (e.block !== at || e.blob) return undefined;
    crcs.set(e.crcs.subarray(0, from + count - at), at - from);
    at += e.count;
  }
  return at >= from + count ? crcs : undefined;
}
