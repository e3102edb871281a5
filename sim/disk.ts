import { CephError } from '../src/errors/index.ts';
import type { Disk, DiskFile, KeyValue, KeyValueOp, KeyValueRange } from '../src/runtime/index.ts';
import { MemoryKeyValue } from '../src/store/index.ts';

/** What a torn write keeps or loses as one. */
const SECTOR = 512;

/** A small seeded generator: uniform in 0..n-1. */
export type Dice = (n: number) => number;
export function dice(seed: number): Dice {
  let s = seed >>> 0;
  return (n) => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return Math.floor((s / 2 ** 32) * n);
  };
}

type Step = 'write' | 'sync' | 'commit';

interface Pending {
  id: number;
  offset: number;
  bytes: Buffer;
}

/** Bytes of a sparse file, in pages that copies share until one of them writes. */
export class Content {
  private readonly pages = new Map<number, Buffer>();
  private owned = new Set<number>();
  size = 0;

  write(offset: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const page = Math.floor((offset + at) / 4096);
      const within = (offset + at) % 4096;
      const n = Math.min(4096 - within, bytes.length - at);
      let buffer = this.pages.get(page);
      if (!buffer || !this.owned.has(page)) {
        buffer = buffer ? Buffer.from(buffer) : Buffer.alloc(4096);
        this.pages.set(page, buffer);
        this.owned.add(page);
      }
      buffer.set(bytes.subarray(at, at + n), within);
      at += n;
    }
    this.size = Math.max(this.size, offset + bytes.length);
  }

  read(into: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(into.length, this.size - offset));
    for (let at = 0; at < count; ) {
      const within = (offset + at) % 4096;
      const n = Math.min(4096 - within, count - at);
      const page = this.pages.get(Math.floor((offset + at) / 4096));
      if (page) into.set(page.subarray(within, within + n), at);
      else into.fill(0, at, at + n);
      at += n;
    }
    return count;
  }

  copy(): Content {
    const other = new Content();
    other.size = this.size;
    for (const [i, page] of this.pages) other.pages.set(i, page);
    this.owned = new Set();
    return other;
  }
}

/** All that a machine's disk holds. */
export interface DiskImage {
  readonly files: Map<string, Content>;
  readonly stores: Map<string, MemoryKeyValue>;
}

/** What was asked of the disk and when it was done, in order. A number names an operation. */
export type DiskEvent =
  | { kind: 'write'; id: number; path: string; offset: number; bytes: Buffer }
  /** Durable at once: a store does this only when it is made. */
  | { kind: 'truncate'; path: string; size: number }
  /** `covers`: the writes that were done when it was asked for. */
  | { kind: 'synced'; covers: readonly number[] }
  | { kind: 'commit'; path: string; batch: readonly KeyValueOp[] }
  | { kind: 'committed'; path: string }
  /** Added by the one who uses the disk. */
  | { kind: 'note'; text: string };

class FileImage {
  now = new Content();
  durable = new Content();
  unsynced: Pending[] = [];
}

/**
 * A machine's disk and key/value stores in memory. What was not synced is lost, kept or torn when the power fails;
 * writes, syncs and commits are numbered, and the power can be set to fail at one of them, before or after it took
 * effect. Each takes a few turns of the microtask queue, in an order drawn from the seed.
 */
export class SimDisk implements Disk {
  private files = new Map<string, FileImage>();
  private stores = new Map<string, MemoryKeyValue>();
  private readonly roll: Dice;
  /** How many numbered operations there were. */
  steps = 0;
  /** The power fails at this one. */
  failAt = Number.POSITIVE_INFINITY;
  dead = false;
  free = 2 ** 40;
  /** Files that are block devices. */
  readonly devices = new Set<string>();
  /** What an operation waits for before it takes effect. Unset: some turns of the microtask queue, and some after it. */
  pace: ((what: Step | 'read') => Promise<void>) | undefined;
  /** Set to make operations fail with an errno, the power staying on. */
  fault: ((what: Step, path: string) => CephError | undefined | Promise<CephError>) | undefined;

  /** Everything that happens from the beginning on, when it is set. */
  trace: DiskEvent[] | undefined;
  private nextWrite = 0;

  constructor(seed: number, image?: DiskImage) {
    this.roll = dice(seed);
    for (const [path, content] of image?.files ?? []) {
      const copy = new FileImage();
      copy.now = content.copy();
      copy.durable = content.copy();
      this.files.set(path, copy);
    }
    for (const [path, kv] of image?.stores ?? []) this.stores.set(path, new MemoryKeyValue(kv));
  }

  /** What the disk shows now, synced or not. */
  snapshot(): DiskImage {
    const files = new Map([...this.files].map(([path, image]) => [path, image.now.copy()]));
    const stores = new Map([...this.stores].map(([path, kv]) => [path, new MemoryKeyValue(kv)]));
    return { files, stores };
  }

  /** @returns the number of a write */
  wrote(path: string, offset: number, buffers: readonly Uint8Array[]): number {
    const id = this.nextWrite++;
    this.trace?.push({ kind: 'write', id, path, offset, bytes: Buffer.concat(buffers) });
    return id;
  }

  /** The disk as the next process finds it when only this one died: what was written stays, synced or not. */
  handOver(): SimDisk {
    this.dead = true;
    const next = new SimDisk(this.roll(2 ** 31));
    next.files = this.files;
    for (const path of this.devices) next.devices.add(path);
    for (const [path, kv] of this.stores) next.stores.set(path, new MemoryKeyValue(kv));
    return next;
  }

  /** The disk of the same machine after the power came back. */
  reboot(): SimDisk {
    const next = new SimDisk(this.roll(2 ** 31));
    for (const [path, image] of this.files) {
      const content = image.durable.copy();
      for (const { offset, bytes } of image.unsynced) {
        const fate = this.roll(3);
        if (fate === 0) continue;
        for (let at = 0; at < bytes.length; ) {
          const n = Math.min(SECTOR - ((offset + at) % SECTOR), bytes.length - at);
          if (fate === 1 || this.roll(2) === 0) {
            content.write(offset + at, bytes.subarray(at, at + n));
          }
          at += n;
        }
      }
      const copy = new FileImage();
      copy.now = content;
      copy.durable = content.copy();
      next.files.set(path, copy);
    }
    for (const path of this.devices) next.devices.add(path);
    for (const [path, kv] of this.stores) next.stores.set(path, new MemoryKeyValue(kv));
    return next;
  }

  /** Flips a bit of a byte. */
  flip(path: string, at: number): void {
    const { now } = this.files.get(path)!;
    const byte = Buffer.alloc(1);
    now.read(byte, at);
    byte[0]! ^= 1;
    now.write(at, byte);
  }

  /** Flips a bit in each place of a file that holds `bytes`. @returns how many */
  damage(path: string, bytes: Uint8Array): number {
    const image = this.files.get(path)!;
    const all = Buffer.alloc(image.now.size);
    image.now.read(all, 0);
    const places: number[] = [];
    // Not by Buffer.indexOf: for bytes that are mostly zeros it takes forever among zeros.
    for (let at = 0; at + bytes.length <= all.length; at++) {
      const is =
        all[at] === bytes[0] && !all.compare(bytes, 0, bytes.length, at, at + bytes.length);
      if (is) places.push(at);
    }
    for (const at of places) this.flip(path, at);
    return places.length;
  }

  /** One numbered operation: waits a little, then takes effect unless the power fails first. */
  async step(what: Step, path: string, effect: () => void): Promise<void> {
    if (this.pace) await this.pace(what);
    else for (let i = this.roll(6); i > 0; i--) await null;
    await this.powered();
    const fault = await this.fault?.(what, path);
    if (fault) throw fault;
    if (++this.steps >= this.failAt) {
      this.dead = true;
      if (this.roll(2) === 0) effect();
      await this.powered();
    }
    effect();
    if (!this.pace) for (let i = this.roll(3); i > 0; i--) await null;
    await this.powered();
  }

  /** Nothing ever returns on a machine without power. */
  private powered(): Promise<void> | undefined {
    return this.dead ? new Promise(() => {}) : undefined;
  }

  image(path: string): FileImage {
    return this.files.get(path)!;
  }

  async open(path: string, options: { create?: boolean } = {}): Promise<DiskFile> {
    if (!this.files.has(path)) {
      if (!options.create) throw new CephError('ENOENT', path);
      this.files.set(path, new FileImage());
      this.trace?.push({ kind: 'truncate', path, size: 0 }); // its name is durable at once
    }
    return new SimFile(this, path);
  }

  /** Adds a block device. */
  addDevice(path: string, size: number): void {
    const image = new FileImage();
    image.now.size = size;
    image.durable.size = size;
    this.files.set(path, image);
    this.devices.add(path);
  }

  async link(target: string, path: string): Promise<void> {
    if (!this.files.has(target)) this.files.set(target, new FileImage());
    this.files.set(path, this.image(target));
    if (this.devices.has(target)) this.devices.add(path);
  }

  async openKeyValue(path: string): Promise<KeyValue> {
    let kept = this.stores.get(path);
    if (!kept) {
      kept = new MemoryKeyValue();
      this.stores.set(path, kept);
    }
    return new SimKeyValue(this, path, kept);
  }

  /** One machine runs one process at a time here; a crash leaves nothing that would have to be let go. */
  async claim(): Promise<() => Promise<void>> {
    return async () => {};
  }
  async mkdir(): Promise<void> {}
  async exists(path: string): Promise<boolean> {
    return this.files.has(path);
  }
  async readFile(path: string): Promise<Buffer> {
    const image = this.files.get(path);
    if (!image) throw new CephError('ENOENT', path);
    const out = Buffer.alloc(image.now.size);
    image.now.read(out, 0);
    return out;
  }
  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    await this.step('write', path, () => {
      const image = new FileImage();
      image.now.write(0, bytes);
      image.durable.write(0, bytes);
      this.files.set(path, image);
    });
  }
  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }
  async freeBytes(): Promise<number> {
    return this.free;
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  private readonly disk: SimDisk;
  constructor(disk: SimDisk, path: string) {
    this.disk = disk;
    this.path = path;
  }
  get isDevice(): boolean {
    return this.disk.devices.has(this.path);
  }
  private get image(): FileImage {
    return this.disk.image(this.path);
  }
  readSync(into: Uint8Array, offset: number): number {
    return this.image.now.read(into, offset);
  }
  async read(into: Uint8Array, offset: number): Promise<number> {
    if (this.disk.pace) await this.disk.pace('read');
    else await null;
    return this.image.now.read(into, offset);
  }
  async write(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    const id = this.disk.wrote(this.path, offset, buffers);
    await this.disk.step('write', this.path, () => {
      const bytes = Buffer.concat(buffers); // as it is now: whoever changes it meanwhile is found out
      this.image.now.write(offset, bytes);
      this.image.unsynced.push({ id, offset, bytes });
    });
  }
  async writeThrough(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    await this.write(buffers, offset);
    await this.sync();
  }
  async sync(): Promise<void> {
    const covers = this.image.unsynced.map((w) => w.id);
    await this.disk.step('sync', this.path, () => {
      const { durable, unsynced } = this.image;
      for (const w of unsynced.splice(0, covers.length)) durable.write(w.offset, w.bytes);
    });
    this.disk.trace?.push({ kind: 'synced', covers });
  }
  setDirect(): void {}
  async truncate(size: number): Promise<void> {
    if (this.isDevice) throw new CephError('EINVAL', `${this.path} is a device`);
    this.disk.trace?.push({ kind: 'truncate', path: this.path, size });
    this.image.now.size = size;
    this.image.durable.size = size;
  }
  size(): number {
    return this.image.now.size;
  }
  async close(): Promise<void> {}
}

/** Batches are atomic and in order; whether one under way is there after a power failure is drawn. */
class SimKeyValue implements KeyValue {
  private readonly disk: SimDisk;
  private readonly path: string;
  private readonly kept: MemoryKeyValue;
  private last: Promise<void> = Promise.resolve();
  constructor(disk: SimDisk, path: string, kept: MemoryKeyValue) {
    this.disk = disk;
    this.path = path;
    this.kept = kept;
  }
  get(key: string): Buffer | undefined {
    return this.kept.get(key);
  }
  sizeOf(key: string): number | undefined {
    return this.kept.sizeOf(key);
  }
  range(from: string, to: string, options?: KeyValueRange) {
    return this.kept.range(from, to, options);
  }
  commit(batch: readonly KeyValueOp[]): Promise<void> {
    const { path, disk } = this;
    disk.trace?.push({ kind: 'commit', path, batch });
    const turn = this.last
      .catch(() => {})
      .then(() => disk.step('commit', path, () => void this.kept.commit(batch)))
      .then(() => void disk.trace?.push({ kind: 'committed', path }));
    this.last = turn;
    return turn;
  }
  async close(): Promise<void> {}
}
