import { hostname } from 'node:os';
import { CephError } from '../errors/index.ts';
import {
  createMonStore,
  type Monitor,
  type NewCluster,
  startMonitor,
  VERSION_TEXT,
} from '../mon/index.ts';
import { type Osd, startOsd } from '../osd/index.ts';
import type { KeyValue, Logger } from '../runtime/index.ts';
import {
  deviceClassOf,
  lineLogger,
  nativeCrc32c,
  nodeDisk,
  nodeRuntime,
  openLmdb,
  systemClock,
} from '../runtime-node/index.ts';
import { BlockStore } from '../store/index.ts';
import { type ClusterDir, type ClusterFile, monAddrOf, osdPort } from './layout.ts';

/** A daemon that runs in this process. */
export interface Daemon {
  /** Stops it cleanly; its data is durable afterwards. */
  close(): Promise<void>;
}

function stderrLogger(who: string): Logger {
  return lineLogger(who, 'info', (line) => process.stderr.write(line));
}

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
    config: monConfig(cluster.osds),
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
    ['osd_pool_default_size', String(Math.min(osds, 3))],
    ['osd_pool_default_pg_autoscale_mode', 'off'],
    ['osd_crush_chooseleaf_type', '0'],
    ['mon_allow_pool_delete', 'true'],
    ['mon_allow_pool_size_one', 'true'],
  ]);
}

/** One OSD of a directory. Resolves when the cluster's map shows it up. */
export async function runOsd(
  dir: ClusterDir,
  cluster: ClusterFile,
  id: number,
  log: Logger = stderrLogger(`osd.${id}`),
): Promise<Osd> {
  const uuid = cluster.osdUuids[id]!;
  const path = dir.data(`osd.${id}`);
  const store = await BlockStore.open({
    path,
    disk: nodeDisk,
    openKeyValue: openLmdb,
    crc32c: nativeCrc32c,
    clock: systemClock,
    log,
    fsid: uuid,
    sizeBytes: cluster.osdBytes,
  });
  const osd = await startOsd({
    runtime: nodeRuntime({ log }),
    id,
    fsid: cluster.fsid,
    uuid,
    store,
    monAddrs: [monAddrOf(cluster)],
    host: cluster.host,
    port: osdPort(cluster, id),
    hostname: hostname(),
    deviceClass: deviceClassOf(path),
    versionText: VERSION_TEXT,
  });
  await osd.booted;
  return osd;
}
