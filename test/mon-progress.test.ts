import { expect, it } from 'vitest';
import { CommandTable } from '../src/mon/dispatch.ts';
import { Progress } from '../src/mon/progress.ts';
import { progressCommands } from '../src/mon/progress-commands.ts';
import { progressText } from '../src/mon/views/progress-text.ts';
import { pgState } from '../src/wire/index.ts';
import { bootAll, makeWorld, type World } from './mon-world.ts';
import { osdStat, pgStat, report } from './support/mon-reports.ts';

const PGS = 8;

async function world(): Promise<World> {
  const w = await makeWorld({ osds: 4 });
  await bootAll(w);
  await w.run('osd pool create', { pool: 'data', pg_num: PGS });
  return w;
}

/** Reports all PGs where the map has them, the first `moving` of them on their way. */
function reportPgs(w: World, moving: number): void {
  const { osdmap } = w.state();
  const mapping = osdmap.poolMapping(1)!;
  const pgs = Array.from({ length: PGS }, (_, seed) => {
    const up = [...mapping.up.subarray(seed * mapping.width, (seed + 1) * mapping.width)];
    const state = seed < moving ? pgState('active', 'remapped') : pgState('active', 'clean');
    return { ...pgStat(1, seed, {}), up, acting: up, state, reportedEpoch: osdmap.epoch };
  });
  report(w, 0, osdStat(10), pgs);
}

it('what an OSD that goes out sets in motion is shown until it is over', async () => {
  const w = await world();
  let ids = 0;
  const progress = new Progress(() => `event-${ids++}`);
  const table = new CommandTable(progressCommands(progress));
  const caller = { entity: { type: 8, num: 1 }, name: 'client.admin', addrs: [] };
  const run = async (prefix: string) => {
    const views = { durable: () => w.state(), head: () => w.state() };
    const cmd = [JSON.stringify({ prefix })];
    const { reply, change } = table.run(views, cmd, new Uint8Array(0), caller);
    if (change) await w.ledger.propose(change);
    return reply;
  };
  const tick = (): void => {
    w.nowMs += 5_000;
    progress.tick(w.state());
  };
  reportPgs(w, 0);
  tick();
  expect((await run('progress')).status).toBe('Nothing in progress');
  await w.run('osd out', { ids: ['3'] });
  reportPgs(w, PGS);
  tick();
  expect(progress.events.map((e) => [e.message, e.progress])).toEqual([
    ['Rebalancing after osd.3 marked out', 0],
    ['Global Recovery Event', 0],
  ]);
  reportPgs(w, 2);
  tick();
  expect(progress.events[1]).toMatchObject({ refs: [['global', '']], progress: (PGS - 2) / PGS });
  expect((await run('progress')).output).toMatch(
    /^Global Recovery Event \(5s\)\n {4}\[={21}\.{7}\] \(remaining: 1s\)\nRebalancing after osd\.3/,
  );
  reportPgs(w, 0);
  tick();
  expect(progress.events).toEqual([]);
  const json = JSON.parse((await run('progress json')).output as string);
  expect(json.events).toEqual([]);
  expect(json.completed.map((e: { message: string }) => e.message)).toEqual([
    'Rebalancing after osd.3 marked out',
    'Global Recovery Event',
  ]);
  expect((await run('progress off')).status).toBe('progress disabled');
  expect((await run('progress off')).status).toBe('progress already disabled!');
  tick();
  expect(progress.completed).toEqual([]);
  await w.run('osd in', { ids: ['3'] });
  tick();
  expect(progress.events).toEqual([]);
});

it('spans are counted in the unit that fits', () => {
  const event = { id: 'x', message: 'Moving', refs: [], startedMs: 0, progress: 0 };
  const at = (seconds: number): string =>
    /\((.*)\)/.exec(progressText(event, seconds * 1000, 4))![1]!;
  expect(
    [5, 119, 120, 7199, 7200, 2 * 86_400, 14 * 86_400, 84 * 86_400, 731 * 86_400].map(at),
  ).toEqual(['5s', '119s', '2m', '119m', '2h', '2d', '2w', '2M', '2y']);
});
