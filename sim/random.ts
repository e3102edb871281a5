import type { Random } from '../src/runtime/index.ts';

/**
 * Chance from a seed. Whatever needs chance has a stream of its own, named: what one of them draws changes nothing for
 * the others, so a run stays the same when a fault or an operation of a client is left out of it.
 */
export class Dice implements Random {
  private state: number;

  /** @param name of the stream */
  constructor(seed: number, name = '') {
    let h = (0x811c9dc5 ^ seed) >>> 0;
    for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
    this.state = (h ^ (h >>> 13)) >>> 0;
  }

  /** Uniform in 0 (included) to 1 (excluded). mulberry32. */
  unit(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.unit() * n);
  }
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
  /** True so often, 0 to 1. */
  chance(p: number): boolean {
    return this.unit() < p;
  }
  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }
  /** One of those whose weight is the number beside it. */
  weighted<T extends string>(of: Readonly<Record<T, number>>): T {
    const all = Object.entries(of) as [T, number][];
    let left = this.unit() * all.reduce((sum, [, w]) => sum + w, 0);
    for (const [what, weight] of all) {
      left -= weight;
      if (left < 0) return what;
    }
    return all[all.length - 1]![0];
  }
}
