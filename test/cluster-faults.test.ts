import { expect, test } from 'vitest';
import type { Pool } from '../src/client/index.ts';
import { type Cluster, startCluster } from '../src/cluster/index.ts';
import { pause } from './support/until.ts';

/** What people do who want to see how their program takes it when the cluster under it has trouble. */

async function poolOf(cluster: Cluster): Promise<Pool> {
  const rados = await cluster.connect();
  return rados.pool('data');
}
const bytes = (n: number): Buffer => Buffer.alloc(n, 'sepiola');

test('writing goes on when an OSD is killed, and what it missed it gets', async () => {
  await using cluster = await startCluster({ faults: true, pools: ['data'] });
  const pool = await poolOf(cluster);
  await pool.object('before').writeFull(bytes(100_000));
  await cluster.faults.kill('osd.1');
  await pool.object('meanwhile').writeFull(bytes(50_000));
  expect(await pool.object('before').read()).toEqual(bytes(100_000));
  await cluster.faults.restart('osd.1');
  await pool.object('after').writeFull(bytes(10));
  // The one that was away is among those that are left now.
  await cluster.faults.kill('osd.2');
  expect(await pool.object('meanwhile').read()).toEqual(bytes(50_000));
  expect(await pool.object('after').read()).toEqual(bytes(10));
});

test('a killed OSD has after its restart what it had acknowledged', async () => {
  await using cluster = await startCluster({ faults: true, osds: 1, pools: ['data'] });
  const pool = await poolOf(cluster);
  await Promise.all(
    Array.from({ length: 20 }, (_, i) => pool.object(`o${i}`).writeFull(bytes(i * 1000))),
  );
  await cluster.osd(0).kill();
  expect(cluster.osd(0).isRunning).toBe(false);
  await cluster.osd(0).start();
  for (let i = 0; i < 20; i++) {
    expect(await pool.object(`o${i}`).read()).toEqual(bytes(i * 1000));
  }
});

test('a read is right though a bit of the data was flipped', async () => {
  await using cluster = await startCluster({ faults: true, pools: ['data'] });
  const pool = await poolOf(cluster);
  await pool.object('precious').writeFull(bytes(100_000));
  for (const osd of ['osd.0', 'osd.1'] as const) {
    const flipped = await cluster.faults.flipBit(osd, 'precious');
    expect(flipped).toMatchObject({ osd, object: 'precious', offset: 0 });
  }
  expect(await pool.object('precious').read()).toEqual(bytes(100_000));
});

test('bytes with a flipped bit of which there is no other copy are not given to anybody', async () => {
  await using cluster = await startCluster({ faults: true, osds: 1, pools: ['data'] });
  const pool = await poolOf(cluster);
  await pool.object('precious').writeFull(bytes(100_000));
  // A second bit does not make the first one good.
  for (let i = 0; i < 2; i++) {
    const flipped = await cluster.faults.flipBit('osd.0', 'precious');
    expect(flipped).toMatchObject({ osd: 'osd.0', object: 'precious', offset: 0 });
  }
  await expect(pool.object('precious').read()).rejects.toMatchObject({ code: 'EIO' });
  // Writing there makes it good again.
  await pool.object('precious').writeFull(bytes(100_000));
  expect(await pool.object('precious').read()).toEqual(bytes(100_000));
});

test('a bit can only be flipped where there are data', async () => {
  await using cluster = await startCluster({ faults: true, pools: ['data'] });
  await expect(cluster.faults.flipBit('osd.0')).rejects.toMatchObject({ code: 'ENOENT' });
  const pool = await poolOf(cluster);
  await pool.object('some').writeFull(bytes(5000));
  await expect(cluster.faults.flipBit('osd.0', 'other')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(cluster.faults.flipBit('osd.7')).rejects.toMatchObject({ code: 'ENOENT' });
  await cluster.faults.kill('osd.0');
  await expect(cluster.faults.flipBit('osd.0')).rejects.toMatchObject({ code: 'ENOTCONN' });
});

test('a write waits while its OSDs cannot reach each other, and is done when they can', async () => {
  await using cluster = await startCluster({ faults: true, osds: 2, pools: ['data'] });
  const pool = await poolOf(cluster);
  await pool.object('x').writeFull('old');
  cluster.faults.partition(['osd.0'], ['osd.1']);
  let isDone = false;
  const write = pool
    .object('x')
    .writeFull('new')
    .then(() => {
      isDone = true;
    });
  await pause(200);
  expect(isDone).toBe(false);
  cluster.faults.heal();
  await write;
  expect((await pool.object('x').read()).toString()).toBe('new');
});

test('what is cut one way still passes the other way', async () => {
  await using cluster = await startCluster({ faults: true, osds: 1, pools: ['data'] });
  const pool = await poolOf(cluster);
  await pool.object('x').writeFull('old');
  // The OSD hears the client, which does not hear it.
  cluster.faults.partition(['osd.0'], ['client'], { oneWay: true });
  const write = pool.object('x').writeFull('new');
  await pause(200);
  cluster.faults.heal();
  await write;
  expect((await pool.object('x').read()).toString()).toBe('new');
});

test('clients get over broken connections and slow links', async () => {
  await using cluster = await startCluster({ faults: true, pools: ['data'] });
  const pool = await poolOf(cluster);
  cluster.faults.slowLink('osd.0', 'osd.1', 20);
  cluster.faults.slowLink('osd.0', 'client', 10);
  for (let i = 0; i < 10; i++) {
    const name = `o${i}`;
    const write = pool.object(name).append('once');
    cluster.faults.breakLinks('client', 'osd.0');
    cluster.faults.breakLinks('osd.0', 'osd.1');
    await write;
    expect((await pool.object(name).read()).toString()).toBe('once');
  }
});

test('a write takes at least as long as the slowest disk under it', async () => {
  await using cluster = await startCluster({ faults: true, pools: ['data'] });
  const pool = await poolOf(cluster);
  cluster.faults.slowDisk('osd.2', 150);
  const began = performance.now();
  await pool.object('x').writeFull(bytes(1000));
  expect(performance.now() - began).toBeGreaterThan(149);
  cluster.faults.slowDisk('osd.2', 0);
  await pool.object('x').writeFull(bytes(1000));
});

test('a disk that is full is seen in the health of the cluster', async () => {
  await using cluster = await startCluster({ faults: true, pools: ['data'] });
  const rados = await cluster.connect();
  const health = async () => (await rados.command({ prefix: 'health' })).output.toString();
  await (await rados.pool('data')).object('x').writeFull(bytes(1000));
  cluster.faults.fill('osd.1');
  await expect.poll(health, { timeout: 20_000 }).toMatch(/1 full osd/);
  cluster.faults.heal();
  await expect.poll(health, { timeout: 20_000 }).not.toMatch(/full osd/);
}, 60_000);

test('the monitor can be killed and started again', async () => {
  await using cluster = await startCluster({ faults: true, pools: ['data'] });
  const rados = await cluster.connect();
  await cluster.faults.kill('mon.a');
  const pool = await rados.pool('data');
  await pool.object('without').writeFull('x');
  await cluster.faults.restart('mon.a');
  const other = await (await cluster.connect()).createPool('more');
  await other.object('x').writeFull('y');
  expect((await pool.object('without').read()).toString()).toBe('x');
});

test('faults happen only to clusters that were started for them', async () => {
  await using cluster = await startCluster({ osds: 1 });
  expect(() => cluster.faults).toThrow(/faults: true/);
  await expect(startCluster({ faults: true, shards: 2 })).rejects.toMatchObject({ code: 'EINVAL' });
});
