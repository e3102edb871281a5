import { describe, expect, it } from 'vitest';
import type { Fault, PlannedFault } from '../sim/faults.ts';
import { restless } from '../sim/rest.ts';
import { type Plan, planOf, run } from '../sim/run.ts';
import type { Lie } from '../sim/sabotage.ts';
import { OnlyGrow } from '../sim/versions.ts';
import type { PgFacts } from '../src/osd/index.ts';

/**
 * Busy seconds of three OSDs in which the power fails, again and again, for one of them or for all. Nothing is scrubbed:
 * a scrub would find, or even mend, what the checkers are to find.
 */
function busy(seed: number, more: readonly Fault[] = []): Plan {
  const plan = planOf(seed, 45_000);
  const power = Array.from(
    { length: 9 },
    (_, i): Fault =>
      i % 3 === 2
        ? { kind: 'killAll', daemons: ['osd.0', 'osd.1', 'osd.2'], forMs: 500 }
        : { kind: 'kill', daemon: `osd.${i % 3}`, byPower: true, forMs: 1500 },
  );
  const faults: PlannedFault[] = [
    ...power.map((fault, i) => ({ number: i, at: 3000 + 4000 * i, fault })),
    ...more.map((fault, i) => ({ number: 100 + i, at: 5000 + 6000 * i, fault })),
  ];
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
    store: 'memory' as const,
    shards: [1],
    config: new Map([
      ...[...plan.options.config].filter(([name]) => !name.includes('scrub')),
      ['osd_min_pg_log_entries', '2'],
      ['osd_max_pg_log_entries', '4'],
      ['osd_pg_log_trim_min', '1'],
    ]),
  };
  return { ...plan, options, faults };
}

/** What the first of some seeds finds that finds something of the kind; `''` when none does. */
async function found(lie: Lie | undefined, kind: RegExp, more?: readonly Fault[]): Promise<string> {
  for (let seed = 1; seed <= 3; seed++) {
    const plan = busy(seed, more);
    // No OSD would start again on a log that nothing was ever removed from.
    const faults = lie === 'kept log' ? [] : plan.faults;
    const { failures } = await run({ ...plan, faults }, lie ? { lie } : {});
    const text = failures.join('\n');
    if (kind.test(text)) return text;
  }
  return '';
}

const monitorDies: Fault = { kind: 'kill', daemon: 'mon.a', byPower: true, forMs: 500 };
const allPause: Fault = { kind: 'flags', flags: ['pause'], forMs: 5000 };

describe('checkers of the simulation', () => {
  it('find nothing where nothing is wrong', async () => {
    expect(await found(undefined, /./, [monitorDies, allPause])).toBe('');
  });
  it.each<[string, Lie, RegExp, Fault[]?]>([
    ['that an acknowledged write was not durable', 'early ack', /not linearizable|thrown|a daemon/],
    ['a replica that leaves out a write', 'skipped write', /replicas differ|not linearizable/],
    ['a removed object that comes back', 'kept object', /replicas differ|not linearizable/],
    ['an answer older than what was answered before', 'stale read', /not linearizable/],
    ['that an entry of the log was lost', 'lost log entry', /follows what is made on/],
    ['a copy that takes back what clients were told', 'taken back', /goes back over/],
    ['two changes with one version', 'other entry', /version \S+ of PG .* is .*, and was/],
    ['a PG that forgets when it last served', 'old info', /lastEpochStarted of PG .* goes back/],
    ['an OSD that forgets maps', 'old superblock', /newest of the superblock goes back/],
    ['a log without bounds', 'kept log', /the log of PG .* has \d+ entries/],
    ['maps that are kept for ever', 'kept maps', /left over:\n.*whole maps/],
    ['a monitor that forgets maps', 'forgotten maps', /an epoch went back/, [monitorDies]],
    ['versions that go back for clients', 'old answer', /version \d+, after \d+ of/],
    ['answers in spite of a pause', 'secret unpause', /although all are paused/, [allPause]],
  ])('find %s', async (_, lie, kind, more) => {
    expect(await found(lie, kind, more)).not.toBe('');
  });

  it('find a number that goes back, and name it', () => {
    const epochs = new OnlyGrow();
    for (const epoch of [3, 3, 5]) epochs.see('a', epoch);
    epochs.see('b', 1);
    expect(epochs.wrong).toEqual([]);
    epochs.see('a', 4);
    expect(epochs.wrong).toEqual(['a: 5 > 4']);
  });
});

describe('what a member of a PG keeps at rest', () => {
  const bounds = { entries: 10, remembered: 20 };
  const log = { tail: "0'0", entries: 10, remembered: 20 };
  const member = { osd: 1, isUp: true, version: "3'4", lacks: 0, isImporting: false, sources: [] };
  const calm = { pgid: '1.0', osd: 1, word: 'clean', log, members: [member], strays: [] };
  const ask = (more: Partial<PgFacts>, isPrimary = true): string[] =>
    restless({ ...calm, unfound: 0, ...more } as unknown as PgFacts, bounds, isPrimary);

  it('is nothing, or is told', () => {
    expect(ask({})).toEqual([]);
    expect(ask({ word: 'importing' })).toEqual(['osd.1, PG 1.0: is importing']);
    expect(ask({ log: { ...log, entries: 11 } })).toEqual(['osd.1, PG 1.0: a log of 11 entries']);
    expect(ask({ log: { ...log, remembered: 21 } })[0]).toContain('remembers 21 requests');
    expect(ask({ unfound: 2 })[0]).toContain('2 objects that nobody has');
    expect(ask({ members: [member, { ...member, osd: 2, lacks: 3 }] })[0]).toContain(
      'osd.2 lacks 3 objects',
    );
    expect(ask({ members: [{ ...member, isImporting: true }] })[0]).toContain('osd.1 imports');
    const strays = [{ osd: 4, isFinishing: true }];
    expect(ask({ strays })[0]).toContain('remembers strays 4');
    // Only the primary remembers any.
    expect(ask({ strays }, false)).toEqual([]);
  });
});
