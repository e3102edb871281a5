/**
 * Writes of 4 KiB through our own client to a new cluster of ours with three OSDs, a pool of size 3 with 64 PGs, by the
 * level that they are answered at, one at a time and sixteen. The levels take turns. CPU is that of all daemons.
 * Run: npm run bench:ack -- [--seconds 3] [--rounds 5]
 */
import { parseArgs } from 'node:util';
import { connect, type WriteOptions } from '../src/client/index.ts';
import { benchPool, startOurs } from './support/clusters.ts';
import { median, quantile, shown, table } from './support/figures.ts';
import { cpuSeconds, daemonsOf, machine } from './support/processes.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '5' },
  },
});
const LEVELS = ['memory', 'journal', 'disk'] as const;
const DEPTHS = [1, 16] as const;
const OBJECTS = 2000;
const data = Buffer.alloc(4096, 7);

interface Run {
  readonly opsPerSecond: number;
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
}

const cluster = await startOurs(3);
try {
  await benchPool(cluster);
  const rados = await connect({ conf: cluster.conf });
  const pool = await rados.pool('bench');
  const pids = [...daemonsOf(cluster.conf).values()];
  let next = 0;

  const measure = async (depth: number, ack: WriteOptions['ack'], ms: number): Promise<Run> => {
    const took: number[] = [];
    const cpu = cpuSeconds(pids);
    const start = performance.now();
    const worker = async () => {
      for (let at = performance.now(); at - start < ms; ) {
        await pool.object(`o${next++ % OBJECTS}`).writeFull(data, { ack });
        const now = performance.now();
        took.push(now - at);
        at = now;
      }
    };
    await Promise.all(Array.from({ length: depth }, worker));
    const seconds = (performance.now() - start) / 1000;
    // What was answered before it was durable costs its part later: the next run begins when that is done.
    await pool.object('end').writeFull(data, { ack: 'disk' });
    return {
      opsPerSecond: took.length / seconds,
      meanMs: took.reduce((a, b) => a + b, 0) / took.length,
      p99Ms: quantile(took, 0.99),
      cpuMs: ((cpuSeconds(pids) - cpu) * 1000) / took.length,
    };
  };

  for (const ack of LEVELS) await measure(16, ack, 1000);
  const runs = new Map<string, Run[]>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const depth of DEPTHS) {
      for (const ack of LEVELS) {
        const key = `${ack} ${depth}`;
        const run = await measure(depth, ack, Number(values.seconds) * 1000);
        runs.set(key, [...(runs.get(key) ?? []), run]);
      }
    }
  }
  console.log(machine());
  const rows = [...runs].map(([key, all]) => {
    const of = (what: keyof Run): string => shown(median(all.map((r) => r[what])));
    return [key, of('opsPerSecond'), of('meanMs'), of('p99Ms'), of('cpuMs')];
  });
  console.log(table(['level, depth', 'writes/s', 'mean ms', 'p99 ms', 'CPU ms/op'], rows));
  await rados.close();
} finally {
  await cluster.stop();
}
