/** objecter_inflight_ops and objecter_inflight_op_bytes of 16.2. */
const COUNT_MAX = 1024;
const BYTES_MAX = 100 << 20;

/**
 * Bounds what is under way at once, in number and bytes; the others wait and start in the order they came. One that is
 * larger than the bound starts when nothing else is under way.
 */
export class InFlight<T extends { readonly bytes: number }> {
  private readonly start: (item: T) => void;
  private readonly waiting = new Set<T>();
  private count = 0;
  private bytes = 0;

  /** @param start called once for each, at once or later */
  constructor(start: (item: T) => void) {
    this.start = start;
  }

  add(item: T): void {
    if (this.waiting.size > 0 || this.isFull(item)) this.waiting.add(item);
    else this.begin(item);
  }

  /** One ended, or is given up while it waits. */
  remove(item: T): void {
    if (!this.waiting.delete(item)) {
      this.count--;
      this.bytes -= item.bytes;
    }
    if (this.waiting.size === 0) return;
    for (const next of this.waiting) {
      if (this.isFull(next)) return;
      this.waiting.delete(next);
      this.begin(next);
    }
  }

  /** Those that wait will never start. @returns them */
  giveUp(): T[] {
    const all = [...this.waiting];
    this.waiting.clear();
    return all;
  }

  private begin(item: T): void {
    this.count++;
    this.bytes += item.bytes;
    this.start(item);
  }

  private isFull(item: T): boolean {
    if (this.count >= COUNT_MAX) return true;
    return this.count > 0 && this.bytes + item.bytes > BYTES_MAX;
  }
}
