import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { connect } from '../client/index.ts';
import { CephError } from '../errors/index.ts';
import { alignedMemory, BufferPool, type Logger, type Runtime, silent } from '../runtime/index.ts';
import { nodeRuntime, openLmdb, systemClock } from '../runtime-node/index.ts';
import { MemoryKeyValue } from '../store/index.ts';
import { Cluster } from './cluster.ts';
import { ClusterMon } from './cluster-mon.ts';
import type { FaultTarget } from './faults/faults.ts';
import { FaultyNetwork } from './faults/faulty-network.ts';
import { Links } from './faults/links.ts';
import { SHARDS_MAX } from './layout.ts';
import { FaultyHome, PlainHome } from './osd-home.ts';
import { makeMonStore, monConfig } from './run-mon.ts';
import { monAddrOf } from './run-osd.ts';

export interface StartClusterOptions {
  /** OSDs of a new cluster. Default 3. */
  readonly osds?: number;
  /** Pools to create before it resolves. */
  readonly pools?: readonly string[];
  /** Keeps the data in this directory, durable. Default: in memory, gone with `close`. */
  readonly dir?: string;
  /** What each OSD may hold. Default 10 GiB (of memory, as it is used, unless `dir` is given). */
  readonly osdBytes?: number;
  /** Threads that each OSD has for its PGs. Default 1: that of the caller. */
  readonly shards?: number;
  /** Things may happen to the cluster: see {@link Cluster.faults}. It is a little slower for that. Not with `shards`. */
  readonly faults?: boolean;
  /** Where OSDs listen for each other. Default 127.0.0.1, as for clients. */
  readonly clusterHost?: string;
  readonly log?: Logger;
}

const HOST = '127.0.0.1';
const OSD_BYTES = 10 * 2 ** 30;

/**
 * Starts a whole cluster in this process: monitor, manager's part, OSDs. Resolves when every OSD is up and the pools
 * asked for are active. Everything is closed by `close` or `await using`.
 */
export async function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  const count = options.osds ?? 3;
  if (!Number.isInteger(count) || count < 1) throw new CephError('EINVAL', `${count} OSDs`);
  const shards = options.shards ?? 1;
  if (!Number.isInteger(shards) || shards < 1 || shards > SHARDS_MAX) {
    throw new CephError('EINVAL', `${shards} shards`);
  }
  if (options.faults && shards > 1) {
    throw new CephError('EINVAL', 'faults happen to OSDs of one shard only');
  }
  const { dir, log = silent } = options;
  const pool = shards > 1 ? BufferPool.shared() : new BufferPool(alignedMemory);
  const world: Runtime = { ...nodeRuntime({ log }), pool };
  const links = options.faults ? new Links(systemClock) : undefined;
  const runtime = (who: FaultTarget) => {
    const network = links && new FaultyNetwork(world.network, links, who);
    return { runtime: network ? { ...world, network } : world, network };
  };
  const mon = new ClusterMon({
    host: HOST,
    config: monConfig(count),
    openStore: await monStores(dir, count),
    runtime: () => runtime('mon.a'),
  });
  await mon.start();
  const { fsid } = mon.running.identity;
  const cluster = new Cluster({
    fsid,
    host: HOST,
    mon,
    links,
    plan: (id, uuid) => {
      const path = dir === undefined ? undefined : join(dir, `osd.${id}`);
      const sizeBytes = options.osdBytes ?? OSD_BYTES;
      const home = { path, uuid, sizeBytes, shards, clock: systemClock, log };
      return {
        id,
        fsid,
        host: HOST,
        clusterHost: options.clusterHost,
        home: links ? new FaultyHome(home) : new PlainHome(home),
        shards,
        sizeBytes,
        path,
        monAddrs: () => [monAddrOf({ host: HOST, port: mon.port })],
        runtime: () => runtime(`osd.${id}`),
      };
    },
  });
  try {
    // Those that were added to a directory's cluster are its OSDs as those that it began with.
    const planned = mon.running
      .state()
      .osdmap.osds()
      .map((id) => cluster.plan(id));
    const started = [];
    for (const osd of planned) started.push(await osd.launch());
    await Promise.all(started.map((osd) => osd.booted));
    if (options.pools?.length) await createPools(cluster, options.pools);
  } catch (e) {
    await cluster.close();
    throw e;
  }
  return cluster;
}

/** Opens the monitor's store, once for each of its lives; the first finds a cluster of so many OSDs in it. */
async function monStores(dir: string | undefined, osds: number) {
  let memory = new MemoryKeyValue();
  const open = async () => {
    if (dir !== undefined) return openLmdb(join(dir, 'mon.a'));
    memory = new MemoryKeyValue(memory);
    return memory;
  };
  const store = await open();
  await makeMonStore(store, { fsid: randomUUID(), host: HOST, port: 0, osds, nowMs: Date.now() });
  let first: typeof store | undefined = store;
  return async () => {
    const opened = first ?? (await open());
    first = undefined;
    return opened;
  };
}

async function createPools(cluster: Cluster, pools: readonly string[]): Promise<void> {
  await using rados = await connect({ monHost: cluster.monHost });
  for (const name of pools) {
    const pool = await rados.createPool(name);
    // Any answer proves that its PG serves.
    await pool
      .object('')
      .stat()
      .catch(() => {});
  }
}
