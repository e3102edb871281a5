import { hostname } from 'node:os';
import { CephError } from '../errors/index.ts';
import { createMonStore, type Monitor, type NewCluster, startMonitor } from '../mon/index.ts';
import type { KeyValue, Logger } from '../runtime/index.ts';
import { nodeRuntime, openLmdb, stderrLogger } from '../runtime-node/index.ts';
import { confOptions } from './conf-options.ts';
import { type ClusterDir, type ClusterFile, osdIds } from './layout.ts';

/** The monitor of a directory, with the manager's part. Its store is made at the first start. */
export async function runMon(
  dir: ClusterDir,
  cluster: ClusterFile,
  log: Logger = stderrLogger('mon.a'),
): Promise<Monitor> {
  const store = await openLmdb(dir.data('mon.a'));
  await makeMonStore(store, {
    fsid: cluster.fsid,
    host: cluster.host,
    port: cluster.port,
    osds: cluster.osdUuids,
    nowMs: cluster.createdMs,
  });
  return startMonitor({
    runtime: nodeRuntime({ log }),
    store,
    host: cluster.host,
    port: cluster.port,
    mgrPort: cluster.port + 1,
    hostname: hostname(),
    config: monConfig(osdIds(cluster).length),
    conf: confOptions(dir.conf, 'mon.a', log, 'mgr.x'),
  });
}

/** Makes a cluster in the store unless it holds one. */
export async function makeMonStore(store: KeyValue, cluster: NewCluster): Promise<void> {
  try {
    await createMonStore(store, cluster);
  } catch (e) {
    if (!(e instanceof CephError) || e.code !== 'EEXIST') throw e;
  }
}

/** What differs from Ceph's defaults on one machine: few OSDs, and pools that come and go. */
export function monConfig(osds: number): ReadonlyMap<string, string> {
  return new Map([
    ['osd_pool_default_size', String(Math.max(1, Math.min(osds, 3)))],
    ['osd_pool_default_pg_autoscale_mode', 'off'],
    ['osd_crush_chooseleaf_type', '0'],
    ['mon_allow_pool_delete', 'true'],
    // All OSDs are on one host, so hosts tell nothing about who may accuse whom.
    ['mon_osd_reporter_subtree_level', 'osd'],
    ['mon_allow_pool_size_one', 'true'],
  ]);
}
