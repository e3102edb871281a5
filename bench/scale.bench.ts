/**
 * How a cluster scales: 4 KiB writes and reads by so many clients on so many OSDs, all on this machine. A client is one of
 * ours, with connections of its own and one op under way; all clients of a table live in the process of this program, so
 * where that process is busy all the time (last column) the figure is its own limit and no longer the cluster's.
 * Pools have 64 PGs and three copies, or as many as there are OSDs. With --ceph each size is measured on either in turn.
 * Run: npm run bench:scale -- [--seconds 3] [--osds 1,3,6,12] [--clients 1,8,64] [--ceph] [--only-ceph]
 */
import { parseArgs } from 'node:util';
import { type BenchCluster, benchPool, startCeph, startOurs } from './support/clusters.ts';
import { median, quantile, shown, table } from './support/figures.ts';
import { Clients, runWorkers } from './support/load.ts';
import { cpuSeconds, daemonsOf, machine } from './support/processes.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    osds: { type: 'string', default: '1,3,6,12' },
    clients: { type: 'string', default: '1,8,64' },
    ceph: { type: 'boolean', default: false },
    'only-ceph': { type: 'boolean', default: false },
  },
});
const numbers = (list: string): number[] => list.split(',').map(Number);
const seconds = Number(values.seconds);
const WARM_UP_SECONDS = 5;
const DATA = Buffer.alloc(4096, 7);
/** Objects that each client writes over and over, and reads. */
const OBJECTS = 200;

interface Cell {
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Of all daemons. */
  readonly cpuMsPerOp: number;
  /** Part of a core that the clients took. */
  readonly clientCpu: number;
}

async function cell(
  cluster: BenchCluster,
  clients: Clients,
  what: 'write' | 'read',
  time: number,
): Promise<Cell> {
  const pids = [...daemonsOf(cluster.conf).values()];
  const before = cpuSeconds(pids);
  const own = process.cpuUsage();
  const started = performance.now();
  const times: number[] = [];
  await runWorkers(
    clients.pools.length,
    started + time * 1000,
    (w, i) => {
      const object = clients.pools[w]!.object(`client ${w} object ${i % OBJECTS}`);
      return what === 'write' ? object.writeFull(DATA) : object.read();
    },
    (ms) => times.push(ms),
  );
  const tookMs = performance.now() - started;
  const { user, system } = process.cpuUsage(own);
  return {
    perSecond: (times.length * 1000) / tookMs,
    medianMs: median(times),
    p99Ms: quantile(times, 0.99),
    cpuMsPerOp: ((cpuSeconds(pids) - before) * 1000) / times.length,
    clientCpu: (user + system) / 1000 / tookMs,
  };
}

/** All objects of all clients, so that every read finds one. */
async function fill(clients: Clients): Promise<void> {
  for (const [w, pool] of clients.pools.entries()) {
    for (let i = 0; i < OBJECTS; i += 50) {
      await Promise.all(
        Array.from({ length: 50 }, (_, k) =>
          pool.object(`client ${w} object ${i + k}`).writeFull(DATA),
        ),
      );
    }
  }
}

const HEAD = ['OSDs', 'clients', 'op', 'ops/s', 'median ms', 'p99 ms', 'CPU ms/op', 'clients busy'];

async function rowsOf(start: (osds: number) => Promise<BenchCluster>, osds: number) {
  const cluster = await start(osds);
  const rows: string[][] = [];
  try {
    await benchPool(cluster);
    {
      await using clients = await Clients.connect(cluster, 16);
      await cell(cluster, clients, 'write', WARM_UP_SECONDS);
    }
    for (const count of numbers(values.clients)) {
      await using clients = await Clients.connect(cluster, count);
      await fill(clients);
      for (const what of ['write', 'read'] as const) {
        const c = await cell(cluster, clients, what, seconds);
        rows.push([
          String(osds),
          String(count),
          what,
          shown(c.perSecond, 0),
          shown(c.medianMs),
          shown(c.p99Ms),
          shown(c.cpuMsPerOp, 3),
          `${shown(c.clientCpu * 100, 0)} %`,
        ]);
        process.stderr.write(`${cluster.name} ${rows.at(-1)!.join('  ')}\n`);
      }
    }
  } finally {
    await cluster.stop();
  }
  return rows;
}

console.log(`${machine()}; ${seconds} s each after ${WARM_UP_SECONDS} s for each cluster`);
const sides = [
  ...(values['only-ceph'] ? [] : [{ name: 'ours', start: startOurs, rows: [] as string[][] }]),
  ...(values.ceph || values['only-ceph']
    ? [{ name: 'Ceph 16.2', start: startCeph, rows: [] as string[][] }]
    : []),
];
for (const osds of numbers(values.osds)) {
  for (const { start, rows } of sides) rows.push(...(await rowsOf(start, osds)));
}
for (const { name, rows } of sides) console.log(`\n${name}\n\n${table(HEAD, rows)}`);
