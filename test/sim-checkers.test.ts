import { describe, expect, it } from 'vitest';
import type { PlannedFault } from '../sim/faults.ts';
import { type Plan, planOf, run } from '../sim/run.ts';
import type { Lie } from '../sim/sabotage.ts';

/** Busy seconds of three OSDs in which the power fails, again and again, for one of them or for all. */
function busy(seed: number): Plan {
  const plan = planOf(seed, 45_000);
  const faults: PlannedFault[] = Array.from({ length: 9 }, (_, i) => ({
    number: i,
    at: 3000 + 4000 * i,
    fault:
      i % 3 === 2
        ? { kind: 'killAll', daemons: ['osd.0', 'osd.1', 'osd.2'], forMs: 500 }
        : { kind: 'kill', daemon: `osd.${i % 3}`, byPower: true, forMs: 1500 },
  }));
  const options = {
    ...plan.options,
    osds: 3,
    pools: [{ name: 'p0', size: 3, minSize: 2, pgNum: 2 }],
    pace: { commitMinMs: 50, commitMaxMs: 400, readMaxMs: 0 },
    clients: 3,
    threads: 3,
    thinkMs: 1500,
    objects: 4,
    otherAcks: 0,
    generationMs: 15_000,
  };
  return { ...plan, options, faults };
}

/** What the first of some seeds finds. */
async function found(lie: Lie | undefined): Promise<string> {
  for (let seed = 1; seed <= 3; seed++) {
    const { failures } = await run(busy(seed), lie ? { lie } : {});
    if (failures.length > 0) return failures.join('\n');
  }
  return '';
}

describe('checkers of the simulation', () => {
  it('find nothing where nothing is wrong', async () => {
    expect(await found(undefined)).toBe('');
  });
  it('find that an acknowledged write was not durable', async () => {
    expect(await found('early ack')).toMatch(/not linearizable|thrown|a daemon stopped/);
  });
  it('find a replica that leaves out a write', async () => {
    expect(await found('skipped write')).toMatch(/replicas differ|not linearizable/);
  });
  it('find a removed object that comes back', async () => {
    expect(await found('kept object')).toMatch(/replicas differ|not linearizable/);
  });
  it('find an answer that is older than what was answered before', async () => {
    expect(await found('stale read')).toMatch(/not linearizable/);
  });
  it('find that an entry of the log was lost', async () => {
    expect(await found('lost log entry')).not.toBe('');
  });
});
