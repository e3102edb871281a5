// OSDs that speak to clients on one address and to each other on another.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { confOptions } from '../src/cluster/conf-options.ts';
import { startCluster } from '../src/cluster/index.ts';
import { type GivenAddresses, pickAddresses } from '../src/cluster/osd-addresses.ts';
import { CephError } from '../src/errors/index.ts';
import { createMessenger, listenWithin } from '../src/msgr/index.ts';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import { silent } from '../src/runtime/index.ts';
import { addressIn, nodeRuntime } from '../src/runtime-node/index.ts';
import { ENTITY } from '../src/wire/index.ts';
import { tempFolder } from './support/temp-folder.ts';

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

const GIVEN = { host: '127.0.0.1', port: 6810, clusterHost: undefined };
const OWN: Readonly<Record<string, string>> = {
  '10.1.0.0/16': '10.1.0.5',
  '10.2.0.0/16': '10.2.0.5',
};

/** Where an OSD listens with these options: for clients, for OSDs, and the ports for what has none. */
function picked(options: Readonly<Record<string, string>>, given: GivenAddresses = GIVEN) {
  const find = (networks: string): string => {
    const found = OWN[networks];
    if (!found) throw new CephError('ENOENT', `this machine has no address in ${networks}`);
    return found;
  };
  const at = pickAddresses((name) => options[name], given, find);
  return [`${at.host}:${at.port}`, `${at.clusterHost}:${at.clusterPort}`, at.ports];
}

it("an OSD listens where its options say, and else where its cluster's file says", () => {
  const any = undefined;
  expect(picked({})).toEqual(['127.0.0.1:6810', '127.0.0.1:0', any]);
  expect(picked({}, { ...GIVEN, clusterHost: '127.0.0.2' })).toEqual([
    '127.0.0.1:6810',
    '127.0.0.2:0',
    any,
  ]);
  expect(picked({ public_addr: '-', cluster_addr: 'v2:0.0.0.0:0/0' })).toEqual(picked({}));
  expect(picked({ public_addr: 'v2:127.0.0.3:0/0' })).toEqual([
    '127.0.0.3:6810',
    '127.0.0.3:0',
    any,
  ]);
  expect(
    picked({ public_addr: 'v2:[fd00::1]:7000/0', cluster_addr: 'v2:127.0.0.4:7001/0' }),
  ).toEqual(['fd00::1:7000', '127.0.0.4:7001', any]);
});

it('an address comes before a network, and the network of clients serves OSDs that have none', () => {
  const networks = { public_network: '10.1.0.0/16', cluster_network: '10.2.0.0/16' };
  expect(picked(networks).slice(0, 2)).toEqual(['10.1.0.5:6810', '10.2.0.5:0']);
  expect(picked({ public_network: '10.1.0.0/16' })[1]).toBe('10.1.0.5:0');
  // Also where the address for clients is another one (observed in pick_addresses).
  const both = { public_network: '10.1.0.0/16', public_addr: 'v2:127.0.0.3:0/0' };
  expect(picked(both).slice(0, 2)).toEqual(['127.0.0.3:6810', '10.1.0.5:0']);
  const apart = { ...GIVEN, clusterHost: '127.0.0.2' };
  expect(picked({ public_network: '10.1.0.0/16' }, apart)[1]).toBe('127.0.0.2:0');
  expect(picked({ cluster_network: '10.2.0.0/16' }, apart)[1]).toBe('10.2.0.5:0');
  expect(() => picked({ public_network: '10.3.0.0/16' })).toThrow('no address in 10.3.0.0/16');
});

it('a range of ports is for all that has no port of its own', () => {
  const ports = { min: 7000, max: 7300 };
  expect(picked({ ms_bind_port_min: '7000' })).toEqual(['127.0.0.1:0', '127.0.0.1:0', ports]);
  expect(picked({ ms_bind_port_max: '6900' })[2]).toEqual({ min: 6800, max: 6900 });
  expect(picked({ ms_bind_port_min: '7000', public_addr: 'v2:127.0.0.3:6999/0' })).toEqual([
    '127.0.0.3:6999',
    '127.0.0.3:0',
    ports,
  ]);
  for (const [name, bad] of [
    ['ms_bind_port_min', '7301'],
    ['ms_bind_port_min', '0'],
    ['ms_bind_port_max', '70000'],
  ] as const) {
    expect(() => picked({ [name]: bad })).toThrow(
      /ms_bind_port_min \d+ to ms_bind_port_max \d+: no ports/,
    );
  }
});

it('the first free port of a range is taken, and a range without one is an error', async () => {
  const host = '127.0.0.1';
  const make = (num: number) =>
    createMessenger(nodeRuntime({ log: silent }), {
      name: { type: ENTITY.osd, num },
      authName: { type: ENTITY.osd, id: String(num) },
      dispatcher: { onMessage: () => {} },
    });
  const messengers = [make(0), make(1), make(2)] as const;
  try {
    const { port } = await listenWithin(messengers[0], { host, min: 0, max: 0 }, 1);
    const taken = { host, min: port, max: port };
    await expect(listenWithin(messengers[1], taken, 1)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    const next = await listenWithin(messengers[1], { host, min: port, max: port + 50 }, 1);
    expect(next.port).toBeGreaterThan(port);
    const full = { host, min: port, max: next.port };
    await expect(listenWithin(messengers[2], full, 1)).rejects.toThrow(
      `no port from ${port} to ${next.port} is free at ${host}`,
    );
  } finally {
    for (const m of messengers) await m.shutdown();
  }
});

it('a ceph.conf speaks to an OSD by its own section, by that of OSDs, and by the global one', () => {
  const path = join(tempFolder('conf'), 'ceph.conf');
  writeFileSync(
    path,
    `[global]
public network = 127.0.0.0/8
osd max backfills = 4
[osd]
osd_max_backfills = 3
ms bind port min = 7000
cluster addr = nonsense
[osd.2]
osd-max-backfills = 2
[osd.3]
public addr = 127.0.0.3
[mon]
osd max backfills = 9
mon reweight min pgs per osd = 8
[mgr]
mon reweight min pgs per osd = 7
`,
  );
  const told: unknown[] = [];
  const of = (entity: string) =>
    confOptions(path, entity, (_level, _text, fields) => told.push(fields?.name));
  expect(Object.fromEntries(of('osd.2'))).toEqual({
    public_network: '127.0.0.0/8',
    osd_max_backfills: '2',
    ms_bind_port_min: '7000',
  });
  expect(told).toEqual(['cluster_addr']);
  expect(of('osd.3').get('osd_max_backfills')).toBe('3');
  expect(of('osd.3').get('public_addr')).toBe('v2:127.0.0.3:0/0');
  const mon = confOptions(path, 'mon.a', silent, 'mgr.x');
  expect([mon.get('osd_max_backfills'), mon.get('mon_reweight_min_pgs_per_osd')]).toEqual([
    '9',
    '7',
  ]);
  expect(confOptions(`${path}.nowhere`, 'osd.1', silent).size).toBe(0);
  writeFileSync(path, 'what is this');
  expect(() => of('osd.1')).toThrow(`${path}: line 1`);
});

it('the file comes before the monitor, and what is set at runtime before both', () => {
  const config = new OsdConfig(
    new Map([['osd_max_backfills', '2']]),
    new Map([
      ['osd_max_backfills', '3'],
      ['osd_heartbeat_grace', '7'],
    ]),
  );
  expect(config.get('osd_max_backfills')).toMatchObject({ value: '2', source: 'file' });
  expect(config.get('osd_heartbeat_grace')).toMatchObject({ value: '7', source: 'mon' });
  config.set('osd_max_backfills', '5');
  expect(config.get('osd_max_backfills')).toMatchObject({ value: '5', source: 'override' });
});

it('an address is found in a network, or it is said why not', () => {
  expect(addressIn('203.0.113.0/24, 127.0.0.0/8')).toBe('127.0.0.1');
  expect(addressIn('203.0.113.0/24;127.0.0.0/8')).toBe('127.0.0.1');
  expect(() => addressIn('203.0.113.0/24')).toThrow('no address in 203.0.113.0/24');
  for (const bad of ['127.0.0.1', '127.0.0.0/33', 'host/8']) {
    expect(() => addressIn(bad)).toThrow(`'${bad}' is not a network`);
  }
});
