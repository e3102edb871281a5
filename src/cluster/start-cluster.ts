import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '../client/index.ts';
import { CephError } from '../errors/index.ts';
import { type Monitor, startMonitor } from '../mon/index.ts';
import { type Osd, startOsd } from '../osd/index.ts';
import type { Rados } from '../rados/index.ts';
import { alignedMemory, BufferPool, type Logger, silent } from '../runtime/index.ts';
import { nodeRuntime, openLmdb, systemClock } from '../runtime-node/index.ts';
import { MemoryKeyValue } from '../store/index.ts';
import { confText, SHARDS_MAX } from './layout.ts';
import { openOsdStore } from './osd-store.ts';
import { osdThreads } from './osd-threads.ts';
import { makeMonStore, monConfig } from './run-mon.ts';
import { monAddrOf } from './run-osd.ts';

export interface StartClusterOptions {
  /** Default 3. */
  readonly osds?: number;
  /** Pools to create before it resolves. */
  readonly pools?: readonly string[];
  /** Keeps the data in this directory, durable. Default: in memory, gone with `close`. */
  readonly dir?: string;
  /** What each OSD may hold. Default 10 GiB (of memory, as it is used, unless `dir` is given). */
  readonly osdBytes?: number;
  /** Threads that each OSD has for its PGs. Default 1: that of the caller. */
  readonly shards?: number;
  readonly log?: Logger;
}

const HOST = '127.0.0.1';
const OSD_BYTES = 10 * 2 ** 30;

/** A cluster inside this process, on loopback ports that the system chose. */
export class Cluster implements AsyncDisposable {
  readonly fsid: string;
  readonly monitor: Monitor;
  readonly osds: readonly Osd[];
  /** Monitor's port on 127.0.0.1. */
  readonly port: number;
  private readonly clients = new Set<Rados>();
  private confDir: string | undefined;

  /** @internal Use {@link startCluster}. */
  constructor(fsid: string, port: number, monitor: Monitor, osds: readonly Osd[]) {
    this.fsid = fsid;
    this.port = port;
    this.monitor = monitor;
    this.osds = osds;
  }

  /** For `connect({ monHost })` and for a ceph.conf. */
  get monHost(): string {
    return `v2:${HOST}:${this.port}`;
  }

  /** A client of this cluster; it is closed with the cluster. */
  async connect(): Promise<Rados> {
    const client = await connect({ monHost: this.monHost });
    this.clients.add(client);
    return client;
  }

  /** Writes a ceph.conf for Ceph's own tools, into a temporary directory unless a path is given. @returns its path */
  async writeConf(path?: string): Promise<string> {
    this.confDir ??= path === undefined ? mkdtempSync(join(tmpdir(), 'sepiola-')) : undefined;
    const file = path ?? join(this.confDir!, 'ceph.conf');
    writeFileSync(file, confText({ fsid: this.fsid, host: HOST, port: this.port }));
    return file;
  }

  async close(): Promise<void> {
    for (const client of this.clients) await client.close();
    await Promise.all(this.osds.map((osd) => osd.close()));
    await this.monitor.close();
    if (this.confDir) rmSync(this.confDir, { recursive: true, force: true });
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Starts a whole cluster in this process: monitor, manager's part, OSDs. Resolves when every OSD is up and the pools
 * asked for are active. Everything is closed by `close` or `await using`.
 */
export async function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  const count = options.osds ?? 3;
  if (!Number.isInteger(count) || count < 1) throw new CephError('EINVAL', `${count} OSDs`);
  const shardCount = options.shards ?? 1;
  if (!Number.isInteger(shardCount) || shardCount < 1 || shardCount > SHARDS_MAX) {
    throw new CephError('EINVAL', `${shardCount} shards`);
  }
  const log = options.log ?? silent;
  const pool = shardCount > 1 ? BufferPool.shared() : new BufferPool(alignedMemory);
  const runtime = { ...nodeRuntime({ log }), pool };
  const dir = options.dir;
  const kv = dir === undefined ? new MemoryKeyValue() : await openLmdb(join(dir, 'mon.a'));
  const made = { fsid: randomUUID(), host: HOST, port: 0, osds: count, nowMs: Date.now() };
  await makeMonStore(kv, made);
  const monitor = await startMonitor({
    runtime,
    store: kv,
    host: HOST,
    port: 0,
    mgrPort: 0,
    hostname: hostname(),
    config: monConfig(count),
  });
  const { port } = monitor.addr;
  const { fsid } = monitor.identity;
  const osds: Osd[] = [];
  const cluster = new Cluster(fsid, port, monitor, osds);
  try {
    for (let id = 0; id < count; id++) {
      const path = dir === undefined ? undefined : join(dir, `osd.${id}`);
      const place = { path, uuid: undefined, sizeBytes: options.osdBytes ?? OSD_BYTES };
      const partition = { index: 0, count: shardCount };
      const { store, uuid } = await openOsdStore(place, partition, systemClock, log);
      const shards = osdThreads(shardCount, { id, fsid, uuid, place });
      osds.push(
        await startOsd({
          runtime,
          id,
          fsid,
          uuid,
          store,
          ...(shards ? { shards } : {}),
          monAddrs: [monAddrOf({ host: HOST, port })],
          host: HOST,
          port: 0,
          hostname: hostname(),
        }),
      );
    }
    await Promise.all(osds.map((osd) => osd.booted));
    if (options.pools?.length) await createPools(cluster, options.pools);
  } catch (e) {
    await cluster.close();
    throw e;
  }
  return cluster;
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
