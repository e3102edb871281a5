/** Entries per chunk before it splits: small enough that an insertion moves little, large enough that chunks are few. */
const CHUNK_MAX = 256;

interface Chunk<V> {
  keys: string[];
  values: V[];
}

/**
 * A map from byte strings in ascending order: a list of sorted chunks, so an insertion among a million entries moves
 * a few hundred, not half a million. It may change between two steps of an iteration; entries seen are never repeated.
 */
export class SortedMap<V> {
  private chunks: Chunk<V>[] = [];
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(key: string): V | undefined {
    const chunk = this.chunks[this.chunkOf(key)];
    if (!chunk) return undefined;
    const i = lowerBound(chunk.keys, key);
    return chunk.keys[i] === key ? chunk.values[i] : undefined;
  }

  has(key: string): boolean {
    const chunk = this.chunks[this.chunkOf(key)];
    return chunk !== undefined && chunk.keys[lowerBound(chunk.keys, key)] === key;
  }

  set(key: string, value: V): void {
    const at = this.chunkOf(key);
    const chunk = this.chunks[at];
    if (!chunk) {
      this.chunks.push({ keys: [key], values: [value] });
      this.count++;
      return;
    }
    const i = lowerBound(chunk.keys, key);
    if (chunk.keys[i] === key) {
      chunk.values[i] = value;
      return;
    }
    chunk.keys.splice(i, 0, key);
    chunk.values.splice(i, 0, value);
    this.count++;
    if (chunk.keys.length > CHUNK_MAX) {
      // A chunk that grew at its end is being filled in order: leave it full, as a B-tree does for appends.
      const cut = i === chunk.keys.length - 1 ? i : CHUNK_MAX / 2;
      this.chunks.splice(at + 1, 0, {
        keys: chunk.keys.splice(cut),
        values: chunk.values.splice(cut),
      });
    }
  }

  delete(key: string): boolean {
    const at = this.chunkOf(key);
    const chunk = this.chunks[at];
    if (!chunk) return false;
    const i = lowerBound(chunk.keys, key);
    if (chunk.keys[i] !== key) return false;
    chunk.keys.splice(i, 1);
    chunk.values.splice(i, 1);
    this.count--;
    if (chunk.keys.length === 0) this.chunks.splice(at, 1);
    return true;
  }

  clear(): void {
    this.chunks = [];
    this.count = 0;
  }

  /** A copy that shares the values. */
  copy(): SortedMap<V> {
    const other = new SortedMap<V>();
    other.chunks = this.chunks.map((c) => ({ keys: c.keys.slice(), values: c.values.slice() }));
    other.count = this.count;
    return other;
  }

  /** Entries with from <= key (< to), ascending. */
  *from(from: string, to?: string): Generator<[string, V]> {
    let key = from;
    let passed = false; // whether `key` itself was seen
    for (;;) {
      const at = this.chunkOf(key);
      let chunk = this.chunks[at];
      if (!chunk) return;
      let i = lowerBound(chunk.keys, key);
      if (passed && chunk.keys[i] === key) i++;
      if (i === chunk.keys.length) {
        chunk = this.chunks[at + 1];
        if (!chunk) return;
        i = 0;
      }
      // The rest of this chunk is copied, so the loop survives changes made by its consumer.
      const keys = chunk.keys.slice(i);
      const values = chunk.values.slice(i);
      for (let j = 0; j < keys.length; j++) {
        key = keys[j]!;
        if (to !== undefined && key >= to) return;
        yield [key, values[j]!];
      }
      passed = true;
    }
  }

  /** Entries with from <= key < to, descending. */
  *reverse(from: string, to: string): Generator<[string, V]> {
    let below = to;
    for (;;) {
      let at = this.chunkOf(below);
      let chunk = this.chunks[at];
      let i = chunk ? lowerBound(chunk.keys, below) : 0;
      if (i === 0) {
        chunk = this.chunks[--at];
        if (!chunk) return;
        i = chunk.keys.length;
      }
      const keys = chunk!.keys.slice(0, i);
      const values = chunk!.values.slice(0, i);
      for (let j = keys.length - 1; j >= 0; j--) {
        below = keys[j]!;
        if (below < from) return;
        yield [below, values[j]!];
      }
    }
  }

  /** The chunk that holds `key` or would take it. */
  private chunkOf(key: string): number {
    let low = 0;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.chunks[middle]!.keys[0]! <= key) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : low - 1;
  }
}

/** The index of the first key >= `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
