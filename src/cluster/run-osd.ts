import { hostname } from 'node:os';
import { type Osd, startOsd } from '../osd/index.ts';
import type { Logger } from '../runtime/index.ts';
import {
  deviceClassOf,
  nativeCrc32c,
  nodeDisk,
  nodeRuntime,
  openLmdb,
  stderrLogger,
  systemClock,
} from '../runtime-node/index.ts';
import { BlockStore } from '../store/index.ts';
import { ADDR, type EntityAddr } from '../wire/index.ts';
import { type ClusterDir, type ClusterFile, osdPort } from './layout.ts';

/** Where a cluster's monitor is found. */
export function monAddrOf(cluster: { host: string; port: number }): EntityAddr {
  return { type: ADDR.msgr2, nonce: 0, host: cluster.host, port: cluster.port };
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
  });
  await osd.booted;
  return osd;
}
