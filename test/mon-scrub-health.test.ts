// What scrubs found, and where there were none for too long, as health says it.
import { expect, it } from 'vitest';
import { healthChecks } from '../src/mon/views/health.ts';
import { type emptyStatSum, utimeOfMs } from '../src/wire/index.ts';
import { bootAll, makeWorld, type World } from './mon-world.ts';
import { osdStat, pgStat, report } from './support/mon-reports.ts';

const DAY = 86_400_000;

async function world(): Promise<World> {
  const w = await makeWorld();
  await bootAll(w);
  await w.run('osd pool create', { pool: 'p', pg_num: 2 });
  return w;
}
const checks = (w: World) =>
  healthChecks(w.state()).map((c) => [c.code, c.severity, c.summary, c.detail] as const);
const ofCode = (w: World, code: string) => checks(w).find((c) => c[0] === code);

function say(
  w: World,
  ages: readonly number[],
  more: Partial<ReturnType<typeof emptyStatSum>> = {},
) {
  const pool = w.state().osdmap.poolByName('p')!.id;
  const pgs = ages.map((days, seed) => {
    const stamp = utimeOfMs(w.nowMs - days * DAY);
    return {
      ...pgStat(pool, seed, more),
      reportedSeq: 1n,
      lastScrubStamp: stamp,
      lastDeepScrubStamp: stamp,
    };
  });
  report(w, 0, osdStat(1), pgs);
}

it('PGs that were not scrubbed for the longest interval and a half are told, by the pool before the options', async () => {
  const w = await world();
  say(w, [1, 10]);
  expect([ofCode(w, 'PG_NOT_SCRUBBED'), ofCode(w, 'PG_NOT_DEEP_SCRUBBED')]).toEqual([
    undefined,
    undefined,
  ]);
  say(w, [1, 11]);
  const [, severity, summary, detail] = ofCode(w, 'PG_NOT_SCRUBBED')!;
  expect([severity, summary]).toEqual(['HEALTH_WARN', '1 pgs not scrubbed in time']);
  expect(detail).toEqual([expect.stringMatching(/^pg \d+\.1 not scrubbed since 20\d\d-.*\+0000$/)]);
  expect(ofCode(w, 'PG_NOT_DEEP_SCRUBBED')).toBeUndefined();
  say(w, [1, 13]);
  expect(ofCode(w, 'PG_NOT_DEEP_SCRUBBED')![2]).toBe('1 pgs not deep-scrubbed in time');
  await w.run('osd pool set', { pool: 'p', var: 'scrub_max_interval', val: String(30 * 86_400) });
  await w.run('osd pool set', { pool: 'p', var: 'deep_scrub_interval', val: String(30 * 86_400) });
  expect([ofCode(w, 'PG_NOT_SCRUBBED'), ofCode(w, 'PG_NOT_DEEP_SCRUBBED')]).toEqual([
    undefined,
    undefined,
  ]);
  await w.run('osd pool set', { pool: 'p', var: 'scrub_max_interval', val: '0' });
  expect(ofCode(w, 'PG_NOT_SCRUBBED')).toBeDefined();
  await w.run('config set', { who: 'global', name: 'mon_warn_pg_not_scrubbed_ratio', value: '0' });
  expect(ofCode(w, 'PG_NOT_SCRUBBED')).toBeUndefined();
});

it('errors, large omaps and many repairs are told in the words of Ceph', async () => {
  const w = await world();
  say(w, [0, 0], { numScrubErrors: 2, numLargeOmapObjects: 1 });
  expect(ofCode(w, 'OSD_SCRUB_ERRORS')!.slice(1, 3)).toEqual(['HEALTH_ERR', '4 scrub errors']);
  expect(ofCode(w, 'LARGE_OMAP_OBJECTS')!.slice(2)).toEqual([
    '2 large omap objects',
    [
      "2 large objects found in pool 'p'",
      "Search the cluster log for 'Large omap object found' for more details.",
    ],
  ]);
  report(w, 1, { ...osdStat(1), numShardsRepaired: 10 }, []);
  expect(ofCode(w, 'OSD_TOO_MANY_REPAIRS')).toBeUndefined();
  report(w, 1, { ...osdStat(1), numShardsRepaired: 11 }, []);
  expect(ofCode(w, 'OSD_TOO_MANY_REPAIRS')!.slice(1)).toEqual([
    'HEALTH_WARN',
    'Too many repaired reads on 1 OSDs',
    ['osd.1 had 11 reads repaired'],
  ]);
});
