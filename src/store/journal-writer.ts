import { ALIGN_BYTES, type DiskFile } from '../runtime/index.ts';

/** A stretch of an area that is to be durable. */
interface Stretch {
  /** In the file. */
  readonly offset: number;
  readonly epoch: number;
  /** The number of the record after it. */
  readonly next: number;
  readonly length: number; // of the area from there; 0: only wants to know that all before are durable
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Parts {
  readonly file: DiskFile;
  readonly areaBytes: number;
  /** The memory of the area of even or odd epochs. */
  readonly memory: (parity: number) => Buffer;
  /** All records of this epoch before that number are durable. */
  readonly written: (epoch: number, next: number) => void;
  /** Nothing is left to write. */
  readonly idle: () => void;
}

/** Writes stretches of the areas to the journal's file in order: all that are queued, with one sync for neighbours. */
export class JournalWriter {
  /** What ended it: nothing is written after the first failure. */
  failure: unknown;
  private readonly o: Parts;
  private queue: Stretch[] = [];
  private writing = false;

  constructor(parts: Parts) {
    this.o = parts;
  }

  get busy(): boolean {
    return this.writing;
  }

  /** Resolves it when it and all before it are durable. */
  add(stretch: Stretch): void {
    this.queue.push(stretch);
    if (!this.writing) void this.run();
  }

  /** Something the journal is for went wrong elsewhere. */
  fail(error: unknown): void {
    this.failure ??= error;
  }

  /** Writes and syncs everything queued, again and again until nothing is. */
  private async run(): Promise<void> {
    this.writing = true;
    while (this.queue.length > 0) {
      const some = this.queue;
      this.queue = [];
      try {
        if (this.failure !== undefined) throw this.failure;
        for (let i = 0; i < some.length; ) {
          const { offset: start, epoch } = some[i]!;
          let end = start;
          // Neighbours of one area: where that of even epochs ends, that of odd ones begins.
          for (; some[i]?.epoch === epoch && some[i]!.offset === end; i++) end += some[i]!.length;
          if (end > start) await this.writeArea(start, end);
          this.o.written(epoch, some[i - 1]!.next);
        }
        for (const entry of some) entry.resolve();
      } catch (error) {
        this.fail(error);
        for (const entry of some) entry.reject(error);
      }
    }
    this.writing = false;
    this.o.idle();
  }

  /**
   * Makes a stretch of the file durable. Whole blocks go out, so that a device can take them from the area as they lie:
   * what stands before the stretch in its first block is in the file already, and what stands behind it is either there
   * too, of an older epoch, or a record that is begun, whose turn comes.
   */
  private writeArea(start: number, end: number): Promise<void> {
    const { areaBytes, file, memory } = this.o;
    const parity = start < areaBytes ? 0 : 1;
    const base = parity * areaBytes;
    const from = start - base - ((start - base) % ALIGN_BYTES);
    const to = Math.min(Math.ceil((end - base) / ALIGN_BYTES) * ALIGN_BYTES, areaBytes);
    return file.writeThrough([memory(parity).subarray(from, to)], base + from);
  }
}
