/**
 * From nothing to the first durable write: `sepiola up --detach`, a pool, one object written with our client; then the
 * resident memory of all daemons at rest. Run: npm run bench:start [-- ROUNDS]
 */
import { readFileSync } from 'node:fs';
import { connect } from '../src/client/index.ts';
import { startCluster } from '../src/cluster/index.ts';
import { ClusterFolder, sepiola } from '../test/support/sepiola.ts';

const rounds = Number(process.argv[2] ?? 5);
const seconds = (from: number): string => ((performance.now() - from) / 1000).toFixed(2);
/** Pages of the process in memory, shared ones counted in each process. Source: proc(5), VmRSS. */
function residentMib(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];
  return Number(kib) / 1024;
}

for (let round = 1; round <= rounds; round++) {
  const cluster = new ClusterFolder();
  try {
    const started = performance.now();
    const up = await sepiola('up', cluster.dir, '--detach');
    if (up.code !== 0) throw new Error(up.stderr);
    const healthy = seconds(started);
    await using rados = await connect({ conf: cluster.conf });
    const pool = await rados.createPool('first');
    await pool.object('write').writeFull('durable');
    const written = seconds(started);
    const memory = [...cluster.pids().values()].reduce((sum, pid) => sum + residentMib(pid), 0);
    console.log(
      `processes: healthy ${healthy} s, first write ${written} s, ${memory.toFixed(0)} MiB resident`,
    );
  } finally {
    await cluster.clear();
  }
}
for (let round = 1; round <= rounds; round++) {
  const started = performance.now();
  await using cluster = await startCluster({ osds: 3 });
  const ready = seconds(started);
  await using rados = await cluster.connect();
  const pool = await rados.createPool('first');
  await pool.object('write').writeFull('in memory');
  console.log(`in this process: ready ${ready} s, first write ${seconds(started)} s`);
}
