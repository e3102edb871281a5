import type { RootDatabase } from 'lmdb';
import { CephError } from '../errors/index.ts';
import { isShared, type KeyValue, type KeyValueOp, type KeyValueRange } from '../runtime/index.ts';
import { withoutRanges } from '../store/index.ts';
import { nodeDisk, syncDirectory } from './disk.ts';
import { requirePackage } from './require-package.ts';

export interface LmdbOptions {
  /**
   * Skips the device's sync: a batch then survives the end of the process but not of the machine. For clusters that
   * are thrown away.
   */
  noSync?: boolean;
  /** Monotonic; default the process's clock. */
  nowMs?: () => number;
}

/**
 * Addresses set aside for the map of a store, which is larger at need. The library keeps each map that became too small
 * beside its successor, pages and all: one that grows from nothing is in memory twice.
 */
const MAP_BYTES = 2 ** 36;
/** A thread of the library may still be busy with a write that it has called done, but not for so long. */
const QUIET_MS = 250;
/** LMDB with 4 KiB pages takes no longer key. */
const KEY_MAX = 1900;

/**
 * Opens an LMDB environment in a directory, made when missing.
 *
 * Batches given in one turn of the event loop, and while a commit is under way, share the next commit of LMDB: pages,
 * fdatasync, then the root page through a synchronous descriptor. With `overlappingSync` the library would report a
 * commit before its sync; measured, it is no faster here, so it stays off and a resolved batch is a durable one.
 */
export async function openLmdb(path: string, options: LmdbOptions = {}): Promise<KeyValue> {
  // Clients import this folder too and have no use for the library.
  const { open } = requirePackage('lmdb') as typeof import('lmdb');
  await nodeDisk.mkdir(path);
  const openMap = () =>
    open<Buffer, string>(path, {
      noSubdir: false,
      encoding: 'binary',
      keyEncoder: byteStringKeys,
      overlappingSync: false,
      noSync: options.noSync === true,
      mapSize: MAP_BYTES,
    });
  const store = new LmdbKeyValue(openMap, options.nowMs ?? (() => performance.now()));
  await syncDirectory(path);
  return store;
}

const byteStringKeys = {
  writeKey: (key: unknown, target: Buffer, start: number) =>
    start + target.latin1Write(key as string, start),
  readKey: (target: Buffer, start: number, end?: number) => target.latin1Slice(start, end),
};

/** A bound that LMDB can hold and that parts the keys it can hold in the same way. */
function shortBound(key: string): string {
  return key.length > KEY_MAX ? `${key.slice(0, KEY_MAX)}\0` : key;
}

class LmdbKeyValue implements KeyValue {
  private readonly open: () => RootDatabase<Buffer, string>;
  private db: RootDatabase<Buffer, string>;
  /** Resolves when the batch given last is durable. */
  private last: Promise<void> = Promise.resolve();
  /** How many batches wait for earlier ones to become readable. */
  private waiting = 0;
  private closed = false;
  /** Readers that hold a place in the map, and writes under way. */
  private readers = 0;
  private writers = 0;
  private writtenMs = Number.NEGATIVE_INFINITY;

  private readonly nowMs: () => number;

  constructor(open: () => RootDatabase<Buffer, string>, nowMs: () => number) {
    this.open = open;
    this.nowMs = nowMs;
    this.db = open();
  }

  /**
   * Pages of the map that were looked at stay in the process's memory until the system wants them. A new map has none,
   * and finds them again where the system still has them.
   */
  dropPages(): void {
    const isBusy = this.readers > 0 || this.writers > 0 || this.waiting > 0;
    if (this.closed || isBusy || this.nowMs() - this.writtenMs < QUIET_MS) return;
    // Closing waits for writes, which it does by going through a promise even when there are none; reads would then
    // meet a closed store.
    Object.assign(this.db, { _endWrites: undefined });
    void this.db.close();
    this.db = this.open();
  }

  get(key: string): Buffer | undefined {
    return key.length > KEY_MAX ? undefined : this.db.getBinary(key);
  }

  sizeOf(key: string): number | undefined {
    // The library's own buffer, which the next read takes again: it is only measured.
    return key.length > KEY_MAX ? undefined : this.db.getBinaryFast(key)?.length;
  }

  *range(
    from: string,
    to: string,
    options: KeyValueRange = {},
  ): Generator<{ key: string; value: Buffer }> {
    if (from >= to) return;
    const low = from === '' ? '\0' : shortBound(from); // the library takes '' for "no bound"
    const high = shortBound(to);
    const bounds = options.reverse
      ? { start: high, exclusiveStart: true, end: low, inclusiveEnd: true, reverse: true }
      : { start: low, end: high };
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    this.readers++;
    try {
      for (const { key, value } of this.db.getRange(bounds)) {
        yield { key, value };
        if (--left <= 0) return;
      }
    } finally {
      this.readers--;
    }
  }

  commit(batch: readonly KeyValueOp[]): Promise<void> {
    if (this.closed) return Promise.reject(new CephError('EBADF', 'the key/value store is closed'));
    for (const op of batch) {
      if (op.op !== 'delRange' && (op.key.length === 0 || op.key.length > KEY_MAX)) {
        return Promise.reject(new CephError('EINVAL', `key of ${op.key.length} bytes`));
      }
    }
    if (batch.length === 0) return this.last; // LMDB has nothing to wait for, but a range after it has
    // A range is turned into the keys it holds, so what came before must be readable first.
    if (this.waiting === 0 && !batch.some((op) => op.op === 'delRange')) {
      this.last = this.write(batch);
      return this.last;
    }
    this.waiting++;
    const turn = this.last.then(
      () => this.write(withoutRanges(this, batch)),
      () => this.write(withoutRanges(this, batch)),
    );
    const done = () => {
      this.waiting--;
    };
    turn.then(done, done);
    this.last = turn;
    return turn;
  }

  /** One turn of the event loop is one transaction of the library's, so all of the batch is in the same one. */
  private async write(batch: readonly KeyValueOp[]): Promise<void> {
    this.writers++;
    let committed: Promise<boolean> | undefined;
    try {
      // The library may also refuse at once, and a write that is counted for ever would keep all pages in memory.
      for (const op of batch) {
        if (op.op === 'put') committed = this.db.put(op.key, ownMemory(op.value));
        else if (op.op === 'del') committed = this.db.remove(op.key);
      }
      await committed;
    } catch (error) {
      throw new CephError('EIO', `LMDB: ${await reasonOf(error)}`, { cause: error });
    } finally {
      this.writers--;
      this.writtenMs = this.nowMs();
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.last.catch(() => {}); // whoever gave the batch has heard of its failure
    await this.db.close();
  }
}

/** The library's rejections point to another promise that holds the cause. */
async function reasonOf(error: unknown): Promise<string> {
  const { message, commitError } = error as { message: string; commitError?: Promise<unknown> };
  if (!commitError) return message;
  return commitError.then(
    () => message,
    (cause) => String(cause?.message ?? cause),
  );
}

/** The library writes other bytes than those of a value that lies in shared memory (lmdb 3.5). */
function ownMemory(value: Uint8Array): Buffer {
  return isShared(value) ? Buffer.from(value) : (value as Buffer);
}
