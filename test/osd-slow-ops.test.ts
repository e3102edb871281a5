// Requests that take long: what is remembered of them, and who is told.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { healthChecks } from '../src/mon/views/index.ts';
import { createMessenger } from '../src/msgr/index.ts';
import type { Osd } from '../src/osd/index.ts';
import type { ClientOp } from '../src/osd/requests/client-request.ts';
import {
  addSlowOps,
  type HistorySettings,
  OpHistory,
  slowOpsOf,
} from '../src/osd/shard/op-history.ts';
import { silent } from '../src/runtime/index.ts';
import { nodeRuntime } from '../src/runtime-node/index.ts';
import {
  ENTITY,
  MCommand,
  MOSDOp,
  MOSDOpReply,
  OSD_OP,
  outgoing,
  outgoingFront,
  SNAP_HEAD,
} from '../src/wire/index.ts';
import { bootAll, makeWorld } from './mon-world.ts';
import { writeRequest } from './support/client-request.ts';
import { OsdCluster } from './support/osd-cluster.ts';

const SETTINGS: HistorySettings = {
  size: 5,
  keepMs: 60_000,
  slowSize: 3,
  slowMs: 1000,
  complaintMs: 30_000,
};

function opOf(startedMs: number, tid = 1, pool = 2): ClientOp {
  const reqid = { name: { type: 8, num: 4100 }, tid: BigInt(tid), inc: 0 };
  const oid = { key: '', name: 'x', snap: SNAP_HEAD, hash: 5, max: false, namespace: '', pool };
  const ops = [{ code: OSD_OP.WRITEFULL }, { code: OSD_OP.SETXATTR }];
  const op = { pgid: { pgid: { pool, seed: 3 }, shard: -1 }, ops, epoch: 34 };
  return { startedMs, reqid, oid, request: { op } } as unknown as ClientOp;
}

describe('the history of requests', () => {
  it('names the client, the object and the operations', () => {
    const history = new OpHistory(SETTINGS);
    history.answered(opOf(100, 7), 110);
    expect(history.bySlowness(120)).toEqual([
      {
        description: 'osd_op(client.4100.0:7 2.3 2:a0000000:::x:head [writefull,setxattr] e34)',
        client: 'client.4100',
        tid: 7,
        pool: 2,
        startedMs: 100,
        endedMs: 110,
        point: 'commit sent; apply or cleanup',
      },
    ]);
  });

  it('has the slowest of the last while, and the newest that were slow (property)', () => {
    const request = fc.record({ after: fc.nat(5000), took: fc.nat(3000) });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 80 }), (requests) => {
        const history = new OpHistory(SETTINGS);
        const all: { at: number; took: number }[] = [];
        let now = 0;
        for (const { after, took } of requests) {
          now += after;
          history.answered(opOf(now - took), now);
          all.push({ at: now, took });
        }
        const took = history.bySlowness(now).map((r) => r.endedMs! - r.startedMs);
        expect(took).toEqual([...took].sort((a, b) => b - a));
        // All of it is at most a second older than it may be.
        const sure = all.filter(({ at }) => at >= now - SETTINGS.keepMs);
        const known = sure.map((r) => r.took).sort((a, b) => b - a);
        // What was pushed out by something older may be missing, but never the slowest.
        if (known.length > 0) expect(took[0]).toBe(known[0]);
        expect(took.length).toBe(Math.min(SETTINGS.size, took.length));
        const slow = all.filter((r) => r.took >= SETTINGS.slowMs).slice(-SETTINGS.slowSize);
        expect(history.slowOnes.map((r) => r.endedMs! - r.startedMs)).toEqual(
          slow.map((r) => r.took),
        );
      }),
    );
  });

  it('keeps nothing when it is told so, but the slow ones', () => {
    const history = new OpHistory({ ...SETTINGS, size: 0 });
    history.answered(opOf(0), 500);
    history.answered(opOf(0), 2500);
    expect(history.bySlowness(2500)).toEqual([]);
    expect(history.slowOnes).toHaveLength(1);
    history.apply({ ...SETTINGS, slowSize: 0 });
    expect(history.slowOnes).toEqual([]);
  });
});

it('requests are slow from osd_op_complaint_time on, and counted by pool and by how far they came', () => {
  const ops = [
    { point: 'delayed', ops: [opOf(0, 1, 1), opOf(500, 2, 2)] },
    { point: 'started', ops: [opOf(900, 3, 2), opOf(1200, 4, 2)] },
  ] as const;
  const slow = slowOpsOf(ops, 1900, 1000);
  expect(slow).toEqual({
    count: 3,
    oldestMs: 1900,
    byPool: new Map([
      [1, 1],
      [2, 2],
    ]),
    byPoint: new Map([
      ['delayed', 2],
      ['started', 1],
    ]),
  });
  expect(addSlowOps([slow, slow])).toEqual({
    count: 6,
    oldestMs: 1900,
    byPool: new Map([
      [1, 2],
      [2, 4],
    ]),
    byPoint: new Map([
      ['delayed', 4],
      ['started', 2],
    ]),
  });
});

it('health tells of slow requests in the words of Ceph', async () => {
  const w = await makeWorld();
  await bootAll(w);
  const slow = () => healthChecks(w.state()).find(({ code }) => code === 'SLOW_OPS')?.summary;
  expect(slow()).toBeUndefined();
  w.pgMap.slowOps.set(1, { count: 2, oldestSeconds: 34 });
  expect(slow()).toBe('2 slow ops, oldest one blocked for 34 sec, osd.1 has slow ops');
  w.pgMap.slowOps.set(0, { count: 1, oldestSeconds: 31 });
  expect(slow()).toBe(
    '3 slow ops, oldest one blocked for 34 sec, daemons [osd.0,osd.1] have slow ops.',
  );
  await w.run('osd down', { ids: ['1'] });
  expect(slow()).toBe('1 slow ops, oldest one blocked for 31 sec, osd.0 has slow ops');
});

/** The answer of an OSD to `ceph tell`. */
async function askOsd(osd: Osd, prefix: string): Promise<string> {
  let answer: (text: string) => void = () => {};
  const answered = new Promise<string>((done) => {
    answer = done;
  });
  const messenger = createMessenger(nodeRuntime({ log: silent }), {
    name: { type: ENTITY.client, num: 1 },
    authName: { type: ENTITY.client, id: 'admin' },
    dispatcher: { onMessage: (_, m) => answer(m.data.toString()) },
  });
  const fsid = '00000000-0000-0000-0000-000000000000';
  const connection = messenger.connect({ type: ENTITY.osd, addrs: [osd.addr] });
  connection.send(outgoing(MCommand, { fsid, cmd: [JSON.stringify({ prefix })] }));
  const text = await answered;
  await messenger.shutdown();
  return text;
}

it('a write that waits for a member is slow, is shown, and is healthy again when it is done', async () => {
  const config = new Map([
    ['osd_op_complaint_time', '0.2'],
    ['osd_op_history_slow_op_threshold', '0.2'],
  ]);
  await using c = await OsdCluster.start(2, undefined, 1, config);
  const rados = await c.client();
  const pool = await rados.createPool('p', { pgNum: 1 });
  await rados.command({ prefix: 'osd pool set', pool: 'p', var: 'min_size', val: '2' });
  await pool.object('x').writeFull('1');
  const { osdmap } = c.monitor.state();
  const primary = osdmap.pgToUpActing({ pool: 1, seed: 0 }).actingPrimary;
  const other = 1 - primary;
  await c.kill(other);
  const write = pool.object('x').writeFull('2');
  const until = async (what: () => boolean): Promise<void> => {
    for (let i = 0; i < 400 && !what(); i++) await new Promise((go) => setTimeout(go, 50));
    expect(what()).toBe(true);
  };
  const isSlow = () => healthChecks(c.monitor.state()).some(({ code }) => code === 'SLOW_OPS');
  const tell = async (prefix: string) => JSON.parse(await askOsd(c.osds[primary]!, prefix));
  await until(isSlow);
  const log = c.monitor.state().log.map(({ text }) => text);
  expect(log).toContain(
    "1 slow requests (by type [ 'delayed' : 1 ] most affected pool [ 'p' : 1 ])",
  );
  const blocked = await tell('dump_blocked_ops');
  expect(blocked).toMatchObject({ complaint_time: 0.2, num_blocked_ops: 1 });
  expect(blocked.ops[0].description).toContain(':x:head [writefull]');
  expect((await tell('dump_ops_in_flight')).num_ops).toBe(1);
  await c.startOsd(other);
  await write;
  await until(() => !isSlow());
  expect((await tell('dump_historic_ops')).ops.length).toBeGreaterThanOrEqual(2);
  expect((await tell('dump_historic_slow_ops')).Ops).toHaveLength(1);
}, 60_000);

/** A write of PG 1.0, of an epoch that its sender should not know yet. */
function writeTo(osd: Osd, epoch: number): Promise<void> {
  let done: () => void = () => {};
  const answered = new Promise<void>((resolve) => {
    done = resolve;
  });
  const messenger = createMessenger(nodeRuntime({ log: silent }), {
    name: { type: ENTITY.client, num: 1 },
    authName: { type: ENTITY.client, id: 'admin' },
    dispatcher: {
      onMessage: (_, m) => {
        if (m.type === MOSDOpReply.type) done();
      },
    },
  });
  const connection = messenger.connect({ type: ENTITY.osd, addrs: [osd.addr] });
  const data = [Buffer.from('x')];
  connection.send(outgoingFront(MOSDOp, writeRequest('held', epoch, 1), { tid: 1, data }));
  return answered.then(() => messenger.shutdown());
}

it('a request that the gate holds is slow and shown, and counts from its arrival', async () => {
  const config = new Map([['osd_op_complaint_time', '0.2']]);
  await using c = await OsdCluster.start(1, undefined, 1, config);
  const rados = await c.client();
  const pool = await rados.createPool('p', { pgNum: 1 });
  await pool.object('x').writeFull('1');
  await rados.command({ prefix: 'osd set', key: 'pause' });
  const until = async (what: () => boolean): Promise<void> => {
    for (let i = 0; i < 400 && !what(); i++) await new Promise((go) => setTimeout(go, 50));
    expect(what()).toBe(true);
  };
  // As a client does that has not heard of the pause yet.
  const answered = writeTo(c.osds[0]!, c.monitor.state().osdmap.epoch);
  await until(() => healthChecks(c.monitor.state()).some(({ code }) => code === 'SLOW_OPS'));
  const tell = async (prefix: string) => JSON.parse(await askOsd(c.osds[0]!, prefix));
  const { ops, num_blocked_ops } = await tell('dump_blocked_ops');
  expect(num_blocked_ops).toBe(1);
  expect(ops[0].type_data.flag_point).toBe('delayed');
  expect(ops[0].age).toBeGreaterThan(0.2);
  await rados.command({ prefix: 'osd unset', key: 'pause' });
  await answered;
  expect((await tell('dump_ops_in_flight')).num_ops).toBe(0);
}, 60_000);
