// An OSD whose PGs are on several threads: here simulated ones, whose posts come late by chance.
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Rados } from '../src/client/index.ts';
import { shardOf } from '../src/osd/index.ts';
import { MemoryStore, type ObjectStore } from '../src/store/index.ts';
import { parsePgId } from '../src/wire/index.ts';
import { toolsMissing } from './support/interop.ts';
import { OsdCluster } from './support/osd-cluster.ts';
import { heldOf, namesIn } from './support/pool-content.ts';
import { settled } from './support/settled.ts';
import { tempFolder } from './support/temp-folder.ts';
import { pause, until } from './support/until.ts';

async function command(rados: Rados, cmd: { prefix: string } & Record<string, unknown>) {
  return (await rados.command(cmd)).output.toString();
}

/** Objects of a pool in all stores of an OSD, with their content. */
async function held(c: OsdCluster, id: number, pool: number): Promise<Map<string, string>> {
  const out = new Map<string, string>();
  for (const store of c.shardStores[id]!) {
    for (const [name, content] of await heldOf(store, pool)) out.set(name, content);
  }
  return out;
}

/** A store that outlives its OSD, and while it is frozen takes nothing in, as one whose device is stuck. */
function freezable(): { store: ObjectStore; freeze(is: boolean): void } {
  let isFrozen = false;
  const store = new Proxy(new MemoryStore() as ObjectStore, {
    get(target, key) {
      if (key === 'close') return async () => {};
      if (key === 'submit' && isFrozen) return () => new Promise(() => {});
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return {
    store,
    freeze: (is) => {
      isFrozen = is;
    },
  };
}

describe.each([
  [2, 'server'],
  [3, 'symmetric'],
])('OSDs with %i shards that share maps (%s)', (shards, mode) => {
  it('serve, die, come back and end with equal copies, each PG in its shard', async () => {
    const config = new Map([['osd_map_cache_mode', mode]]);
    await using c = await OsdCluster.start(3, undefined, shards, config);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 8 });
    const acked = new Map<string, string>();
    let stop = false;
    const writers = Array.from({ length: 4 }, async (_, w) => {
      for (let i = 0; !stop; i++) {
        const name = `w${w}.${i % 30}`;
        // Small ones are copied from thread to thread, large ones lie in memory that all see.
        const content = `${name} ${i} `.repeat(i % 7 === 0 ? 6000 : 20);
        await pool.object(name).writeFull(content);
        acked.set(name, content);
      }
    });
    await pause(300);
    await c.kill(1);
    const atKill = acked.size;
    await until(() => acked.size >= Math.min(120, atKill + 20));
    await c.startOsd(1);
    await c.osds[1]!.booted;
    await pause(300);
    stop = true;
    await Promise.all(writers);
    await settled(rados);
    expect(c.fatal).toEqual([]);
    expect(await namesIn(pool)).toEqual([...acked.keys()].sort());
    for (const [name, content] of acked) {
      expect((await pool.object(name).read()).toString() === content).toBe(true);
    }
    for (const id of [0, 1, 2]) {
      expect(await held(c, id, pool.id)).toEqual(acked);
      c.shardStores[id]!.forEach((store, index) => {
        const pgs = store.collections().flatMap((pg) => parsePgId(pg) ?? []);
        expect(pgs.length).toBeGreaterThan(0);
        for (const pgid of pgs) expect(shardOf(pgid, shards)).toBe(index);
      });
    }
  });
});

const missing = toolsMissing('rados', 'ceph');
describe.skipIf(missing)(`with Debian's tools${missing ? ` (${missing})` : ''}`, () => {
  /** Runs a tool against the cluster, which lives in this process. */
  async function toolsOf(c: OsdCluster): Promise<(...words: string[]) => Promise<string>> {
    const dir = tempFolder('shards');
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const conf = join(dir, 'ceph.conf');
    writeFileSync(conf, c.conf);
    const run = promisify(execFile);
    return async (tool, ...words) => (await run(tool!, ['-c', conf, ...words])).stdout;
  }

  it('copies objects between PGs of different shards, also from each other at once', async () => {
    await using c = await OsdCluster.start(1, undefined, 3);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 8 });
    const run = await toolsOf(c);
    const objects = ['a', 'b', 'c', 'd'];
    for (const name of objects) await pool.object(name).writeFull(`content of ${name}`);
    const cp = (from: string, to: string) => run('rados', '-p', 'p', 'cp', from, to);
    await Promise.all([...objects.map((name) => cp(name, `${name}2`)), cp('a', 'b'), cp('b', 'a')]);
    expect((await pool.object('c2').read()).toString()).toBe('content of c');
    expect((await pool.object('d2').read()).toString()).toBe('content of d');
    for (const name of ['a', 'b']) {
      expect((await pool.object(name).read()).toString()).toMatch(/^content of [ab]$/);
    }
    expect(c.fatal).toEqual([]);
  });

  it('answers commands for all shards', async () => {
    await using c = await OsdCluster.start(1, undefined, 3);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 8 });
    for (let i = 0; i < 20; i++) await pool.object(`o${i}`).writeFull('x');
    const run = await toolsOf(c);
    const tell = async (...words: string[]) =>
      JSON.parse(await run('ceph', 'tell', 'osd.0', ...words));
    expect((await tell('perf', 'dump')).osd).toMatchObject({ op_w: 20, numpg: 8 });
    expect((await tell('status')).num_pgs).toBe(8);
    expect((await tell('dump_ops_in_flight')).num_ops).toBe(0);
    for (const pgid of [`${pool.id}.0`, `${pool.id}.1`, `${pool.id}.2`]) {
      expect(JSON.parse(await run('ceph', 'pg', pgid, 'query')).info.pgid).toBe(pgid);
    }
    await tell('flush_pg_stats');
    const df = JSON.parse(await command(rados, { prefix: 'df', format: 'json' }));
    expect(df.pools[0].stats.objects).toBe(20);
  });
});

it('a dead thread ends the OSD', async () => {
  await using c = await OsdCluster.start(2, undefined, 2);
  c.threads[1]!.die(1, new Error('out of memory'));
  expect(c.fatal).toEqual([new Error('out of memory')]);
  await until(async () => {
    const rados = await c.client();
    const stat = JSON.parse(await command(rados, { prefix: 'osd stat', format: 'json' }));
    return stat.num_up_osds === 1;
  });
});

it('refuses the store of another shard', async () => {
  await using c = await OsdCluster.start(1, undefined, 2);
  await c.kill(0);
  c.shardStores[0]![1] = c.stores[0]!;
  await expect(c.startOsd(0)).rejects.toMatchObject({
    code: 'EINVAL',
    message: expect.stringContaining('the store is of shard 0 of 2, not of shard 1 of 2'),
  });
});

describe('after a crash between the commits of two shards', () => {
  it('a shard that is behind goes on where it was', async () => {
    await using c = await OsdCluster.start(2, undefined, 2);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 4 });
    await pool.object('a').writeFull('1');
    c.threads[1]!.cutOff.add(1);
    for (let i = 0; i < 5; i++) await command(rados, { prefix: 'osd pool create', pool: `l${i}` });
    c.threads[1]!.die(1, new Error('crash'));
    await pool.object('a').append('2');
    await c.startOsd(1);
    await settled(rados);
    expect(await held(c, 1, pool.id)).toEqual(new Map([['a', '12']]));
    expect(c.fatal).toEqual([new Error('crash')]);
  });

  it('a shard that is ahead waits for the others', async () => {
    const freezables = Array.from({ length: 4 }, () => freezable());
    await using c = await OsdCluster.start(2, (id, index) => freezables[2 * id + index]!.store, 2);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 4 });
    await pool.object('a').writeFull('1');
    freezables[2]!.freeze(true);
    const later = await rados.createPool('later', { pgNum: 4 });
    await pause(200);
    await c.kill(1);
    freezables[2]!.freeze(false);
    await c.startOsd(1);
    await settled(rados);
    await later.object('b').writeFull('2');
    expect(await held(c, 1, later.id)).toEqual(new Map([['b', '2']]));
    expect(await held(c, 1, pool.id)).toEqual(new Map([['a', '1']]));
    expect(c.fatal).toEqual([]);
  });
});
