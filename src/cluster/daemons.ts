import { hostname } from 'node:os';
import { type Monitor, startMonitor } from '../mon/index.ts';
import { type Osd, startOsd } from '../osd/index.ts';
import type { Logger } from '../runtime/index.ts';
import {
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

/** The monitor of a directory, with the manager's part. */
export async function runMon(
  dir: ClusterDir,
  cluster: ClusterFile,
  log: Logger = stderrLogger('mon.a'),
): Promise<Monitor> {
  return startMonitor({
    runtime: nodeRuntime({ log }),
    store: await openLmdb(dir.data('mon.a')),
    name: 'a',
    fsid: cluster.fsid,
    host: cluster.host,
    port: cluster.port,
    mgrPort: cluster.port + 1,
    osds: cluster.osds,
    hostname: hostname(),
  });
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
  });
  await osd.booted;
  return osd;
}
