import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { Clock, Logger } from '../runtime/index.ts';
import { nativeCrc32c, nodeCompressor, nodeDisk, openLmdb } from '../runtime-node/index.ts';
import { BlockStore, MemoryStore, type ObjectStore } from '../store/index.ts';
import { type DiskFaults, FaultyDisk, type StoreDisk } from './faults/faulty-disk.ts';
import { MemoryDisk } from './faults/memory-disk.ts';
import { openOsdStore } from './osd-store.ts';

/** Where the data of an OSD are while it does not run. */
export interface OsdHome {
  /** In memory, and of threads: it ends with them. */
  readonly isFleeting: boolean;
  open(): Promise<{ store: ObjectStore; uuid: string }>;
  /** The OSD was killed. Resolves when what it had open may be opened again. */
  killed(): Promise<void>;
  /** Forgets the data, as a new disk in the place of the old one would. @param uuid names the new one */
  empty(uuid: string): Promise<void>;
}

export interface HomeOptions {
  /** The OSD's directory; undefined: in memory. */
  readonly path: string | undefined;
  readonly uuid: string | undefined;
  readonly sizeBytes: number;
  readonly shards: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A directory, or this process's memory. */
export class PlainHome implements OsdHome {
  private readonly options: HomeOptions;
  private uuid: string | undefined;
  private memory: MemoryStore | undefined;

  constructor(options: HomeOptions) {
    this.options = options;
    this.uuid = options.uuid;
  }

  get isFleeting(): boolean {
    return this.options.path === undefined && this.options.shards > 1;
  }

  async open(): Promise<{ store: ObjectStore; uuid: string }> {
    const { path, sizeBytes, shards, clock, log } = this.options;
    if (path === undefined && this.memory) {
      this.memory = new MemoryStore({ from: this.memory });
      return { store: this.memory, uuid: this.uuid! };
    }
    const place = { path, uuid: this.uuid, sizeBytes };
    const opened = await openOsdStore(place, { index: 0, count: shards }, clock, log);
    if (opened.store instanceof MemoryStore) this.memory = opened.store;
    this.uuid = opened.uuid;
    return opened;
  }

  async killed(): Promise<void> {}

  async empty(uuid: string): Promise<void> {
    const { path } = this.options;
    this.uuid = uuid;
    this.memory = undefined;
    if (path !== undefined) rmSync(path, { recursive: true, force: true });
  }
}

/**
 * What a disk called full has left: too much for the OSD to die of, too little for the cluster not to stop writes.
 * A store keeps some of it back for its metadata.
 */
const KEPT_BYTES = 64 * 2 ** 20;
const LEFT_SHARE = 0.02;

const REAL: StoreDisk = { disk: nodeDisk, openKeyValue: openLmdb };

/** A disk, real or in memory, to which faults happen. */
export class FaultyHome implements OsdHome {
  readonly isFleeting = false;
  readonly faults: DiskFaults = { delayMs: 0, freeBytes: undefined };
  private readonly options: HomeOptions;
  private readonly path: string;
  private uuid: string | undefined;
  private disk: StoreDisk;
  private life: { disk: FaultyDisk; store: BlockStore } | undefined;

  constructor(options: HomeOptions) {
    this.options = options;
    this.uuid = options.uuid;
    this.path = options.path ?? '/disk';
    this.disk = this.newDisk();
  }

  async open(): Promise<{ store: ObjectStore; uuid: string }> {
    const { sizeBytes, clock, log } = this.options;
    const disk = new FaultyDisk(this.disk, this.faults, clock);
    const isMade = await this.disk.disk.exists(`${this.path}/block`);
    if (!isMade) this.uuid ??= randomUUID();
    const store = await BlockStore.open({
      path: this.path,
      disk: disk.disk,
      openKeyValue: (path) => disk.openKeyValue(path),
      crc32c: nativeCrc32c,
      compressor: nodeCompressor,
      clock,
      log,
      sizeBytes,
      ...(this.uuid === undefined ? {} : { fsid: this.uuid }),
    });
    this.uuid = store.fsid;
    this.life = { disk, store };
    return { store, uuid: store.fsid };
  }

  /** The store of the OSD while it runs, and the disk under it. */
  get running(): { disk: FaultyDisk; store: BlockStore } | undefined {
    return this.life;
  }

  fill(): void {
    this.faults.freeBytes = KEPT_BYTES + LEFT_SHARE * this.options.sizeBytes;
  }

  async killed(): Promise<void> {
    const { life } = this;
    this.life = undefined;
    await life?.disk.kill();
  }

  async empty(uuid: string): Promise<void> {
    this.uuid = uuid;
    this.disk = this.newDisk();
    if (this.options.path !== undefined) rmSync(this.path, { recursive: true, force: true });
  }

  private newDisk(): StoreDisk {
    if (this.options.path !== undefined) return REAL;
    const disk = new MemoryDisk();
    return { disk, openKeyValue: (path) => disk.openKeyValue(path) };
  }
}
