/**
 * A failure and an expansion under load: of a new cluster of ours and, with --ceph, of a real Ceph 16.2 after it, with
 * the same settings and the same client. Four OSDs, a pool of size 3 with 64 PGs and objects that stand still; clients
 * write and read small objects all the time.
 *  - One OSD is killed (-9) and marked out after a while: the longest time in which no client had an answer, and the time
 *    until all PGs are active+clean.
 *  - An empty OSD is added: bytes and objects that it took in a second until all PGs were active+clean, of the objects
 *    that stand still.
 *  - p99 of the clients before, and during each.
 * Run: npm run bench:recovery -- [--ceph] [--objects 2000] [--bytes 262144] [--load-bytes 4096] [--depth 16]
 *      [--seconds 10] [--out 10] [--shards 1] [--set option=value ...] [--json]
 */
import { parseArgs } from 'node:util';
import { type BenchCluster, benchPool, startCeph, startOurs, tool } from './support/clusters.ts';
import { shown, table } from './support/figures.ts';
import { Clients } from './support/load.ts';
import { daemonsOf, machine } from './support/processes.ts';
import { ClientLoad, fillPool, type Served, untilClean } from './support/recovery-watch.ts';

const { values } = parseArgs({
  options: {
    ceph: { type: 'boolean', default: false },
    objects: { type: 'string', default: '2000' },
    bytes: { type: 'string', default: '262144' },
    'load-bytes': { type: 'string', default: '4096' },
    depth: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '10' },
    out: { type: 'string', default: '10' },
    shards: { type: 'string', default: '1' },
    set: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
});
const objects = Number(values.objects);
const bytes = Number(values.bytes);
const seconds = Number(values.seconds);
const OSDS = 4;
const CLIENTS = 4;
const VICTIM = 3;

interface Figures {
  readonly name: string;
  readonly before: Served;
  readonly killed: Served;
  readonly cleanAfterKillS: number;
  readonly calm: Served;
  readonly added: Served;
  readonly cleanAfterAddS: number;
  readonly mibPerSecond: number;
  readonly objectsPerSecond: number;
}

/** For who waits: these runs take minutes. */
const say = (name: string, what: string): void => {
  process.stderr.write(`${name}: ${what}\n`);
};
const wait = (s: number): Promise<void> => new Promise((done) => setTimeout(done, s * 1000));

async function set(conf: string, who: string, option: string, value: string): Promise<void> {
  await tool(conf, 'ceph', 'config', 'set', who, option, value);
}

/** Copies of the objects that stand still that an OSD has, by where the map puts them. */
async function share(conf: string, osd: number): Promise<number> {
  const text = await tool(conf, 'ceph', 'pg', 'ls-by-osd', `osd.${osd}`, '--format', 'json');
  const rows = (JSON.parse(text) as { pg_stats: unknown[] }).pg_stats;
  return rows.length / 64;
}

async function measure(cluster: BenchCluster): Promise<Figures> {
  const { conf, name } = cluster;
  await set(conf, 'mon', 'mon_osd_down_out_interval', values.out);
  for (const s of values.set) await set(conf, 'osd', s.split('=')[0]!, s.split('=')[1]!);
  if (name === 'Ceph') await set(conf, 'mgr', 'mgr_stats_period', '1');
  await benchPool(cluster);
  await untilClean(conf);
  await using clients = await Clients.connect(cluster, CLIENTS);
  say(name, 'filling');
  await fillPool(clients.pools[0]!, objects, bytes);
  const load = new ClientLoad(clients.pools, Number(values.depth), Number(values['load-bytes']));
  try {
    say(name, 'before');
    await wait(seconds / 2);
    load.take();
    await wait(seconds);
    const before = load.take();
    say(name, `kill -9 of osd.${VICTIM}`);
    let started = performance.now();
    process.kill(daemonsOf(conf).get(`osd.${VICTIM}`)!, 'SIGKILL');
    await untilClean(conf, (pgs) => pgs.every((p) => !p.acting.includes(VICTIM)));
    const cleanAfterKillS = (performance.now() - started) / 1000;
    const killed = load.take();
    await wait(seconds);
    const calm = load.take();
    say(name, 'an OSD more');
    started = performance.now();
    await cluster.addOsd();
    await untilClean(conf, (pgs) => pgs.some((p) => p.acting.includes(OSDS)));
    const cleanAfterAddS = (performance.now() - started) / 1000;
    const added = load.take();
    const copies = objects * (await share(conf, OSDS));
    return {
      ...{ name, before, killed, cleanAfterKillS, calm, added, cleanAfterAddS },
      mibPerSecond: (copies * bytes) / 2 ** 20 / cleanAfterAddS,
      objectsPerSecond: copies / cleanAfterAddS,
    };
  } finally {
    await load.stop();
  }
}

const ROWS: readonly (readonly [string, (f: Figures) => number])[] = [
  ['ops/s before', (f) => f.before.perSecond],
  ['p50 before, ms', (f) => f.before.p50],
  ['p99 before, ms', (f) => f.before.p99],
  ['longest gap after kill -9, ms', (f) => f.killed.gapMs],
  ['clean after kill -9, s', (f) => f.cleanAfterKillS],
  ['ops/s after kill -9 until clean', (f) => f.killed.perSecond],
  ['p99 after kill -9 until clean, ms', (f) => f.killed.p99],
  ['  as times of before', (f) => f.killed.p99 / f.before.p99],
  ['p99 when clean with three, ms', (f) => f.calm.p99],
  ['clean after an OSD was added, s', (f) => f.cleanAfterAddS],
  ['import, MiB/s', (f) => f.mibPerSecond],
  ['import, objects/s', (f) => f.objectsPerSecond],
  ['longest gap while importing, ms', (f) => f.added.gapMs],
  ['ops/s while importing', (f) => f.added.perSecond],
  ['p99 while importing, ms', (f) => f.added.p99],
  ['  as times of when clean', (f) => f.added.p99 / f.calm.p99],
];

const all: Figures[] = [];
const starts = [() => startOurs(OSDS, Number(values.shards))];
if (values.ceph) starts.push(() => startCeph(OSDS, { mgr: true }));
for (const start of starts) {
  const cluster = await start();
  try {
    all.push(await measure(cluster));
  } finally {
    await cluster.stop();
  }
}
if (values.json) console.log(JSON.stringify({ machine: machine(), options: values, all }));
else {
  const [ours, ceph] = all;
  console.log(
    `${machine()}; ${objects} objects of ${bytes} bytes, ${values.depth} clients' requests of ` +
      `${values['load-bytes']} bytes at a time, out after ${values.out} s\n`,
  );
  const rows = ROWS.map(([label, of]) => [
    label,
    shown(of(ours!)),
    ...(ceph ? [shown(of(ceph)), shown(of(ours!) / of(ceph), 2)] : []),
  ]);
  console.log(table(['', 'ours', ...(ceph ? ['Ceph', 'ratio'] : [])], rows));
}
