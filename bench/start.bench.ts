/**
 * From nothing to the first durable write, and the memory at rest. A round starts a cluster with `sepiola up --detach`,
 * makes a pool and writes one object with our client, then puts one with Debian's `rados` where that is installed; the
 * times are from the start of `up`, so the last includes all before it.
 * Run: npm run bench:start [-- ROUNDS]
 */
import { connect } from '../src/client/index.ts';
import { startCluster } from '../src/cluster/index.ts';
import { runTool } from '../test/support/differential.ts';
import { ClusterFolder, sepiola } from '../test/support/sepiola.ts';
import { tool } from './support/clusters.ts';
import { median, shown, table } from './support/figures.ts';
import { cpuSeconds, daemonsOf, type Memory, machine, memoryOf } from './support/processes.ts';

const rounds = Number(process.argv[2] ?? 5);
const hasRados = (await runTool('', ['rados', '--version'])).code === 0;
const REST_MS = 2_000;
const times = new Map<string, number[]>();
const note = (what: string, seconds: number): void => {
  times.set(what, [...(times.get(what) ?? []), seconds]);
};
const memories: Map<string, Memory>[] = [];

for (let round = 0; round < rounds; round++) {
  const cluster = new ClusterFolder();
  try {
    const started = performance.now();
    const since = (): number => (performance.now() - started) / 1000;
    const up = await sepiola('up', cluster.dir, '--detach');
    if (up.code !== 0) throw new Error(up.stderr);
    note('up has returned: healthy', since());
    note('CPU of the daemons until then', cpuSeconds(daemonsOf(cluster.conf).values()));
    {
      await using rados = await connect({ conf: cluster.conf });
      const pool = await rados.createPool('first');
      note('our client has a pool', since());
      await pool.object('write').writeFull('durable');
      note('our client has written', since());
    }
    if (hasRados) {
      await tool(cluster.conf, 'rados', '-p', 'first', 'put', 'put', '/etc/hostname');
      note("Debian's rados put has returned", since());
    }
    await new Promise((done) => setTimeout(done, REST_MS));
    const pids = [...daemonsOf(cluster.conf)];
    memories.push(new Map(pids.map(([name, pid]) => [name, memoryOf(pid)])));
  } finally {
    await cluster.clear();
  }
}
for (let round = 0; round < rounds; round++) {
  const started = performance.now();
  const since = (): number => (performance.now() - started) / 1000;
  await using cluster = await startCluster({ osds: 3 });
  const which = round === 0 ? 'first' : 'next';
  note(`startCluster() in this process, ${which}`, since());
  await using rados = await cluster.connect();
  const pool = await rados.createPool('first');
  await pool.object('write').writeFull('in memory');
  note(`the same and a write, ${which}`, since());
}

console.log(`${machine()}; ${rounds} rounds\n`);
console.log(
  table(
    ['seconds', 'median', 'lowest', 'highest'],
    [...times].map(([what, all]) => [
      what,
      ...[median(all), Math.min(...all), Math.max(...all)].map((s) => shown(s, 2)),
    ]),
  ),
);
const names = [...(memories[0]?.keys() ?? [])];
const middle = (name: string, part: keyof Memory): number =>
  median(memories.map((m) => m.get(name)![part]));
const row = (name: string): number[] =>
  (['resident', 'anonymous', 'file'] as const).map((part) => middle(name, part));
const rows = names.map(row);
const sums = [0, 1, 2].map((i) => rows.reduce((sum, r) => sum + r[i]!, 0));
console.log(
  `\n${table(
    ['MiB at rest', 'resident', 'its own', 'of files'],
    [
      ...names.map((name, i) => [name, ...rows[i]!.map((v) => shown(v, 1))]),
      ['all', ...sums.map((v) => shown(v, 1))],
    ],
  )}`,
);
