import { runTool } from '../../test/support/differential.ts';
import { startReference } from '../../test/support/reference-cluster.ts';
import { ClusterFolder, sepiola } from '../../test/support/sepiola.ts';

/** A cluster of processes on this machine: ours as built, or a real Ceph. */
export interface BenchCluster {
  readonly name: 'ours' | 'Ceph';
  readonly conf: string;
  /** An empty OSD that runs and is up. */
  addOsd(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOurs(osds: number, shards = 1): Promise<BenchCluster> {
  const folder = new ClusterFolder();
  const counts = ['--osds', String(osds), '--shards', String(shards)];
  const up = await sepiola('up', folder.dir, '--detach', ...counts);
  if (up.code !== 0) {
    await folder.clear();
    throw new Error(up.stderr);
  }
  const addOsd = async (): Promise<void> => {
    const added = await sepiola('osd', 'add', folder.dir);
    if (added.code !== 0) throw new Error(added.stderr);
  };
  return { name: 'ours', conf: folder.conf, addOsd, stop: () => folder.clear() };
}

/** @param options see startReference */
export async function startCeph(osds: number, options?: { mgr?: boolean }): Promise<BenchCluster> {
  return { name: 'Ceph', ...(await startReference(osds, options)) };
}

/** Runs a tool of Debian's on a cluster. @returns what it printed; throws when it fails */
export async function tool(conf: string, ...argv: string[]): Promise<string> {
  const r = await runTool(conf, argv, { timeoutMs: 300_000 });
  if (r.code !== 0) throw new Error(`${argv.join(' ')} (${r.code}): ${r.stderr}`);
  return r.stdout;
}

/** A pool of 64 PGs with as many copies as the cluster gives a new one: three, or one for each OSD of fewer. */
export async function benchPool(cluster: BenchCluster): Promise<void> {
  await tool(cluster.conf, 'ceph', 'osd', 'pool', 'create', 'bench', '64', '64', 'replicated');
}
