import type { Clock, Disk, KeyValue, Logger } from '../runtime/index.ts';
import type { ObjectStore } from './object-store.ts';

/** What a {@link BlockStore} is opened with. */
export interface BlockStoreOptions {
  /** The directory that holds the data file and the key/value store; made when missing. */
  path: string;
  disk: Disk;
  /** Opens the metadata store in the given directory. */
  openKeyValue: (path: string) => Promise<KeyValue>;
  crc32c: (seed: number, bytes: Uint8Array) => number;
  log: Logger;
  clock: Clock;
  /** Names the store for ever, written by the first open: 36 characters. Checked when given later. */
  fsid?: string;
  /** What the store may hold, set by the first open; default 10 GiB. The file is sparse. */
  sizeBytes?: number;
  /** Memory for the metadata of objects at rest; default 64 MiB. */
  cacheBytes?: number;
}
export interface BlockStoreShape extends ObjectStore {
  readonly fsid: string;
}
