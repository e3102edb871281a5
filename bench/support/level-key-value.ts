import { mkdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import { CephError } from '../../src/errors/index.ts';
import type { KeyValue, KeyValueOp, KeyValueRange } from '../../src/runtime/index.ts';
import { withoutRanges } from '../../src/store/index.ts';
import { SortedMap } from '../../src/store/sorted-map.ts';

const KEY_MAX = 1900;
const bytesOf = (key: string): Buffer => Buffer.from(key, 'latin1');

interface Waiting {
  readonly batch: readonly KeyValueOp[];
  done(): void;
  failed(error: unknown): void;
}

/**
 * LevelDB behind the KeyValue port, to be measured beside LMDB. Its ranges are asynchronous and the port's are not, so
 * all keys lie in memory too, read once when it is opened; values are read from LevelDB.
 */
export class LevelKeyValue implements KeyValue {
  readonly db: ClassicLevel<Buffer, Buffer>;
  private readonly keys = new SortedMap<true>();
  private queue: Waiting[] = [];
  private running: Promise<void> | undefined;
  private closed = false;

  /** What LevelDB itself took to open, without our reading of the keys. */
  readonly openedMs: number;

  private constructor(db: ClassicLevel<Buffer, Buffer>, openedMs: number) {
    this.db = db;
    this.openedMs = openedMs;
  }

  static async open(path: string): Promise<LevelKeyValue> {
    await mkdir(path, { recursive: true });
    const db = new ClassicLevel<Buffer, Buffer>(path, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
    });
    const started = performance.now();
    await db.open();
    const store = new LevelKeyValue(db, performance.now() - started);
    for await (const key of db.keys()) store.keys.set(key.latin1Slice(), true);
    return store;
  }

  get(key: string): Buffer | undefined {
    return this.db.getSync(bytesOf(key));
  }

  sizeOf(key: string): number | undefined {
    return this.get(key)?.length;
  }

  *range(
    from: string,
    to: string,
    options: KeyValueRange = {},
  ): Generator<{ key: string; value: Buffer }> {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (from >= to || left <= 0) return;
    const found = options.reverse ? this.keys.reverse(from, to) : this.keys.from(from, to);
    for (const [key] of found) {
      const value = this.get(key);
      if (value === undefined) continue; // a removal under way
      yield { key, value };
      if (--left <= 0) return;
    }
  }

  commit(batch: readonly KeyValueOp[]): Promise<void> {
    if (this.closed) return Promise.reject(new CephError('EBADF', 'the key/value store is closed'));
    for (const op of batch) {
      if (op.op !== 'delRange' && (op.key.length === 0 || op.key.length > KEY_MAX)) {
        return Promise.reject(new CephError('EINVAL', `key of ${op.key.length} bytes`));
      }
    }
    return new Promise((done, failed) => {
      this.queue.push({ batch, done, failed });
      // What is given in the same turn shares a write of LevelDB, and its sync.
      this.running ??= Promise.resolve().then(() => this.run());
    });
  }

  private async run(): Promise<void> {
    while (this.queue.length > 0) {
      // A range is turned into the keys it holds, so it waits until what came before can be read.
      const next = this.queue.findIndex((w, i) => i > 0 && hasRange(w.batch));
      const group = this.queue.splice(0, next < 0 ? this.queue.length : next);
      const ops = group.flatMap((w) => withoutRanges(this, w.batch));
      try {
        await this.write(ops);
        for (const w of group) w.done();
      } catch (error) {
        for (const w of group) w.failed(error);
      }
    }
    this.running = undefined;
  }

  private async write(ops: readonly KeyValueOp[]): Promise<void> {
    const batch = ops.map((op) =>
      op.op === 'put'
        ? { type: 'put' as const, key: bytesOf(op.key), value: op.value as Buffer }
        : { type: 'del' as const, key: bytesOf((op as { key: string }).key) },
    );
    await this.db.batch(batch, { sync: true });
    for (const op of ops) {
      if (op.op === 'put') this.keys.set(op.key, true);
      else if (op.op === 'del') this.keys.delete(op.key);
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.running;
    await this.db.close();
  }
}

const hasRange = (batch: readonly KeyValueOp[]): boolean =>
  batch.some((op) => op.op === 'delRange');
