import { closeSync, constants, openSync, read, write } from 'node:fs';
import { ALIGN_BYTES, alignedMemory, isAligned } from '../runtime/index.ts';

const SLOT_BYTES = 1 << 20;
/** Pieces under way at once: enough for a device's queue, and threads are left for others. */
const SLOTS = 3;

/**
 * A file past the system's page cache (O_DIRECT). Memory handed to the device must be aligned. Bytes that are go as they
 * lie; others are written through a few slots of memory that is used again and again. Large writes take no new memory,
 * neither here nor in the page cache.
 */
export class DirectFile {
  private readonly fd: number;
  private slots = 0;
  private readonly free: Buffer[] = [];
  private readonly waiting: ((slot: Buffer) => void)[] = [];

  /** @returns null where the file system knows no way around its cache */
  static open(path: string): DirectFile | null {
    const { O_RDWR, O_DIRECT } = constants;
    if (O_DIRECT === undefined) return null;
    try {
      return new DirectFile(openSync(path, O_RDWR | O_DIRECT));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EINVAL') return null;
      throw error;
    }
  }

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** @returns how many bytes were read; fewer when the rest does not go this way */
  read(into: Uint8Array, offset: number): Promise<number> {
    if (!isAligned(into) || offset % ALIGN_BYTES !== 0) return Promise.resolve(0);
    return new Promise((resolve, reject) =>
      read(this.fd, into, 0, into.length, offset, (error, count) => {
        // A device may want more alignment than we give: then the ordinary way has the last word.
        if (error && error.code !== 'EINVAL') reject(error);
        else resolve(error ? 0 : count);
      }),
    );
  }

  /** @returns false, nothing written that matters, when the bytes do not fit this way */
  async write(buffers: readonly Uint8Array[], offset: number): Promise<boolean> {
    let total = 0;
    for (const b of buffers) total += b.length;
    if (total % ALIGN_BYTES !== 0 || offset % ALIGN_BYTES !== 0) return false;
    const pieces: Promise<Error | boolean>[] = [];
    if (buffers.every(isAligned)) {
      let at = offset;
      for (const b of buffers) {
        pieces.push(this.piece(b, b.length, at));
        at += b.length;
      }
    } else await this.throughSlots(buffers, total, offset, pieces);
    const results = await Promise.all(pieces);
    for (const result of results) if (result instanceof Error) throw result;
    return results.every((whole) => whole);
  }

  private async throughSlots(
    buffers: readonly Uint8Array[],
    total: number,
    offset: number,
    pieces: Promise<Error | boolean>[],
  ): Promise<void> {
    const source = new Source(buffers);
    for (let at = 0; at < total; at += SLOT_BYTES) {
      const slot = this.slot() ?? (await new Promise<Buffer>((r) => this.waiting.push(r)));
      const length = Math.min(SLOT_BYTES, total - at);
      source.fill(slot, length);
      pieces.push(
        this.piece(slot, length, offset + at).finally(() => {
          const next = this.waiting.shift();
          if (next) next(slot);
          else this.free.push(slot);
        }),
      );
    }
  }

  private slot(): Buffer | undefined {
    if (this.free.length > 0) return this.free.pop();
    if (this.slots === SLOTS) return undefined;
    this.slots++;
    return alignedMemory(SLOT_BYTES);
  }

  /** Resolves, never rejects: others may still wait for their slot. */
  private piece(bytes: Uint8Array, length: number, offset: number): Promise<Error | boolean> {
    return new Promise((resolve) =>
      write(this.fd, bytes, 0, length, offset, (error, count) => {
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
