// A cluster under attack by peers that get through the handshake, or do not: every daemon goes on, serves, keeps its
// state, and says one line per peer it cuts. The messenger's own defences are in msgr-abuse.test.ts.
import { randomBytes } from 'node:crypto';
import { connect as dial, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Pool, Rados } from '../src/client/index.ts';
import { type Cluster, startCluster } from '../src/cluster/index.ts';
import { createMessenger, type IncomingMessage, type Messenger } from '../src/msgr/index.ts';
import { silent } from '../src/runtime/index.ts';
import { nodeRuntime } from '../src/runtime-node/index.ts';
import {
  decodeFront,
  ENTITY,
  type EntityAddr,
  MCommand,
  MCommandReply,
  MConfig,
  MESSAGES,
  type MessageDef,
  MMonCommand,
  MMonCommandAck,
  MOSDBoot,
  MOSDFailure,
  MOSDMap,
  MOSDMarkMeDown,
  MOSDOp,
  MOSDOpReply,
  MPGStats,
  type OSDOp,
  type Outgoing,
  outgoing,
  outgoingFront,
  PAXOS_ZERO,
} from '../src/wire/index.ts';
import { generated, mutated } from './support/generated.ts';
import { pause } from './support/until.ts';

/** Messages of each kind and daemon. */
const ROUNDS = 6;
const runtime = nodeRuntime({ log: silent });

let cluster: Cluster;
let rados: Rados;
let pool: Pool;
let lines: string[] = [];
const attackers: Attacker[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  cluster = await startCluster({
    pools: ['served'],
    log: (level, text, fields) => {
      if (level === 'warn' || level === 'error') lines.push(`${level} ${text} ${fields?.reason}`);
    },
  });
  rados = await cluster.connect();
  pool = await rados.pool('served');
  await rados.command({ prefix: 'osd pool application enable', pool: 'served', app: 'test' });
});
afterEach(async () => {
  for (const a of attackers.splice(0)) await a.close();
  for (const s of sockets.splice(0)) s.destroy();
});
afterAll(() => cluster.close());

interface Target {
  readonly type: number;
  readonly addr: EntityAddr;
}
const mon = (): Target => ({ type: ENTITY.mon, addr: cluster.monitor.addr });
const mgr = (): Target => ({ type: ENTITY.mgr, addr: cluster.monitor.mgr.addrs[0]! });
const osd = (id = 0): Target => ({ type: ENTITY.osd, addr: cluster.osds[id]!.addr });
const daemons = (): Target[] => [mon(), mgr(), osd()];

/** A peer with a proper handshake and bad intentions. */
class Attacker {
  readonly heard: IncomingMessage[] = [];
  cuts = 0;
  private readonly messenger: Messenger;
  private wake: () => void = () => {};
  constructor(name = { type: ENTITY.client as number, num: 0 }) {
    attackers.push(this);
    this.messenger = createMessenger(runtime, {
      name,
      authName: { type: name.type, id: 'admin' },
      dispatcher: {
        onMessage: (_, m) => {
          this.heard.push(m);
          this.wake();
        },
        onReset: () => {
          this.cuts++;
          this.wake();
        },
      },
    });
  }
  /** Each batch goes over a connection of its own, since a bad message ends it. */
  say(to: Target, ...messages: Outgoing[]): void {
    const c = this.messenger.connect({ type: to.type, addrs: [to.addr] });
    for (const m of messages) c.send(m);
  }
  async until(what: () => boolean): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!what()) {
      expect(performance.now()).toBeLessThan(deadline);
      await Promise.race([pause(50), new Promise<void>((done) => (this.wake = done))]);
    }
  }
  close(): Promise<void> {
    return this.messenger.shutdown();
  }
}

/** One message with made-up contents, except what is given. */
function made<T>(def: MessageDef<T>, given: Partial<T> = {}): Outgoing {
  const [value] = fc.sample(generated(def.front), { numRuns: 1, seed: def.type });
  return outgoing(def, { ...value!, ...given });
}

/** The output of a command that a daemon itself answers. */
async function tell(to: Target, command: object): Promise<string> {
  const asker = new Attacker();
  asker.say(to, outgoing(MCommand, { fsid: cluster.fsid, cmd: [JSON.stringify(command)] }));
  await asker.until(() => asker.heard.some((m) => m.type === MCommandReply.type));
  return asker.heard.find((m) => m.type === MCommandReply.type)!.data.toString();
}

/** Every daemon answers, and what was stored before is there. */
async function expectService(): Promise<void> {
  const name = `after ${randomBytes(4).toString('hex')}`;
  await pool.object(name).writeFull('still here');
  expect((await pool.object(name).read()).toString()).toBe('still here');
  const { output } = await rados.command({ prefix: 'status', format: 'json' });
  const { health, osdmap } = JSON.parse(output.toString());
  expect({ health: health.status, up: osdmap.num_up_osds }).toEqual({ health: 'HEALTH_OK', up: 3 });
  for (const { id } of cluster.osds) {
    expect(await tell(osd(id), { prefix: 'version' })).toContain('16.2');
  }
  expect(lines.filter((l) => l.startsWith('error'))).toEqual([]);
}

const epoch = (): number => cluster.monitor.state().osdmap.epoch;
/** Long enough for what was sent to have had its effect: the same daemons have answered a later question. */
async function settled(): Promise<void> {
  await pause(200);
  await expectService();
}

test('every kind of message, mangled, to every daemon', async () => {
  const attacker = new Attacker();
  let sent = 0;
  for (const def of MESSAGES.values()) {
    const fronts = fc.sample(mutated(def.front), { numRuns: ROUNDS, seed: def.type });
    for (const to of daemons()) {
      for (const front of fronts) {
        attacker.say(to, outgoingFront(def, front, { data: [randomBytes(sent % 300)], tid: sent }));
        sent++;
      }
    }
    await pause(10);
  }
  await settled();
}, 120_000);

test('every kind of message, well-formed nonsense, to every daemon', async () => {
  const attacker = new Attacker();
  for (const def of MESSAGES.values()) {
    const values = fc.sample(generated(def.front), { numRuns: ROUNDS, seed: def.type });
    for (const to of daemons()) attacker.say(to, ...values.map((v) => outgoing(def, v)));
    await pause(10);
  }
  for (const to of daemons()) {
    const front = randomBytes(40);
    for (const type of [0, 5, 999, 65_535]) {
      attacker.say(to, { type, version: 1, compatVersion: 1, front });
    }
  }
  await settled();
}, 120_000);

test('only an OSD speaks for an OSD', async () => {
  const { fsid } = cluster;
  const before = epoch();
  const reports = cluster.monitor.pgMap.osdStats.get(0);
  const attacker = new Attacker();
  const impostor = new Attacker({ type: ENTITY.osd, num: 9 });
  const sample = decodeFront(MOSDBoot, made(MOSDBoot)).superblock;
  const superblock = { ...sample, fsid, osd: 0 };
  const lies = [
    made(MOSDBoot, { superblock }),
    made(MOSDMarkMeDown, { fsid, osd: 0, addrs: [osd().addr], epoch: before }),
    made(MOSDFailure, { fsid, osd: 0, addrs: [osd().addr], epoch: before, flags: 3 }),
    made(MPGStats, { fsid, osd: 0, epoch: before }),
  ];
  for (const to of [mon(), mgr()]) {
    for (const lie of lies) {
      attacker.say(to, lie);
      impostor.say(to, lie);
    }
  }
  await settled();
  expect(epoch()).toBe(before);
  const now = cluster.monitor.pgMap.osdStats.get(0);
  expect(now?.totalBytes).toBe(reports?.totalBytes);
});

test('only its monitor gives an OSD maps and options', async () => {
  const before = await tell(osd(), { prefix: 'status' });
  for (const type of [ENTITY.client, ENTITY.mon, ENTITY.osd]) {
    const peer = new Attacker({ type, num: 1 });
    peer.say(osd(), made(MOSDMap));
    peer.say(osd(), made(MOSDMap, { fsid: cluster.fsid }));
    peer.say(osd(), outgoing(MConfig, { config: new Map([['osd_max_write_size', '1']]) }));
  }
  await settled();
  expect(await tell(osd(), { prefix: 'status' })).toBe(before);
  const option = await tell(osd(), { prefix: 'config get', var: 'osd_max_write_size' });
  expect(JSON.parse(option)).toEqual({ osd_max_write_size: '90' });
});

test('op vectors that do not add up are refused', async () => {
  const attacker = new Attacker();
  const args = Buffer.alloc(28);
  const say = (ops: OSDOp['ops'], data: Uint8Array, tid: number): void => {
    const op = made(MOSDOp, {
      pgid: { pgid: { pool: pool.id, seed: 0 }, shard: -1 },
      epoch: epoch(),
      flags: 0x24,
      name: 'x',
      ops,
    });
    for (const { id } of cluster.osds) attacker.say(osd(id), { ...op, tid, data: [data] });
  };
  const one = (code: number, payloadLength: number) => ({
    code,
    flags: 0,
    args: randomBytes(28),
    argsOffset: 0,
    payloadLength,
  });
  const WRITE = 0x2201;
  say([one(WRITE, 4_000_000_000)], Buffer.alloc(10), 1);
  say([one(WRITE, 5), one(WRITE, 6)], Buffer.alloc(10), 2);
  say([one(WRITE, 0)], Buffer.alloc(100), 3);
  say(
    Array.from({ length: 65_535 }, () => ({ ...one(0x1201, 0), args })),
    Buffer.alloc(0),
    4,
  );
  for (let code = 0; code < 0x40; code++) {
    for (const group of [0x1200, 0x2200, 0x1300, 0x2300, 0x1500]) {
      say([one(group + code, 24)], randomBytes(24), 1000 + group + code);
    }
    await pause(5);
  }
  await settled();
}, 120_000);

test('commands that are none get an answer, and deep JSON breaks nothing', async () => {
  const attacker = new Attacker();
  const texts = [
    '',
    '{',
    '[]',
    'null',
    '"x"',
    '{"prefix":7}',
    '{"prefix":"__proto__"}',
    '{"prefix":"constructor"}',
    '{"prefix":"osd pool create","pool":{"a":1}}',
    '{"prefix":"osd pool create","pool":["p"],"pg_num":"-1"}',
    '{"prefix":"config set","who":"__proto__","name":"constructor","value":"x"}',
    `{"prefix":"status","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    '['.repeat(500_000),
    `{"prefix":"${'x'.repeat(1_000_000)}"}`,
  ];
  const { fsid } = cluster;
  for (const cmd of texts) {
    attacker.say(mon(), outgoing(MMonCommand, { paxos: PAXOS_ZERO, fsid, cmd: [cmd] }));
    for (const to of daemons()) {
      attacker.say(to, outgoing(MCommand, { fsid, cmd: [cmd] }));
    }
  }
  const other = '00000000-0000-4000-8000-000000000001';
  const cmd = ['{"prefix":"status"}'];
  attacker.say(mon(), outgoing(MMonCommand, { paxos: PAXOS_ZERO, fsid: other, cmd }));
  const answers = texts.length * 4 + 1;
  await attacker.until(() => attacker.heard.filter(isAnswer).length + attacker.cuts >= answers);
  for (const m of attacker.heard) {
    if (m.type === MMonCommandAck.type) {
      const { result, cmd } = decodeFront(MMonCommandAck, m);
      if (!cmd[0]?.includes('status')) expect(result).toBeLessThan(0);
    }
  }
  await settled();
});
const isAnswer = (m: IncomingMessage): boolean =>
  m.type === MMonCommandAck.type || m.type === MCommandReply.type;

test('answers to questions nobody asked are dropped', async () => {
  const attacker = new Attacker({ type: ENTITY.osd, num: 2 });
  const replies = fc.sample(generated(MOSDOpReply.front), { numRuns: 50, seed: 5 });
  attacker.say(osd(), ...replies.map((v, tid) => outgoing(MOSDOpReply, v, { tid })));
  await settled();
});

test('hundreds of sockets that say nothing, little or noise', async () => {
  lines = [];
  const ports = daemons().map((d) => d.addr.port);
  const memory = process.memoryUsage().rss;
  for (let i = 0; i < 300; i++) {
    const socket = dial({ host: '127.0.0.1', port: ports[i % 3]! });
    sockets.push(socket);
    socket.on('error', () => {});
    const banner = 'ceph v2\n\x10\0';
    if (i % 4 === 1) socket.write(Buffer.from(banner.slice(0, i % 10), 'latin1'));
    if (i % 4 === 2) socket.write(randomBytes(1000));
    if (i % 4 === 3) socket.write(Buffer.concat([Buffer.from(banner, 'latin1'), randomBytes(64)]));
  }
  await pause(500);
  await expectService();
  expect(lines.length).toBeLessThanOrEqual(300);
  expect(process.memoryUsage().rss - memory).toBeLessThan(200 * 2 ** 20);
});
