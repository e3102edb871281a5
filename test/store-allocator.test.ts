// The allocator beside a naive model, and how it keeps space together as a store ages.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allocator, type BitmapChunk, CHUNK_UNITS, type Run } from '../src/store/allocator.ts';
import { FreeRuns } from '../src/store/free-runs.ts';
import { MaskTree } from '../src/store/mask-tree.ts';
import { age, burstPieces, POLICIES } from './support/allocator-policies.ts';
import { dice } from './support/sim-disk.ts';

describe('MaskTree', () => {
  it('finds the nearest place as a walk over all of them does', () => {
    const size = fc.integer({ min: 1, max: 5000 });
    const steps = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { maxLength: 60 });
    fc.assert(
      fc.property(size, steps, fc.nat(), fc.integer({ min: 1, max: 7 }), (n, sets, at, mask) => {
        const tree = new MaskTree(n);
        const plain = new Array<number>(n).fill(0);
        for (const [place, value] of sets) {
          tree.set(place % n, value);
          plain[place % n] = value;
        }
        const from = at % n;
        const has = (v: number) => (v & mask) !== 0;
        expect(tree.next(from, mask)).toBe(plain.findIndex((v, i) => i >= from && has(v)));
        expect(tree.previous(from, mask)).toBe(plain.findLastIndex((v, i) => i <= from && has(v)));
        expect(tree.all).toBe(plain.reduce((a, b) => a | b, 0));
        expect(tree.next(n, mask)).toBe(-1);
      }),
      { numRuns: 300 },
    );
  });
});

/** Free runs as a plain array of units shows them. */
function runsOf(taken: readonly boolean[]): Run[] {
  const out: Run[] = [];
  for (let unit = 0; unit < taken.length; ) {
    let end = unit;
    while (end < taken.length && taken[end] === taken[unit]) end++;
    if (!taken[unit]) out.push({ unit, count: end - unit });
    unit = end;
  }
  return out;
}

describe('FreeRuns', () => {
  it('knows every run after each change, over regions, to the last unit', () => {
    const roll = dice(3);
    for (const units of [1, 31, 1024, 1025, 4096, 9000]) {
      const runs = new FreeRuns(units);
      const taken = new Array<boolean>(units).fill(false);
      for (let i = 0; i < 300; i++) {
        const unit = roll(units);
        let end = unit;
        const most = 1 + roll(roll(3) === 0 ? 3000 : 40);
        while (end < units && end - unit < most && taken[end] === taken[unit]) end++;
        if (taken[unit]) runs.give(unit, end - unit);
        else runs.take(unit, end - unit);
        taken.fill(!taken[unit], unit, end);
        const expected = runsOf(taken);
        expect([...runs.all()]).toEqual(expected);
        const free = expected[roll(expected.length)];
        if (free) expect(runs.endOf(free.unit + roll(free.count))).toBe(free.unit + free.count);
      }
    }
  });

  it('finds a run that fits whenever there is one, and of the longest class a longest', () => {
    const roll = dice(5);
    const units = 20_000;
    const runs = new FreeRuns(units);
    for (let at = 0; at < units; ) {
      const count = Math.min(units - at, 1 + roll(roll(4) === 0 ? 400 : 9));
      if (roll(2) === 0) runs.take(at, count);
      at += count;
    }
    const free = [...runs.all()];
    const longest = Math.max(...free.map((r) => r.count));
    const holds = (r: Run | undefined) =>
      r && free.some((f) => f.unit <= r.unit && f.unit + f.count === r.unit + r.count);
    for (let count = 1; count <= longest + 1; count++) {
      const found = runs.fitting(count, 1, roll(units));
      // Among runs of the request's own class only a few are looked at.
      const isSure = free.some((r) => r.count >= 1.5 * count);
      if (isSure) expect(found).toBeDefined();
      if (!found) continue;
      expect(holds(found)).toBe(true);
      expect(found.count).toBeGreaterThanOrEqual(count);
      const best = Math.min(...free.map((r) => r.count).filter((n) => n >= count));
      expect(found.count).toBeLessThan(2 * best + 2);
    }
    expect(runs.longest(1, 0)!.count).toBeGreaterThan(longest / 1.5);
  });
});

/** The claim of each test: every unit has at most one owner, counts are right, nothing is used before it is released. */
class Model {
  readonly state: State[];
  readonly count: Record<State, number>;
  constructor(units: number, reserved: number) {
    this.state = new Array(units).fill('free');
    this.state.fill('never', 0, reserved);
    this.count = { free: units - reserved, owned: 0, pending: 0, never: reserved };
  }
  change(run: Run, from: State, to: State): void {
    for (let u = run.unit; u < run.unit + run.count; u++) {
      if (this.state[u] !== from) throw new Error(`unit ${u} is ${this.state[u]}, not ${from}`);
      this.state[u] = to;
    }
    this.count[from] -= run.count;
    this.count[to] += run.count;
  }
}
type State = 'free' | 'owned' | 'pending' | 'never';

type Step =
  | { kind: 'take'; count: number; near: number }
  | { kind: 'disown'; which: number; part: number }
  | { kind: 'release'; which: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('take' as const),
    count: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 900 })),
    near: fc.nat(5000),
  }),
  fc.record({ kind: fc.constant('disown' as const), which: fc.nat(), part: fc.nat() }),
  fc.record({ kind: fc.constant('release' as const), which: fc.nat() }),
);

describe('Allocator', () => {
  it('agrees with a naive model in every step, and when it is loaded again', () => {
    const shape = fc.record({
      units: fc.integer({ min: 40, max: 5000 }),
      reserved: fc.nat(2),
      stripe: fc.constantFrom(1, 4, 6, 64),
    });
    fc.assert(
      fc.property(shape, fc.array(step, { maxLength: 80 }), (options, steps) => {
        const { units, reserved } = options;
        const allocator = new Allocator(options);
        const model = new Model(units, reserved);
        const owned: Run[] = [];
        const pending: Run[] = [];
        const stored = new Map<number, BitmapChunk>();
        for (const s of steps) {
          if (s.kind === 'take') {
            const free = model.count.free;
            const runs = allocator.allocate(s.count, s.near % units);
            expect(runs === undefined).toBe(s.count > free);
            for (const run of runs ?? []) model.change(run, 'free', 'owned');
            if (runs) expect(runs.reduce((n, r) => n + r.count, 0)).toBe(s.count);
            owned.push(...(runs ?? []));
          } else if (s.kind === 'disown' && owned.length > 0) {
            const [run] = owned.splice(s.which % owned.length, 1);
            const count = 1 + (s.part % run!.count);
            const part = { unit: run!.unit, count };
            if (count < run!.count) {
              owned.push({ unit: part.unit + count, count: run!.count - count });
            }
            allocator.disown(part.unit, count);
            model.change(part, 'owned', 'pending');
            pending.push(part);
          } else if (s.kind === 'release' && pending.length > 0) {
            const [run] = pending.splice(s.which % pending.length, 1);
            allocator.release(run!.unit, run!.count);
            model.change(run!, 'pending', 'free');
          }
          expect(allocator.ownedUnits).toBe(model.count.owned);
          expect(allocator.freeUnits).toBe(model.count.free);
          for (const c of allocator.takeTouched()) stored.set(c.chunk, c);
        }
        expect([...allocator.freeRuns()]).toEqual(runsOf(model.state.map((s) => s !== 'free')));
        for (const { chunk, bytes } of stored.values()) {
          const map = Buffer.alloc(CHUNK_UNITS / 8);
          for (let i = 0; i < CHUNK_UNITS; i++) {
            if (model.state[chunk * CHUNK_UNITS + i] === 'owned') map[i >> 3]! |= 1 << (i & 7);
          }
          expect(map.equals(bytes)).toBe(true);
        }
        const again = new Allocator({ ...options, stored: stored.values() });
        const free = model.state.map((s, u) => s === 'owned' || u < reserved);
        expect([...again.freeRuns()]).toEqual(runsOf(free));
        expect(again.ownedUnits).toBe(allocator.ownedUnits);
      }),
      { numRuns: 200 },
    );
  });

  it('gives the same units for the same requests', () => {
    const trace = () => {
      const runs: Run[] = [];
      age(new Allocator({ units: 20_000 }), {
        seed: 4,
        steps: 3000,
        full: 0.9,
        took: (r) => runs.push(...r),
      });
      return runs;
    };
    expect(trace()).toEqual(trace());
  });

  it('refuses what was not given, given back twice, or released before', () => {
    const allocator = new Allocator({ units: 1000, reserved: 1 });
    const [run] = allocator.allocate(10)!;
    expect(run!.unit).toBeGreaterThan(0);
    expect(() => allocator.release(run!.unit, 1)).toThrow(/given back/);
    expect(() => allocator.disown(run!.unit + 10, 1)).toThrow(/was given/);
    allocator.disown(run!.unit, 10);
    expect(() => allocator.disown(run!.unit, 1)).toThrow(/was given/);
    allocator.release(run!.unit, 10);
    expect(() => allocator.release(run!.unit, 1)).toThrow(/given back/);
    expect(allocator.allocate(1000)).toBeUndefined();
    expect(allocator.allocate(999)).toHaveLength(1);
  });

  it('goes on behind its neighbour, fills holes, and uses again what was used before', () => {
    const allocator = new Allocator({ units: 100_000 });
    const free = (run: Run) => {
      allocator.disown(run.unit, run.count);
      expect(allocator.allocate(run.count, run.unit)![0]!.unit).not.toBe(run.unit); // not durable yet
      allocator.release(run.unit, run.count);
    };
    const [a] = allocator.allocate(16)!;
    const [b] = allocator.allocate(16, a!.unit + 16)!;
    expect(b!.unit).toBe(a!.unit + 16);
    const [hole] = allocator.allocate(20)!;
    allocator.allocate(100);
    const [large] = allocator.allocate(1024)!;
    allocator.allocate(16);
    free(hole!);
    free(large!);
    expect(allocator.allocate(1024)).toEqual([large]);
    expect(allocator.allocate(18)).toEqual([{ unit: hole!.unit, count: 18 }]);
  });

  it('keeps bursts of small requests together until half of what is free is holes, and fills these then', () => {
    const units = 10_000;
    const allocator = new Allocator({ units });
    allocator.allocate(units);
    const give = (unit: number, count: number) => {
      allocator.disown(unit, count);
      allocator.release(unit, count);
    };
    for (let u = 0; u < 500; u += 2) give(u, 1);
    give(1000, 300);
    const burst = () => Array.from({ length: 40 }, () => allocator.allocate(1)![0]!.unit);
    expect(burst()).toEqual(Array.from({ length: 40 }, (_, i) => 1000 + i));
    expect(burst().slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, i) => 1040 + i));
    expect(burst().filter((u) => u < 500).length).toBeGreaterThan(15);
    expect(allocator.allocate(200)).toHaveLength(1); // the run that was kept
  });

  it('finds stored units of no object, and a map that is too short', () => {
    const bytes = Buffer.alloc(CHUNK_UNITS / 8, 0xff);
    const options = { units: 1000, reserved: 1 };
    const allocator = new Allocator({ ...options, stored: [{ chunk: 0, bytes }] });
    expect(allocator.ownedUnits).toBe(CHUNK_UNITS); // which no store that is sound says
    const short = new Allocator({ ...options, stored: [{ chunk: 0, bytes: bytes.subarray(1) }] });
    expect(short.ownedUnits).toBe(0);
    const beyond = new Allocator({ ...options, stored: [{ chunk: 7, bytes }] });
    expect(beyond.ownedUnits).toBe(CHUNK_UNITS);
  });
});

describe('stripes', () => {
  it.each([4, 16, 48, 256])(
    'of %i units: large requests begin at multiples and come in them',
    (stripe) => {
      const roll = dice(stripe);
      const allocator = new Allocator({ units: 200_000, reserved: 1, stripe });
      const held: Run[][] = [];
      let large = 0;
      let aligned = 0;
      for (let i = 0; i < 3000; i++) {
        if (allocator.freeUnits < 100_000) {
          for (const { unit, count } of held.splice(roll(held.length), 1)[0]!) {
            allocator.disown(unit, count);
            allocator.release(unit, count);
          }
          continue;
        }
        const count = 1 + roll(roll(2) === 0 ? 8 : 4 * stripe);
        const runs = allocator.allocate(count)!;
        held.push(runs);
        if (count < stripe) continue;
        large++;
        const body = runs.filter((r) => r.unit % stripe === 0).reduce((n, r) => n + r.count, 0);
        if (body >= count - (count % stripe)) aligned++;
        for (const r of runs.slice(0, -1)) expect(r.count % stripe).toBe(0);
      }
      expect(large).toBeGreaterThan(500);
      expect(aligned).toBe(large);
    },
  );

  it('takes what there is when no stripe is free', () => {
    const allocator = new Allocator({ units: 1024, stripe: 8 });
    const all = allocator.allocate(1024)!;
    expect(all).toEqual([{ unit: 0, count: 1024 }]);
    for (let u = 0; u < 1024; u += 8) {
      allocator.disown(u + 1, 6);
      allocator.release(u + 1, 6);
    }
    const runs = allocator.allocate(20)!;
    expect(runs.map((r) => r.count)).toEqual([6, 6, 6, 2]);
  });
});

describe('an aging store', () => {
  it('puts a burst of small requests into few places', () => {
    const piecesOf = (name: string) => {
      const allocator = POLICIES[name]!(60_000);
      age(allocator, { seed: 3, steps: 10_000, full: 0.8, took: () => {} });
      return burstPieces(allocator);
    };
    expect(piecesOf('best-fit')).toBeGreaterThan(20);
    expect(piecesOf('ours')).toBeLessThan(5);
  });

  it('keeps large requests in fewer pieces than next-fit, about as few as best-fit', () => {
    const rows = Object.entries(POLICIES).map(([name, make]) => {
      let pieces = 0;
      let requests = 0;
      const allocator = make(60_000);
      age(allocator, {
        seed: 9,
        steps: 20_000,
        full: 0.9,
        took: (runs, count, i) => {
          if (i < 10_000 || count < 256) return;
          pieces += runs.length;
          requests++;
        },
      });
      return { name, pieces: pieces / requests };
    });
    const of = (name: string) => rows.find((r) => r.name === name)!.pieces;
    expect(of('ours')).toBeLessThan(of('next-fit') * 0.8);
    expect(of('ours')).toBeLessThan(of('best-fit') * 1.15);
  });
});
