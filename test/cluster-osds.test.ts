import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { Rados } from '../src/client/index.ts';
import { type Cluster, startCluster } from '../src/cluster/index.ts';
import { CephError } from '../src/errors/index.ts';
import { settled } from './support/settled.ts';

/** OSDs come, go and are replaced in a cluster that runs. */

const folders: string[] = [];
afterEach(() => {
  for (const f of folders.splice(0)) rmSync(f, { recursive: true, force: true });
});

async function fill(cluster: Cluster): Promise<Rados> {
  const rados = await cluster.connect();
  const pool = await rados.pool('data');
  await Promise.all(
    Array.from({ length: 30 }, (_, i) => pool.object(`o${i}`).writeFull(`is ${i}`)),
  );
  return rados;
}
async function check(rados: Rados): Promise<void> {
  const pool = await rados.pool('data');
  for (let i = 0; i < 30; i++) {
    expect((await pool.object(`o${i}`).read()).toString()).toBe(`is ${i}`);
  }
}

test('an OSD that is added gets data, and one that is removed leaves none behind', async () => {
  await using cluster = await startCluster({ pools: ['data'] });
  const rados = await fill(cluster);
  const added = await cluster.addOsd();
  expect([added.id, added.name, added.isRunning]).toEqual([3, 'osd.3', true]);
  expect(cluster.osds.map((osd) => osd.id)).toEqual([0, 1, 2, 3]);
  await settled(rados);
  await rados.command({ prefix: 'osd out', ids: ['0'] });
  await settled(rados);
  await cluster.osd(0).remove();
  await cluster
    .osd(3)
    .remove()
    .then(() => cluster.addOsd()); // the lowest id that is free
  expect(cluster.osds.map((osd) => osd.id)).toEqual([0, 1, 2]);
  await settled(rados);
  await check(rados);
}, 60_000);

test.each([1, 2])(
  'an OSD of %s thread(s) that cannot listen lets go of its data',
  async (shards) => {
    const dir = mkdtempSync(join(tmpdir(), 'sepiola-osds-'));
    folders.push(dir);
    const options = { dir, osds: 1, shards };
    // An address that is nobody's: RFC 5737.
    await expect(startCluster({ ...options, clusterHost: '192.0.2.1' })).rejects.toMatchObject({
      code: 'EADDRNOTAVAIL',
    });
    await using cluster = await startCluster(options);
    expect(cluster.osd(0).isRunning).toBe(true);
  },
  30_000,
);

test('an OSD in memory that is killed has its data when it starts again', async () => {
  await using cluster = await startCluster({ osds: 1, pools: ['data'] });
  const rados = await fill(cluster);
  await cluster.osd(0).kill();
  await cluster.osd(0).kill(); // it is dead already
  await cluster.osd(0).restart();
  await cluster.osd(0).stop();
  await cluster.osd(0).start();
  await check(rados);
});

test('an OSD that is started twice at once, or while it stops, is there once', async () => {
  await using cluster = await startCluster({ osds: 1, pools: ['data'] });
  const rados = await fill(cluster);
  const osd = cluster.osd(0);
  const stopped = osd.stop();
  await Promise.all([osd.start(), osd.start()]);
  await stopped;
  await check(rados);
  await osd.stop();
  const addr = JSON.stringify(osd.addr);
  osd.start().catch(() => {}); // it may be killed before it is up
  await osd.kill();
  expect(osd.isRunning).toBe(false);
  expect(JSON.stringify(osd.addr)).not.toBe(addr);
  await osd.start();
  await check(rados);
});

test('an OSD that gets an empty disk gets its data from the others', async () => {
  await using cluster = await startCluster({ osds: 2, pools: ['data'] });
  const rados = await fill(cluster);
  await cluster.osd(0).replace();
  await settled(rados);
  await check(rados);
}, 60_000);

test('OSDs are replaced right after one another, and each waits until it is not the last to have something', async () => {
  await using cluster = await startCluster({ osds: 2, pools: ['data'] });
  const rados = await fill(cluster);
  for (const id of [0, 1, 0]) await cluster.osd(id).replace();
  await settled(rados);
  await check(rados);
  await cluster.osd(1).kill();
  while (cluster.monitor.state().osdmap.isUp(1)) await new Promise((go) => setTimeout(go, 20));
  await expect(cluster.osd(0).replace({ timeoutMs: 300 })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
  });
  await check(rados);
  await cluster.osd(1).replace();
  await settled(rados);
  await check(rados);
}, 90_000);

test('OSDs that were added to a directory are there the next time', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sepiola-osds-'));
  folders.push(dir);
  {
    await using cluster = await startCluster({ dir, osds: 2, pools: ['data'] });
    await fill(cluster);
    await cluster.addOsd();
  }
  await using cluster = await startCluster({ dir, osds: 2 });
  expect(cluster.osds.map((osd) => osd.id)).toEqual([0, 1, 2]);
  const rados = await cluster.connect();
  await settled(rados);
  await check(rados);
}, 60_000);

test('what cannot be started again says so', async () => {
  await using cluster = await startCluster({ osds: 2, shards: 2 });
  expect(() => cluster.osd(2)).toThrow(/no osd\.2/);
  await cluster.osd(1).kill();
  await expect(cluster.osd(1).start()).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  const gone = cluster.osd(1);
  await gone.remove();
  await gone.remove();
  await expect(gone.start()).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a command that found no monitor does not keep the next one from finding it', async () => {
  await using cluster = await startCluster({ osds: 1 });
  const failure = new CephError('ETIMEDOUT', 'no monitor answered');
  vi.spyOn(cluster, 'connect').mockRejectedValueOnce(failure);
  await expect(cluster.addOsd()).rejects.toThrow(failure);
  expect((await cluster.addOsd()).id).toBe(1);
});

test('an OSD that is started twice at once runs once, and one that is killed while it starts is dead', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sepiola-osds-'));
  folders.push(dir);
  await using cluster = await startCluster({ dir, osds: 1 });
  const osd = cluster.osd(0);
  await osd.kill();
  await Promise.all([osd.start(), osd.start()]);
  await osd.kill();
  const starting = expect(osd.start()).rejects.toMatchObject({ code: 'ESHUTDOWN' });
  await osd.kill();
  expect(osd.isRunning).toBe(false);
  await starting;
  await osd.start();
});

test('a cluster that is closed leaves no client behind that was about to connect', async () => {
  const cluster = await startCluster({ osds: 1 });
  const connecting = expect(cluster.connect()).rejects.toMatchObject({ code: 'ESHUTDOWN' });
  await cluster.close();
  await connecting;
  await expect(cluster.connect()).rejects.toMatchObject({ code: 'ESHUTDOWN' });
});
