import { BLOCK_BYTES } from './allocator.ts';
import { dataRanges, type Onode, patchAt } from './onode.ts';

/** A range of bytes, and where it goes. */
export interface CopyRange {
  readonly offset: number;
  readonly length: number;
  readonly at: number;
}

/** How a part of an object's data comes elsewhere. */
export interface CopyPlan {
  /** Blocks of the source, from..end, that are shared where it has them. */
  readonly from: number;
  readonly end: number;
  /** Ranges of the source whose bytes are copied; those over shared blocks lie each in one patch. */
  readonly copied: readonly { offset: number; length: number }[];
}

/** Shares what it can: whole blocks, if both places lie alike in theirs. @returns undefined when there is no byte */
export function planCopy(n: Onode, { offset, length, at }: CopyRange): CopyPlan | undefined {
  const stop = Math.min(offset + length, n.size);
  if (stop <= offset) return undefined;
  const isAlike = (at - offset) % BLOCK_BYTES === 0;
  const from = Math.ceil(offset / BLOCK_BYTES);
  // The source's last block is zeros behind its end, but the target may go on there.
  const end = Math.floor(stop / BLOCK_BYTES);
  if (!isAlike || end <= from) return { from, end: from, copied: dataRanges(n, offset, stop) };
  const copied = dataRanges(n, offset, from * BLOCK_BYTES);
  for (let i = patchAt(n.patches, from * BLOCK_BYTES); i < n.patches.length; i++) {
    const p = n.patches[i]!;
    if (p.offset >= end * BLOCK_BYTES) break;
    const first = Math.max(p.offset, from * BLOCK_BYTES);
    const last = Math.min(p.offset + p.length, end * BLOCK_BYTES);
    copied.push({ offset: first, length: last - first });
  }
  copied.push(...dataRanges(n, end * BLOCK_BYTES, stop));
  return { from, end, copied };
}
