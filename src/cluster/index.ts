/**
 * A whole cluster in one call: `startCluster()` in this process, or the daemons of a directory one by one. Joins the
 * daemons to the real ports. The code of a daemon is loaded when it starts: a process that runs one, or none, starts
 * sooner and is smaller without the others'.
 */
import type { Logger } from '../runtime/index.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterDir, ClusterFile } from './layout.ts';
import type { StartClusterOptions } from './start-cluster.ts';

export type { Cluster } from './cluster.ts';
export type { ClusterOsd } from './cluster-osd.ts';
export * from './faults/faults.ts';
export * from './layout.ts';
export { awaitSpareCopies, SPARE_COPIES_MS } from './spare-copies.ts';
export type { StartClusterOptions } from './start-cluster.ts';

/** A daemon that runs in this process. */
export interface Daemon {
  /** Stops it cleanly; its data is durable afterwards. */
  close(): Promise<void>;
}

/**
 * Starts a whole cluster in this process: monitor, manager's part, OSDs. Resolves when every OSD is up and the pools
 * asked for are active. Everything is closed by `close` or `await using`.
 */
export async function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  return (await import('./start-cluster.ts')).startCluster(options);
}

/** The monitor of a directory, with the manager's part. Its store is made at the first start. */
export async function runMon(dir: ClusterDir, cluster: ClusterFile, log?: Logger): Promise<Daemon> {
  return (await import('./run-mon.ts')).runMon(dir, cluster, log);
}

/** One OSD of a directory. Resolves when the cluster's map shows it up. */
export async function runOsd(
  dir: ClusterDir,
  cluster: ClusterFile,
  id: number,
  log?: Logger,
): Promise<Daemon> {
  return (await import('./run-osd.ts')).runOsd(dir, cluster, id, log);
}
