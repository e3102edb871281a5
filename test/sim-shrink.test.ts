import { describe, expect, it } from 'vitest';
import { type Plan, planOf, type Result } from '../sim/run.ts';
import { commandOf, shrink } from '../sim/shrink.ts';

/** Fails when both of two faults are there and a certain thread is at work. */
function outcome(plan: Plan, needed: readonly number[]): Result {
  const there = new Set(plan.faults.map((f) => f.number));
  const fails = needed.every((n) => there.has(n)) && !plan.without.includes(0);
  const failures = fails ? ['replicas differ:\n  here'] : there.size > 3 ? ['thrown: else'] : [];
  return { failures } as unknown as Result;
}

describe('shrinking of a failing run', () => {
  const seed = [11, 12, 13, 14, 15, 16].find((s) => planOf(s).faults.length >= 10)!;
  const plan = planOf(seed);
  const needed = [plan.faults[1]!.number, plan.faults[7]!.number];

  it('leaves the faults and threads that it takes, and no others', async () => {
    const tryRun = async (p: Plan) => outcome(p, needed);
    const small = await shrink(plan, outcome(plan, needed), () => true, tryRun);
    expect(small.plan.faults.map((f) => f.number)).toEqual(needed);
    expect(small.plan.without).not.toContain(0);
    expect(small.plan.untilMs).toBeLessThan(plan.untilMs);
    expect(commandOf(small.plan)).toContain(`--faults ${needed.join(',')} --threads 0 --until`);
  });

  it('stops when it is told to, with what still fails', async () => {
    const tryRun = async (p: Plan) => outcome(p, needed);
    const small = await shrink(plan, outcome(plan, needed), (runs) => runs < 2, tryRun);
    expect(small.runs).toBe(2);
    expect(small.result.failures[0]).toContain('replicas differ');
  });

  it('names no faults in the command where all are left', () => {
    expect(commandOf(plan)).toBe(`npm run sim -- --seed ${seed} --minutes 10 --trace`);
  });
});
