/**
 * A long even load on a new cluster of ours: writes, reads and deletes of 4 KiB and 64 KiB over a fixed set of objects, so
 * that the space in use stays as it is. Every read is compared with what was written last. A row is printed for each
 * interval; the end says whether memory or latency grew between the first and the last third after the warm-up, and
 * the exit status is 1 if one did, or a byte was wrong.
 * Run: npm run bench:soak -- [--minutes 10] [--depth 64] [--clients 8] [--interval 10] [--osds 3]
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tempFolder } from '../test/support/temp-folder.ts';
import { type BenchCluster, benchPool, startOurs } from './support/clusters.ts';
import { quantile, shown, table } from './support/figures.ts';
import { growth } from './support/growth.ts';
import { Clients, runWorkers } from './support/load.ts';
import { daemonsOf, type Memory, machine, memoryOf } from './support/processes.ts';
import { SoakObjects } from './support/soak-objects.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    depth: { type: 'string', default: '64' },
    clients: { type: 'string', default: '8' },
    interval: { type: 'string', default: '10' },
    osds: { type: 'string', default: '3' },
  },
});
const minutes = Number(values.minutes);
const depth = Number(values.depth);
const intervalMs = Number(values.interval) * 1000;
/** The first part of the run, in which caches fill and code becomes fast. */
const WARM_UP_PART = 0.25;
const ALLOWED_MEMORY = { part: 0.1, amount: 8 };
const ALLOWED_LATENCY = { part: 0.3, amount: 1 };

interface OsdMemory extends Memory {
  readonly heap: number;
}
interface Sample {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly osds: readonly OsdMemory[];
}

const heapDir = tempFolder('soak');

async function startWatched(): Promise<BenchCluster> {
  process.env.SEPIOLA_HEAP = heapDir;
  process.env.NODE_OPTIONS = `--require=${fileURLToPath(new URL('./support/heap-report.cjs', import.meta.url))}`;
  try {
    return await startOurs(Number(values.osds));
  } finally {
    delete process.env.NODE_OPTIONS;
  }
}

function memories(cluster: BenchCluster): OsdMemory[] {
  return [...daemonsOf(cluster.conf)]
    .filter(([name]) => name.startsWith('osd.'))
    .map(([, pid]) => {
      const { heapUsed } = JSON.parse(readFileSync(join(heapDir, String(pid)), 'utf8')) as {
        heapUsed: number;
      };
      return { ...memoryOf(pid), heap: heapUsed / 2 ** 20 };
    });
}

function rowOf(atMs: number, s: Sample): string {
  const osds = s.osds.map(
    (m) => `${shown(m.anonymous, 0)}+${shown(m.file, 0)} (${shown(m.heap, 0)})`,
  );
  return [
    `${shown(atMs / 1000, 0)} s`.padStart(7),
    shown(s.perSecond, 0).padStart(7),
    shown(s.p50).padStart(6),
    shown(s.p99).padStart(6),
    ...osds.map((o) => o.padStart(13)),
  ].join('  ');
}

async function soak(cluster: BenchCluster): Promise<{ samples: Sample[]; wrong: string[] }> {
  await using clients = await Clients.connect(cluster, Number(values.clients));
  const objects = new SoakObjects(clients.pools, depth);
  const samples: Sample[] = [];
  let times: number[] = [];
  let since = performance.now();
  const started = since;
  const timer = setInterval(() => {
    const now = performance.now();
    samples.push({
      perSecond: (times.length * 1000) / (now - since),
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      osds: memories(cluster),
    });
    console.log(rowOf(now - started, samples.at(-1)!));
    times = [];
    since = now;
  }, intervalMs);
  try {
    await runWorkers(
      depth,
      started + minutes * 60_000,
      (worker) => objects.step(worker),
      (ms) => times.push(ms),
    );
  } finally {
    clearInterval(timer);
  }
  return { samples, wrong: objects.wrong };
}

function verdict(samples: readonly Sample[]): boolean {
  const warmUp = Math.ceil(samples.length * WARM_UP_PART);
  const figures = [
    { name: 'latency p50, ms', of: (s: Sample) => s.p50, allowed: ALLOWED_LATENCY },
    { name: 'latency p99, ms', of: (s: Sample) => s.p99, allowed: ALLOWED_LATENCY },
    ...samples[0]!.osds.flatMap((_, i) => [
      {
        name: `osd.${i} its own, MiB`,
        of: (s: Sample) => s.osds[i]!.anonymous,
        allowed: ALLOWED_MEMORY,
      },
      {
        name: `osd.${i} resident, MiB`,
        of: (s: Sample) => s.osds[i]!.resident,
        allowed: ALLOWED_MEMORY,
      },
    ]),
  ].map(({ name, of, allowed }) => ({ name, ...growth(samples.map(of), warmUp, allowed) }));
  console.log(
    `\n${table(
      ['', 'first third', 'last third', 'grows'],
      figures.map((f) => [f.name, shown(f.first), shown(f.last), f.grows ? 'YES' : 'no']),
    )}`,
  );
  return figures.some((f) => f.grows);
}

const cluster = await startWatched();
try {
  await benchPool(cluster);
  console.log(`${machine()}; depth ${depth} by ${values.clients} clients\n`);
  console.log('   time    ops/s  p50 ms  p99 ms  per OSD, MiB: its own + of files (heap in use)');
  const { samples, wrong } = await soak(cluster);
  const grows = verdict(samples);
  for (const line of wrong) console.log(line);
  console.log(`\n${grows ? 'it grows' : 'nothing grows'}; ${wrong.length} wrong answers`);
  process.exitCode = grows || wrong.length > 0 ? 1 : 0;
} finally {
  await cluster.stop();
  rmSync(heapDir, { recursive: true, force: true });
}
