/**
 * The referee: Debian's `rados bench` on a new cluster of ours and on a real Ceph 16.2 beside it. Both have three OSDs on
 * the same disk and a pool of size 3 with 64 PGs. Both are warmed up, then the runs take turns, and whose is first
 * changes from round to round; reads read as many objects on either. CPU is that of all daemons of a cluster between
 * start and end of a run, divided by its operations.
 * Run: npm run bench:rados -- [--seconds 5] [--rounds 5] [--warm-up 10] [--cases w4k,r4k,w4k1,w64k,r64k,w4m,r4m] [--json]
 */
import { parseArgs } from 'node:util';
import { type BenchCluster, benchPool, startCeph, startOurs } from './support/clusters.ts';
import { median, shown, table } from './support/figures.ts';
import { cpuSeconds, daemonsOf, type Memory, machine, memoryOf } from './support/processes.ts';
import { clean, type Load, loadsOf, radosBench, type Speed } from './support/rados-bench.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '10' },
    cases: { type: 'string', default: 'w4k,r4k,w4k1,w64k,r64k,w4m,r4m' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const cases = loadsOf(values.cases);

interface Run extends Speed {
  /** Of all daemons, for one operation. */
  readonly cpuMs: number;
}
const SIDES = [0, 1] as const;
type Both<T> = readonly [T, T];

/** Enough for a few seconds of reading, and small enough to be written soon. */
const readObjects = (bytes: number): number => (bytes >= 1 << 20 ? 200 : 2_000);
const READ_RUN = 'to_read';

async function prepare(conf: string, load: Load): Promise<void> {
  if (load.what === 'write') return;
  const objectsMax = readObjects(load.bytes);
  await radosBench(conf, 120, { ...load, what: 'write', depth: 16, objectsMax, run: READ_RUN });
}

async function measure(conf: string, load: Load): Promise<Run> {
  const pids = [...daemonsOf(conf).values()];
  const before = cpuSeconds(pids);
  const isRead = load.what !== 'write';
  const speed = await radosBench(conf, seconds, isRead ? { ...load, run: READ_RUN } : load);
  const cpuMs = ((cpuSeconds(pids) - before) * 1000) / speed.ops;
  if (!isRead) await clean(conf);
  return { ...speed, cpuMs };
}

async function runCase(confs: Both<string>, load: Load): Promise<Both<Run[]>> {
  const runs: Both<Run[]> = [[], []];
  for (const conf of confs) await prepare(conf, load);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const i of round % 2 === 0 ? SIDES : [...SIDES].reverse()) {
      runs[i]!.push(await measure(confs[i]!, load));
    }
  }
  if (load.what !== 'write') for (const conf of confs) await clean(conf, READ_RUN);
  return runs;
}

/** Middle, lowest and highest of the ratios of the rounds. */
function ratio(of: Both<readonly number[]>): { median: number; lowest: number; highest: number } {
  const all = of[0].map((ours, round) => ours / of[1][round]!);
  return { median: median(all), lowest: Math.min(...all), highest: Math.max(...all) };
}

const HEAD = [
  'case',
  'ours/s',
  'Ceph/s',
  'ratio (lowest-highest)',
  'ours ms',
  'Ceph ms',
  'ours CPU ms/op',
  'Ceph CPU ms/op',
  'CPU ratio (lowest-highest)',
];

function summary(name: string, runs: Both<Run[]>) {
  const part = (which: 'opsPerSecond' | 'meanMs' | 'cpuMs'): Both<number[]> => [
    runs[0].map((r) => r[which]),
    runs[1].map((r) => r[which]),
  ];
  const side = (i: 0 | 1) => ({
    opsPerSecond: median(part('opsPerSecond')[i]),
    meanMs: median(part('meanMs')[i]),
    cpuMs: median(part('cpuMs')[i]),
  });
  return {
    case: name,
    ours: side(0),
    ceph: side(1),
    ratio: ratio(part('opsPerSecond')),
    cpuRatio: ratio(part('cpuMs')),
  };
}

function row(s: ReturnType<typeof summary>): string[] {
  const spread = (r: ReturnType<typeof ratio>): string =>
    `${shown(r.median, 2)} (${shown(r.lowest, 2)}-${shown(r.highest, 2)})`;
  return [
    s.case,
    shown(s.ours.opsPerSecond, 0),
    shown(s.ceph.opsPerSecond, 0),
    spread(s.ratio),
    shown(s.ours.meanMs),
    shown(s.ceph.meanMs),
    shown(s.ours.cpuMs, 3),
    shown(s.ceph.cpuMs, 3),
    spread(s.cpuRatio),
  ];
}

function osdMemories(cluster: BenchCluster): { name: string; memory: Memory }[] {
  return [...daemonsOf(cluster.conf)]
    .filter(([name]) => name.startsWith('osd.'))
    .map(([name, pid]) => ({ name: `${cluster.name} ${name}`, memory: memoryOf(pid) }));
}

const clusters: BenchCluster[] = [];
try {
  for (const start of [startOurs, startCeph]) {
    const cluster = await start(3);
    clusters.push(cluster);
    await benchPool(cluster);
  }
  const confs = clusters.map((c) => c.conf) as unknown as Both<string>;
  for (const conf of confs) {
    await radosBench(conf, Number(values['warm-up']), { what: 'write', bytes: 4096, depth: 16 });
    await clean(conf);
  }
  const rows = [];
  for (const { name, load } of cases) {
    rows.push(summary(name, await runCase(confs, load)));
    process.stderr.write(`${row(rows.at(-1)!).join('  ')}\n`);
  }
  const memory = clusters.flatMap(osdMemories);
  if (values.json) {
    console.log(JSON.stringify({ machine: machine(), options: values, cases: rows, memory }));
  } else {
    console.log(
      `${machine()}; ${values.rounds} rounds of ${seconds} s after ${values['warm-up']} s each\n`,
    );
    console.log(table(HEAD, rows.map(row)));
    const cells = (m: Memory): string[] => [m.resident, m.anonymous, m.file].map((v) => shown(v));
    console.log(
      `\n${table(
        ['MiB at the end', 'resident', 'its own', 'of files'],
        memory.map(({ name, memory: m }) => [name, ...cells(m)]),
      )}`,
    );
  }
} finally {
  for (const cluster of clusters) await cluster.stop();
}
