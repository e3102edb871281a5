/** What arrives from the other end of a {@link ShardLink}. */
export interface ShardEvents {
  /** A post: a copy of the head, and the bytes. Those that were in shared memory still are, and are not ours to change. */
  onPost(head: unknown, bytes: readonly Buffer[]): void;
  /** The last event: the thread at the other end is gone. With an error when nobody had asked it to end. */
  onEnd(error?: Error): void;
}

/** One end of the way between a daemon's main thread and another thread of it. */
export interface ShardLink {
  /**
   * Posts arrive in order, each once, while both threads live; those of one turn of the event loop cross together.
   *
   * @param head plain data, as structuredClone takes it; it must not change until the turn has ended
   * @param bytes copied when the turn ends, unless they lie in shared memory: then they cross as they lie, and must not
   *   change until the other end says so
   */
  post(head: unknown, bytes?: readonly Uint8Array[]): void;
}

/** The main thread's end. */
export interface ShardThread extends ShardLink {
  /** Ends the thread at once, whatever it does; `onEnd` does not come. */
  end(): Promise<void>;
}

/** The threads of a daemon, beside its main one. */
export interface Shards {
  /** Shards there are, the main thread's included. */
  readonly count: number;
  /** Starts the thread of a shard, 1 to count - 1. */
  start(index: number, events: ShardEvents): ShardThread;
}

/** Whether bytes are the same for all threads of the process. */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer;
}

/** Memory that all threads of the process can see. */
export function sharedMemory(length: number): Buffer {
  return Buffer.from(new SharedArrayBuffer(length));
}
