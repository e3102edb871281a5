/**
 * What shards give and cost: OSDs with 1, 2 and 4 threads for their PGs under Debian's `rados bench` at depth 16, and the
 * CPU that the OSDs take for an operation. All clusters are there the whole time and have their turn in each round; the
 * figures are medians of the rounds. Threads pay where there are cores for them: with one OSD on a machine of many. Where
 * OSDs, monitor and client fill the cores already, what is seen is the price of the way between threads.
 * Run: npm run bench:shards -- [--osds 1] [--seconds 3] [--rounds 3] [--shards 1,2,4]
 */
import { parseArgs } from 'node:util';
import { type BenchCluster, benchPool, startOurs } from './support/clusters.ts';
import { median, shown, table } from './support/figures.ts';
import { cpuSeconds, daemonsOf, machine, memoryOf } from './support/processes.ts';
import { clean, type Load, radosBench } from './support/rados-bench.ts';

const { values } = parseArgs({
  options: {
    osds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    shards: { type: 'string', default: '1,2,4' },
  },
});
const osds = Number(values.osds);
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const counts = values.shards.split(',').map(Number);

const CASES: readonly (readonly [string, Load])[] = [
  ['4 KiB write', { what: 'write', bytes: 4096, depth: 16, run: 'small' }],
  ['4 KiB read', { what: 'rand', bytes: 4096, depth: 16, run: 'small' }],
  ['4 MiB write', { what: 'write', bytes: 4 << 20, depth: 16, objectsMax: 100, run: 'large' }],
  ['4 MiB read', { what: 'rand', bytes: 4 << 20, depth: 16, run: 'large' }],
];

interface Figures {
  readonly perSecond: number[];
  readonly cpuMsPerOp: number[];
}

const osdsOf = (c: BenchCluster): number[] =>
  [...daemonsOf(c.conf)].flatMap(([name, pid]) => (name.startsWith('osd.') ? [pid] : []));

async function measure(cluster: BenchCluster, load: Load, into: Figures): Promise<void> {
  const pids = osdsOf(cluster);
  const before = cpuSeconds(pids);
  const { ops, opsPerSecond } = await radosBench(cluster.conf, seconds, load);
  into.perSecond.push(opsPerSecond);
  into.cpuMsPerOp.push(((cpuSeconds(pids) - before) * 1000) / ops);
}

const clusters: BenchCluster[] = [];
try {
  for (const shards of counts) {
    const cluster = await startOurs(osds, shards);
    clusters.push(cluster);
    await benchPool(cluster);
    await radosBench(cluster.conf, 2, { ...CASES[0]![1], run: 'warm' });
  }
  const rows: string[][] = [];
  for (const [name, load] of CASES) {
    const figures = counts.map((): Figures => ({ perSecond: [], cpuMsPerOp: [] }));
    for (let round = 0; round < rounds; round++) {
      for (const [i, cluster] of clusters.entries()) {
        if (load.what === 'write' && round > 0) await clean(cluster.conf, load.run);
        await measure(cluster, load, figures[i]!);
      }
    }
    for (const [i, f] of figures.entries()) {
      const cells = [median(f.perSecond), median(f.cpuMsPerOp)];
      rows.push([name, String(counts[i]), ...cells.map((cell) => shown(cell))]);
    }
  }
  console.log(`${osds} OSD(s), ${machine()}\n`);
  console.log(table(['depth 16', 'shards', 'per second', 'CPU ms per op'], rows));
  const memory = clusters.map((c) => Math.max(...osdsOf(c).map((pid) => memoryOf(pid).resident)));
  console.log('');
  console.log(
    table(
      ['shards', 'MiB resident in an OSD afterwards'],
      counts.map((count, i) => [String(count), shown(memory[i]!)]),
    ),
  );
} finally {
  for (const cluster of clusters) await cluster.stop();
}
