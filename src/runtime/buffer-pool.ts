import { assert } from '../errors/index.ts';
import { sharedAlignedMemory } from './aligned-memory.ts';
import { sharedMemory } from './shards.ts';

/** Smaller ones are left to the collector of garbage, which is good at what is small and short-lived. */
export const POOLED_FROM = 36 * 1024;
/** Sizes differ by so much, large ones by more: a request of 4 MiB and an answer of 4 MiB use the same memory. */
const STEP = 16 * 1024;
/** Larger ones are rare, and would hold much memory for nothing. */
const POOLED_TO = (8 << 20) - STEP;
const LARGE_STEP = 1 << 20;
const LARGE_FROM = 1 << 20;
/** What lies ready at most, untouched ends included, until somebody says otherwise. */
const KEPT_MAX = 80 << 20;
/** What was not needed for so long is let go. */
const AGE_MS = 10_000;

/**
 * Memory of large messages and reads, used again by whoever says that it is done with it. New memory costs a page fault
 * per 4 KiB, and makes the engine look for garbage again and again: under 4 MiB writes it spent more on that than on all
 * else. What is never given back is the collector's.
 */
export class BufferPool {
  private readonly free = new Map<number, Buffer[]>();
  private kept = 0;
  private keptMax = KEPT_MAX;
  private keepsAll = false;
  /** The least that was kept since the last `age`. */
  private spare = 0;
  private agedMs = Number.NEGATIVE_INFINITY;
  private readonly large: (length: number) => Buffer;

  private readonly medium: (length: number) => Buffer;

  /**
   * @param large makes memory of 1 MiB and more, whose ends may stay untouched: for devices, see alignedMemory
   * @param medium makes what is smaller and still pooled
   */
  constructor(
    large: (length: number) => Buffer = Buffer.allocUnsafeSlow,
    medium: (length: number) => Buffer = Buffer.allocUnsafeSlow,
  ) {
    this.large = large;
    this.medium = medium;
  }

  /**
   * A pool whose memory all threads of the process can see. It keeps all that was needed in the last seconds, whatever
   * `keepAtMost` says: the engine does not count shared memory, so nothing makes any of the threads look for what it could
   * free, and memory that is made anew for each request would pile up until the process has no addresses left.
   */
  static shared(): BufferPool {
    const pool = new BufferPool(sharedAlignedMemory, sharedMemory);
    pool.keepsAll = true;
    return pool;
  }

  /** What lies ready. */
  get held(): { items: number; bytes: number } {
    let items = 0;
    for (const list of this.free.values()) items += list.length;
    return { items, bytes: this.kept };
  }

  /** From now on no more than so many bytes lie ready. */
  keepAtMost(bytes: number): void {
    if (this.keepsAll) return;
    this.keptMax = bytes;
    this.drop(this.kept - bytes);
  }

  /** Memory of at least `length` bytes, with anything in it. */
  take(length: number): Buffer {
    // A buffer of the shared slab would pin its neighbours for as long as the message lives.
    if (length < 2048) return Buffer.allocUnsafe(length);
    if (length < POOLED_FROM || length > POOLED_TO) return Buffer.allocUnsafeSlow(length);
    const size = sizeFor(length);
    const buffer = this.free.get(size)?.pop();
    if (!buffer) return size < LARGE_FROM ? this.medium(size) : this.large(size);
    this.kept -= size;
    this.spare = Math.min(this.spare, this.kept);
    return buffer;
  }

  /** Takes back what `take` gave, that very buffer, once; nobody may look at it any more. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (size < POOLED_FROM || size > sizeFor(POOLED_TO)) return;
    if (!this.keepsAll && this.kept + size > this.keptMax) return;
    const list = this.free.get(size);
    // Twice given would be twice taken: two owners, and wrong bytes.
    assert(!list?.includes(buffer), 'memory was given back twice');
    if (list) list.push(buffer);
    else this.free.set(size, [buffer]);
    this.kept += size;
  }

  /** Lets go of what has not been needed for ten seconds. To be called now and then. */
  age(nowMs: number): void {
    if (nowMs - this.agedMs < AGE_MS) return;
    this.agedMs = nowMs;
    this.trim();
  }

  /** Lets go of what has not been needed since it was asked to the last time. */
  trim(): void {
    this.drop(this.spare);
    this.spare = this.kept;
  }

  /** Leaves at least so many bytes to the collector, as far as there are as many. */
  private drop(bytes: number): void {
    let left = bytes;
    for (const [size, list] of this.free) {
      while (left > 0 && list.length > 0) {
        list.pop();
        left -= size;
        this.kept -= size;
      }
      if (list.length === 0) this.free.delete(size);
    }
    this.spare = Math.min(this.spare, this.kept);
  }
}

function sizeFor(length: number): number {
  if (length < LARGE_FROM - STEP) return Math.ceil(length / STEP) * STEP;
  // Room for what stands around 4 MiB of data in a message.
  return Math.ceil((length + STEP) / LARGE_STEP) * LARGE_STEP;
}
