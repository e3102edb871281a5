import { Decoder, Encoder } from '../codec/index.ts';
import { BLOCK_BYTES } from './allocator.ts';
import { HINT } from './compression-policy.ts';
import {
  type CompressedExtent,
  decodeExtent,
  type Extent,
  encodeExtent,
  type PlainExtent,
  sliceExtent,
} from './extent.ts';
import { joinRanges } from './pieces.ts';

/** Bytes that lie over the blocks and live in the key/value store until they are moved to blocks of their own. */
export interface Patch {
  readonly offset: number;
  readonly length: number;
  readonly id: number;
  readonly crc: number;
}

/** What is known about one object. The blocks beyond its size do not exist; bytes of the last one beyond it are zero. */
export interface Onode {
  readonly key: string;
  exists: boolean;
  size: number;
  /** Ascending, apart. */
  extents: Extent[];
  /** Ascending, apart. */
  patches: Patch[];
  /** Values as byte strings: a small buffer would cost several times its bytes, and hold memory of its neighbours. */
  attrs: Map<string, string>;
  omapHeader: Uint8Array | undefined;
  /** Names the entries' keys; 0 before there are any. */
  omapId: number;
  /** Bytes of entries and header. */
  omapBytes: number;
  /** How many entries there are. */
  omapEntries: number;
  /** What the store's figures hold of this object: bytes of its stored record and of its data. */
  recordBytes: number;
  dataBytes: number;
  /** What a client said of its data: of HINT. */
  hints: number;
  /** The number of the last group that changed it. */
  group: number;
  /** What the cache counts of it. */
  heldBytes: number;
}

export function newOnode(key: string): Onode {
  return {
    key,
    exists: false,
    size: 0,
    extents: [],
    patches: [],
    attrs: new Map(),
    omapHeader: undefined,
    omapId: 0,
    omapBytes: 0,
    omapEntries: 0,
    recordBytes: 0,
    dataBytes: 0,
    hints: 0,
    group: 0,
    heldBytes: 0,
  };
}

const VERSION = 2;
const HAS_HEADER = 1;
const IS_COMPRESSIBLE = 2;
const IS_INCOMPRESSIBLE = 4;

function flagsOf(n: Onode): number {
  return (
    (n.omapHeader ? HAS_HEADER : 0) |
    (n.hints & HINT.compressible ? IS_COMPRESSIBLE : 0) |
    (n.hints & HINT.incompressible ? IS_INCOMPRESSIBLE : 0)
  );
}

/** The stored form. */
export function encodeOnode(n: Onode): Buffer {
  const o = new Encoder(0n, 512);
  o.u8(VERSION);
  o.u8(flagsOf(n));
  o.u53(n.size);
  o.u53(n.omapId);
  o.u53(n.omapBytes);
  o.u53(n.omapEntries);
  o.u53(n.dataBytes);
  o.u32(n.extents.length);
  for (const e of n.extents) encodeExtent(o, e);
  o.u32(n.patches.length);
  for (const p of n.patches) {
    o.u53(p.offset);
    o.u32(p.length);
    o.u53(p.id);
    o.u32(p.crc);
  }
  o.u32(n.attrs.size);
  for (const [name, value] of n.attrs) {
    o.byteString(name);
    o.byteString(value);
  }
  if (n.omapHeader) o.bytes(n.omapHeader);
  return o.finish();
}

/** @throws DecodeError when the record is damaged */
export function decodeOnode(key: string, bytes: Uint8Array): Onode {
  const d = new Decoder(bytes);
  const version = d.u8();
  if (version !== VERSION) d.fail(`object record version ${version}`);
  const flags = d.u8();
  const n = newOnode(key);
  n.exists = true;
  if (flags & IS_COMPRESSIBLE) n.hints |= HINT.compressible;
  if (flags & IS_INCOMPRESSIBLE) n.hints |= HINT.incompressible;
  n.size = d.u53();
  n.omapId = d.u53();
  n.omapBytes = d.u53();
  n.omapEntries = d.u53();
  n.dataBytes = d.u53();
  for (let left = d.length(); left > 0; left--) n.extents.push(decodeExtent(d));
  for (let left = d.length(); left > 0; left--) {
    n.patches.push({ offset: d.u53(), length: d.u32(), id: d.u53(), crc: d.u32() });
  }
  for (let left = d.length(); left > 0; left--) n.attrs.set(d.byteString(), d.byteString());
  if (flags & HAS_HEADER) n.omapHeader = d.bytes();
  d.finish();
  n.recordBytes = bytes.length + key.length;
  return n;
}

/** The index of the first extent that ends after `block`. */
export function extentAt(extents: readonly Extent[], block: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const e = extents[middle]!;
    if (e.block + e.count <= block) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function hasBlock(n: Onode, block: number): boolean {
  const e = n.extents[extentAt(n.extents, block)];
  return e !== undefined && e.block <= block;
}

/**
 * Takes the blocks from..end out of the object.
 * @param cut hears of each compressed extent before its blocks from..end go
 * @returns the plain extents that held blocks
 */
export function takeBlocks(
  n: Onode,
  from: number,
  end: number,
  cut: (n: Onode, e: CompressedExtent, from: number, end: number) => void,
): PlainExtent[] {
  const first = extentAt(n.extents, from);
  const kept: Extent[] = [];
  const taken: PlainExtent[] = [];
  let i = first;
  for (; i < n.extents.length && n.extents[i]!.block < end; i++) {
    const e = n.extents[i]!;
    const eEnd = e.block + e.count;
    const start = Math.max(from, e.block);
    const stop = Math.min(end, eEnd);
    if (e.blob) cut(n, e, start, stop);
    else taken.push(sliceExtent(e, start, stop));
    if (e.block < from) kept.push(sliceExtent(e, e.block, from));
    if (eEnd > end) kept.push(sliceExtent(e, end, eEnd));
  }
  if (i > first) n.extents.splice(first, i - first, ...kept);
  return taken;
}

/** Adds an extent where the object has no blocks. */
export function insertExtent(n: Onode, e: Extent): void {
  n.extents.splice(extentAt(n.extents, e.block), 0, e);
}

/** The index of the first patch that ends after `offset`. */
export function patchAt(patches: readonly Patch[], offset: number): number {
  let low = 0;
  let high = patches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const p = patches[middle]!;
    if (p.offset + p.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The ranges within from..end that hold data, ascending and joined, up to the object's size. */
export function dataRanges(
  n: Onode,
  from: number,
  end: number,
): { offset: number; length: number }[] {
  const stop = Math.min(end, n.size);
  const out: { offset: number; length: number }[] = [];
  const add = (start: number, length: number) => {
    const offset = Math.max(from, start);
    const last = Math.min(stop, start + length);
    if (last > offset) out.push({ offset, length: last - offset });
  };
  for (let i = extentAt(n.extents, Math.floor(from / BLOCK_BYTES)); i < n.extents.length; i++) {
    const e = n.extents[i]!;
    if (e.block * BLOCK_BYTES >= stop) break;
    add(e.block * BLOCK_BYTES, e.count * BLOCK_BYTES);
  }
  for (let i = patchAt(n.patches, from); i < n.patches.length; i++) {
    const p = n.patches[i]!;
    if (p.offset >= stop) break;
    add(p.offset, p.length);
  }
  return joinRanges(out.sort((a, b) => a.offset - b.offset));
}

/** Blocks that a range of bytes touches. */
export function blocksTouched(offset: number, length: number): number {
  if (length === 0) return 0;
  return Math.floor((offset + length - 1) / BLOCK_BYTES) - Math.floor(offset / BLOCK_BYTES) + 1;
}
