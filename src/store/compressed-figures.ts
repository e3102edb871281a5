import { Decoder, Encoder } from '../codec/index.ts';
import type { CompressedBytes } from './compression-policy.ts';
import { compressedKey, poolOfCompressed } from './keys.ts';
import type { Changes } from './overlay.ts';

type Counts = { -readonly [K in keyof CompressedBytes]: CompressedBytes[K] };

/** Counts what compression does for each pool; pools by their part of an object's key. */
export class CompressedFigures {
  private readonly pools = new Map<string, Counts>();
  private readonly changed = new Set<string>();

  add(pool: string, by: Partial<CompressedBytes>): void {
    let counts = this.pools.get(pool);
    if (!counts) {
      counts = { compressed: 0, allocated: 0, original: 0 };
      this.pools.set(pool, counts);
    }
    counts.compressed += by.compressed ?? 0;
    counts.allocated += by.allocated ?? 0;
    counts.original += by.original ?? 0;
    this.changed.add(pool);
  }

  /** Takes over a stored count when the store is opened. @throws DecodeError */
  load(key: string, value: Uint8Array): void {
    this.pools.set(key.slice(1), decode(value));
  }

  /** Puts the counts that changed since the last call into the changes of a group. */
  seal(changes: Changes): void {
    if (this.changed.size === 0) return;
    for (const pool of this.changed) changes.set(compressedKey(pool), this.record(pool));
    this.changed.clear();
  }

  /** What stands under a pool's key; null for nothing. */
  record(pool: string): Uint8Array | null {
    const counts = this.pools.get(pool);
    if (!counts || (counts.allocated === 0 && counts.original === 0)) return null;
    const o = new Encoder(0n, 24);
    o.u53(counts.compressed);
    o.u53(counts.allocated);
    o.u53(counts.original);
    return o.finish();
  }

  /** Pools that anything was counted for. */
  keys(): Iterable<string> {
    return this.pools.keys();
  }

  /** By the pool's number. */
  all(): Map<number, CompressedBytes> {
    const out = new Map<number, CompressedBytes>();
    for (const [pool, counts] of this.pools) {
      if (counts.original > 0) out.set(poolOfCompressed(compressedKey(pool)), { ...counts });
    }
    return out;
  }
}

function decode(bytes: Uint8Array): Counts {
  const d = new Decoder(bytes);
  const counts = { compressed: d.u53(), allocated: d.u53(), original: d.u53() };
  d.finish();
  return counts;
}
