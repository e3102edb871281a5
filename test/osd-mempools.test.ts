// What an OSD says it holds, asked as `ceph tell osd.0 dump_mempools` does, under osd_memory_target small and large.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../src/cluster/index.ts';
import { createMessenger, type IncomingMessage, type Messenger } from '../src/msgr/index.ts';
import { cachesMax, shareCaches } from '../src/osd/shard/memory-budget.ts';
import type { Pool } from '../src/rados/index.ts';
import { silent } from '../src/runtime/index.ts';
import { nodeRuntime } from '../src/runtime-node/index.ts';
import { ENTITY, MCommand, MCommandReply, outgoing } from '../src/wire/index.ts';
import { tempFolder } from './support/temp-folder.ts';

const MIB = 2 ** 20;
const SMALL = 128 * MIB;
let dir: string;
let cluster: Cluster;
let messenger: Messenger;
let heard: (m: IncomingMessage) => void = () => {};

beforeAll(async () => {
  dir = tempFolder('mempools');
  cluster = await startCluster({ osds: 1, dir, osdBytes: 2 ** 30 });
  messenger = createMessenger(nodeRuntime({ log: silent }), {
    name: { type: ENTITY.client, num: 0 },
    authName: { type: ENTITY.client, id: 'admin' },
    dispatcher: { onMessage: (_, m) => heard(m), onReset: () => {} },
  });
});
afterAll(async () => {
  await messenger.shutdown();
  await cluster.close();
  rmSync(dir, { recursive: true, force: true });
});

async function tell(command: object): Promise<string> {
  const { addr } = cluster.osds[0]!;
  const answer = new Promise<IncomingMessage>((done) => {
    heard = (m) => m.type === MCommandReply.type && done(m);
  });
  messenger
    .connect({ type: ENTITY.osd, addrs: [addr] })
    .send(outgoing(MCommand, { fsid: cluster.fsid, cmd: [JSON.stringify(command)] }));
  return (await answer).data.toString();
}
const setTarget = (bytes: number): Promise<string> =>
  tell({ prefix: 'config set', var: 'osd_memory_target', val: [String(bytes)] });

type Pools = Record<string, { items: number; bytes: number }>;
async function pools(): Promise<Pools> {
  return JSON.parse(await tell({ prefix: 'dump_mempools' })).mempool.by_pool;
}
const caches = (p: Pools): number =>
  ['bluestore_cache_onode', 'buffer_anon', 'osd', 'osd_pglog'].reduce((n, x) => n + p[x]!.bytes, 0);

const COUNT = 5000;
async function load(pool: Pool, each: (i: number) => Promise<unknown>): Promise<Pools[]> {
  const seen: Pools[] = [];
  for (let i = 0; i < COUNT; i += 500) {
    let next = i;
    const worker = async (): Promise<void> => {
      while (next < i + 500) await each(next++);
    };
    await Promise.all(Array.from({ length: 32 }, worker));
    await pool.object(`large ${i}`).writeFull(Buffer.alloc(2 * MIB, i));
    await pool.object(`large ${i}`).read();
    seen.push(await pools());
  }
  return seen;
}

it('stays within what the target gives, and uses it', async () => {
  const rados = await cluster.connect();
  const pool = await rados.createPool('p', { pgNum: 8 });
  await setTarget(SMALL / 2); // less than the least: refused
  expect(await tell({ prefix: 'config get', var: 'osd_memory_target' })).toContain(`${256 * MIB}`);
  expect(await setTarget(SMALL)).toContain(`osd_memory_target = '${SMALL}'`);
  const name = (i: number): string => `benchmark_data_host_1_object${i}`;
  const under = [
    ...(await load(pool, (i) => pool.object(name(i)).writeFull(Buffer.alloc(4096, i)))),
    ...(await load(pool, (i) => pool.object(name((i * 7) % COUNT)).read())),
  ];
  const most = cachesMax(SMALL);
  for (const p of under) {
    expect(caches(p)).toBeLessThanOrEqual(most);
    expect(p.bluestore_cache_onode!.bytes).toBeLessThanOrEqual(
      shareCaches(most, SMALL, 1).onodes + 16 * 1024,
    );
  }
  const small = under.at(-1)!;
  expect(small.bluestore_cache_onode!.items).toBeLessThan(COUNT);
  expect(small.bluestore_cache_onode!.bytes).toBeGreaterThan(
    0.4 * shareCaches(most, SMALL, 1).onodes,
  );
  expect(small.osd_pglog!.items).toBeGreaterThan(1000);
  expect(small.bluestore_alloc!.bytes).toBeGreaterThan(0);
  expect(small.bluestore_writing_deferred!.bytes).toBeGreaterThan(100_000);

  await setTarget(1024 * MIB);
  const large = (await load(pool, (i) => pool.object(name(i)).read())).at(-1)!;
  expect(large.bluestore_cache_onode!.items).toBeGreaterThan(COUNT);
  expect(caches(large)).toBeGreaterThan(caches(small));

  await setTarget(SMALL);
  expect(caches(await pools())).toBeLessThanOrEqual(most);
}, 60_000);
