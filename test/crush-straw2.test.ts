import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crushHash3 } from '../src/crush/hash.ts';
import { straw2Draw } from '../src/crush/mapping/straw2.ts';
import { isEven, type Straw2Draw } from '../src/crush/mapping/straw2-draw.ts';
import { straw2DrawTables } from '../src/crush/mapping/straw2-log.ts';

const ENGINES = ['wasm', 'js'] as const;
const { logs, ranks, gap } = straw2DrawTables();

/** By the definition, in integers: what C computes. */
function model(ids: number[], weights: number[], x: number, r: number): number {
  let best = 0;
  let bestDraw: bigint | undefined;
  ids.forEach((id, i) => {
    if (weights[i] === 0) return;
    const u = crushHash3(x, id, r) & 0xffff;
    const draw = BigInt(logs[u]!) / BigInt(weights[i]!);
    if (bestDraw === undefined || draw > bestDraw) {
      best = i;
      bestDraw = draw;
    }
  });
  return best;
}

/** A draw over one bucket, with strangers on both sides that would win if they were read. */
function hold(engine: 'wasm' | 'js', ids: number[], weights: number[]): Straw2Draw {
  const places = Math.ceil(ids.length / 4) * 4;
  const draw = straw2Draw(places + 8, places + 8, engine);
  draw.ids.fill(7);
  draw.weights.fill(0xffffffff);
  draw.ids.set(ids, 4);
  draw.weights.fill(0, 4, 4 + places);
  draw.weights.set(weights, 4);
  return draw;
}

const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const id = fc.oneof(int, fc.integer({ min: -300, max: 300 }));
const weight = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0x10000 - 3, max: 0x10000 }),
  fc.constant(0),
);

test.each(ENGINES)('%s draws what the definition says, of any weights', (engine) => {
  const items = fc.array(fc.tuple(id, weight), { minLength: 1, maxLength: 25 });
  fc.assert(
    fc.property(items, int, int, (pairs, x, r) => {
      const ids = pairs.map(([i]) => i);
      const weights = pairs.map(([, w]) => w);
      const draw = hold(engine, ids, weights);
      expect(draw.draw(4, 4, ids.length, x, r)).toBe(model(ids, weights, x, r));
    }),
    { numRuns: 3000 },
  );
});

test.each(ENGINES)('%s draws what the definition says, of equal weights', (engine) => {
  const items = fc.array(id, { minLength: 1, maxLength: 25 });
  const one = fc.oneof(fc.integer({ min: 1, max: gap }), fc.constantFrom(1, 0x10000, gap));
  fc.assert(
    fc.property(items, one, int, int, (ids, w, x, r) => {
      const weights = ids.map(() => w);
      expect(isEven(weights)).toBe(true);
      const draw = hold(engine, ids, weights);
      const expected = model(ids, weights, x, r);
      expect(draw.drawEven(4, ids.length, x, r)).toBe(expected);
      expect(draw.draw(4, 4, ids.length, x, r)).toBe(expected);
    }),
    { numRuns: 3000 },
  );
});

test.each(ENGINES)('%s draws straws as the definition says', (engine) => {
  const items = fc.array(fc.tuple(id, weight), { minLength: 1, maxLength: 25 });
  fc.assert(
    fc.property(items, int, int, (pairs, x, r) => {
      const ids = pairs.map(([i]) => i);
      const straws = pairs.map(([, w]) => w);
      const draws = ids.map((i, n) => (crushHash3(x, i, r) & 0xffff) * straws[n]!);
      const draw = hold(engine, ids, straws);
      expect(draw.drawStraw(4, 4, ids.length, x, r)).toBe(draws.indexOf(Math.max(...draws)));
    }),
    { numRuns: 3000 },
  );
});

test.each(ENGINES)('%s draws the same in the largest bucket that counts as even', (engine) => {
  const ids = Array.from({ length: 0xffff }, (_, i) => i - 5);
  const draw = hold(
    engine,
    ids,
    ids.map(() => 0x10000),
  );
  for (let r = 0; r < 20; r++) {
    expect(draw.drawEven(4, ids.length, 1, r)).toBe(draw.draw(4, 4, ids.length, 1, r));
  }
  expect(isEven([...ids, 0].map(() => 0x10000))).toBe(false);
});

test('equal ids draw alike, and the first of them wins', () => {
  for (const engine of ENGINES) {
    const draw = hold(engine, [3, 3, 3, 3, 3, 3], [5, 5, 5, 5, 5, 5]);
    expect(draw.draw(4, 4, 6, 1, 2)).toBe(0);
    expect(draw.drawEven(4, 6, 1, 2)).toBe(0);
  }
});

test('ranks order the logarithms, and quotients by weights up to the gap keep that order', () => {
  const order = Array.from(logs.keys()).sort((a, b) => ranks[a]! - ranks[b]!);
  const weights = [1, 3, 0x10000, 0x10001, gap - 1, gap];
  for (let i = 1; i < order.length; i++) {
    const low = logs[order[i - 1]!]!;
    const high = logs[order[i]!]!;
    if (ranks[order[i - 1]!] === ranks[order[i]!]) {
      if (low !== high) expect.fail(`rank ${i}: ${low} and ${high}`);
      continue;
    }
    for (const w of weights) {
      if (Math.trunc(low / w) >= Math.trunc(high / w)) expect.fail(`${low}, ${high} by ${w}`);
    }
  }
});

test('weights are even when they are one, not zero, and not above the gap', () => {
  expect(isEven([])).toBe(false);
  expect(isEven([0, 0])).toBe(false);
  expect(isEven([1, 2])).toBe(false);
  expect(isEven([gap + 1, gap + 1])).toBe(false);
  expect(isEven([gap, gap])).toBe(true);
});

test('WebAssembly is what draws where nothing else is asked for; many maps share a memory', () => {
  const [a, b] = [straw2Draw(4, 4), straw2Draw(4, 4)];
  expect(a.ids.buffer).toBe(b.ids.buffer);
  expect(a.ids.buffer.byteLength).toBeGreaterThan(0x400000);
  expect(straw2Draw(4, 4, 'js').ids.buffer.byteLength).toBe(16);
  // More than is left, or than one memory usually takes, gets a memory of its own.
  const large = straw2Draw(0x400000, 4);
  expect(large.ids.buffer).not.toBe(a.ids.buffer);
  large.ids.set([1, 2, 3], 0x400000 - 4);
  expect(large.draw(0x400000 - 4, 0, 3, 1, 1)).toBe(0);
  expect(straw2Draw(4, 4).ids.buffer).toBeDefined();
});
