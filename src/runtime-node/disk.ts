import {
  closeSync,
  constants,
  fdatasync,
  promises as files,
  fstatSync,
  ftruncate,
  openSync,
  read,
  readSync,
  statSync,
  writev,
  writevSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CephError } from '../errors/index.ts';
import type { DirectMode, Disk, DiskFile } from '../runtime/index.ts';
import { claimDirectory } from './claim.ts';
import { DirectFile } from './direct-file.ts';
import { DurableWrites } from './durable-writes.ts';
import { WritePace } from './write-pace.ts';

/** Linux takes at most this many buffers in one gathered write (IOV_MAX). */
const BUFFERS_MAX = 1024;
const FILL_BYTES = 1 << 20;
const SECTOR_BYTES = 512;
const DEVICE_SECTORS_MAX = 2 ** 43;

/** Files of the host's file systems. */
export const nodeDisk: Disk = {
  claim: (path) => later(claimDirectory(path), path),
  async open(path, options = {}) {
    const made = options.create === true && !(await nodeDisk.exists(path));
    if (made) {
      // 'a' writes at the end whatever the offset: it only makes the file, whose name is durable with its directory.
      closeSync(call(() => openSync(path, 'a'), path));
      await syncDirectory(dirname(path));
    }
    const file = NodeFile.open(path, options);
    if (made && options.filledBytes !== undefined) await fill(file, options.filledBytes);
    return file;
  },
  async link(target, path) {
    await later(files.symlink(resolve(target), path), path);
    await syncDirectory(dirname(path));
  },
  async mkdir(path) {
    const first = await later(files.mkdir(path, { recursive: true }), path);
    if (first !== undefined) await syncDirectory(dirname(first));
  },
  async exists(path) {
    return files.access(path).then(
      () => true,
      () => false,
    );
  },
  readFile: (path) => later(files.readFile(path), path),
  async writeFile(path, bytes) {
    const temporary = `${path}.new`;
    const file = await later(files.open(temporary, 'w'), temporary);
    try {
      await later(file.writeFile(bytes), temporary);
      await later(file.sync(), temporary);
    } finally {
      await file.close();
    }
    await later(files.rename(temporary, path), path);
    await syncDirectory(dirname(path));
  },
  async remove(path) {
    await later(files.rm(path, { recursive: true, force: true }), path);
    await syncDirectory(dirname(path));
  },
  async freeBytes(path) {
    const { bavail, bsize } = await later(files.statfs(path), path);
    return bavail * bsize;
  },
};

class NodeFile implements DiskFile {
  readonly path: string;
  private readonly fd: number;
  private durable: DurableWrites | undefined;
  private readonly pace = new WritePace();
  private mode: DirectMode = 'auto';
  /** Null when there is no way around the cache. */
  private direct: DirectFile | null | undefined;
  private readonly deviceBytes: number | undefined;

  /** @throws CephError EBUSY for a device that somebody has, EINVAL when there must be a way around the cache and is none */
  static open(path: string, options: { isClaimed?: boolean; direct?: DirectMode }): NodeFile {
    const { isClaimed = false, direct = 'auto' } = options;
    const isDevice = call(() => statSync(path).isBlockDevice(), path);
    const { O_RDWR, O_EXCL } = constants;
    const flags = isDevice && !isClaimed ? O_RDWR | O_EXCL : O_RDWR;
    const fd = call(() => openSync(path, flags), path);
    try {
      const file = new NodeFile(path, fd, isDevice ? deviceBytes(fd, path) : undefined);
      file.setDirect(direct);
      return file;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private constructor(path: string, fd: number, deviceBytes: number | undefined) {
    this.path = path;
    this.fd = fd;
    this.deviceBytes = deviceBytes;
  }

  setDirect(mode: DirectMode): void {
    if (mode === 'on' && !this.pastCache()) {
      const what = 'its file system has no way around the page cache';
      throw new CephError('EINVAL', `${this.path}: ${what}`);
    }
    this.mode = mode;
  }

  get isDevice(): boolean {
    return this.deviceBytes !== undefined;
  }

  readSync(into: Uint8Array, offset: number): number {
    let done = 0;
    while (done < into.length) {
      const n = call(
        () => readSync(this.fd, into, done, into.length - done, offset + done),
        this.path,
      );
      if (n === 0) break;
      done += n;
    }
    return done;
  }

  async read(into: Uint8Array, offset: number, use?: 'once'): Promise<number> {
    const direct = this.way(use);
    let done = direct ? await this.later(direct.read(into, offset)) : 0;
    while (done < into.length) {
      const n = await new Promise<number>((resolve, reject) =>
        read(this.fd, into, done, into.length - done, offset + done, (error, count) =>
          error ? reject(errorOf(error, this.path)) : resolve(count),
        ),
      );
      if (n === 0) break;
      done += n;
    }
    return done;
  }

  async write(buffers: readonly Uint8Array[], offset: number, use?: 'once'): Promise<void> {
    const direct = this.way(use);
    if (direct && (await this.later(direct.write(buffers, offset)))) return;
    await this.gather(this.fd, buffers, offset);
  }

  async writeThrough(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    this.durable ??= call(() => new DurableWrites(this.path, this.mode), this.path);
    const fd = this.durable.fdFor(buffers, offset);
    let bytes = 0;
    for (const b of buffers) bytes += b.length;
    if (!this.pace.waits(bytes)) return this.gather(fd, buffers, offset);
    // What this turn has for sockets leaves first, and members of a PG write at the same time.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const startMs = performance.now();
    call(() => gatherSync(fd, buffers, offset), this.path);
    this.pace.took(performance.now() - startMs);
  }

  /** The way around the cache, if this is to take it. */
  private way(use: 'once' | undefined): DirectFile | null {
    const isWanted = this.mode === 'on' || (use === 'once' && this.mode === 'auto');
    return isWanted ? this.pastCache() : null;
  }

  private pastCache(): DirectFile | null {
    if (this.direct === undefined) this.direct = DirectFile.open(this.path);
    return this.direct;
  }

  private later<T>(promise: Promise<T>): Promise<T> {
    return later(promise, this.path);
  }

  private async gather(fd: number, buffers: readonly Uint8Array[], offset: number): Promise<void> {
    let at = offset;
    let rest = buffers.filter((b) => b.length > 0);
    while (rest.length > 0) {
      const some = rest.slice(0, BUFFERS_MAX);
      const written = await new Promise<number>((resolve, reject) =>
        writev(fd, some, at, (error, count) =>
          error ? reject(errorOf(error, this.path)) : resolve(count),
        ),
      );
      at += written;
      rest = without(rest, written);
    }
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) =>
      fdatasync(this.fd, (error) => (error ? reject(errorOf(error, this.path)) : resolve())),
    );
  }

  truncate(size: number): Promise<void> {
    if (this.isDevice) {
      return Promise.reject(new CephError('EINVAL', `${this.path} is a device: it has its size`));
    }
    return new Promise((resolve, reject) =>
      ftruncate(this.fd, size, (error) => (error ? reject(errorOf(error, this.path)) : resolve())),
    );
  }

  size(): number {
    return this.deviceBytes ?? call(() => fstatSync(this.fd).size, this.path);
  }

  async close(): Promise<void> {
    this.direct?.close();
    call(() => this.durable?.close(), this.path);
    call(() => closeSync(this.fd), this.path);
  }
}

/** Node.js cannot ask a device for its size; a byte that can be read is within it. */
function deviceBytes(fd: number, path: string): number {
  const byte = Buffer.alloc(1);
  const isWithin = (at: number) => call(() => readSync(fd, byte, 0, 1, at), path) === 1;
  let low = 0;
  let high = DEVICE_SECTORS_MAX;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isWithin(middle * SECTOR_BYTES)) low = middle + 1;
    else high = middle;
  }
  return low * SECTOR_BYTES;
}

async function fill(file: DiskFile, bytes: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(bytes, FILL_BYTES));
  for (let at = 0; at < bytes; at += zeros.length) {
    await file.write([zeros.subarray(0, bytes - at)], at);
  }
  await file.sync();
}

function gatherSync(fd: number, buffers: readonly Uint8Array[], offset: number): void {
  let at = offset;
  let rest = buffers.filter((b) => b.length > 0);
  while (rest.length > 0) {
    const written = writevSync(fd, rest.slice(0, BUFFERS_MAX), at);
    at += written;
    rest = without(rest, written);
  }
}

/** What is left of the buffers after their first `count` bytes. */
function without(buffers: Uint8Array[], count: number): Uint8Array[] {
  let i = 0;
  let left = count;
  while (i < buffers.length && buffers[i]!.length <= left) left -= buffers[i++]!.length;
  const rest = buffers.slice(i);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await later(files.open(path, 'r'), path);
  try {
    await later(directory.sync(), path);
  } finally {
    await directory.close();
  }
}

function errorOf(error: unknown, path: string): CephError {
  if (error instanceof CephError) return error;
  const { errno, message } = error as NodeJS.ErrnoException;
  return new CephError(errno ?? 'EIO', `${path}: ${message}`, { cause: error });
}

function call<T>(f: () => T, path: string): T {
  try {
    return f();
  } catch (error) {
    throw errorOf(error, path);
  }
}

function later<T>(promise: Promise<T>, path: string): Promise<T> {
  return promise.catch((error) => {
    throw errorOf(error, path);
  });
}
