import { Decoder, Encoder } from '../codec/index.ts';
import type { KeyValue, KeyValueOp, KeyValueRange } from '../runtime/index.ts';
import { type HeldMemory, NOTHING_HELD } from './held-memory.ts';

/** Keys up to this length are stored under themselves. */
const NARROW_MAX = 1800;

/** Something that a commit is in before it is in its place. */
interface Flushed {
  flush?(): Promise<void>;
}

interface Bucket {
  /** What follows the shared prefix, with its value; ascending. */
  entries: [string, Uint8Array][];
  /** Commits under way that wrote this bucket. */
  pending: number;
}

/**
 * A KeyValue whose keys have any length. Keys that share their first 1800 bytes and are longer live together, sorted,
 * in one value under that prefix and a zero byte: it follows the prefix itself and comes before any other short key,
 * so the order of all keys is exactly that of their bytes. Long names are rare, so such a bucket is rewritten whole.
 */
export class WideKeyValue {
  private readonly kv: KeyValue & Flushed;
  /** Buckets written by commits that cannot be read back yet. */
  private readonly buckets = new Map<string, Bucket>();

  constructor(kv: KeyValue & Flushed) {
    this.kv = kv;
  }

  get(key: string): Uint8Array | undefined {
    if (key.length <= NARROW_MAX) return this.kv.get(key);
    const rest = key.slice(NARROW_MAX);
    return readBucket(this.kv.get(bucketKey(key))).find((e) => e[0] === rest)?.[1];
  }

  /** The length of the value, whatever is in it. */
  sizeOf(key: string): number | undefined {
    return key.length <= NARROW_MAX ? this.kv.sizeOf(key) : this.get(key)?.length;
  }

  /** Entries with from <= key < to, ascending. Long keys are values themselves, so damage in them always shows. */
  *range(
    from: string,
    to: string,
    options: Pick<KeyValueRange, 'keysOnly'> = {},
  ): Generator<{ key: string; value: Uint8Array }> {
    const low = from.length > NARROW_MAX ? bucketKey(from) : from;
    const high = to.length > NARROW_MAX ? `${bucketKey(to)}\0` : to;
    for (const entry of this.kv.range(low, high, options)) {
      if (entry.key.length <= NARROW_MAX) {
        yield entry;
        continue;
      }
      const prefix = entry.key.slice(0, NARROW_MAX);
      const bytes = options.keysOnly ? this.kv.get(entry.key) : entry.value;
      for (const [rest, value] of readBucket(bytes)) {
        const key = prefix + rest;
        if (key >= from && key < to) yield { key, value };
      }
    }
  }

  /** One atomic batch; `null` removes. Durable when it resolves. */
  async commit(batch: ReadonlyMap<string, Uint8Array | null>): Promise<void> {
    const ops: KeyValueOp[] = [];
    const changed = new Map<string, Bucket>();
    for (const [key, value] of batch) {
      if (key.length > NARROW_MAX) this.changeBucket(key, value, changed);
      else ops.push(value === null ? { op: 'del', key } : { op: 'put', key, value });
    }
    for (const [key, bucket] of changed) {
      if (bucket.entries.length === 0) ops.push({ op: 'del', key });
      else ops.push({ op: 'put', key, value: writeBucket(bucket.entries) });
    }
    try {
      await this.kv.commit(ops);
    } finally {
      for (const [key, bucket] of changed) if (--bucket.pending === 0) this.buckets.delete(key);
    }
  }

  /** Everything whose commit has resolved is in its place, whatever it was in before. */
  async flush(): Promise<void> {
    await this.kv.flush?.();
  }

  /** Deletes entries as they are stored, readable or not. No commit may be under way. */
  discard(storedKeys: readonly string[]): Promise<void> {
    return this.kv.commit(storedKeys.map((key) => ({ op: 'del', key })));
  }

  private changeBucket(key: string, value: Uint8Array | null, changed: Map<string, Bucket>): void {
    const at = bucketKey(key);
    let bucket = this.buckets.get(at);
    if (!bucket) {
      bucket = { entries: readBucket(this.kv.get(at)), pending: 0 };
      this.buckets.set(at, bucket);
    }
    if (!changed.has(at)) {
      changed.set(at, bucket);
      bucket.pending++;
    }
    const rest = key.slice(NARROW_MAX);
    const entries = bucket.entries.filter((e) => e[0] !== rest);
    if (value !== null) {
      entries.push([rest, Buffer.from(value)]); // kept over several commits, each of which writes it again
      entries.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    }
    bucket.entries = entries;
  }

  get heldMemory(): HeldMemory {
    return this.kv.heldMemory ?? NOTHING_HELD;
  }

  dropPages(): void {
    this.kv.dropPages?.();
  }

  close(): Promise<void> {
    return this.kv.close();
  }
}

function bucketKey(key: string): string {
  return `${key.slice(0, NARROW_MAX)}\0`;
}

function readBucket(bytes: Uint8Array | undefined): [string, Uint8Array][] {
  const out: [string, Uint8Array][] = [];
  if (!bytes) return out;
  const d = new Decoder(bytes);
  while (d.remaining > 0) out.push([d.byteString(), d.bytes()]);
  return out;
}

function writeBucket(entries: readonly [string, Uint8Array][]): Buffer {
  const o = new Encoder();
  for (const [rest, value] of entries) {
    o.byteString(rest);
    o.bytes(value);
  }
  return o.finish();
}
