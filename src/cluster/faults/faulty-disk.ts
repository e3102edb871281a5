import type {
  Clock,
  Disk,
  DiskFile,
  KeyValue,
  KeyValueOp,
  KeyValueRange,
} from '../../runtime/index.ts';

/** A disk with its way of keeping metadata. */
export interface StoreDisk {
  readonly disk: Disk;
  openKeyValue(path: string): Promise<KeyValue>;
}

/** What is wrong with a disk. It lasts as long as the disk does, over the lives of the daemon that uses it. */
export interface DiskFaults {
  delayMs: number;
  /** Room that it says it has; undefined: what there is. */
  freeBytes: number | undefined;
}

/**
 * A disk as one life of a daemon has it: slow or full if it is to be so, and dead to the daemon once that is killed.
 * Calls of a dead process never return and change nothing.
 */
export class FaultyDisk implements StoreDisk {
  readonly disk: Disk;
  private readonly inner: StoreDisk;
  private readonly faults: DiskFaults;
  private readonly clock: Clock;
  private dead = false;
  /** Closes what the daemon has open, as the system does when a process ends. */
  private readonly open = new Set<() => Promise<void>>();
  private readonly files = new Map<string, DiskFile>();
  /** Calls that the system has been given and not answered. */
  private readonly under = new Set<Promise<unknown>>();

  constructor(inner: StoreDisk, faults: DiskFaults, clock: Clock) {
    this.inner = inner;
    this.faults = faults;
    this.clock = clock;
    const { disk } = inner;
    this.disk = {
      claim: async (path) => this.closing(await this.call(() => disk.claim(path))),
      open: async (path, options) => {
        const file = await this.call(() => disk.open(path, options));
        this.files.set(path, file);
        return new FaultyFile(
          file,
          this,
          this.closing(() => file.close()),
        );
      },
      link: (target, path) => this.call(() => disk.link(target, path)),
      mkdir: (path) => this.call(() => disk.mkdir(path)),
      exists: (path) => this.call(() => disk.exists(path)),
      readFile: (path) => this.call(() => disk.readFile(path)),
      writeFile: (path, bytes) => this.call(() => disk.writeFile(path, bytes)),
      remove: (path) => this.call(() => disk.remove(path)),
      freeBytes: async (path) => this.faults.freeBytes ?? this.call(() => disk.freeBytes(path)),
    };
  }

  async openKeyValue(path: string): Promise<KeyValue> {
    const kv = await this.call(() => this.inner.openKeyValue(path));
    return new FaultyKeyValue(
      kv,
      this,
      this.closing(() => kv.close()),
    );
  }

  /** What the daemon opened last under a path that ends so, without what is wrong with the disk. */
  fileNamed(name: string): DiskFile | undefined {
    for (const [path, file] of this.files) if (path.endsWith(`/${name}`)) return file;
    return undefined;
  }

  /** Does it after the delay, unless the daemon is dead by then. */
  async call<T>(what: () => Promise<T>): Promise<T> {
    const { delayMs } = this.faults;
    if (delayMs > 0) await new Promise<void>((done) => this.clock.setTimer(delayMs, done));
    if (this.dead) return new Promise<T>(() => {});
    const doing = what();
    this.under.add(doing);
    try {
      const result = await doing;
      return this.dead ? new Promise<T>(() => {}) : result;
    } finally {
      this.under.delete(doing);
    }
  }

  /** The daemon was killed. Resolves when the next life may open what this one had. */
  async kill(): Promise<void> {
    this.dead = true;
    await Promise.allSettled(this.under);
    for (const close of [...this.open].reverse()) await close();
  }

  /** @returns closes, once, whoever asks for it first */
  private closing(close: () => Promise<void>): () => Promise<void> {
    const once = async (): Promise<void> => {
      if (this.open.delete(once)) await close();
    };
    this.open.add(once);
    return once;
  }
}

class FaultyFile implements DiskFile {
  readonly path: string;
  readonly isDevice: boolean;
  readonly close: () => Promise<void>;
  private readonly inner: DiskFile;
  private readonly owner: FaultyDisk;

  constructor(inner: DiskFile, owner: FaultyDisk, close: () => Promise<void>) {
    this.inner = inner;
    this.owner = owner;
    this.path = inner.path;
    this.isDevice = inner.isDevice;
    this.close = close;
  }
  readSync(into: Uint8Array, offset: number): number {
    return this.inner.readSync(into, offset);
  }
  read(into: Uint8Array, offset: number, use?: 'once'): Promise<number> {
    return this.owner.call(() => this.inner.read(into, offset, use));
  }
  write(buffers: readonly Uint8Array[], offset: number, use?: 'once'): Promise<void> {
    return this.owner.call(() => this.inner.write(buffers, offset, use));
  }
  writeThrough(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    return this.owner.call(() => this.inner.writeThrough(buffers, offset));
  }
  sync(): Promise<void> {
    return this.owner.call(() => this.inner.sync());
  }
  setDirect(mode: Parameters<DiskFile['setDirect']>[0]): void {
    this.inner.setDirect(mode);
  }
  truncate(size: number): Promise<void> {
    return this.owner.call(() => this.inner.truncate(size));
  }
  size(): number {
    return this.inner.size();
  }
}

/** Reads are answered from the system's cache, whatever the disk does. */
class FaultyKeyValue implements KeyValue {
  readonly close: () => Promise<void>;
  private readonly inner: KeyValue;
  private readonly owner: FaultyDisk;
  /** Batches are given one after another, however long each waits. */
  private last: Promise<void> = Promise.resolve();

  constructor(inner: KeyValue, owner: FaultyDisk, close: () => Promise<void>) {
    this.inner = inner;
    this.owner = owner;
    this.close = close;
  }
  get(key: string): Buffer | undefined {
    return this.inner.get(key);
  }
  sizeOf(key: string): number | undefined {
    return this.inner.sizeOf(key);
  }
  range(from: string, to: string, options?: KeyValueRange) {
    return this.inner.range(from, to, options);
  }
  commit(batch: readonly KeyValueOp[]): Promise<void> {
    const turn = this.last
      .catch(() => {})
      .then(() => this.owner.call(() => this.inner.commit(batch)));
    this.last = turn;
    return turn;
  }
}
