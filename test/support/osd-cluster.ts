import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { connect, type Rados } from '../../src/client/index.ts';
import { confText } from '../../src/cluster/layout.ts';
import { makeMonStore, monConfig } from '../../src/cluster/run-mon.ts';
import { monAddrOf } from '../../src/cluster/run-osd.ts';
import { type Monitor, startMonitor } from '../../src/mon/index.ts';
import { type Osd, runShard, startOsd } from '../../src/osd/index.ts';
import { nodeRuntime } from '../../src/runtime-node/index.ts';
import { MemoryKeyValue, MemoryStore, type ObjectStore } from '../../src/store/index.ts';
import { PoisonPool } from './poison-pool.ts';
import { SimShards } from './sim-shards.ts';

const HOST = '127.0.0.1';

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, HOST, () => {
      const at = server.address();
      server.close(() => done(typeof at === 'object' && at ? at.port : 0));
    });
  });
}

/** The store without its close, so that an OSD started again finds what the one before left. */
function lasting(store: ObjectStore): ObjectStore {
  return new Proxy(store, {
    get(target, key) {
      if (key === 'close') return async () => {};
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A monitor and OSDs in this process, over TCP, whose OSDs can be killed and started again. */
export class OsdCluster implements AsyncDisposable {
  readonly osds: (Osd | undefined)[] = [];
  /** Those of shard 0. */
  readonly stores: ObjectStore[] = [];
  /** By OSD and shard. */
  readonly shardStores: ObjectStore[][] = [];
  readonly threads: (SimShards | undefined)[] = [];
  readonly uuids: string[] = [];
  readonly lines: string[] = [];
  readonly fatal: unknown[] = [];
  monitor!: Monitor;
  port = 0;
  private clients: Rados[] = [];
  private readonly shards: number;
  private readonly config: ReadonlyMap<string, string>;

  private constructor(shards: number, config: ReadonlyMap<string, string>) {
    this.shards = shards;
    this.config = config;
  }

  /** @param shards of each OSD, whose threads are simulated: posts come late, by chance */
  static async start(
    count: number,
    storeOf: (id: number, index: number) => ObjectStore = () => lasting(new MemoryStore()),
    shards = 1,
    config: ReadonlyMap<string, string> = new Map(),
  ): Promise<OsdCluster> {
    const c = new OsdCluster(shards, config);
    c.port = await freePort();
    const store = new MemoryKeyValue();
    const made = { fsid: randomUUID(), host: HOST, port: c.port, osds: count, nowMs: Date.now() };
    await makeMonStore(store, made);
    c.monitor = await startMonitor({
      runtime: c.runtime('mon'),
      store,
      host: HOST,
      port: c.port,
      mgrPort: 0,
      hostname: 'test',
      config: monConfig(count),
    });
    for (let id = 0; id < count; id++) {
      c.shardStores.push(Array.from({ length: shards }, (_, index) => storeOf(id, index)));
      c.stores.push(c.shardStores[id]![0]!);
      c.uuids.push(randomUUID());
      await c.startOsd(id);
    }
    await Promise.all(c.osds.map((o) => o?.booted));
    return c;
  }

  private runtime(who: string) {
    const runtime = nodeRuntime({
      log: (level, message, fields) => {
        if (level === 'debug') return;
        const text = JSON.stringify(fields, (_, v) =>
          typeof v === 'bigint' ? `${v}` : v instanceof Error ? v.stack : v,
        );
        this.lines.push(`${who} ${level} ${message} ${text}`);
      },
    });
    return { ...runtime, pool: new PoisonPool(this.shards > 1) };
  }

  private threadsOf(id: number): SimShards {
    const seed = 100 * this.threads.length + id;
    return new SimShards(this.shards, seed, (index, link) => {
      const { clock, crc32c, pool } = this.runtime(`osd.${id}`);
      const partition = { index, count: this.shards };
      const openStore = async () => this.shardStores[id]![index]!;
      const { fsid } = this.monitor.identity;
      const uuid = this.uuids[id]!;
      void runShard({ partition, id, fsid, uuid, openStore, clock, crc32c, pool }, link);
    });
  }

  async startOsd(id: number): Promise<Osd> {
    const threads = this.shards > 1 ? this.threadsOf(id) : undefined;
    this.threads[id] = threads;
    const osd = await startOsd({
      ...(threads ? { shards: threads } : {}),
      config: this.config,
      runtime: this.runtime(`osd.${id}`),
      id,
      fsid: this.monitor.identity.fsid,
      uuid: this.uuids[id]!,
      store: this.stores[id]!,
      monAddrs: [monAddrOf({ host: HOST, port: this.port })],
      host: HOST,
      hostname: 'test',
      onFatal: (e) => this.fatal.push(e),
    });
    this.osds[id] = osd;
    return osd;
  }

  async kill(id: number): Promise<void> {
    await this.osds[id]?.kill();
    this.osds[id] = undefined;
  }

  get conf(): string {
    return confText({ fsid: this.monitor.identity.fsid, host: HOST, port: this.port });
  }

  async client(): Promise<Rados> {
    const rados = await connect({ monHost: `v2:${HOST}:${this.port}` });
    this.clients.push(rados);
    return rados;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) await client.close();
    for (const osd of this.osds) await osd?.close();
    await this.monitor.close();
  }
}
