// Which OSDs hold up peering, and of how many PGs, as their primaries report it.
import { expect, it } from 'vitest';
import { bootAll, makeWorld } from './mon-world.ts';
import { osdStat, pgStat, report } from './support/mon-reports.ts';

it('osd blocked-by counts the PGs that wait for each OSD', async () => {
  const w = await makeWorld();
  await bootAll(w);
  await w.run('osd pool create', { pool: 'p', pg_num: 2 });
  const pool = w.state().osdmap.poolByName('p')!.id;
  const ask = async (): Promise<unknown> =>
    JSON.parse(String((await w.run('osd blocked-by', { format: 'json' })).output)).osd_blocked_by;
  expect(await ask()).toEqual({ osd_blocked_by_infos: [] });
  const blocked = [[1, 2], [2]].map((blockedBy, seed) => ({
    ...pgStat(pool, seed, {}),
    blockedBy,
  }));
  report(w, 0, osdStat(1), blocked);
  expect(await ask()).toEqual({
    osd_blocked_by_infos: [
      { id: 1, num_blocked: 1 },
      { id: 2, num_blocked: 2 },
    ],
  });
});
