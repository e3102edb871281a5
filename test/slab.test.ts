import { describe, expect, it } from 'vitest';
import { Slab } from '../src/runtime/index.ts';

describe('a slab', () => {
  it('gives pieces that never overlap, of exactly the length asked for', () => {
    const slab = new Slab();
    const pieces = Array.from({ length: 500 }, (_, i) => slab.take((i * 37) % 5000));
    pieces.forEach((p, i) => {
      p.fill(i % 251);
    });
    pieces.forEach((p, i) => {
      expect(p.length).toBe((i * 37) % 5000);
      expect(p.every((byte) => byte === i % 251)).toBe(true);
    });
    expect(new Set(pieces.map((p) => p.buffer)).size).toBeLessThan(10);
  });

  it('gives large pieces memory of their own', () => {
    const slab = new Slab();
    expect(slab.take(100_000).buffer.byteLength).toBe(100_000);
  });
});
