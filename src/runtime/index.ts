/**
 * The ports through which time, chance, network and disk reach the rest of the tree. Core code names no `Date`,
 * timer, `Math.random` or `node:` module, so a whole cluster can run in one process, in virtual time, from one seed.
 * `runtime-node` has the real implementations. Uses `errors`.
 */
import type { BufferPool } from './buffer-pool.ts';

export {
  ALIGN_BYTES,
  alignedMemory,
  isAligned,
  isPageStart,
  markPageStart,
} from './aligned-memory.ts';
export { BufferPool, POOLED_FROM } from './buffer-pool.ts';
export * from './shards.ts';
export { Slab } from './slab.ts';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** From an arbitrary start, never goes back: intervals and deadlines. */
  monotonicMs(): number;
  /** Since the Unix epoch with sub-millisecond digits, may jump: only stamps that people or peers read. */
  wallMs(): number;
  /** Fires once, not before `delayMs`. A pending timer does not keep a process alive by itself. */
  setTimer(delayMs: number, fire: () => void): Timer;
}

export interface Random {
  /** Uniform integer in 0..n-1, n at most 2^48. */
  below(n: number): number;
  /** Unpredictable bytes, fit for ids and secrets. */
  bytes(length: number): Uint8Array;
}

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export interface SocketEvents {
  /**
   * Bytes in order. They are the socket's again when the call returns: what is to stay must be copied. Bytes that were
   * put into what `room` returned are the receiver's already.
   */
  onData(chunk: Buffer): void;
  /** Where the socket may put the bytes that come next, up to the next `onData`. Undefined: in memory of its own. */
  room?(): Buffer | undefined;
  /** Everything handed to `write` so far has left this process. */
  onDrain(): void;
  /** The last event. Without an error the peer closed, or we did. */
  onClose(error?: Error): void;
}

/** A byte stream. Events never arrive from inside a call of a method. */
export interface Socket {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /**
   * Queues all buffers in order as one gathered write. They must not change until they have been taken.
   * @param taken called once: the socket does not look at them any more, because they left this process or it is dead
   */
  write(buffers: readonly Uint8Array[], taken?: () => void): void;
  /** Bytes queued and not yet handed to the kernel. */
  readonly queuedBytes: number;
  /** Back-pressure: no `onData` between pause and resume (but for what is already on its way). */
  pause(): void;
  resume(): void;
  /** Drops the connection at once. `onClose` still comes. */
  destroy(): void;
}

export interface Listener {
  readonly address: SocketAddress;
  /** Stops accepting; accepted sockets live on. */
  close(): Promise<void>;
}

export interface Network {
  /** Port 0 lets the system choose. Rejects with CephError EADDRINUSE and the like. */
  listen(address: SocketAddress, accept: (socket: Socket) => SocketEvents): Promise<Listener>;
  /** Resolves when connected; rejects with CephError ECONNREFUSED, ETIMEDOUT ... */
  connect(address: SocketAddress, accept: (socket: Socket) => SocketEvents): Promise<Socket>;
}

/**
 * Whether a file goes past the system's cache (O_DIRECT): `auto` for what is used once, where the file system can;
 * `on` for everything that lies so that it can go that way, and refused where the file system cannot; `off` for nothing.
 */
export type DirectMode = 'auto' | 'on' | 'off';

/** A file, or a block device, opened for positioned reads and writes. */
export interface DiskFile {
  readonly path: string;
  /** A block device: its size is what it is, and nobody else has it open to write. */
  readonly isDevice: boolean;
  /** Fills `into` from `offset`, returns the count of bytes read: short only at the end of the file. */
  readSync(into: Uint8Array, offset: number): number;
  /**
   * Like `readSync`, without waiting.
   * @param use `once`: the bytes will hardly be read again soon, so they need no place in the system's cache
   */
  read(into: Uint8Array, offset: number, use?: 'once'): Promise<number>;
  /**
   * Writes all of the buffers one after another from `offset`. Durable only after `sync`.
   * @param use `once`: they will hardly be read soon, so they need no place in the system's cache
   */
  write(buffers: readonly Uint8Array[], offset: number, use?: 'once'): Promise<void>;
  /** Like `write` and `sync`, but speaks only of these bytes, and takes one turn of the device. */
  writeThrough(buffers: readonly Uint8Array[], offset: number): Promise<void>;
  /** Data written before this call is durable when it resolves (fdatasync). */
  sync(): Promise<void>;
  /** For what comes from now on. @throws CephError EINVAL for `on` where there is no way around the cache */
  setDirect(mode: DirectMode): void;
  /** Not of a device. */
  truncate(size: number): Promise<void>;
  size(): number;
  close(): Promise<void>;
}

export interface Disk {
  /**
   * Makes this process the only owner of a directory until the owner lets go or the process ends, however it ends.
   * @returns lets go. Rejects with CephError EBUSY, naming the process that has it
   */
  claim(path: string): Promise<() => Promise<void>>;
  /**
   * Opens for reading and writing. `create` makes the file if it is missing, and makes its name durable.
   * A block device is opened for this process alone, or not at all: EBUSY while it is mounted or somebody else's.
   * @param options.isClaimed this process has opened the device once already, and parts of it belong to several stores
   * @param options.filledBytes what a file made now may be filled with zeros to: a later write there then changes
   *   nothing but the bytes, so that its sync is one write of the device
   */
  open(
    path: string,
    options?: {
      create?: boolean;
      isClaimed?: boolean;
      filledBytes?: number;
      direct?: DirectMode;
    },
  ): Promise<DiskFile>;
  /** Makes `path` another name for a file or device, durably. */
  link(target: string, path: string): Promise<void>;
  mkdir(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  readFile(path: string): Promise<Buffer>;
  /** Replaces a small file atomically and durably. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  remove(path: string): Promise<void>;
  /** Bytes free for this process on the file system that holds `path`. */
  freeBytes(path: string): Promise<number>;
}

/** Keys are byte strings: one character (0..255) per byte, ordered by `<`. At most 1,900 bytes. */
export type KeyValueOp =
  | { readonly op: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly op: 'del'; readonly key: string }
  /** Removes from <= key < to. */
  | { readonly op: 'delRange'; readonly from: string; readonly to: string };

export interface KeyValueRange {
  readonly limit?: number;
  /** Descending from the end. */
  readonly reverse?: boolean;
  /** Only keys are wanted: the values are anything, and damage in them is no error. */
  readonly keysOnly?: boolean;
}

/** A sorted key/value store. Reads are synchronous and see every batch whose commit has resolved. */
export interface KeyValue {
  /** The value, owned by the caller. */
  get(key: string): Buffer | undefined;
  /** The length of the value, whatever is in it. */
  sizeOf(key: string): number | undefined;
  /** Entries with from <= key < to in ascending order. */
  range(
    from: string,
    to: string,
    options?: KeyValueRange,
  ): Iterable<{ key: string; value: Buffer }>;
  /** One atomic batch, durable when it resolves. Batches apply in the order of the calls. */
  commit(batch: readonly KeyValueOp[]): Promise<void>;
  /** Memory that it has of its own, beside that of the system's cache. */
  readonly heldMemory?: { readonly items: number; readonly bytes: number };
  /** Lets go of memory that only shows what is on the device, if nothing is under way at the moment. */
  dropPages?(): void;
  close(): Promise<void>;
}

/** Makes bytes fewer, and gives them back. Calls block: a blob of a store takes well below a millisecond. */
export interface Compressor {
  /** May give back more than it was given. Does not keep `bytes`. */
  compress(bytes: Uint8Array): Uint8Array;
  /**
   * What {@link compress} was given.
   * @param length how long that was @throws Error when `bytes` are not of its making or give another length
   */
  decompress(bytes: Uint8Array, length: number): Uint8Array;
}

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
/** A message plus fields. State changes at info, operations at debug; an error needs a person. */
export type Logger = (
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;
export const silent: Logger = () => {};

/** The process that a daemon has to itself. */
export interface ProcessMemory {
  /** Bytes of its pages in memory, those of files included. */
  residentBytes(): number;
  /** Looks for garbage everywhere and gives the memory back to the system. Stops everything for some tens of ms. */
  collect(): void;
}

/** What a daemon or client is given of the world. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly log: Logger;
  /** CRC-32C without final inversion; native where the platform has it. */
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /** Memory for large messages and reads, common to several daemons of a process. Absent: each has its own. */
  readonly pool?: BufferPool;
  /** Absent: the process is not the daemon's alone, or cannot be asked. */
  readonly memory?: ProcessMemory;
}
