import { isPageStart, isShared, markPageStart } from '../runtime/index.ts';

/** What crosses between threads at once: the posts of one turn of the event loop. */
export interface Batch {
  readonly heads: readonly unknown[];
  /** For each head how many pieces of bytes it has, then the length of each; -1 for one that is in `shared`. */
  readonly layout: readonly number[];
  /** The other pieces, one after another, each from a multiple of 8. */
  readonly packed: Uint8Array | undefined;
  readonly shared: readonly Uint8Array[];
  /** Which of the shared begin at a page, by index: the other thread cannot tell. */
  readonly pageStarts: readonly number[];
}

const ALIGN = 8;
const padded = (length: number): number => Math.ceil(length / ALIGN) * ALIGN;

/** Gathers posts. */
export class BatchWriter {
  private heads: unknown[] = [];
  private layout: number[] = [];
  private pieces: Uint8Array[] = [];
  private packedLength = 0;
  private shared: Uint8Array[] = [];
  private pageStarts: number[] = [];

  get isEmpty(): boolean {
    return this.heads.length === 0;
  }

  add(head: unknown, bytes: readonly Uint8Array[]): void {
    this.heads.push(head);
    this.layout.push(bytes.length);
    for (const piece of bytes) {
      if (isShared(piece)) {
        this.layout.push(-1);
        if (isPageStart(piece.buffer)) this.pageStarts.push(this.shared.length);
        this.shared.push(piece);
      } else {
        this.layout.push(piece.length);
        this.pieces.push(piece);
        this.packedLength += padded(piece.length);
      }
    }
  }

  /** @returns what there is, and what of it goes to the other thread for good */
  take(): { batch: Batch; transfer: ArrayBuffer[] } {
    const { heads, layout, pieces, shared, pageStarts } = this;
    const packed = this.packedLength > 0 ? Buffer.allocUnsafeSlow(this.packedLength) : undefined;
    let at = 0;
    for (const piece of pieces) {
      packed!.set(piece, at);
      at += padded(piece.length);
    }
    this.heads = [];
    this.layout = [];
    this.pieces = [];
    this.packedLength = 0;
    this.shared = [];
    this.pageStarts = [];
    const transfer = packed ? [packed.buffer] : [];
    return { batch: { heads, layout, packed, shared, pageStarts }, transfer };
  }
}

/** Hands out the posts of a batch in their order. */
export function readBatch(batch: Batch, each: (head: unknown, bytes: Buffer[]) => void): void {
  const { heads, layout, packed, shared } = batch;
  for (const index of batch.pageStarts) markPageStart(shared[index]!.buffer);
  let atLayout = 0;
  let at = 0;
  let nextShared = 0;
  for (const head of heads) {
    const count = layout[atLayout++]!;
    const bytes: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      const length = layout[atLayout++]!;
      if (length < 0) bytes.push(bufferOf(shared[nextShared++]!));
      else {
        bytes.push(
          packed ? Buffer.from(packed.buffer, packed.byteOffset + at, length) : Buffer.alloc(0),
        );
        at += padded(length);
      }
    }
    each(head, bytes);
  }
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
