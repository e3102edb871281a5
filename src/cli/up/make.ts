import { type ClusterDir, type ClusterFile, osdIds } from '../../cluster/index.ts';
import { CephError } from '../../errors/index.ts';
import { freeBasePort, portInUse } from '../ports.ts';
import { checkDevices, wipeDevices } from './devices.ts';
import { OSDS_DEFAULT, type Wanted } from './wanted.ts';

const HOST = '127.0.0.1';

/** Makes a directory, which is there and empty, a cluster's. @throws CephError EINVAL, EADDRINUSE, ENOSPC */
export async function create(dir: ClusterDir, wanted: Wanted): Promise<ClusterFile> {
  const { devices, shards = 1, host = HOST, clusterHost, stripeBytes } = wanted;
  const osds = wanted.osds ?? devices?.length ?? OSDS_DEFAULT;
  if (devices) checkDevices(devices, osds);
  if (wanted.port !== undefined) await refuseUsedPort(host, wanted.port, osds);
  const port = wanted.port ?? (await freeBasePort(host, osds, dir.path));
  if (devices && wanted.wipe) await wipeDevices(devices);
  return dir.create({
    host,
    port,
    osds,
    shards,
    nowMs: Date.now(),
    ...(clusterHost === undefined || clusterHost === host ? {} : { clusterHost }),
    ...(stripeBytes ? { stripeBytes } : {}),
    ...(devices ? { osdDevices: devices } : {}),
  });
}

/**
 * A cluster keeps its size and addresses: what is wanted must agree with what is there.
 * @throws CephError EINVAL, EADDRINUSE
 */
export async function reopen(
  dir: ClusterDir,
  found: ClusterFile,
  wanted: Wanted,
): Promise<ClusterFile> {
  const { host, port } = found;
  const keep = <T>(theirs: T, asked: T | undefined, holds: string): void => {
    if (asked === undefined || asked === theirs) return;
    throw new CephError('EINVAL', `${dir.path} holds a cluster ${holds}, not ${asked}`);
  };
  const osds = osdIds(found).length;
  const shards = found.shards ?? 1;
  const clusterHost = found.clusterHost ?? host;
  const stripe = found.stripeBytes ?? 0;
  const devices = found.osdDevices?.map((d) => d ?? '').join(',') ?? 'files';
  keep(osds, wanted.osds, `of ${osds} OSDs`);
  keep(shards, wanted.shards, `whose OSDs have ${shards} shard(s)`);
  keep(devices, wanted.devices?.join(','), `on ${devices}`);
  keep(stripe, wanted.stripeBytes, `whose OSDs have stripes of ${stripe} bytes`);
  keep(port, wanted.port, `at port ${port}`);
  keep(host, wanted.host, `at ${host}`);
  keep(clusterHost, wanted.clusterHost, `whose OSDs speak at ${clusterHost}`);
  await refuseUsedPort(host, port, found.osds);
  dir.write(found);
  return found;
}

async function refuseUsedPort(host: string, port: number, osds: number): Promise<void> {
  const used = await portInUse(host, port, osds);
  if (used !== undefined) throw new CephError('EADDRINUSE', `port ${used} on ${host} is in use`);
}
