import { CephError } from '../../errors/index.ts';
import type { Disk, DiskFile, KeyValue } from '../../runtime/index.ts';
import { MemoryKeyValue } from '../../store/index.ts';

const PAGE_BYTES = 4096;

/** A disk in memory that outlives the daemon that uses it. What is written is durable at once. */
export class MemoryDisk implements Disk {
  private readonly files = new Map<string, MemoryFile>();
  private readonly stores = new Map<string, MemoryKeyValue>();

  async openKeyValue(path: string): Promise<KeyValue> {
    const kv = new MemoryKeyValue(this.stores.get(path));
    this.stores.set(path, kv);
    return kv;
  }

  async open(path: string, options: { create?: boolean } = {}): Promise<DiskFile> {
    let file = this.files.get(path);
    if (!file) {
      if (!options.create) throw new CephError('ENOENT', path);
      file = new MemoryFile(path);
      this.files.set(path, file);
    }
    return file;
  }
  /** One process has it; it takes care itself. */
  async claim(): Promise<() => Promise<void>> {
    return async () => {};
  }
  async link(target: string): Promise<void> {
    throw new CephError('ENOENT', `${target}: no devices here`);
  }
  async mkdir(): Promise<void> {}
  async exists(path: string): Promise<boolean> {
    return this.files.has(path);
  }
  async readFile(path: string): Promise<Buffer> {
    const file = await this.open(path);
    const out = Buffer.alloc(file.size());
    file.readSync(out, 0);
    return out;
  }
  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const file = new MemoryFile(path);
    await file.write([bytes], 0);
    this.files.set(path, file);
  }
  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }
  async freeBytes(): Promise<number> {
    return Number.MAX_SAFE_INTEGER;
  }
}

/** A sparse file. */
class MemoryFile implements DiskFile {
  readonly path: string;
  readonly isDevice = false;
  private readonly pages = new Map<number, Buffer>();
  private length = 0;

  constructor(path: string) {
    this.path = path;
  }

  readSync(into: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(into.length, this.length - offset));
    for (let at = 0; at < count; ) {
      const { page, within, n } = piece(offset + at, count - at);
      const bytes = this.pages.get(page);
      if (bytes) into.set(bytes.subarray(within, within + n), at);
      else into.fill(0, at, at + n);
      at += n;
    }
    return count;
  }
  async read(into: Uint8Array, offset: number): Promise<number> {
    return this.readSync(into, offset);
  }
  async write(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    let start = offset;
    for (const buffer of buffers) {
      for (let at = 0; at < buffer.length; ) {
        const { page, within, n } = piece(start + at, buffer.length - at);
        let bytes = this.pages.get(page);
        if (!bytes) {
          bytes = Buffer.alloc(PAGE_BYTES);
          this.pages.set(page, bytes);
        }
        bytes.set(buffer.subarray(at, at + n), within);
        at += n;
      }
      start += buffer.length;
    }
    this.length = Math.max(this.length, start);
  }
  writeThrough(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    return this.write(buffers, offset);
  }
  async sync(): Promise<void> {}
  setDirect(): void {}
  async truncate(size: number): Promise<void> {
    const last = Math.floor(size / PAGE_BYTES);
    for (const page of this.pages.keys()) if (page > last) this.pages.delete(page);
    this.pages.get(last)?.fill(0, size % PAGE_BYTES);
    this.length = size;
  }
  size(): number {
    return this.length;
  }
  async close(): Promise<void> {}
}

/** The part of a range that lies in its first page. */
function piece(offset: number, length: number): { page: number; within: number; n: number } {
  const within = offset % PAGE_BYTES;
  const page = (offset - within) / PAGE_BYTES;
  return { page, within, n: Math.min(PAGE_BYTES - within, length) };
}
