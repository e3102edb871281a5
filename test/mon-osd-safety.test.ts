// Whether OSDs can be given up or stopped: what was reported before the last change of a PG's members tells nothing.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unsurePgs } from '../src/mon/views/unsure-pgs.ts';
import { formatPgId, type PgStat, pgState } from '../src/wire/index.ts';
import { bootAll, makeWorld, type World } from './mon-world.ts';
import { osdStat, pgStat, report } from './support/mon-reports.ts';

const CLEAN = pgState('active', 'clean');
const DEGRADED = pgState('active', 'undersized', 'degraded');

async function world(osds = 4, size = 2): Promise<World> {
  const w = await makeWorld({ osds });
  await bootAll(w);
  await w.run('osd pool create', { pool: 'p', pg_num: 4 });
  await w.run('osd pool set', { pool: 'p', var: 'size', val: String(size) });
  // One host has all of them here.
  await w.run('osd crush rule create-simple', { name: 'flat', root: 'default', type: 'osd' });
  await w.run('osd pool set', { pool: 'p', var: 'crush_rule', val: 'flat' });
  return w;
}

/** Every PG as its primary of now says it. */
function reportAll(w: World, state = CLEAN, more: Partial<PgStat> = {}): void {
  const { osdmap } = w.state();
  for (const osd of osdmap.osds()) report(w, osd, { ...osdStat(1), numPgs: 0 });
  for (const pgid of osdmap.pgs()) {
    const place = osdmap.pgToUpActing(pgid);
    const pg = { ...pgStat(pgid.pool, pgid.seed, {}), ...place, state, ...more };
    report(w, place.actingPrimary, osdStat(1), [
      { ...pg, up: [...place.up], acting: [...place.acting], reportedEpoch: osdmap.epoch },
    ]);
  }
}

const safe = async (w: World, osd: number) => {
  const { result, status } = await w.run('osd safe-to-destroy', { ids: [String(osd)] });
  return [result, status] as const;
};
const stop = async (w: World, osd: number) =>
  (await w.run('osd ok-to-stop', { ids: [String(osd)] })).result;
const OK = (osd: number) => [
  0,
  `OSD(s) ${osd} are safe to destroy without reducing data durability.`,
];
const UNKNOWN = [-11, expect.stringMatching(/^\d pgs have unknown state; cannot draw any/)];

describe('an OSD may be destroyed', () => {
  it('when all PGs are clean without it, as their members of now say', async () => {
    const w = await world();
    reportAll(w);
    expect((await safe(w, 3))[0]).toBe(-16);
    await w.run('osd out', { ids: ['3'] });
    expect(await safe(w, 3)).toEqual(UNKNOWN);
    reportAll(w);
    expect(await safe(w, 3)).toEqual(OK(3));
  });

  it('not after another one came back, perhaps without its data, until that is said to be whole', async () => {
    const w = await world();
    await w.run('osd out', { ids: ['3'] });
    reportAll(w);
    expect(await safe(w, 3)).toEqual(OK(3));
    await w.run('osd down', { ids: ['2'] });
    await w.boot(2);
    // Every PG has the members that it had when it was clean.
    expect(await safe(w, 3)).toEqual(UNKNOWN);
    reportAll(w, DEGRADED);
    report(w, 3, { ...osdStat(1), numPgs: 2 });
    expect((await safe(w, 3))[0]).toBe(-16);
    reportAll(w);
    expect(await safe(w, 3)).toEqual(OK(3));
  });

  it('not after members went and came back', async () => {
    const w = await world();
    await w.run('osd out', { ids: ['3'] });
    reportAll(w);
    await w.run('osd out', { ids: ['2'] });
    await w.run('osd in', { ids: ['2'] });
    expect(await safe(w, 3)).toEqual(UNKNOWN);
  });

  it('whatever else has changed in the map, but not for ever', async () => {
    const w = await world();
    await w.run('osd out', { ids: ['3'] });
    reportAll(w);
    for (let n = 0; n < 8; n++) {
      for (const what of ['osd set', 'osd unset']) await w.run(what, { key: 'noscrub' });
    }
    expect(await safe(w, 3)).toEqual(OK(3));
    await w.run('osd set', { key: 'noscrub' });
    expect(await safe(w, 3)).toEqual(UNKNOWN);
  });
});

describe('an OSD may be stopped', () => {
  it('when members that have everything are left', async () => {
    const w = await world(3, 3);
    reportAll(w);
    for (const osd of [0, 1, 2]) expect(await stop(w, osd)).toBe(0);
    // Two of three are still being filled: they cannot serve alone.
    reportAll(w, pgState('active', 'degraded', 'backfilling'), { availNoMissing: [0] });
    expect(await stop(w, 0)).toBe(-16);
    expect(await stop(w, 1)).toBe(0);
  });

  it('not when nobody can tell', async () => {
    const w = await world(3, 3);
    reportAll(w);
    await w.run('osd down', { ids: ['2'] });
    expect(await stop(w, 0)).toBe(-11);
    expect((await w.run('osd ok-to-stop', { ids: ['0'] })).output).toContain('"unknown_pgs":["');
  });
});

it('exactly those PGs are unsure whose interval began after their last report (property)', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constantFrom('out', 'in', 'down', 'boot'), osd: fc.nat(3) }),
    fc.record({ kind: fc.constantFrom('report', 'flag'), osd: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const w = await world();
      const began = new Map<string, { epoch: number; as: string }>();
      const reported = new Map<string, number>();
      const follow = (): void => {
        const { osdmap } = w.state();
        for (const pgid of osdmap.pgs()) {
          const place = osdmap.pgToUpActing(pgid);
          const lives = [...place.acting, ...place.up].map(
            (o) => osdmap.data.osdInfo.at(o)!.upFrom,
          );
          const as = JSON.stringify([place, lives]);
          const id = formatPgId(pgid);
          if (began.get(id)?.as !== as) began.set(id, { epoch: osdmap.epoch, as });
        }
      };
      follow();
      for (const { kind, osd } of steps) {
        if (kind === 'report') {
          reportAll(w);
          for (const id of began.keys()) reported.set(id, w.state().osdmap.epoch);
        } else if (kind === 'flag') {
          const isSet =
            w.state().osdmap.data.flags !== 0 && (await w.run('osd unset', { key: 'noout' }));
          if (!isSet) await w.run('osd set', { key: 'noout' });
        } else if (kind === 'boot') await w.boot(osd);
        else await w.run(`osd ${kind}`, { ids: [String(osd)] });
        // No step makes more than two maps: the first is one that takes an OSD down.
        follow();
      }
      const unsure = unsurePgs(w.state()).map((pg) => formatPgId(pg.pgid));
      const expected = [...began].filter(([id, { epoch }]) => (reported.get(id) ?? -1) < epoch);
      expect(unsure.sort()).toEqual(expected.map(([id]) => id).sort());
    }),
    { numRuns: 40 },
  );
});
