// OSDs that speak to clients on one address and to each other on another.
import { expect, it } from 'vitest';
import { startCluster } from '../src/cluster/index.ts';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import { addressIn } from '../src/runtime-node/index.ts';

interface Addrs {
  readonly addrvec: readonly { readonly addr: string }[];
}

it('OSDs listen for clients here, for each other there, and the map says so', async () => {
  await using cluster = await startCluster({ osds: 2, clusterHost: '127.0.0.2', pools: ['p'] });
  const rados = await cluster.connect();
  const pool = await rados.pool('p');
  await pool.object('x').writeFull('over both networks');
  expect((await pool.object('x').read()).toString()).toBe('over both networks');
  const { output } = await rados.command({ prefix: 'osd dump', format: 'json' });
  const { osds } = JSON.parse(output.toString());
  const hosts = ({ addrvec }: Addrs): string[] => addrvec.map(({ addr }) => addr.split(':')[0]!);
  const seen = new Set<string>();
  for (const osd of osds) {
    expect(hosts(osd.public_addrs)).toEqual(['127.0.0.1']);
    expect(hosts(osd.heartbeat_front_addrs)).toEqual(['127.0.0.1']);
    expect(hosts(osd.cluster_addrs)).toEqual(['127.0.0.2']);
    expect(hosts(osd.heartbeat_back_addrs)).toEqual(['127.0.0.2']);
    for (const kind of ['public', 'cluster', 'heartbeat_front', 'heartbeat_back']) {
      seen.add(osd[`${kind}_addrs`].addrvec[0].addr);
    }
  }
  expect(seen.size).toBe(8);
  const meta = await rados.command({ prefix: 'osd metadata', id: 0, format: 'json' });
  const { back_addr, front_addr } = JSON.parse(meta.output.toString());
  expect([back_addr, front_addr]).toEqual([
    expect.stringContaining('v2:127.0.0.2:'),
    expect.stringContaining('v2:127.0.0.1:'),
  ]);
});

it('the option cluster_addr names an address, and "-" none', () => {
  const host = (text: string) =>
    new OsdConfig(new Map([['cluster_addr', text]])).host('cluster_addr');
  expect(host('v2:127.0.0.2:0/0')).toBe('127.0.0.2');
  expect(host('v2:[fd00::1]:0/0')).toBe('fd00::1');
  expect(host('-')).toBeUndefined();
  expect(new OsdConfig().host('cluster_addr')).toBeUndefined();
});

it('an address is found in a network, or it is said why not', () => {
  expect(addressIn('203.0.113.0/24, 127.0.0.0/8')).toBe('127.0.0.1');
  expect(() => addressIn('203.0.113.0/24')).toThrow('no address in 203.0.113.0/24');
  for (const bad of ['127.0.0.1', '127.0.0.0/33', 'host/8']) {
    expect(() => addressIn(bad)).toThrow(`'${bad}' is not a network`);
  }
});
