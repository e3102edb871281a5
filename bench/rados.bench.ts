/**
 * Debian's `rados bench` on a new cluster of ours and on a real Ceph 16.2, in turn: three OSDs each, size 3, 64 PGs, data
 * on disk. Prints the median of each and of the ratios ours/Ceph with their spread.
 * Run: npm run bench:rados -- [--seconds 5] [--rounds 3] [--cases w4k,r4k,w4k1,w64k,w4m,r4m]
 */
import { parseArgs } from 'node:util';
import { runTool } from '../test/support/differential.ts';
import { startReference } from '../test/support/reference-cluster.ts';
import { ClusterFolder, sepiola } from '../test/support/sepiola.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    cases: { type: 'string', default: 'w4k,r4k,w4k1,w64k,w4m,r4m' },
  },
});
interface Case {
  readonly what: 'write' | 'rand' | 'seq';
  readonly bytes: number;
  readonly depth: number;
}
const CASES: Readonly<Record<string, Case>> = {
  w4k: { what: 'write', bytes: 4096, depth: 16 },
  r4k: { what: 'rand', bytes: 4096, depth: 16 },
  w4k1: { what: 'write', bytes: 4096, depth: 1 },
  w64k: { what: 'write', bytes: 65536, depth: 16 },
  w4m: { what: 'write', bytes: 4 << 20, depth: 16 },
  r4m: { what: 'seq', bytes: 4 << 20, depth: 16 },
};

async function run(conf: string, ...argv: string[]): Promise<string> {
  const r = await runTool(conf, argv, { timeoutMs: 180_000 });
  if (r.code !== 0) throw new Error(`${argv.join(' ')}: ${r.stderr}`);
  return r.stdout;
}

/** Operations per second. */
async function bench(conf: string, seconds: string, c: Case): Promise<number> {
  const size =
    c.what === 'write' ? ['-b', String(c.bytes), '-O', String(c.bytes), '--no-cleanup'] : [];
  const text = await run(
    conf,
    'rados',
    'bench',
    '-p',
    'bench',
    seconds,
    c.what,
    '-t',
    String(c.depth),
    ...size,
  );
  const figure = (label: string): number =>
    Number(new RegExp(`^${label}[^:]*:\\s*([0-9.]+)`, 'm').exec(text)![1]);
  return figure('Total (?:writes|reads) made') / figure('Total time run');
}

const median = (list: number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1]!;

const folder = new ClusterFolder();
const reference = await startReference(3);
try {
  const up = await sepiola('up', folder.dir, '--detach');
  if (up.code !== 0) throw new Error(up.stderr);
  const confs = [folder.conf, reference.conf] as const;
  for (const conf of confs) await run(conf, 'ceph', 'osd', 'pool', 'create', 'bench', '64', '64');
  console.log('case    ours/s    Ceph/s   ratio (lowest-highest)');
  for (const name of values.cases.split(',')) {
    const c = CASES[name];
    if (!c) throw new Error(`no case '${name}'`);
    const rows: [number[], number[]] = [[], []];
    for (const conf of confs) await bench(conf, '2', { ...c, what: 'write' }); // a warm-up, and objects to read
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const i of [0, 1] as const) rows[i].push(await bench(confs[i], values.seconds, c));
    }
    const ratios = rows[0].map((ours, i) => ours / rows[1][i]!);
    const [ours, ceph] = rows.map((r) => median(r).toFixed(1).padStart(9)) as [string, string];
    const spread = `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
    console.log(`${name.padEnd(5)} ${ours} ${ceph}   ${median(ratios).toFixed(2)} (${spread})`);
    for (const conf of confs)
      await run(conf, 'rados', '-p', 'bench', 'cleanup', '--prefix', 'benchmark_data');
  }
} finally {
  await folder.clear();
  await reference.stop();
}
