import { mergeRange } from './merge-range.ts';
import type { WideKeyValue } from './wide-key-value.ts';

/** What one group of transactions changes; `null` removes. */
export type Changes = Map<string, Uint8Array | null>;

/**
 * The key/value store as it will be when everything submitted is durable: the changes of the groups under way and of
 * the one that gathers lie over what is stored.
 */
export class Overlay {
  private readonly kv: WideKeyValue;
  private readonly layers: Changes[] = []; // oldest first

  constructor(kv: WideKeyValue) {
    this.kv = kv;
  }

  /** Lays a new group's changes, which may still grow, over all others. */
  push(changes: Changes): void {
    this.layers.push(changes);
  }

  /** The oldest group is stored. */
  shift(): void {
    this.layers.shift();
  }

  /** The value, owned by the caller: what a group brings may be a window of memory that is not ours for long. */
  get(key: string): Uint8Array | undefined {
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const value = this.layers[i]!.get(key);
      if (value !== undefined) return value === null ? undefined : Buffer.from(value);
    }
    return this.kv.get(key);
  }

  /** The length of the value, whatever is in it. */
  sizeOf(key: string): number | undefined {
    for (let i = this.layers.length - 1; i >= 0; i--) {
      const value = this.layers[i]!.get(key);
      if (value !== undefined) return value?.length;
    }
    return this.kv.sizeOf(key);
  }

  /** Keys with from <= key < to, ascending, whatever their values are. */
  *keys(from: string, to: string): Generator<string> {
    const stored = this.kv.range(from, to, { keysOnly: true });
    for (const { key } of mergeRange(stored, this.pending(from, to))) yield key;
  }

  /** Entries with from <= key < to, ascending, as they are now: changes made while it is read may be missed. */
  *range(from: string, to: string): Generator<{ key: string; value: Uint8Array }> {
    yield* mergeRange(this.kv.range(from, to), this.pending(from, to));
  }

  private pending(from: string, to: string): [string, Uint8Array | null][] {
    const found: Changes = new Map();
    for (const layer of this.layers) {
      for (const [key, value] of layer) if (key >= from && key < to) found.set(key, value);
    }
    return [...found].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }
}
