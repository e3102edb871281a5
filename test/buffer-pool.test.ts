import { expect, test } from 'vitest';
import { BufferPool } from '../src/runtime/index.ts';

const MIB = 1 << 20;

test('memory that was given back serves the next message of about that size', () => {
  const pool = new BufferPool();
  const first = pool.take(MIB + 300);
  expect(pool.take(MIB + 300).buffer).not.toBe(first.buffer);
  pool.give(first);
  expect(pool.take(MIB + 500).buffer).toBe(first.buffer);
});

test('small and huge buffers are not kept', () => {
  const pool = new BufferPool();
  for (const length of [100, 4096, 9 * MIB]) {
    const one = pool.take(length);
    expect(one.length).toBe(length);
    pool.give(one);
    expect(pool.take(length) === one).toBe(false);
  }
});

test('what lies ready is bounded, and goes when nobody needs it', () => {
  const pool = new BufferPool();
  const all = Array.from({ length: 20 }, () => pool.take(4 * MIB));
  for (const one of all) pool.give(one);
  const known = new Set(all.map((b) => b.buffer));
  const again = all.map(() => pool.take(4 * MIB));
  expect(again.filter((b) => known.has(b.buffer)).length).toBe(16);
  for (const one of again) pool.give(one);
  pool.age(0); // it was all in use since the last call
  pool.age(10_000);
  const last = pool.take(4 * MIB);
  expect(again.some((b) => b.buffer === last.buffer)).toBe(false);
});
