import { hostname } from 'node:os';
import { type Osd, startOsd } from '../osd/index.ts';
import { BufferPool, type Logger } from '../runtime/index.ts';
import {
  deviceClassOf,
  nodeRuntime,
  processMemory,
  stderrLogger,
  systemClock,
} from '../runtime-node/index.ts';
import { ADDR, type EntityAddr } from '../wire/index.ts';
import { type ClusterDir, type ClusterFile, osdPort } from './layout.ts';
import { openOsdStore } from './osd-store.ts';
import { osdThreads } from './osd-threads.ts';

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
  const count = cluster.shards ?? 1;
  const { fsid, host, clusterHost } = cluster;
  const device = cluster.osdDevices?.[id] ?? undefined;
  const place = { path, uuid, sizeBytes: cluster.osdBytes, device };
  const { store } = await openOsdStore(place, { index: 0, count }, systemClock, log);
  const shards = osdThreads(count, { id, fsid, uuid, place });
  const runtime = { ...nodeRuntime({ log }), memory: processMemory };
  const osd = await startOsd({
    runtime: shards ? { ...runtime, pool: BufferPool.shared() } : runtime,
    id,
    fsid,
    uuid,
    store,
    ...(shards ? { shards } : {}),
    monAddrs: [monAddrOf(cluster)],
    host,
    ...(clusterHost ? { clusterHost } : {}),
    port: osdPort(cluster, id),
    hostname: hostname(),
    deviceClass: deviceClassOf(device ?? path),
    metadataClass: deviceClassOf(path),
  });
  await osd.booted;
  return osd;
}
