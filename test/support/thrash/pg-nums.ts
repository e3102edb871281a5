import { BenchLoad } from './bench-load.ts';
import { allClean, pgsClean } from './clean.ts';
import type { Daemons } from './daemons.ts';
import { tracked, verifyModel, work } from './load.ts';
import { type Run, STUCK_MS, wait } from './run.ts';
import type { OsdDf } from './space.ts';
import { verifyStores } from './stores.ts';

/** Counts of PGs that two pools are taken through. */
export interface PgNums {
  readonly from: number;
  readonly to: number;
  readonly back: number;
}

const OSDS = 3;
const OBJECTS = 24;
const WORKERS = 4;
const POOLS = ['thrash', 'bench'] as const;
/** Steps at once, and no pauses between objects: what an OSD lacks after its death are thousands that were written anew. */
const OPTIONS = [
  ['mgr_debug_aggressive_pg_num_changes', 'true'],
  ['osd_recovery_sleep_hdd', '0'],
  ['osd_recovery_max_active_hdd', '10'],
] as const;
/** How long an OSD that was killed is away. */
const AWAY_MS = 1500;
/** Reports of the last changes come by then. */
const REPORTED_MS = 6000;

interface PoolRow {
  readonly pool_name: string;
  readonly pg_num: number;
  readonly pg_placement_num: number;
}

/**
 * Real daemons on disk whose pools get more PGs and then fewer, while our client and Debian's `rados bench` write and
 * compare, and an OSD is killed in the middle of either. At the end everything must be there, in the right PGs, on all
 * members, and be counted right.
 */
export async function runPgNums(run: Run, daemons: Daemons, n: PgNums): Promise<void> {
  await run.sepiola('up', run.cluster.dir, '--detach', '--osds', String(OSDS));
  for (const [name, value] of OPTIONS) {
    await run.command({ prefix: 'config set', who: 'global', name, value });
  }
  const client = await run.client();
  for (const name of POOLS) {
    await client.createPool(name, { pgNum: n.from, application: 'test' });
    await run.command({ prefix: 'osd pool set', pool: name, var: 'size', val: String(OSDS) });
  }
  const pool = await client.pool('thrash');
  const objects = Array.from({ length: OBJECTS }, (_, i) => tracked(`object.${i}`));
  const bench = new BenchLoad(run, 'bench');
  const workers = Array.from({ length: WORKERS }, (_, w) => {
    const own = objects.filter((_, i) => i % WORKERS === w);
    return work(run, [pool], own, run.dice.fork());
  });
  workers.push(bench.work());
  try {
    await wait(1000);
    await aim(run, n.to);
    await until(run, 'some PGs are split', (rows) => rows.some((p) => p.pg_num > n.from));
    await outage(run, daemons, 'osd.1');
    await until(run, `${n.to} PGs`, (rows) => rows.every((p) => isAt(p, n.to)));
    await becomeClean(run);
    run.say(`${n.to} PGs`);
    await aim(run, n.back);
    await until(run, 'some PGs are merged', (rows) => rows.some((p) => p.pg_num < n.to));
    await outage(run, daemons, 'osd.2');
    await until(run, `${n.back} PGs`, (rows) => rows.every((p) => isAt(p, n.back)));
  } finally {
    run.isOver = true;
    daemons.wellAgain();
    await Promise.all(workers);
  }
  daemons.check();
  run.say(run.summary);
  await becomeClean(run);
  await verifyModel(run, pool, objects);
  await bench.verify();
  await wait(REPORTED_MS);
  const pgs = (await pgsClean(run)).all;
  const df = await run.json<OsdDf>({ prefix: 'osd df' });
  await verifyCounts(run, bench.objects, objects.filter((o) => o.content).length);
  const { stdout } = await run.tool('ceph', '-s');
  if (!stdout.includes(`${2 * n.back} active+clean`)) run.fail(`ceph -s says ${stdout}`);
  await run.closeClients();
  await run.sepiola('down', run.cluster.dir);
  const perPg = await verifyStores(run, pgs, df);
  run.say(`${perPg} copies of objects are where they should be`);
}

async function aim(run: Run, pgNum: number): Promise<void> {
  for (const pool of POOLS) {
    await run.command({ prefix: 'osd pool set', pool, var: 'pg_num', val: String(pgNum) });
  }
}

async function rowsOf(run: Run): Promise<PoolRow[]> {
  const { pools } = await run.json<{ pools: PoolRow[] }>({ prefix: 'osd dump' });
  return pools.filter((p) => (POOLS as readonly string[]).includes(p.pool_name));
}

function isAt({ pg_num, pg_placement_num }: PoolRow, pgNum: number): boolean {
  return pg_num === pgNum && pg_placement_num === pgNum;
}

async function until(run: Run, what: string, isTrue: (rows: PoolRow[]) => boolean): Promise<void> {
  let deadline = performance.now() + STUCK_MS;
  let before = '';
  for (;;) {
    const rows = await rowsOf(run);
    if (isTrue(rows)) return;
    if (run.isOver) throw new Error(`${run.wrong[0]}, on the way to: ${what}`);
    // Fewer and fewer is a long way, but it must go on.
    const now = JSON.stringify(rows.map((p) => [p.pg_num, p.pg_placement_num]));
    if (now !== before) deadline = performance.now() + STUCK_MS;
    before = now;
    if (performance.now() > deadline) throw new Error(`stuck at ${now}, on the way to: ${what}`);
    await wait(20);
  }
}

async function outage(run: Run, daemons: Daemons, osd: string): Promise<void> {
  daemons.kill(osd);
  run.say(`killed ${osd}`);
  await wait(AWAY_MS);
  daemons.start(osd);
}

async function becomeClean(run: Run): Promise<void> {
  if (await allClean(run, STUCK_MS)) return;
  const { dirty } = await pgsClean(run);
  throw new Error(`not clean: ${dirty.map((p) => `${p.pgid} ${p.state}`).join(', ')}`);
}

/** What `df` and the PGs' reports say of the pools' objects. */
async function verifyCounts(run: Run, bench: number, thrash: number): Promise<void> {
  type Df = { pools: { name: string; stats: { objects: number } }[] };
  type Stat = { pgid: string; stat_sum: { num_objects: number }; stats_invalid: boolean };
  const { pools } = await run.json<Df>({ prefix: 'df' });
  const of = new Map(pools.map((p) => [p.name, p.stats.objects]));
  if (of.get('bench') !== bench) run.fail(`df: ${of.get('bench')} objects of ${bench}`);
  if (of.get('thrash') !== thrash) run.fail(`df: ${of.get('thrash')} objects of ${thrash}`);
  const { pg_stats: stats } = await run.json<{ pg_stats: Stat[] }>({
    prefix: 'pg dump',
    dumpcontents: ['pgs'],
  });
  const verifyOne = async ({ pgid, stat_sum: sum, stats_invalid: isEstimated }: Stat) => {
    if (isEstimated) run.fail(`PG ${pgid} is not counted yet`);
    const { stdout } = await run.tool('rados', '--pgid', pgid, 'ls');
    const listed = stdout.split('\n').filter(Boolean).length;
    if (listed !== sum.num_objects) {
      run.fail(`PG ${pgid} says that it has ${sum.num_objects} objects, and lists ${listed}`);
    }
  };
  await Promise.all(stats.map(verifyOne));
}
