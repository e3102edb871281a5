/**
 * Real daemons on disk under load of our client and of Debian's `rados`, with everything compared to a model, while
 * daemons are killed with SIGKILL, stopped and continued; OSDs are added, removed, replaced, put out and in, weighted
 * anew; pools come and go, PGs are split, merged and scrubbed. At the end every PG must become clean, every object must
 * be what its last answered request left (a request whose client was closed before the answer: old or new), the stores of
 * a PG's members must hold the same and nobody else's anything of it, and nothing may be left running. On failure the
 * cluster's folder with the daemons' logs is kept, and the seed printed.
 *
 * Run: npm run thrash -- [--minutes M] [--seed S] [--osds N] [--objects N] [--ballast N] [--keep]
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { sepiola } from '../support/sepiola.ts';
import { allClean, pgsClean } from '../support/thrash/clean.ts';
import { Daemons } from '../support/thrash/daemons.ts';
import { diceOf } from '../support/thrash/dice.ts';
import { Faults } from '../support/thrash/faults.ts';
import {
  abandon,
  Ballast,
  type Tracked,
  tracked,
  verifyModel,
  work,
} from '../support/thrash/load.ts';
import { Run, STUCK_MS, wait, within } from '../support/thrash/run.ts';
import type { OsdDf } from '../support/thrash/space.ts';
import { verifyStores } from '../support/thrash/stores.ts';
import { ToolLoad } from '../support/thrash/tool-load.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    osds: { type: 'string', default: '4' },
    objects: { type: 'string', default: '48' },
    ballast: { type: 'string', default: '200' },
    keep: { type: 'boolean', default: false },
  },
});
const CLIENTS = 4;
const WORKERS = 6;
/** Copies, and so the least count of OSDs. */
const SIZE = 3;
/** What nobody needs any more is dropped a little after the PGs are clean, and then what is used is reported. */
const DROPPED_MS = 7_000;

const run = new Run(diceOf(Number(values.seed)));
const daemons = new Daemons(run);
const { dice } = run;
const toolLoad = new ToolLoad(run, dice.fork());

async function load(): Promise<void> {
  const up = await run.sepiola('up', run.cluster.dir, '--detach', '--osds', values.osds);
  if (!up.includes('running:')) throw new Error(up);
  run.say(`seed ${values.seed}, cluster in ${run.cluster.dir}`);
  const clients = [];
  for (let i = 0; i < CLIENTS; i++) clients.push(await run.client());
  for (const name of ['thrash', 'ballast', 'thrash-tool']) {
    await clients[0]!.createPool(name, { pgNum: 16, application: 'thrash' });
    await run.command({ prefix: 'osd pool set', pool: name, var: 'size', val: String(SIZE) });
  }
  // The balancer is to have something to do all the time.
  for (const [name, value] of [
    ['upmap_max_deviation', '1'],
    ['sleep_interval', '5'],
  ]) {
    await run.command({ prefix: 'config set', who: 'mgr', name: `mgr/balancer/${name}`, value });
  }
  const pools = await Promise.all(clients.map((c) => c.pool('thrash')));
  const resting = await clients[1]!.pool('ballast');
  const ballast = new Ballast(Number(values.ballast), dice.fork());
  await within(ballast.write(resting));
  const objects = Array.from({ length: Number(values.objects) }, (_, i) => tracked(`object.${i}`));
  // Each object belongs to one worker, so that its requests follow one another.
  const workers = Array.from({ length: WORKERS }, (_, w) => {
    const own = objects.filter((_, i) => i % WORKERS === w);
    return work(run, pools, own, dice.fork());
  });
  const abandoned: Tracked[] = [];
  workers.push(abandon(run, abandoned, dice.fork()));
  workers.push(ballast.readSome(run, resting, dice.fork()));
  workers.push(toolLoad.work());
  try {
    const faults = new Faults(run, daemons, SIZE);
    await faults.thrash(performance.now() + Number(values.minutes) * 60_000);
  } finally {
    run.isOver = true;
    daemons.wellAgain();
    await Promise.all(workers);
  }
  run.say(run.summary);
  if (run.wrong.length > 0) return;
  await allEqual();
  await becomeClean();
  await verifyModel(run, pools[0]!, [...objects, ...abandoned]);
  await ballast.readAll(run, resting);
  await toolLoad.verify();
  await wait(DROPPED_MS);
}

/** With three OSDs of unlike weights CRUSH may find two places only. */
async function allEqual(): Promise<void> {
  await run.command({ prefix: 'osd in', ids: ['all'] });
  for (const id of await run.json<number[]>({ prefix: 'osd ls' })) {
    await run.command({ prefix: 'osd reweight', id, weight: 1 });
  }
}

async function becomeClean(): Promise<void> {
  const began = performance.now();
  if (!(await allClean(run, STUCK_MS))) {
    const { dirty } = await pgsClean(run);
    throw new Error(
      `not clean: ${dirty.map((p) => `${p.pgid} ${p.state} [${p.acting}]`).join(', ')}`,
    );
  }
  run.say(
    `all PGs clean ${((performance.now() - began) / 1000).toFixed(1)} s after the last fault`,
  );
}

/** Everything that runs with the cluster's folder among its words. */
function processesLeft(): string[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  return lines.filter((l) => l.includes(run.cluster.dir) && /\b(osd|mon|up) /.test(l));
}

try {
  await load();
  if (run.wrong.length === 0) {
    const pgs = (await pgsClean(run)).all;
    const df = await run.json<OsdDf>({ prefix: 'osd df' });
    await run.closeClients();
    await run.sepiola('down', run.cluster.dir);
    run.say(`stores compared: ${await verifyStores(run, pgs, df)} copies of objects`);
  }
} catch (e) {
  run.fail(e instanceof Error ? (e.stack ?? e.message) : String(e));
} finally {
  daemons.wellAgain();
  await run.closeClients();
  await sepiola('down', run.cluster.dir);
  for (const line of processesLeft()) run.fail(`still runs: ${line}`);
  toolLoad.clear();
  if (run.wrong.length === 0) run.say(`nothing is wrong (seed ${values.seed})`);
  else {
    console.log(`${run.wrong.length} wrong:\n${run.wrong.slice(0, 20).join('\n')}`);
    run.say(`seed ${values.seed}; kept with its logs: ${run.cluster.dir}`);
  }
  if (run.wrong.length === 0 && !values.keep) await run.cluster.clear();
}
process.exitCode = run.wrong.length > 0 ? 1 : 0;
