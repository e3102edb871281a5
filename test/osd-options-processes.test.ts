// Options that decide how an OSD's process begins: its addresses and ports, and how its store is made.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect, type Rados } from '../src/client/index.ts';
import { clusterFolders } from './support/cluster-folders.ts';
import { sepiola } from './support/sepiola.ts';

const folder = clusterFolders();

interface Addrs {
  readonly addrvec: readonly { readonly addr: string }[];
}
interface OsdAddrs {
  readonly osd: number;
  readonly public_addrs: Addrs;
  readonly cluster_addrs: Addrs;
  readonly heartbeat_front_addrs: Addrs;
  readonly heartbeat_back_addrs: Addrs;
}

async function addrsOf(rados: Rados, id: number): Promise<string[]> {
  const { output } = await rados.command({ prefix: 'osd dump', format: 'json' });
  const osds = (JSON.parse(output.toString()) as { osds: OsdAddrs[] }).osds;
  const o = osds.find(({ osd }) => osd === id)!;
  const all = [o.public_addrs, o.cluster_addrs, o.heartbeat_front_addrs, o.heartbeat_back_addrs];
  return all.map(({ addrvec }) => addrvec[0]!.addr);
}

test('an OSD listens where ceph.conf and the monitor say, from its next start on', async () => {
  const { dir, conf } = folder();
  expect(await sepiola('up', dir, '--detach', '--osds', '1')).toMatchObject({ code: 0 });
  await using rados = await connect({ conf });
  const set = (who: string, name: string, value: string) =>
    rados.command({ prefix: 'config set', who, name, value });
  await set('osd.0', 'cluster_addr', '127.0.0.3');
  await set('osd', 'public_network', '203.0.113.0/24'); // the file comes first
  appendFileSync(
    conf,
    '[osd]\npublic network = 127.0.0.0/8\n[osd.0]\nms bind port min = 23900\nms bind port max = 23950\n',
  );
  const restart = async () => {
    expect(await sepiola('osd', 'stop', dir, '0')).toMatchObject({ code: 0 });
    return sepiola('osd', 'start', dir, '0');
  };
  expect(await restart()).toEqual({ code: 0, stdout: 'started osd.0\n', stderr: '' });
  const addrs = await addrsOf(rados, 0);
  expect(addrs.map((a) => a.split(':')[0])).toEqual([
    '127.0.0.1',
    '127.0.0.3',
    '127.0.0.1',
    '127.0.0.3',
  ]);
  for (const a of addrs) {
    const port = Number(a.split(':')[1]);
    expect(port).toBeGreaterThanOrEqual(23900);
    expect(port).toBeLessThanOrEqual(23950);
  }
  const pool = await rados.createPool('p', { pgNum: 1 });
  await pool.object('x').writeFull('at its new place');
  // What cannot be is said, and nothing half-way runs.
  await set('osd.0', 'cluster_network', '203.0.113.0/24');
  await rados.command({ prefix: 'config rm', who: 'osd.0', name: 'cluster_addr' });
  const refused = await restart();
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain('this machine has no address in 203.0.113.0/24');
  await rados.command({ prefix: 'config rm', who: 'osd.0', name: 'cluster_network' });
  expect(await sepiola('osd', 'start', dir, '0')).toMatchObject({ code: 0 });
  expect((await pool.object('x').read()).toString()).toBe('at its new place');
});

test('large writes of a store begin at its stripes, and a ceph.conf stays as its owner left it', async () => {
  const { dir, conf } = folder();
  const stripe = 1 << 16;
  const up = await sepiola('up', dir, '--detach', '--osds', '1', '--stripe-size', '64K');
  expect(up).toMatchObject({ code: 0, stderr: '' });
  appendFileSync(conf, '[osd]\nosd_store_stripe_size = 128K\n');
  const owners = readFileSync(conf, 'utf8');
  expect(await sepiola('osd', 'add', dir)).toMatchObject({ code: 0 });
  expect(await sepiola('down', dir)).toMatchObject({ code: 0 });
  expect(readFileSync(conf, 'utf8')).toBe(owners);
  const stripesOf = async (osd: string): Promise<number> => {
    const stats = await sepiola('store', 'stats', '--data-path', join(dir, osd));
    return (JSON.parse(stats.stdout) as { stripe: number }).stripe;
  };
  expect(await stripesOf('osd.0')).toBe(stripe);
  expect(await stripesOf('osd.1')).toBe(2 * stripe);
});
