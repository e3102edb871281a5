import { describe, expect, it } from 'vitest';
import type { PlannedFault } from '../sim/faults.ts';
import { planOf, run } from '../sim/run.ts';

const DURATION_MS = 90_000;
/** Up and down, also to counts that are no powers of two. */
const COUNTS = [8, 3, 12, 2, 5, 1, 6];
const KINDS = ['kill', 'killAll', 'flap', 'breakLinks', 'partition', 'replaceDisk', 'markDown'];

/** A run in which one pool has another number of PGs every now and then, with some other faults. */
function planFor(seed: number, others: number) {
  const plan = planOf(seed, DURATION_MS);
  const faults = plan.faults.filter((f) => KINDS.includes(f.fault.kind)).slice(0, others);
  const changes = Array.from({ length: 4 }, (_, i): PlannedFault => {
    const pgNum = COUNTS[(seed + i) % COUNTS.length]!;
    return { number: 1000 + i, at: 3000 + i * 16_000, fault: { kind: 'pgNum', pool: 0, pgNum } };
  });
  return { ...plan, faults: [...faults, ...changes].sort((a, b) => a.at - b.at) };
}

/** PGs are moved away and back while their pool's count changes, on disks that take their time to remove what was left. */
function busyPlan(seed: number, commitMinMs: number, commitMaxMs: number) {
  const plan = planOf(seed, 60_000);
  const counts = [1, 8, 1, 8, 1].map(
    (pgNum, i): PlannedFault => ({
      number: i,
      at: 2000 + i * 11_000,
      fault: { kind: 'pgNum', pool: 0, pgNum },
    }),
  );
  const moves = Array.from(
    { length: 36 },
    (_, i): PlannedFault => ({
      number: 100 + i,
      at: 2500 + i * 1500,
      fault: { kind: 'out', osd: `osd.${i % 5}`, forMs: 300 },
    }),
  );
  const options = {
    ...plan.options,
    osds: 5,
    store: 'memory' as const,
    objects: 16,
    pools: [{ name: 'p0', size: 2, minSize: 1, pgNum: 8 }],
    pace: { commitMinMs, commitMaxMs, readMaxMs: 0 },
  };
  return { ...plan, options, faults: [...counts, ...moves] };
}

/** A pool of many PGs is split; nothing else happens but what is given. */
function manyPlan(seed: number, others: readonly PlannedFault[] = []) {
  const plan = planOf(seed, 8000);
  const split: PlannedFault = {
    number: 0,
    at: 1000,
    fault: { kind: 'pgNum', pool: 0, pgNum: 96 },
  };
  const options = {
    ...plan.options,
    osds: 3,
    shards: [1],
    objects: 16,
    pools: [{ name: 'p0', size: 2, minSize: 1, pgNum: 48 }],
  };
  return { ...plan, options, faults: [split, ...others] };
}

/** When the first PG is split, by the plan's clock. */
async function firstSplitMs(seed: number): Promise<number> {
  const lines: string[] = [];
  await run(manyPlan(seed), { tell: (line) => lines.push(line) });
  const secondsOf = (what: string): number =>
    Number.parseFloat(lines.find((line) => line.includes(what))!);
  return Math.floor(1000 * (secondsOf('info: split PG') - secondsOf('fault 0 at'))) + 1000;
}

// Checked by the simulation: each object is linearizable, no write that was acknowledged is lost, copies are equal and all
// PGs clean in the end, and nobody is refused or left waiting.
describe('a pool whose PGs are split and merged, in virtual time', () => {
  it.each([3])(
    'keeps its promises while nothing else happens, seed %i',
    async (seed) => {
      const lines: string[] = [];
      const result = await run(planFor(seed, 0), { tell: (line) => lines.push(line) });
      expect(result.failures).toEqual([]);
      expect(lines.some((line) => line.includes('info: split PG'))).toBe(true);
      expect(lines.some((line) => line.includes('info: merge PGs'))).toBe(true);
    },
    60_000,
  );

  it.each([25, 33, 36, 59])(
    'keeps its promises while OSDs die, are away, and come back over several changes, seed %i',
    async (seed) => {
      const { failures } = await run(planFor(seed, 12));
      expect(failures).toEqual([]);
    },
    60_000,
  );

  // The first ends between two steps of the placement, if that counts as an end; in the others members come back to PGs, or
  // merge them, whose last copies are still being removed.
  it.each([
    { seed: 3, commitMinMs: 30, commitMaxMs: 200 },
    { seed: 3, commitMinMs: 20, commitMaxMs: 90 },
    { seed: 9, commitMinMs: 20, commitMaxMs: 90 },
  ])(
    'keeps its promises while PGs are moved away and back, seed $seed, commits of up to $commitMaxMs ms',
    async ({ seed, commitMinMs, commitMaxMs }) => {
      const { failures } = await run(busyPlan(seed, commitMinMs, commitMaxMs));
      expect(failures).toEqual([]);
    },
    60_000,
  );

  // Each OSD has PGs for some 30 turns of a millisecond.
  it.each([1, 2])(
    'keeps its promises while OSDs die in the middle of splitting, seed %i',
    async (seed) => {
      const atMs = await firstSplitMs(seed);
      const kills = [4, 9, 14].map(
        (ms, i): PlannedFault => ({
          number: 1 + i,
          at: atMs + ms,
          fault: { kind: 'kill', daemon: `osd.${i}`, byPower: i === 1, forMs: 40 * i },
        }),
      );
      const lines: string[] = [];
      const plan = manyPlan(seed, kills);
      const { failures } = await run(plan, { tell: (line) => lines.push(line) });
      expect(failures).toEqual([]);
      // 64 copies are to be split; what was not durable is split again.
      expect(lines.filter((l) => l.includes('info: split PG')).length).toBeGreaterThan(64);
    },
    60_000,
  );
});
