import { closeSync, constants, openSync, write } from 'node:fs';

/** What device and file system want places, lengths and memory to be multiples of: the largest common block. */
const ALIGN = 4096;
const SLOT_BYTES = 1 << 20;
/** Pieces under way at once: enough for a device's queue, and threads are left for others. */
const SLOTS = 3;
const WASM_PAGE_BYTES = 65_536;

/** Part of every JavaScript engine, but of no TypeScript library without a browser's. */
declare const WebAssembly: {
  readonly Memory: new (size: {
    initial: number;
    maximum: number;
  }) => {
    readonly buffer: ArrayBuffer;
  };
};

/**
 * Writes past the system's page cache (O_DIRECT). Memory handed to the device must be aligned, which JavaScript's
 * buffers are not, so the bytes go through a few slots of a WebAssembly memory, which is. The slots are used again and
 * again: large writes take no new memory, neither here nor in the page cache.
 */
export class DirectWriter {
  private readonly fd: number;
  private readonly free: Buffer[] = [];
  private readonly waiting: ((slot: Buffer) => void)[] = [];

  /** @returns null where the file system has no such writes */
  static open(path: string): DirectWriter | null {
    const { O_RDWR, O_DIRECT } = constants;
    if (O_DIRECT === undefined) return null;
    try {
      return new DirectWriter(openSync(path, O_RDWR | O_DIRECT));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') return null;
      throw error;
    }
  }

  private constructor(fd: number) {
    this.fd = fd;
    const pages = (SLOTS * SLOT_BYTES) / WASM_PAGE_BYTES;
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
    for (let i = 0; i < SLOTS; i++) this.free.push(Buffer.from(buffer, i * SLOT_BYTES, SLOT_BYTES));
  }

  /** @returns false, nothing written that matters, when the bytes do not fit this way */
  async write(buffers: readonly Uint8Array[], offset: number): Promise<boolean> {
    let total = 0;
    for (const b of buffers) total += b.length;
    if (total % ALIGN !== 0 || offset % ALIGN !== 0) return false;
    const source = new Source(buffers);
    const pieces: Promise<Error | boolean>[] = [];
    for (let at = 0; at < total; at += SLOT_BYTES) {
      const slot = this.free.pop() ?? (await new Promise<Buffer>((r) => this.waiting.push(r)));
      const length = Math.min(SLOT_BYTES, total - at);
      source.fill(slot, length);
      pieces.push(this.piece(slot, length, offset + at));
    }
    const results = await Promise.all(pieces);
    for (const result of results) if (result instanceof Error) throw result;
    return results.every((whole) => whole);
  }

  /** Resolves, never rejects: others may still wait for their slot. */
  private piece(slot: Buffer, length: number, offset: number): Promise<Error | boolean> {
    return new Promise((resolve) =>
      write(this.fd, slot, 0, length, offset, (error, count) => {
        const next = this.waiting.shift();
        if (next) next(slot);
        else this.free.push(slot);
        // A device may want more alignment than we give, or stop short: then the ordinary way has the last word.
        resolve(error && error.code !== 'EINVAL' ? error : !error && count === length);
      }),
    );
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Takes bytes from a list of buffers one after another. */
class Source {
  private readonly buffers: readonly Uint8Array[];
  private index = 0;
  private at = 0;

  constructor(buffers: readonly Uint8Array[]) {
    this.buffers = buffers;
  }

  fill(into: Buffer, length: number): void {
    for (let done = 0; done < length; ) {
      const from = this.buffers[this.index]!;
      const n = Math.min(length - done, from.length - this.at);
      into.set(from.subarray(this.at, this.at + n), done);
      done += n;
      this.at += n;
      if (this.at < from.length) continue;
      this.index++;
      this.at = 0;
    }
  }
}
