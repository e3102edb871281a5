import { describe, expect, it } from 'vitest';
import type { PlannedFault } from '../sim/faults.ts';
import { type Plan, planOf, run } from '../sim/run.ts';
import type { Lie } from '../sim/sabotage.ts';

/**
 * Busy seconds of three OSDs in which the power fails, again and again, for one of them or for all. Nothing is scrubbed:
 * a scrub would find, or even mend, what the checkers are to find.
 */
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
    scrubs: false,
    config: new Map([...plan.options.config].filter(([name]) => !name.includes('scrub'))),
  };
  return { ...plan, options, faults };
}

/** What the first of some seeds finds that finds something of the kind; `''` when none does. */
async function found(lie: Lie | undefined, kind: RegExp): Promise<string> {
  for (let seed = 1; seed <= 3; seed++) {
    const { failures } = await run(busy(seed), lie ? { lie } : {});
    const text = failures.join('\n');
    if (kind.test(text)) return text;
  }
  return '';
}

describe('checkers of the simulation', () => {
  it('find nothing where nothing is wrong', async () => {
    expect(await found(undefined, /./)).toBe('');
  });
  it.each<[string, Lie, RegExp]>([
    ['that an acknowledged write was not durable', 'early ack', /not linearizable|thrown|a daemon/],
    ['a replica that leaves out a write', 'skipped write', /replicas differ|not linearizable/],
    ['a removed object that comes back', 'kept object', /replicas differ|not linearizable/],
    ['an answer older than what was answered before', 'stale read', /not linearizable/],
    ['that an entry of the log was lost', 'lost log entry', /./],
  ])('find %s', async (_, lie, kind) => {
    expect(await found(lie, kind)).not.toBe('');
  });
});
