import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Decoder, decodeAll } from '../src/codec/index.ts';
import { MonMap } from '../src/maps/index.ts';
import { createMessenger, type Messenger, type MessengerOptions } from '../src/msgr/index.ts';
import type { Network, Socket } from '../src/runtime/index.ts';
import { silent } from '../src/runtime/index.ts';
import { nativeCrc32c, systemClock, systemRandom, tcpNetwork } from '../src/runtime-node/index.ts';
import { ADDR, ENTITY, type EntityAddr } from '../src/wire/index.ts';
import { interopSkip, toolsMissing } from './support/interop.ts';
import {
  type ReferenceCluster,
  referenceMissing,
  startReference,
} from './support/reference-cluster.ts';
import { tempFolder } from './support/temp-folder.ts';
import { pause, until } from './support/until.ts';

const CEPH = 'ceph';
const TYPE_PING = 2;
const TYPE_MON_MAP = 4;
const TYPE_MON_GET_MAP = 5;

const messengers: Messenger[] = [];
afterEach(async () => {
  await Promise.all(messengers.splice(0).map((m) => m.shutdown()));
});
function messenger(options: MessengerOptions, network: Network = tcpNetwork): Messenger {
  const ports = { clock: systemClock, random: systemRandom, log: silent, crc32c: nativeCrc32c };
  const m = createMessenger({ ...ports, network }, options);
  messengers.push(m);
  return m;
}
const v2 = (host: string, port: string, nonce: string): EntityAddr => ({
  type: ADDR.msgr2,
  host,
  port: Number(port),
  nonce: Number(nonce),
});

const noDaemons = interopSkip(referenceMissing());
describe.skipIf(noDaemons !== undefined)('against daemons of Ceph 16.2', () => {
  let cluster: ReferenceCluster;
  let reference: string;
  beforeAll(async () => {
    cluster = await startReference(1);
    reference = cluster.conf;
  });
  afterAll(() => cluster?.stop());

  it('asks a monitor for its map', async () => {
    const [, host, port] = /v2:([\d.]+):(\d+)/.exec(readFileSync(reference, 'utf8'))!;
    const fronts: Buffer[] = [];
    const client = messenger({
      name: { type: ENTITY.client, num: -1 },
      authName: { type: ENTITY.client, id: 'admin' },
      dispatcher: {
        onMessage: (_c, m) => {
          if (m.type === TYPE_MON_MAP) fronts.push(m.front);
        },
      },
    });
    const mon = client.connect({ type: ENTITY.mon, addrs: [v2(host!, port!, '0')] });
    mon.send({ type: TYPE_MON_GET_MAP, version: 1, compatVersion: 1, front: Buffer.alloc(0) });
    await until(() => fronts.length > 0);
    expect(client.globalId).toBeGreaterThan(0);
    expect(mon.peer).toEqual({ type: ENTITY.mon, num: 0 });
    const map = decodeAll(MonMap, new Decoder(fronts[0]!).bytes());
    const text = spawnSync(CEPH, ['-c', reference, 'fsid'], { encoding: 'utf8' }).stdout;
    expect(map.fsid).toBe(text.trim());
  });

  it('keeps a lossless session with an OSD over a cut, acknowledged to the last message', async () => {
    const dump = spawnSync(CEPH, ['-c', reference, 'osd', 'dump'], { encoding: 'utf8' }).stdout;
    const line = dump.split('\n').find((l) => /^osd\.\d+ +up /.test(l))!;
    const peer = [...line.matchAll(/v2:([\d.]+):(\d+)\/(\d+)/g)][1]!;
    let socket: Socket | undefined;
    const network: Network = {
      listen: tcpNetwork.listen,
      connect: async (address, accept) => {
        socket = await tcpNetwork.connect(address, accept);
        return socket;
      },
    };
    let ready = 0;
    let resets = 0;
    const options: MessengerOptions = {
      name: { type: ENTITY.osd, num: 907 },
      authName: { type: ENTITY.osd, id: '907' },
      dispatcher: {
        onMessage: () => {},
        onReady: () => ready++,
        onReset: () => resets++,
      },
    };
    const own = messenger(options, network);
    await own.listen({ host: '127.0.0.1', port: 0, nonce: 77 });
    const addrs = [v2(peer[1]!, peer[2]!, peer[3]!)];
    const osd = own.connect({ type: ENTITY.osd, addrs });
    const ping = { type: TYPE_PING, version: 1, compatVersion: 1, front: Buffer.alloc(16) };
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 100; i++) osd.send(ping);
      await until(() => ready === round && osd.queuedBytes === 0);
      for (let i = 0; i < 100; i++) osd.send(ping);
      await pause(round);
      socket!.destroy();
    }
    osd.send(ping);
    await until(() => ready === 4 && osd.queuedBytes === 0);
    expect(resets).toBe(0);
  });
});

const missing = toolsMissing(CEPH);
describe.skipIf(missing !== undefined)('against clients of Ceph 16.2', () => {
  it('lets in the ceph command, and reads its first request', async () => {
    const dir = tempFolder('msgr');
    const conf = join(dir, 'ceph.conf');
    const types: number[] = [];
    const names: unknown[] = [];
    const mon = messenger({
      name: { type: ENTITY.mon, num: 0 },
      authName: { type: ENTITY.mon, id: 'a' },
      authenticate: (r) => ({ ok: true, globalId: r.globalId || 4107 }),
      dispatcher: {
        onMessage: (_c, m) => types.push(m.type),
        onReady: (c) => names.push([c.peer, c.peerAuth]),
      },
    });
    const addr = await mon.listen({ host: '127.0.0.1', port: 0, nonce: 0 });
    const lines = ['auth client required = none', `mon host = [v2:127.0.0.1:${addr.port}/0]`];
    writeFileSync(conf, `[global]\n${lines.join('\n')}\n`);
    const child = execFile(CEPH, ['-c', conf, '-s']);
    try {
      await until(() => types.includes(TYPE_MON_GET_MAP));
      expect(names[0]).toEqual([
        { type: ENTITY.client, num: 4107 },
        { type: ENTITY.client, id: 'admin' },
      ]);
    } finally {
      child.kill('SIGKILL');
      rmSync(dir, { recursive: true });
    }
  });
});
