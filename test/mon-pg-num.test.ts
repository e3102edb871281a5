import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { halvings, parentSeed, splitBits, stableMod } from '../src/maps/index.ts';
import { decideMerge } from '../src/mon/services/pg-merge.ts';
import { nextPgSteps } from '../src/mon/services/pg-steps.ts';
import { allPgs, healthChecks, nearestPowerOfTwo } from '../src/mon/views/index.ts';
import { EVERSION_ZERO, emptyStatSum, type PgStat, pgState } from '../src/wire/index.ts';
import { bootAll, FSID, makeWorld, type World } from './mon-world.ts';
import { osdStat } from './support/mon-reports.ts';

const pool = (w: World) => w.state().osdmap.pool(1)!;
const counts = (w: World) => {
  const p = pool(w);
  return [p.pgNum, p.pgNumPending, p.pgNumTarget, p.pgpNum, p.pgpNumTarget];
};
const set = (w: World, name: string, val: string | number) =>
  w.run('osd pool set', { pool: 'p', var: name, val: String(val) });

async function poolWorld(pgNum: number, config = {}): Promise<World> {
  const w = await makeWorld({ config: new Map(Object.entries(config)) });
  await bootAll(w);
  await w.run('osd pool create', { pool: 'p', pg_num: pgNum });
  return w;
}

/** All PGs are reported in these states, of the newest map unless said otherwise. */
function reportAll(
  w: World,
  states: Parameters<typeof pgState> = ['active', 'clean'],
  more: Partial<PgStat> = {},
): void {
  const { osdmap } = w.state();
  const pgs = [...osdmap.pgs()].map((pgid): PgStat => {
    const { up, acting, upPrimary, actingPrimary } = osdmap.pgToUpActing(pgid);
    const [known] = allPgs(w.state());
    return {
      ...known!,
      pgid,
      state: pgState(...states),
      reportedEpoch: osdmap.epoch,
      reportedSeq: BigInt(w.pgMap.version + 1),
      up: [...up],
      acting: [...acting],
      upPrimary,
      actingPrimary,
      statsSum: emptyStatSum(),
      ...more,
    };
  });
  for (const osd of osdmap.osds()) {
    const message = {
      fsid: FSID,
      epoch: 1,
      osd,
      osdStat: osdStat(0, 1e12),
      pgs: osd === 0 ? pgs : [],
    };
    w.pgMap.report(message, (pgid) => osdmap.hasPg(pgid), w.nowMs);
  }
}

async function step(w: World): Promise<boolean> {
  const patch = nextPgSteps(w.state(), allPgs(w.state()));
  if (patch) await w.ledger.propose({ osdmap: patch });
  return patch !== undefined;
}

const full = { ...emptyStatSum(), numObjects: 1000, numObjectCopies: 3000 };

describe('halves of PGs', () => {
  it('a PG splits into those that its objects fall into, each from its parent', () => {
    const pgNum = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(pgNum, pgNum, fc.nat(), (a, b, hash) => {
        const [few, many] = [Math.min(a, b), Math.max(a, b)];
        const seed = stableMod(hash, few);
        let bits = splitBits(seed, few);
        let here = seed;
        const children = new Set<number>();
        for (const h of halvings(seed, bits, many)) {
          expect(h.child & ((1 << (h.bits - 1)) - 1)).toBe(h.parent);
          expect(h.child).toBeGreaterThanOrEqual(few);
          expect(h.child).toBeLessThan(many);
          expect(parentSeed(h.child)).toBe(h.parent);
          expect(children.has(h.child)).toBe(false);
          children.add(h.child);
          if (h.parent === here && (hash & ((1 << h.bits) - 1)) === h.child) here = h.child;
          if (h.parent === seed) bits = h.bits;
        }
        expect(bits).toBe(splitBits(seed, many));
        expect(here).toBe(stableMod(hash, many));
        const descendants = [...Array(many - few).keys()].map((i) => i + few);
        const mine = descendants.filter((s) => stableMod(s, few) === seed);
        expect([...children].sort((x, y) => x - y)).toEqual(mine);
      }),
    );
  });
});

describe('osd pool set pg_num', () => {
  it('sets what the pool is to have, and pgp_num with it unless that was set apart', async () => {
    const w = await poolWorld(8);
    expect(await set(w, 'pg_num', 16)).toMatchObject({
      result: 0,
      status: 'set pool 1 pg_num to 16',
    });
    expect(counts(w)).toEqual([8, 8, 16, 8, 16]);
    expect(await set(w, 'pg_num', 16)).toMatchObject({ result: 0, status: '' });
    expect(await set(w, 'pgp_num', 8)).toMatchObject({ result: 0 });
    await set(w, 'pg_num', 32);
    expect(counts(w)).toEqual([8, 8, 32, 8, 8]);
    expect(healthChecks(w.state()).map((c) => c.code)).toContain('SMALLER_PGP_NUM');
  });

  it.each([
    ['pg_num', '0', -34, /^'pg_num' must be greater than 0 and less than or equal to 65536/],
    ['pg_num', '70000', -34, /^'pg_num' must be greater/],
    ['pg_num', 'x', -22, /^error parsing integer value 'x'/],
    ['pg_num', '512', -34, /^pool id 1 pg_num 512 size 3 would mean 1536 total pgs, which exceeds/],
    ['pgp_num', '9', -22, /^specified pgp_num 9 > pg_num 8$/],
    ['pgp_num_actual', '9', -22, /^specified pgp_num 9 > pg_num 8$/],
    ['pg_num_max', '4', -22, /^specified pg_num_max 4 < pg_num 8$/],
    ['pg_num_min', '9', -22, /^specified pg_num_min 9 > pg_num 8$/],
  ])('%s %s is refused as by Ceph', async (name, val, result, status) => {
    const w = await poolWorld(8);
    expect(await set(w, name, val)).toMatchObject({
      result,
      status: expect.stringMatching(status),
    });
    expect(counts(w)).toEqual([8, 8, 8, 8, 8]);
  });

  it('is refused where it would take PGs from one shard of an OSD to another', async () => {
    const w = await poolWorld(8);
    await w.run('osd pool create', { pool: 'small', pg_num: 2 });
    const say = (shards: number) =>
      w.ledger.propose({ osdMetadata: new Map([[1, new Map([['osd_shards', String(shards)]])]]) });
    const small = () => w.run('osd pool set', { pool: 'small', var: 'pg_num', val: '8' });
    await say(4);
    expect(await small()).toMatchObject({ result: -95, status: expect.stringMatching(/4 shards/) });
    expect(await set(w, 'pg_num', 3)).toMatchObject({ result: -95 });
    expect(await set(w, 'pg_num', 16)).toMatchObject({ result: 0 });
    reportAll(w);
    // One that came later.
    await say(16);
    expect(await step(w)).toBe(false);
    await say(3);
    expect(await step(w)).toBe(false);
    await say(1);
    expect(await step(w)).toBe(true);
    expect(await small()).toMatchObject({ result: 0 });
  });

  it('keeps to the bounds of the pool, after those of the cluster; a new pool may be outside of them', async () => {
    const w = await poolWorld(8);
    await set(w, 'pg_num_min', 4);
    await set(w, 'pg_num_max', 16);
    const below = 'specified pg_num 3 < pg_num_min 4';
    expect(await set(w, 'pg_num', 3)).toMatchObject({ result: -22, status: below });
    const above = 'specified pg_num 17 < pg_num_max 16';
    expect(await set(w, 'pg_num', 17)).toMatchObject({ result: -22, status: above });
    expect(await set(w, 'pg_num', 512)).toMatchObject({ result: -34 });
    expect(await set(w, 'pg_num', ' 16')).toMatchObject({ result: 0 });
    const few = { pool: 'q', pg_num: 4, pg_num_min: 8, pg_num_max: 2 };
    expect(await w.run('osd pool create', few)).toMatchObject({ result: 0 });
  });

  it('is refused while nopgchange is set', async () => {
    const w = await poolWorld(8);
    await set(w, 'nopgchange', 1);
    const text =
      'pool pg_num change is disabled; you must unset nopgchange flag for the pool first';
    expect(await set(w, 'pg_num', 16)).toMatchObject({ result: -1, status: text });
  });
});

describe('steps', () => {
  it('splits at once, but only when every PG is active in the map of now', async () => {
    const w = await poolWorld(8);
    await set(w, 'pg_num', 64);
    expect(await step(w)).toBe(false);
    reportAll(w, ['peering']);
    expect(await step(w)).toBe(false);
    reportAll(w);
    expect(await step(w)).toBe(true);
    expect(counts(w)).toEqual([64, 64, 64, 8, 64]);
    expect(pool(w).lastForceOpResendPreluminous).toBe(w.state().osdmap.epoch);
    // What was reported of the map before says nothing of this one.
    expect(await step(w)).toBe(false);
  });

  it('splits no more at a time than mon_osd_max_creating_pgs', async () => {
    const w = await poolWorld(8, { mon_osd_max_creating_pgs: '3' });
    await set(w, 'pg_num', 16);
    reportAll(w);
    await step(w);
    expect(counts(w)[0]).toBe(11);
  });

  it('places an empty pool anew at once, a full one in steps while nothing is degraded', async () => {
    const empty = await poolWorld(8);
    await set(empty, 'pg_num', 64);
    for (let i = 0; i < 2; i++) {
      reportAll(empty);
      await step(empty);
    }
    expect(counts(empty)).toEqual([64, 64, 64, 64, 64]);

    const w = await poolWorld(64);
    await w.run('osd pool set', { pool: 'p', var: 'pgp_num_actual', val: '8' });
    reportAll(w, ['active', 'clean'], { statsSum: { ...full, numObjectsDegraded: 1 } });
    expect(await step(w)).toBe(false);
    reportAll(w, ['active', 'clean'], { statsSum: { ...full, numObjectsMisplaced: 300 } });
    expect(await step(w)).toBe(false);
    reportAll(w, ['active', 'clean'], { statsSum: full });
    await step(w);
    expect(counts(w)[3]).toBe(9);
  });

  it('merges one PG, after placement has brought it to its target', async () => {
    const w = await poolWorld(8);
    await set(w, 'pg_num', 4);
    reportAll(w, ['active', 'clean'], { statsSum: full });
    await step(w);
    expect(counts(w)).toEqual([8, 8, 4, 7, 4]);
    reportAll(w, ['active', 'recovering'], { statsSum: full });
    await step(w);
    reportAll(w);
    await step(w);
    const { epoch } = w.state().osdmap;
    expect(counts(w).slice(0, 3)).toEqual([8, 7, 4]);
    expect(pool(w).lastForceOpResendPrenautilus).toBe(epoch);
    reportAll(w, ['peered', 'premerge']);
    expect(await step(w)).toBe(false);
  });

  it('takes upmaps off PGs that are to be merged first', async () => {
    const w = await poolWorld(8);
    const { acting } = w.state().osdmap.pgToUpActing({ pool: 1, seed: 7 });
    expect(acting).toHaveLength(3);
    await set(w, 'pg_num', 4);
    await w.run('osd pool set', { pool: 'p', var: 'pgp_num_actual', val: '4' });
    const upmap = new Map([['1.7' as const, [[acting[0]!, 99] as [number, number]]]]);
    const { data } = w.state().osdmap;
    const head = { ...w.state(), osdmap: Object.create(w.state().osdmap) };
    Object.defineProperty(head.osdmap, 'data', { value: { ...data, pgUpmapItems: upmap } });
    reportAll(w);
    const patch = nextPgSteps(head, allPgs(w.state()));
    expect([...patch!.oldPgUpmapItems!]).toEqual(['1.7']);
    expect(patch!.newPools!.size).toBe(0);
  });
});

describe('a PG that is ready to merge', () => {
  const version = { epoch: 5, version: 9n };
  async function announced(): Promise<World> {
    const w = await poolWorld(8);
    await set(w, 'pg_num', 7);
    for (let i = 0; i < 2; i++) {
      reportAll(w);
      await step(w);
    }
    expect(counts(w).slice(0, 3)).toEqual([8, 7, 7]);
    return w;
  }
  const word = (w: World, isReady: boolean, epoch = w.state().osdmap.epoch) => ({
    epoch,
    acting: [...w.state().osdmap.pgToUpActing({ pool: 1, seed: 7 }).acting],
    source: { pool: 1, seed: 7 },
    sourceVersion: version,
    targetVersion: EVERSION_ZERO,
    lastEpochStarted: 4,
    lastEpochClean: 4,
    isReady,
  });
  const primaryOf = (w: World) => w.state().osdmap.pgToUpActing({ pool: 1, seed: 7 }).actingPrimary;

  it('is no more in the next map, which says in which versions it was', async () => {
    const w = await announced();
    const patch = decideMerge(w.state().osdmap, primaryOf(w), word(w, true));
    await w.ledger.propose({ osdmap: patch! });
    expect(counts(w)).toEqual([7, 7, 7, 7, 7]);
    expect(pool(w).lastPgMergeMeta).toEqual({
      sourcePgid: { pool: 1, seed: 7 },
      readyEpoch: w.state().osdmap.epoch,
      lastEpochStarted: 4,
      lastEpochClean: 4,
      sourceVersion: version,
      targetVersion: EVERSION_ZERO,
    });
  });

  it('serves on when a member is lost, though nobody says so', async () => {
    const w = await announced();
    expect(await step(w)).toBe(false);
    const { osdmap } = w.state();
    const { acting } = osdmap.pgToUpActing({ pool: 1, seed: 7 });
    await w.run('osd down', { ids: [String(acting[0])] });
    expect(await step(w)).toBe(true);
    expect(counts(w).slice(0, 2)).toEqual([8, 8]);
  });

  it('serves on when its primary says that it cannot', async () => {
    const w = await announced();
    const patch = decideMerge(w.state().osdmap, primaryOf(w), word(w, false));
    await w.ledger.propose({ osdmap: patch! });
    expect(counts(w).slice(0, 2)).toEqual([8, 8]);
  });

  it('is not heard of from anybody else, nor of an older map', async () => {
    const w = await announced();
    const { osdmap } = w.state();
    expect(decideMerge(osdmap, (primaryOf(w) + 1) % 3, word(w, true))).toBeUndefined();
    expect(decideMerge(osdmap, primaryOf(w), word(w, true, osdmap.epoch - 1))).toBeUndefined();
    const other = { ...word(w, true), source: { pool: 1, seed: 6 } };
    expect(decideMerge(osdmap, primaryOf(w), other)).toBeUndefined();
  });
});

describe('autoscaler', () => {
  it('rounds to powers of two as Ceph does', () => {
    const wanted = [
      [0, 0],
      [0.9, 0],
      [1, 1],
      [2.9, 2],
      [3, 4],
      [5.9, 4],
      [6, 8],
      [95, 64],
      [96, 128],
      [1000, 1024],
    ];
    for (const [n, power] of wanted) expect(nearestPowerOfTwo(n!)).toBe(power);
  });

  it('says what it would do, as a table and as JSON', async () => {
    const w = await poolWorld(8);
    await set(w, 'pg_autoscale_mode', 'on');
    reportAll(w);
    const { output } = await w.run('osd pool autoscale-status');
    expect(output).toBe(
      'POOL    SIZE  TARGET SIZE  RATE  RAW CAPACITY   RATIO  TARGET RATIO  EFFECTIVE RATIO  BIAS  PG_NUM  NEW PG_NUM  AUTOSCALE  BULK   \n' +
        'p         0                 3.0         2793G  0.0000                                  1.0       8          32  on         False  ',
    );
    const json = await w.run('osd pool autoscale-status', { format: 'json' });
    expect(json.output).toContain('        "raw_used_rate": 3.0,\n');
    expect(JSON.parse(String(json.output))).toMatchObject([
      { pool_name: 'p', pg_num_final: 32, pg_num_target: 8, would_adjust: true, bulk: false },
    ]);
  });

  it('gives a bulk pool what is left, and warns when it may only warn', async () => {
    const w = await poolWorld(8);
    await set(w, 'pg_autoscale_mode', 'warn');
    await set(w, 'bulk', 'true');
    reportAll(w);
    const check = healthChecks(w.state()).find((c) => c.code === 'POOL_TOO_FEW_PGS');
    expect(check).toMatchObject({
      summary: '1 pools have too few placement groups',
      detail: ['Pool p has 8 placement groups, should have 128'],
    });
    await set(w, 'pg_num_max', 16);
    expect(healthChecks(w.state()).map((c) => c.code)).not.toContain('POOL_TOO_FEW_PGS');
  });

  it('is turned off and on for all pools', async () => {
    const w = await poolWorld(8);
    const run = (verb: string) => w.run(`osd pool ${verb} noautoscale`);
    expect((await run('unset')).status).toBe('noautoscale is already unset!');
    expect((await run('set')).status).toBe('noautoscale is set, all pools now have autoscale off');
    expect((await run('get')).status).toBe('noautoscale is on');
    expect((await run('unset')).status).toBe(
      'noautoscale is unset, all pools now have autoscale on',
    );
    expect(pool(w).pgAutoscaleMode).toBe(2);
  });
});
