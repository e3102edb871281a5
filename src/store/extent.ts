import type { Decoder, Encoder } from '../codec/index.ts';
import { BLOCK_BYTES, type Run } from './allocator.ts';
import { blocksOf, type CompressedBlob, decodeBlob, encodeBlob } from './compressed-blob.ts';

/** Bytes on their way to units of the data file; readers take them from here until they are written. */
export interface Unwritten {
  data: Uint8Array | undefined;
  /** Where the extent made for them began: its first unit, or for a compressed one 0. */
  readonly unit: number;
}

/** Whole blocks of an object in successive units. Block n of the object holds its bytes from n * 4096. */
export interface PlainExtent {
  readonly block: number;
  readonly count: number;
  readonly unit: number;
  /** One per block, over its 4096 bytes. */
  readonly crcs: Uint32Array;
  /** A clone may refer to the same units: ask SharedUnits before they are freed. */
  shared: boolean;
  readonly unwritten: Unwritten | undefined;
  readonly blob?: undefined;
}

/**
 * Whole blocks of an object in a compressed blob. It refers to all units of the blob, whatever part of it it shows: what
 * is cut in two refers to them twice, as two clones would.
 */
export interface CompressedExtent {
  readonly block: number;
  readonly count: number;
  /** Blocks of the blob before these. */
  readonly skip: number;
  readonly blob: CompressedBlob;
  shared: boolean;
  /** What the blob stands for. */
  readonly unwritten: Unwritten | undefined;
}

export type Extent = PlainExtent | CompressedExtent;

/** The units that an extent refers to. */
export function unitsOf(e: Extent): readonly Run[] {
  return e.blob ? e.blob.runs : [e];
}

/** Bytes of the object that a compressed extent stands for. */
export function originalBytes({ skip, count, blob }: CompressedExtent): number {
  return Math.min(blob.originalBytes, (skip + count) * BLOCK_BYTES) - skip * BLOCK_BYTES;
}

/** Where an extent's bytes begin in those that are on their way. */
export function unwrittenAt(e: Extent): number {
  return (e.blob ? e.skip : e.unit - e.unwritten!.unit) * BLOCK_BYTES;
}

/** The part of an extent that holds from..end, blocks that it has. */
export function sliceExtent<E extends Extent>(e: E, from: number, end: number): E;
export function sliceExtent(e: Extent, from: number, end: number): Extent {
  if (from === e.block && end === e.block + e.count) return e;
  const cut = from - e.block;
  const count = end - from;
  const { shared, unwritten } = e;
  if (e.blob) return { block: from, count, skip: e.skip + cut, blob: e.blob, shared, unwritten };
  const crcs = e.crcs.subarray(cut, cut + count);
  return { block: from, count, unit: e.unit + cut, crcs, shared, unwritten };
}

const SHARED = 1;
const COMPRESSED = 2;

export function encodeExtent(o: Encoder, e: Extent): void {
  o.u32(e.block);
  o.u32(e.count);
  o.u32(e.blob ? e.skip : e.unit);
  o.u8((e.shared ? SHARED : 0) | (e.blob ? COMPRESSED : 0));
  if (e.blob) encodeBlob(o, e.blob);
  else for (let i = 0; i < e.count; i++) o.u32(e.crcs[i]!);
}

/** @throws DecodeError */
export function decodeExtent(d: Decoder): Extent {
  const block = d.u32();
  const count = d.u32();
  const place = d.u32();
  const flags = d.u8();
  const shared = (flags & SHARED) !== 0;
  switch (flags & ~SHARED) {
    case 0: {
      if (count > d.remaining / 4) d.fail(`extent of ${count} blocks`);
      const crcs = new Uint32Array(count);
      for (let i = 0; i < count; i++) crcs[i] = d.u32();
      return { block, count, unit: place, crcs, shared, unwritten: undefined };
    }
    case COMPRESSED: {
      const blob = decodeBlob(d);
      if (place + count > blocksOf(blob.originalBytes)) {
        d.fail(`blocks ${place}~${count} of a blob of ${blob.originalBytes} bytes`);
      }
      return { block, count, skip: place, blob, shared, unwritten: undefined };
    }
    default:
      return d.fail(`extent of kind ${flags}`);
  }
}
