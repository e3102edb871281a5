import { describe, expect, it } from 'vitest';
import { SimCluster } from '../sim/cluster.ts';
import type { PlannedFault } from '../sim/faults.ts';
import { drawOptions } from '../sim/options.ts';
import { SimProcess } from '../sim/process.ts';
import { planOf, run } from '../sim/run.ts';
import { HOBJECT_MIN } from '../src/wire/index.ts';

const MINUTE_MS = 60_000;

describe('a whole cluster in virtual time', () => {
  // Seeds of their own for every count of OSDs and kind of fault are in `npm run sim`; these show that it stands.
  it.each([3, 4, 6])('keeps its promises among faults, seed %i', async (seed) => {
    const { failures, requests } = await run(planOf(seed, 4 * MINUTE_MS));
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
  });

  it('goes on however often an OSD is wrongly marked down', async () => {
    const faults: PlannedFault[] = Array.from({ length: 9 }, (_, i) => ({
      number: i,
      at: 5000 + 5000 * i,
      fault: { kind: 'markDown', osd: 'osd.1' },
    }));
    const result = await run({ ...planOf(4, MINUTE_MS), faults });
    expect(result.failures).toEqual([]);
    expect(result.faults.get('markDown')).toBeGreaterThan(6);
  });

  it('cancels timers that fell due while their process was stopped', async () => {
    const { timeline } = new SimCluster(1, drawOptions(1));
    const process = new SimProcess(timeline, 'a', '10.0.9.1', { rate: 1, offsetMs: 0 });
    const fired: string[] = [];
    process.clock.setTimer(5, () => {
      fired.push('first');
      second.cancel();
    });
    const second = process.clock.setTimer(6, () => fired.push('second'));
    process.pause();
    await timeline.run(10);
    process.resume();
    await timeline.run(20);
    expect(fired).toEqual(['first']);
  });

  it('lets only the OSD of a damaged copy complain of it', () => {
    const cluster = new SimCluster(1, drawOptions(1));
    cluster.noteDamage(1, { ...HOBJECT_MIN, name: 'a' });
    cluster.log('osd.1', 'error', 'damaged object', { object: 'a' });
    expect(cluster.errors).toEqual([]);
    cluster.log('osd.1', 'error', 'damaged object', { object: 'b' });
    cluster.log('osd.2', 'error', 'damaged object', { object: 'a' });
    cluster.log('osd.1', 'error', 'cannot go on', undefined);
    cluster.log('osd.1', 'warn', 'slow', {});
    expect(cluster.errors).toHaveLength(3);
  });

  it('looks for objects that nobody has no more often the more there are, seed 20075', async () => {
    const { failures } = await run(planOf(20075, 10 * MINUTE_MS));
    expect(failures).toEqual([]);
  }, 120_000);

  it('runs alike from one seed, and differently from another', async () => {
    const hashOf = async (seed: number) => (await run(planOf(seed, 2 * MINUTE_MS))).traceHash;
    const first = await hashOf(5);
    expect(await hashOf(5)).toBe(first);
    expect(await hashOf(8)).not.toBe(first);
  });

  it('runs alike when OSDs have shards on threads of their own, too', async () => {
    const plan = planOf(10, MINUTE_MS);
    expect(Math.max(...plan.options.shards)).toBeGreaterThan(1);
    const { failures, traceHash } = await run(plan);
    expect(failures).toEqual([]);
    expect((await run(plan)).traceHash).toBe(traceHash);
  });
});
