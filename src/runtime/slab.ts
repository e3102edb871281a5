const SLAB_BYTES = 256 * 1024;
/** Larger pieces are worth memory of their own. */
const PIECE_BYTES_MAX = 16 * 1024;

/**
 * Memory for small pieces that live for a moment only: each is a window of a larger buffer, which costs a fraction of a
 * buffer of its own. A piece that is kept for long keeps 256 KiB with it, so who keeps bytes copies them.
 */
export class Slab {
  private slab: Buffer = Buffer.alloc(0);
  private at = 0;

  /** `length` bytes with anything in them. */
  take(length: number): Buffer {
    if (length > PIECE_BYTES_MAX) return Buffer.allocUnsafeSlow(length);
    if (this.slab.length - this.at < length) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.at = 0;
    }
    const from = this.at;
    this.at = from + length;
    return this.slab.subarray(from, this.at);
  }
}
