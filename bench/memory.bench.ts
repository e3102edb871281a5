/**
 * Memory of the daemons: at rest, as processes and as a cluster inside one process, then of each OSD after each of six
 * loads of `rados bench`, one after the other on one cluster. "own" is heap, buffers and stacks; the rest are pages of
 * files, which processes share: the program's and the metadata store's map. The last column is what the OSD itself says
 * it holds. Ends with status 1 when an OSD has more than is wanted.
 * Run: npm run bench:memory -- [--seconds 4] [--cases w4k,r4k,w4k1,w64k,w4m,r4m]
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { benchPool, startOurs, tool } from './support/clusters.ts';
import { shown, table } from './support/figures.ts';
import { cpuSeconds, daemonsOf, machine, memoryOf } from './support/processes.ts';
import { loadsOf, radosBench } from './support/rados-bench.ts';

/** MiB resident: of an OSD under load, and of the embedded cluster at rest for each of its OSDs. */
const LOAD_MAX = 256;
const REST_MAX = 60;
const OSDS = 3;
const REST_MS = 3_000;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    cases: { type: 'string', default: 'w4k,r4k,w4k1,w64k,w4m,r4m' },
  },
});

/** Resident MiB of a process that has done nothing but `startCluster()`. */
async function embedded(): Promise<number> {
  const cluster = new URL('../dist/cluster/index.js', import.meta.url).href;
  const program = `
    const { startCluster } = await import('${cluster}');
    const cluster = await startCluster({ osds: ${OSDS}, pools: ['first'] });
    await new Promise((done) => setTimeout(done, ${REST_MS}));
    console.log(process.memoryUsage.rss());
    await cluster.close();`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--input-type=module',
    '--eval',
    program,
  ]);
  return Number(stdout) / 2 ** 20;
}

/** MiB that an OSD says it holds. */
async function counted(conf: string, osd: string): Promise<number> {
  const { mempool } = JSON.parse(await tool(conf, 'ceph', 'tell', osd, 'dump_mempools')) as {
    mempool: { total: { bytes: number } };
  };
  return mempool.total.bytes / 2 ** 20;
}

const cluster = await startOurs(OSDS);
try {
  const { conf } = cluster;
  await benchPool(cluster);
  await new Promise((done) => setTimeout(done, REST_MS));
  const rest = [...daemonsOf(conf)].map(([name, pid]) => {
    const { resident, anonymous, file } = memoryOf(pid);
    return [name, ...[resident, anonymous, file].map((n) => shown(n, 0))];
  });
  const share = (await embedded()) / OSDS;
  const osds = [...daemonsOf(conf)].filter(([name]) => name.startsWith('osd'));
  const rows: string[][] = [];
  let most = 0;
  for (const { name, load } of loadsOf(values.cases)) {
    const pids = osds.map(([, pid]) => pid);
    const before = cpuSeconds(pids);
    const { ops } = await radosBench(conf, Number(values.seconds), load);
    const cpuMs = ((cpuSeconds(pids) - before) * 1000) / ops;
    for (const [osd, pid] of osds) {
      const { resident, anonymous, file } = memoryOf(pid);
      most = Math.max(most, resident);
      const held = await counted(conf, osd);
      const figures = [resident, anonymous, file, held].map((n) => shown(n, 0));
      rows.push([name, shown(ops, 0), shown(cpuMs, 2), osd, ...figures]);
    }
  }
  const head = ['MiB', 'own', 'of files'];
  console.log(`${machine()}\n\nAt rest:\n${table(['', ...head], rest)}`);
  console.log(
    `startCluster(), for each of ${OSDS} OSDs: ${shown(share, 0)} (wanted: ${REST_MAX})\n`,
  );
  console.log(table(['after', 'ops', 'CPU ms/op', '', ...head, 'counted'], rows));
  console.log(`\nThe largest OSD: ${shown(most, 0)} MiB (wanted: ${LOAD_MAX})`);
  if (most > LOAD_MAX || share > REST_MAX) process.exitCode = 1;
} finally {
  await cluster.stop();
}
