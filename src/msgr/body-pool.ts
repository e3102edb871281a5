/** Smaller bodies are left to the collector of garbage, which is good at what is small and short-lived. */
const POOLED_FROM = 36 * 1024;
/** Larger ones are rare, and would hold much memory for nothing. */
const POOLED_TO = 8 << 20;
/** Sizes differ by so much. */
const STEP = 16 * 1024;
/** What lies ready at most. */
const KEPT_MAX = 64 << 20;

/**
 * Memory of large messages whose receiver says that it is done with them. New memory costs a page fault per 4 KiB, and
 * makes the engine look for garbage again and again: under 4 MiB writes it spent more on that than on all else.
 */
export class BodyPool {
  private readonly free = new Map<number, Buffer[]>();
  private kept = 0;
  /** The least that was kept since the last `age`. */
  private spare = 0;

  /** A buffer of at least `length` bytes, with anything in it. */
  take(length: number): Buffer {
    // A buffer of the shared slab would pin its neighbours for as long as the message lives.
    if (length < 2048) return Buffer.allocUnsafe(length);
    if (length < POOLED_FROM || length > POOLED_TO) return Buffer.allocUnsafeSlow(length);
    const size = Math.ceil(length / STEP) * STEP;
    const buffer = this.free.get(size)?.pop();
    if (!buffer) return Buffer.allocUnsafeSlow(size);
    this.kept -= size;
    this.spare = Math.min(this.spare, this.kept);
    return buffer;
  }

  /** Takes a buffer back that `take` gave; nobody may look at it any more. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (size < POOLED_FROM || size > POOLED_TO || this.kept + size > KEPT_MAX) return;
    const list = this.free.get(size);
    if (list) list.push(buffer);
    else this.free.set(size, [buffer]);
    this.kept += size;
  }

  /** Lets go of what has not been needed since the last call. */
  age(): void {
    let spare = this.spare;
    for (const [size, list] of this.free) {
      while (spare > 0 && list.length > 0) {
        list.pop();
        spare -= size;
        this.kept -= size;
      }
      if (list.length === 0) this.free.delete(size);
    }
    this.spare = this.kept;
  }
}
