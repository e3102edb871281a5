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

  export CEPH_CONF=${dir.conf}
  ceph -s
  ceph osd pool create demo
  rados -p demo put hello /etc/hostname
  rados -p demo ls

  import { connect } from 'sepiola/rados';
  await using rados = await connect({ conf: '${dir.conf}' });

${detached ? `stop it with: sepiola down ${dir.path}` : 'Ctrl-C stops it; the data is kept'}
`;
}
