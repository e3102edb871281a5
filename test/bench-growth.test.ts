import fc from 'fast-check';
import { expect, test } from 'vitest';
import { growth } from '../bench/support/growth.ts';

const allowed = { part: 0.1, amount: 5 };
/** Between 0 and 1, the same each time. */
const noise = (i: number): number => Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1;

test('what stays between two bounds does not grow', () => {
  const samples = fc.array(fc.double({ min: 100, max: 110, noNaN: true }), { minLength: 4 });
  fc.assert(fc.property(samples, (s) => !growth(s, 1, allowed).grows));
});

test('what gains a fifth in the run grows, however it trembles', () => {
  for (let from = 0; from < 50; from++) {
    const samples = Array.from({ length: 60 }, (_, i) => 200 + i + 5 * noise(from + i));
    expect(growth(samples, 10, allowed).grows).toBe(true);
  }
});

test('neither the warm-up nor single samples count', () => {
  const samples = Array.from({ length: 60 }, (_, i) => (i < 15 ? i * 10 : 200));
  samples[58] = 10_000;
  samples[50] = 10_000;
  expect(growth(samples, 15, allowed)).toEqual({ first: 200, last: 200, grows: false });
});
