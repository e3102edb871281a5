import type { ClusterDir, ClusterFile } from '../cluster/index.ts';
import { statusText } from './health.ts';
import { runningDaemons } from './processes.ts';

const STATUS_MS = 10_000;

/** What runs, how it is, and lines to copy. */
export async function banner(
  dir: ClusterDir,
  cluster: ClusterFile,
  detached: boolean,
): Promise<string> {
  const daemons = runningDaemons(dir)
    .reverse()
    .map((d) => `${d.name} (pid ${d.pid})`)
    .join(', ');
  return `${(await statusText(dir, STATUS_MS)).trimEnd()}

running: ${daemons}
monitor: v2:${cluster.host}:${cluster.port}   data and logs: ${dir.path}

  export CEPH_CONF=${shellWord(dir.conf)}
  ceph -s
  ceph osd pool create demo
  rados -p demo put hello /etc/hostname
  rados -p demo ls

TypeScript (in the clone: npx tsx hello.ts):

  import { connect } from 'sepiola/rados';
  const rados = await connect({ conf: ${JSON.stringify(dir.conf)} });
  const pool = await rados.createPool('from-typescript');
  await pool.object('hello').writeFull('world');
  console.log((await pool.object('hello').read()).toString());
  await rados.close();

${detached ? `stop it with: sepiola down ${shellWord(dir.path)}` : 'Ctrl-C stops it; the data is kept'}
`;
}

/** A path as one word of a shell. */
function shellWord(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
