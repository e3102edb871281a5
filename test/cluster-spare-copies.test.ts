// Which PGs have nobody but one OSD: its store must not be emptied then.
import { expect, it } from 'vitest';
import { awaitSpareCopies, type DumpedPg, leaningPgs } from '../src/cluster/spare-copies.ts';

const MAP = {
  epoch: 9,
  pools: [
    { pool: 1, size: 2 },
    { pool: 2, size: 1 },
  ],
};
const pg = (over: Partial<DumpedPg> = {}): DumpedPg => ({
  pgid: '1.0',
  state: 'active+clean',
  acting: [0, 1],
  reported_epoch: 9,
  avail_no_missing: [],
  ...over,
});
const leans = (over: Partial<DumpedPg>, osd = 0): boolean =>
  leaningPgs([pg(over)], MAP, osd).length > 0;

it.each([
  ['clean, with another member', {}, false],
  ['clean before the map of now', { reported_epoch: 8 }, true],
  ['clean, alone', { acting: [0] }, true],
  ['clean, elsewhere', { acting: [1, 2] }, false],
  [
    'not clean, with another that has all',
    { state: 'active+degraded', avail_no_missing: ['0', '1'] },
    false,
  ],
  [
    'not clean, with another that has not',
    { state: 'active+degraded', avail_no_missing: ['0'] },
    true,
  ],
  ['down', { state: 'down' }, true],
  ['not there yet', { state: 'unknown', reported_epoch: 0, acting: [] }, true],
  ['of a pool that keeps one copy', { pgid: '2.0', acting: [0] }, false],
] as [string, Partial<DumpedPg>, boolean][])('a PG that is %s', (_, over, expected) => {
  expect(leans(over)).toBe(expected);
});

it('waits until there are none, and no longer than it is told', async () => {
  let asked = 0;
  const answers = [pg({ reported_epoch: 8 }), pg()];
  const run = async ({ prefix }: { prefix: string }): Promise<string> => {
    if (prefix === 'osd dump') return JSON.stringify(MAP);
    const last = answers[Math.min(asked++, answers.length - 1)];
    return JSON.stringify({ pg_stats: [last] });
  };
  await awaitSpareCopies(run, 0);
  expect(asked).toBe(2);
  answers.push(pg({ acting: [0] }));
  await expect(awaitSpareCopies(run, 0, 0)).rejects.toMatchObject({
    code: 'ETIMEDOUT',
    message: '1 PGs, as 1.0, are whole nowhere but on osd.0',
  });
});
