import { describe, expect, it } from 'vitest';
import { erf, metricStats } from '../src/balancer/index.ts';
import { Balancer } from '../src/mon/balancer/balancer.ts';
import { balancerCommands } from '../src/mon/balancer/commands.ts';
import { pythonText } from '../src/mon/balancer/python-text.ts';
import { timeText } from '../src/mon/balancer/when.ts';
import { CommandTable } from '../src/mon/dispatch.ts';
import { bootAll, makeWorld, type World } from './mon-world.ts';
import { osdStat, pgStat, report } from './support/mon-reports.ts';

const GIB = 2 ** 30;

/** Four OSDs with a pool whose PGs are where the map says, and hold a little. */
async function spreadWorld(used: readonly number[] = [5, 5, 5, 5]): Promise<World> {
  const w = await makeWorld({ osds: 4 });
  await bootAll(w);
  await w.run('osd pool create', { pool: 'data', pg_num: 64 });
  const mapping = w.state().osdmap.poolMapping(1)!;
  const pgs = Array.from({ length: 64 }, (_, seed) => {
    const at = seed * mapping.width;
    const up = [...mapping.up.subarray(at, at + mapping.upCounts[seed]!)];
    return {
      ...pgStat(1, seed, { numObjects: 10, numBytes: 1000, numObjectCopies: 30 }),
      up,
      acting: up,
    };
  });
  used.forEach((n, osd) => {
    report(w, osd, osdStat(n * GIB, 10 * GIB), osd === 0 ? pgs : []);
  });
  return w;
}

/** The manager's balancer, asked as `ceph` would. */
function balancerOf(w: World) {
  const balancer = new Balancer(() => 0);
  const table = new CommandTable(balancerCommands(balancer));
  const caller = { entity: { type: 8, num: 1 }, name: 'client.admin', addrs: [] };
  return {
    balancer,
    async run(prefix: string, args: Record<string, unknown> = {}) {
      const views = { durable: () => w.state(), head: () => w.state() };
      const cmd = [JSON.stringify({ prefix: `balancer ${prefix}`, ...args })];
      const { reply, change } = table.run(views, cmd, new Uint8Array(0), caller);
      if (change) await w.ledger.propose(change);
      return reply;
    },
  };
}

function copies(w: World): number[] {
  const counts = [0, 0, 0, 0];
  for (const osd of w.state().osdmap.poolMapping(1)!.up) if (osd < 4 && osd >= 0) counts[osd]!++;
  return counts;
}

describe('the score of a spread', () => {
  // Figures that Ceph 16.2.15 printed for its own cluster: `ceph balancer eval-verbose`.
  const target = new Map([0, 1, 2, 3].map((osd) => [osd, 0.25]));
  it.each([
    [[28, 27, 19, 25], 4.031128874149275, 0.04624171797495215],
    [[27, 24, 15, 24], 5.196152422706632, 0.06620631901991661],
    [[540_000, 480_000, 300_000, 480_000], 103923.04845413264, 0.06620631901991661],
  ])('of %j is as Ceph counts it', (counts, stddev, score) => {
    const sum = counts.reduce((a, b) => a + b, 0);
    const stats = metricStats(new Map(counts.entries()), target, sum);
    expect(stats.stddev).toBeCloseTo(stddev, 9);
    expect(stats.score).toBeCloseTo(score, 15);
    expect([stats.max, stats.min, stats.sum_weight]).toEqual([
      Math.max(...counts),
      Math.min(...counts),
      0.75,
    ]);
  });

  it('uses the error function', () => {
    // Abramowitz and Stegun, table 7.1.
    expect(erf(0)).toBe(0);
    expect(erf(0.5)).toBeCloseTo(0.520499877813047, 14);
    expect(erf(2)).toBeCloseTo(0.995322265018953, 14);
    expect(erf(3.5)).toBeCloseTo(0.999999256901628, 14);
  });
});

describe('ceph balancer', () => {
  it('makes a plan, shows it, and spreads the PGs evenly with it', async () => {
    const w = await spreadWorld();
    const b = balancerOf(w);
    await b.run('off');
    expect(w.state().option('mgr/balancer/active')).toBe(false);
    await w.run('config set', { who: 'mgr', name: 'mgr/balancer/upmap_max_deviation', value: '1' });
    const before = copies(w);
    expect(Math.max(...before) - Math.min(...before)).toBeGreaterThan(2);
    expect((await b.run('optimize', { plan: 'p' })).result).toBe(0);
    expect((await b.run('ls')).output).toBe('[\n    "p"\n]\n');
    expect((await b.run('show', { plan: 'p' })).output).toMatch(
      /^# starting osdmap epoch \d+\n# starting crush version \d+\n# mode upmap\n(ceph osd pg-upmap-items 1\.[0-9a-f]+( \d+ \d+)+\n)+$/,
    );
    const score = async (option?: string): Promise<number> => {
      const { output } = await b.run('eval', option === undefined ? {} : { option });
      return Number(/score (\S+) \(lower is better\)\n$/.exec(output as string)![1]);
    };
    expect(await score('p')).toBeLessThan(await score());
    expect((await b.run('execute', { plan: 'p' })).result).toBe(0);
    const after = copies(w);
    expect(Math.max(...after) - Math.min(...after)).toBeLessThanOrEqual(2);
    expect((await b.run('ls')).output).toBe('[]\n');
    const again = await b.run('optimize', { plan: 'p' });
    expect(again.result).toBe(-114);
    expect(again.status).toMatch(/^Unable to find further optimization/);
  });

  it('evens the spread out by weights where clients do not know upmaps', async () => {
    const w = await spreadWorld();
    const b = balancerOf(w);
    await b.run('off');
    await b.run('mode', { mode: 'crush-compat' });
    await w.run('config set', { who: 'mgr', name: 'target_max_misplaced_ratio', value: '.5' });
    const deviation = (): number => copies(w).reduce((sum, n) => sum + (n - 48) ** 2, 0);
    const before = deviation();
    expect((await b.run('optimize', { plan: 'p' })).status).toBe('');
    expect((await b.run('show', { plan: 'p' })).output).toMatch(
      /# mode crush-compat\nceph osd crush weight-set create-compat\nceph osd crush weight-set reweight-compat 0 0\.\d{6}\n/,
    );
    const held = w.state().osdmap.crushMap;
    expect((await b.run('execute', { plan: 'p' })).result).toBe(0);
    expect(deviation()).toBeLessThan(before);
    // Only what counts in draws is other than before.
    expect({ ...w.state().osdmap.crushMap, chooseArgs: 0 }).toEqual({ ...held, chooseArgs: 0 });
    await w.run('config set', { who: 'mgr', name: 'target_max_misplaced_ratio', value: '0' });
    expect((await b.run('optimize', { plan: 'p' })).status).toMatch(/^Too many objects/);
  });

  it('does not carry out weights that would undo a later change', async () => {
    const w = await spreadWorld();
    const b = balancerOf(w);
    await b.run('off');
    await b.run('mode', { mode: 'crush-compat' });
    await w.run('config set', { who: 'mgr', name: 'target_max_misplaced_ratio', value: '.5' });
    await b.run('optimize', { plan: 'p' });
    await w.run('osd crush reweight', { name: 'osd.1', weight: 0.5 });
    expect((await b.run('execute', { plan: 'p' })).result).toBe(-11);
  });

  it('says what it cannot do', async () => {
    const w = await spreadWorld();
    const b = balancerOf(w);
    const said = async (prefix: string, args = {}) => {
      const { result, status } = await b.run(prefix, args);
      return [result, status];
    };
    expect(await said('optimize', { plan: 'p' })).toEqual([
      -22,
      'Balancer enabled, disable to optimize manually',
    ]);
    await b.run('off');
    expect(await said('show', { plan: 'p' })).toEqual([-2, 'plan p not found']);
    expect(await said('eval', { option: 'x' })).toEqual([-22, 'option "x" not a plan or a pool']);
    expect(await said('optimize', { plan: 'p', pools: ['x'] })).toEqual([
      -22,
      "pools ['x'] not found",
    ]);
    expect(await said('pool add', { pools: ['x'] })).toEqual([-22, "pool(s) ['x'] not found"]);
    await b.run('mode', { mode: 'none' });
    expect((await said('optimize', { plan: 'p' }))[0]).toBe(-8);
  });

  it('does nothing while copies are missing', async () => {
    const w = await spreadWorld();
    const b = balancerOf(w);
    await b.run('off');
    const lame = { numObjects: 10, numObjectCopies: 30, numObjectsDegraded: 3 };
    report(w, 1, osdStat(GIB, 10 * GIB), [{ ...pgStat(1, 0, lame), reportedEpoch: 99 }]);
    expect((await b.run('optimize', { plan: 'p' })).status).toBe(
      `Some objects (${(3 / (30 * 64)).toFixed(6)}) are degraded; try again later`,
    );
  });

  it('works by itself, at the times and for the pools that it is told', async () => {
    const w = await spreadWorld();
    const { balancer, run } = balancerOf(w);
    await w.run('config set', { who: 'mgr', name: 'mgr/balancer/upmap_max_deviation', value: '1' });
    const tick = () => balancer.tick(w.state())?.osdmap?.newPgUpmapItems?.size ?? 0;
    w.nowMs = Date.UTC(2026, 10, 20, 12, 0);
    const option = (name: string, value: string) =>
      w.run('config set', { who: 'mgr', name: `mgr/balancer/${name}`, value });
    await option('begin_time', '2200');
    await option('end_time', '0600');
    expect(tick()).toBe(0);
    w.nowMs += 11 * 3_600_000;
    expect(tick()).toBeGreaterThan(0);
    // Not again before the interval is over.
    expect(tick()).toBe(0);
    w.nowMs += 61_000;
    expect(tick()).toBeGreaterThan(0);
    await w.run('osd pool create', { pool: 'other', pg_num: 1 });
    report(w, 0, osdStat(GIB, 10 * GIB), [pgStat(2, 0, {})]);
    await run('pool add', { pools: ['other'] });
    expect((await run('pool ls')).output).toBe('[\n    "other"\n]\n');
    w.nowMs += 61_000;
    expect(tick()).toBe(0);
    await run('pool rm', { pools: ['other'] });
    await run('off');
    w.nowMs += 61_000;
    expect(tick()).toBe(0);
  });

  it('prints figures as Python does', async () => {
    const text = (n: number): string => pythonText({ fraction: n });
    expect(
      [0, 1, 28, 0.25, 0.1, 1e-4, 1e-5, 1.5e-7, 1e16, 123456.75, 0.010752688172043012].map(text),
    ).toEqual([
      '0.0',
      '1.0',
      '28.0',
      '0.25',
      '0.1',
      '0.0001',
      '1e-05',
      '1.5e-07',
      '1e+16',
      '123456.75',
      '0.010752688172043012',
    ]);
    const b = balancerOf(await spreadWorld());
    const { output } = await b.run('eval-verbose');
    expect(output).toMatch(/^current cluster\ntarget_by_root \{'default': \{0: 0\.25, 1: 0\.25/);
    expect(output).toMatch(
      /total_by_root \{'default': \{'pgs': 192, 'objects': 1920, 'bytes': 192000\}\}\n/,
    );
    expect(timeText(Date.UTC(2026, 10, 20, 21, 3, 4))).toBe('Fri Nov 20 21:03:04 2026');
    expect(timeText(Date.UTC(2024, 1, 29))).toBe('Thu Feb 29 00:00:00 2024');
  });
});

describe('ceph osd reweight-by-*', () => {
  it('takes weight from the fullest and says what moves', async () => {
    const w = await spreadWorld([9, 4, 4, 5]);
    const test = await w.run('osd test-reweight-by-utilization', { oload: 110, max_osds: 1 });
    expect(test.result).toBe(0);
    expect(test.status).toBe('no change');
    expect(test.output).toMatch(
      /^moved \d+ \/ 192 \(\S+%\)\navg 48\nstddev \S+ -> \S+ \(expected baseline 6\)\nmin osd\.\d with \d+ -> \d+ pgs \(\S+ -> \S+ \* mean\)\nmax osd\.\d with \d+ -> \d+ pgs \(\S+ -> \S+ \* mean\)\n\noload 110\nmax_change 0\.05\nmax_change_osds 1\naverage_utilization 0\.5500\noverload_utilization 0\.6050\nosd\.0 weight 1\.0000 -> 0\.9500\n$/,
    );
    expect(w.state().osdmap.data.osdWeight[0]).toBe(0x10000);
    const done = await w.run('osd reweight-by-utilization', { oload: 110, max_osds: 1 });
    expect([done.result, done.status, done.output]).toEqual([0, '', test.output]);
    expect(w.state().osdmap.data.osdWeight[0]).toBe(0x10000 - Math.trunc(0.05 * 0x10000));
    // What is too empty gets its weight back, unless that is not wanted.
    report(w, 0, osdStat(1 * GIB, 10 * GIB));
    const back = await w.run('osd test-reweight-by-utilization', {});
    expect(back.output).toMatch(/osd\.0 weight 0\.9500 -> 1\.0000\n/);
    const not = await w.run('osd test-reweight-by-utilization', { no_increasing: true });
    expect(not.output).not.toMatch(/osd\.0 weight/);
  });

  it('counts PGs by CRUSH weight, of some pools or all', async () => {
    const w = await spreadWorld();
    const most = copies(w).indexOf(Math.max(...copies(w)));
    const { output, result } = await w.run('osd reweight-by-pg', {
      oload: 101,
      max_change: 0.1,
      max_osds: 1,
      pools: ['data'],
    });
    expect(result).toBe(0);
    const [, osd, weight] = /osd\.(\d) weight 1\.0000 -> (\S+)\n$/.exec(output as string)!;
    expect([Number(osd), Number(weight) < 1 && Number(weight) >= 0.9]).toEqual([most, true]);
    const json = await w.run('osd test-reweight-by-pg', { format: 'json', pools: ['data'] });
    expect(Object.keys(JSON.parse(json.output as string))).toEqual([
      'overload_min',
      'max_change',
      'max_change_osds',
      'average_utilization',
      'overload_utilization',
      'reweights',
      'utilization',
    ]);
  });

  it('refuses what makes no sense', async () => {
    const w = await spreadWorld([0, 0, 0, 0]);
    const said = async (prefix: string, args: object = {}) => {
      const { result, status } = await w.run(`osd ${prefix}`, args as Record<string, unknown>);
      return [result, status];
    };
    expect(await said('reweight-by-utilization')).toEqual([
      -33,
      'Refusing to reweight: we only have 0 kb used across all osds!\nFAILED reweight-by-pg',
    ]);
    expect((await said('reweight-by-pg', { oload: 100 }))[0]).toBe(-22);
    expect(await said('reweight-by-pg', { max_change: -1 })).toEqual([
      -22,
      'max_change -1 must be positive',
    ]);
    expect(await said('reweight-by-pg', { max_osds: 0 })).toEqual([
      -22,
      'max_osds 0 must be positive',
    ]);
    expect(await said('reweight-by-pg', { pools: ['x'] })).toEqual([-2, "pool 'x' does not exist"]);
    const w2 = await makeWorld({ osds: 1 });
    expect((await w2.run('osd reweight-by-pg')).status).toBe(
      'Refusing to reweight: we only have 0 PGs across 0 osds!\nFAILED reweight-by-pg',
    );
  });

  it('sets several weights at once', async () => {
    const w = await spreadWorld();
    const set = (weights: string) => w.run('osd reweightn', { weights });
    expect((await set("{'1':'32768', '2':'65536'}")).result).toBe(0);
    expect([...w.state().osdmap.data.osdWeight]).toEqual([65536, 32768, 65536, 65536]);
    expect((await set('{"0":65536}')).status).toBe(
      "unable to parse 'weights' value '{\"0\":65536}'",
    );
    expect((await set("{'9':'1'}")).result).toBe(-2);
    expect((await set('nonsense')).result).toBe(-22);
  });
});
