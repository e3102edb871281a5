/** A range of bytes held in memory. Never changed once it is in a list. */
export interface Piece {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** The index of the first piece that ends after `offset`. */
function firstEndingAfter(pieces: readonly Piece[], offset: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const p = pieces[middle]!;
    if (p.offset + p.data.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Replaces whatever the sorted list holds in offset..end by `piece`, or by nothing. */
export function replaceRange(pieces: Piece[], offset: number, end: number, piece?: Piece): void {
  const first = firstEndingAfter(pieces, offset);
  let last = first;
  const kept: Piece[] = [];
  for (; last < pieces.length && pieces[last]!.offset < end; last++) {
    const p = pieces[last]!;
    if (p.offset < offset) {
      kept.push({ offset: p.offset, data: p.data.subarray(0, offset - p.offset) });
    }
    const pieceEnd = p.offset + p.data.length;
    if (pieceEnd > end) kept.push({ offset: end, data: p.data.subarray(end - p.offset) });
  }
  if (piece) kept.splice(kept.length > 0 && kept[0]!.offset < offset ? 1 : 0, 0, piece);
  pieces.splice(first, last - first, ...kept);
}

/** The bytes of a range, zeros where nothing is. A view when one piece holds all of it. */
export function readPieces(pieces: readonly Piece[], offset: number, length: number): Uint8Array {
  const end = offset + length;
  let i = firstEndingAfter(pieces, offset);
  const one = pieces[i];
  if (one && one.offset <= offset && one.offset + one.data.length >= end) {
    return one.data.subarray(offset - one.offset, end - one.offset);
  }
  const out = Buffer.alloc(length);
  for (; i < pieces.length && pieces[i]!.offset < end; i++) {
    const p = pieces[i]!;
    const from = Math.max(offset, p.offset);
    const to = Math.min(end, p.offset + p.data.length);
    out.set(p.data.subarray(from - p.offset, to - p.offset), from - offset);
  }
  return out;
}

/** The ranges that pieces cover within offset..end. */
export function pieceRanges(
  pieces: readonly Piece[],
  offset: number,
  end: number,
): { offset: number; length: number }[] {
  const out: { offset: number; length: number }[] = [];
  for (let i = firstEndingAfter(pieces, offset); i < pieces.length; i++) {
    const p = pieces[i]!;
    if (p.offset >= end) break;
    const from = Math.max(offset, p.offset);
    out.push({ offset: from, length: Math.min(end, p.offset + p.data.length) - from });
  }
  return joinRanges(out);
}

/** Joins ascending ranges that touch or overlap. */
export function joinRanges(
  ranges: readonly { offset: number; length: number }[],
): { offset: number; length: number }[] {
  const out: { offset: number; length: number }[] = [];
  for (const r of ranges) {
    const last = out.at(-1);
    if (last && last.offset + last.length >= r.offset) {
      last.length = Math.max(last.length, r.offset + r.length - last.offset);
    } else out.push({ offset: r.offset, length: r.length });
  }
  return out;
}
