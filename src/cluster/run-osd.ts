import { hostname } from 'node:os';
import { type Osd, startOsd } from '../osd/index.ts';
import { fetchConfig } from '../rados/index.ts';
import { BufferPool, type Logger } from '../runtime/index.ts';
import {
  addressIn,
  deviceClassOf,
  nodeRuntime,
  processMemory,
  stderrLogger,
  systemClock,
} from '../runtime-node/index.ts';
import { ADDR, ENTITY, type EntityAddr } from '../wire/index.ts';
import { confOptions } from './conf-options.ts';
import { type ClusterDir, type ClusterFile, osdPort } from './layout.ts';
import { type GivenAddresses, pickAddresses } from './osd-addresses.ts';
import { openOsdStore } from './osd-store.ts';
import { osdThreads } from './osd-threads.ts';

/** Where a cluster's monitor is found. */
export function monAddrOf(cluster: { host: string; port: number }): EntityAddr {
  return { type: ADDR.msgr2, nonce: 0, host: cluster.host, port: cluster.port };
}

/**
 * One OSD of a directory, with the options that ceph.conf and the monitor have for it. Resolves when the cluster's map
 * shows it up.
 */
export async function runOsd(
  dir: ClusterDir,
  cluster: ClusterFile,
  id: number,
  log: Logger = stderrLogger(`osd.${id}`),
): Promise<Osd> {
  const { fsid, shards: count = 1 } = cluster;
  const uuid = cluster.osdUuids[id]!;
  const path = dir.data(`osd.${id}`);
  const device = cluster.osdDevices?.[id] ?? undefined;
  const config = confOptions(dir.conf, `osd.${id}`, log);
  const stripe = config.get('osd_store_stripe_size');
  const stripeBytes = stripe === undefined ? cluster.stripeBytes : Number(stripe);
  const place = { path, uuid, sizeBytes: cluster.osdBytes, device, stripeBytes };
  const runtime = { ...nodeRuntime({ log }), memory: processMemory };
  const monAddrs = [monAddrOf(cluster)];
  const { store } = await openOsdStore(place, { index: 0, count }, systemClock, log);
  try {
    const name = { type: ENTITY.osd, id: String(id) };
    const monConfig = await fetchConfig(runtime, { monAddrs, name });
    const option = (of: string): string | undefined => config.get(of) ?? monConfig.get(of);
    const shards = osdThreads(count, { id, fsid, uuid, place });
    const osd = await startOsd({
      runtime: shards ? { ...runtime, pool: BufferPool.shared() } : runtime,
      id,
      fsid,
      uuid,
      store,
      ...(shards ? { shards } : {}),
      monAddrs,
      ...pickAddresses(option, givenOf(cluster, id), addressIn),
      hostname: hostname(),
      deviceClass: deviceClassOf(device ?? path),
      metadataClass: deviceClassOf(path),
      config,
      monConfig,
    });
    await osd.booted;
    return osd;
  } catch (e) {
    await store.close();
    throw e;
  }
}

function givenOf(cluster: ClusterFile, id: number): GivenAddresses {
  const { host, clusterHost } = cluster;
  return { host, port: osdPort(cluster, id), clusterHost };
}
