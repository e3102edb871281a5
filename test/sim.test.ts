import { describe, expect, it } from 'vitest';
import { planOf, run } from '../sim/run.ts';

const MINUTE_MS = 60_000;

describe('a whole cluster in virtual time', () => {
  // Seeds of their own for every count of OSDs and kind of fault are in `npm run sim`; these show that it stands.
  it.each([3, 4, 6])('keeps its promises among faults, seed %i', async (seed) => {
    const { failures, requests } = await run(planOf(seed, 4 * MINUTE_MS));
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
  });

  it('runs alike from one seed, and differently from another', async () => {
    const hashOf = async (seed: number) => (await run(planOf(seed, 2 * MINUTE_MS))).traceHash;
    const first = await hashOf(5);
    expect(await hashOf(5)).toBe(first);
    expect(await hashOf(8)).not.toBe(first);
  });
});
