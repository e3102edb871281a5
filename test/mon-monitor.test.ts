import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeIncremental, OSDMap } from '../src/maps/index.ts';
import { createMonStore, type Monitor, startMonitor } from '../src/mon/index.ts';
import {
  type Connection,
  createMessenger,
  type IncomingMessage,
  type Messenger,
} from '../src/msgr/index.ts';
import type { KeyValue } from '../src/runtime/index.ts';
import { nodeRuntime, openLmdb } from '../src/runtime-node/index.ts';
import { MemoryKeyValue } from '../src/store/index.ts';
import {
  decodeFront,
  ENTITY,
  MConfig,
  type MessageDef,
  MGetPoolStats,
  MMonCommand,
  MMonCommandAck,
  MMonGetVersion,
  MMonGetVersionReply,
  MMonSubscribe,
  MOSDBoot,
  MOSDMap,
  MOSDMarkMeDown,
  MPoolOp,
  MPoolOpReply,
  outgoing,
  PAXOS_ZERO,
  POOL_OP,
} from '../src/wire/index.ts';
import { addrOf, bootOf, FSID } from './mon-world.ts';
import { runTool } from './support/differential.ts';
import { toolsMissing } from './support/interop.ts';
import { tempFolder } from './support/temp-folder.ts';
import { pause } from './support/until.ts';

const runtime = nodeRuntime({ log: () => {} });
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

async function start(store: KeyValue, port: number): Promise<Monitor> {
  const config = new Map([['mon_allow_pool_delete', 'true']]);
  const mon = await startMonitor({ runtime, store, host: '127.0.0.1', port, mgrPort: 0, config });
  cleanups.push(() => mon.close());
  return mon;
}

async function freshMonitor(): Promise<Monitor> {
  const kv = new MemoryKeyValue();
  const port = await freePort();
  await createMonStore(kv, { fsid: FSID, host: '127.0.0.1', port, nowMs: 1e12, osds: 3 });
  return start(kv, port);
}

/** A peer that keeps what it is sent until it is asked for. */
class Peer {
  connection: Connection;
  private readonly messenger: Messenger;
  private readonly inbox: IncomingMessage[] = [];
  private wake: () => void = () => {};

  constructor(mon: Monitor, type: number, num: number, id: string) {
    this.messenger = createMessenger(runtime, {
      name: { type, num },
      authName: { type, id },
      dispatcher: {
        onMessage: (_c, m) => {
          this.inbox.push(m);
          this.wake();
        },
      },
    });
    cleanups.push(() => this.messenger.shutdown());
    this.connection = this.messenger.connect({ type: ENTITY.mon, addrs: [mon.addr] });
  }

  /** An OSD, which says where it listens. */
  static async osd(mon: Monitor, num: number): Promise<Peer> {
    const peer = new Peer(mon, ENTITY.osd, num, String(num));
    peer.connection.close();
    await peer.messenger.listen({ host: '127.0.0.1', port: 0, nonce: 1 });
    peer.connection = peer.messenger.connect({ type: ENTITY.mon, addrs: [mon.addr] });
    return peer;
  }

  /** The next message of a type; others before it are dropped. */
  async next<T>(def: MessageDef<T>): Promise<T & { data: Buffer; tid: number }> {
    for (;;) {
      const m = this.inbox.shift();
      if (m?.type === def.type) return { ...decodeFront(def, m), data: m.data, tid: m.tid };
      if (m) continue;
      await new Promise<void>((go) => {
        this.wake = go;
      });
    }
  }
  get unread(): number {
    return this.inbox.length;
  }

  subscribe(what: string, start: number, onetime = false): void {
    const item = { start: BigInt(start), flags: onetime ? 1 : 0 };
    this.connection.send(
      outgoing(MMonSubscribe, { what: new Map([[what, item]]), hostname: 'test' }),
    );
  }
  async command(cmd: object, fsid = FSID) {
    const text = [JSON.stringify(cmd)];
    this.connection.send(outgoing(MMonCommand, { paxos: PAXOS_ZERO, fsid, cmd: text }, { tid: 7 }));
    return this.next(MMonCommandAck);
  }
}

const client = (mon: Monitor) => new Peer(mon, ENTITY.client, -1, 'admin');

describe('the monitor with its peers', () => {
  it('sends the newest full map, then each later epoch once, in steps of forty', async () => {
    const mon = await freshMonitor();
    const peer = client(mon);
    peer.subscribe('osdmap', 0, true);
    const first = await peer.next(MOSDMap);
    expect(first.maps.map(([e]) => e)).toEqual([1]);
    for (let i = 0; i < 50; i++) {
      mon.propose({ osdmap: { newFlags: mon.head().osdmap.data.flags ^ 128 } });
    }
    await mon.ledger.settled();
    expect(peer.unread).toBe(0);

    peer.subscribe('osdmap', 2);
    const a = await peer.next(MOSDMap);
    const b = await peer.next(MOSDMap);
    const epochs = [...a.incrementals, ...b.incrementals].map(([e]) => e);
    expect(a.incrementals).toHaveLength(40);
    expect(epochs).toEqual(Array.from({ length: 50 }, (_, i) => i + 2));
    let map = OSDMap.decode(first.maps[0]![1]);
    for (const [, bytes] of [...a.incrementals, ...b.incrementals]) {
      map = map.applyIncremental(decodeIncremental(bytes));
    }
    expect(map.crc).toBe(mon.state().osdmap.crc);

    mon.propose({ osdmap: { newFlags: 0 } });
    const c = await peer.next(MOSDMap);
    expect(c.incrementals.map(([e]) => e)).toEqual([52]);
  });

  it('starts the history with a full map for a peer that is behind the oldest epoch', async () => {
    const mon = await freshMonitor();
    for (let i = 0; i < 9; i++) mon.propose({ osdmap: {} });
    await mon.ledger.settled();
    await mon.ledger.trim(5);
    const peer = client(mon);
    peer.subscribe('osdmap', 2, true);
    const full = await peer.next(MOSDMap);
    expect([full.maps.map(([e]) => e), full.oldestMap, full.newestMap]).toEqual([[5], 5, 10]);
    const rest = await peer.next(MOSDMap);
    expect(rest.incrementals.map(([e]) => e)).toEqual([6, 7, 8, 9, 10]);
  });

  it('boots an OSD, tells it so, and lets it go', async () => {
    const mon = await freshMonitor();
    const osd = await Peer.osd(mon, 1);
    osd.connection.send(outgoing(MOSDBoot, bootOf(1)));
    const up = await osd.next(MOSDMap);
    expect(up.incrementals.map(([e]) => e)).toEqual([2]);
    expect(mon.state().osdmap.isUp(1)).toBe(true);
    const goodbye = {
      paxos: PAXOS_ZERO,
      fsid: FSID,
      osd: 1,
      epoch: 2,
      wantsAck: true,
      isDead: true,
    };
    const addrs = [...mon.state().osdmap.addrs(1)];
    osd.connection.send(outgoing(MOSDMarkMeDown, { ...goodbye, addrs: [addrOf(7)] }));
    await osd.command({ prefix: 'osd stat' });
    expect(mon.state().osdmap.isUp(1)).toBe(true); // of another life
    osd.connection.send(outgoing(MOSDMarkMeDown, { ...goodbye, addrs }));
    const down = await osd.next(MOSDMap);
    expect(down.incrementals.map(([e]) => e)).toEqual([3]);
    expect(mon.state().osdmap.isUp(1)).toBe(false);
  });

  it('marks an OSD down whose session stays away for the grace', async () => {
    const mon = await freshMonitor();
    const peer = client(mon);
    await peer.command({
      prefix: 'config set',
      who: 'mon',
      name: 'osd_heartbeat_grace',
      value: '1',
    });
    const osd = await Peer.osd(mon, 1);
    osd.connection.send(outgoing(MOSDBoot, bootOf(1)));
    await osd.next(MOSDMap);
    await pause(2_500);
    expect(mon.state().osdmap.isUp(1)).toBe(true);
    osd.connection.close();
    for (let i = 0; i < 60 && mon.state().osdmap.isUp(1); i++) await pause(100);
    expect(mon.state().osdmap.isUp(1)).toBe(false);
    expect(
      mon
        .state()
        .log.map((e) => e.text)
        .join('\n'),
    ).toContain('osd.1 marked down');
  }, 15_000);

  it('tells each peer the settings that concern it, and only changes', async () => {
    const mon = await freshMonitor();
    const osd = new Peer(mon, ENTITY.osd, 1, '1');
    const peer = client(mon);
    for (const p of [osd, peer]) {
      p.subscribe('config', 0);
      expect((await p.next(MConfig)).config.size).toBe(0);
    }
    const set = (who: string, value: string) =>
      peer.command({ prefix: 'config set', who, name: 'osd_max_backfills', value });
    await set('osd.1', '4');
    expect([...(await osd.next(MConfig)).config]).toEqual([['osd_max_backfills', '4']]);
    // A client that is told nothing new is sent nothing.
    expect(peer.unread).toBe(0);
    await set('osd.2', '5');
    await pause(20);
    expect(osd.unread).toBe(0);
  });

  it('makes and removes pools for the library, and says in which epoch', async () => {
    const mon = await freshMonitor();
    const peer = client(mon);
    const op = async (op: number, pool: number, name: string) => {
      const request = { paxos: PAXOS_ZERO, fsid: FSID, pool, op, auid: 0n, snapid: 0n, name };
      peer.connection.send(
        outgoing(MPoolOp, { ...request, oldCrushRule: 0, crushRule: -1 }, { tid: 3 }),
      );
      const { result, epoch } = await peer.next(MPoolOpReply);
      return [result, epoch];
    };
    expect(await op(POOL_OP.create, 0, 'p')).toEqual([0, 2]);
    expect(await op(POOL_OP.create, 0, 'p')).toEqual([0, 2]);
    expect(await op(POOL_OP.createSnap, 1, 's')).toEqual([-95, 2]);
    expect(await op(POOL_OP.createSnap, 9, 's')).toEqual([-2, 2]);
    expect(await op(POOL_OP.delete, 1, 'delete')).toEqual([0, 3]);
    expect(await op(POOL_OP.delete, 1, 'delete')).toEqual([0, 3]);
    peer.connection.send(outgoing(MMonGetVersion, { handle: 9n, what: 'osdmap' }));
    expect(await peer.next(MMonGetVersionReply)).toMatchObject({ handle: 9n, version: 3n });
  });

  it('refuses commands for another cluster', async () => {
    const mon = await freshMonitor();
    const peer = client(mon);
    const other = '00000000-0000-4000-8000-0000000000ff';
    expect((await peer.command({ prefix: 'status' }, other)).result).toBe(-1);
    expect((await peer.command({ prefix: 'status' })).result).toBe(0);
  });

  it('cuts off a peer that sends what does not decode, and lives', async () => {
    const mon = await freshMonitor();
    const bad = client(mon);
    const reset = outgoing(MGetPoolStats, { paxos: PAXOS_ZERO, fsid: FSID, pools: [] });
    bad.connection.send({ ...reset, front: Buffer.from([1, 2, 3]) });
    await pause(100);
    expect((await client(mon).command({ prefix: 'fsid' })).result).toBe(0);
    expect([...mon.sessions].some((s) => s.connection.peerGlobalId === 0)).toBe(false);
  });

  it('never gives a global id twice, not even after a restart', async () => {
    const dir = tempFolder('mon');
    cleanups.push(() => rmSync(dir, { recursive: true }));
    const port = await freePort();
    const kv = await openLmdb(dir);
    await createMonStore(kv, { fsid: FSID, host: '127.0.0.1', port, nowMs: 1e12 });
    let store = kv;
    const ids: number[] = [];
    for (let run = 0; run < 3; run++) {
      const mon = await start(store, port);
      const peer = client(mon);
      await peer.command({ prefix: 'osd pool create', pool: `p${run}` });
      ids.push([...mon.sessions][0]!.connection.peerGlobalId);
      // Everything that was answered is there again.
      expect(mon.state().osdmap.data.pools.size).toBe(run + 1);
      await mon.close();
      store = await openLmdb(dir);
    }
    await store.close();
    expect(new Set(ids).size).toBe(3);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });

  it('does not start where another listens, and leaves its store closed', async () => {
    const mon = await freshMonitor();
    const kv = new MemoryKeyValue();
    const { port } = mon.addr;
    await createMonStore(kv, { fsid: FSID, host: '127.0.0.1', port, nowMs: 1e12 });
    await expect(start(kv, port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(kv.commit([])).rejects.toMatchObject({ code: 'EBADF' });
  });

  it('stops when its store fails, without answering', async () => {
    const kv = new MemoryKeyValue();
    const port = await freePort();
    await createMonStore(kv, { fsid: FSID, host: '127.0.0.1', port, nowMs: 1e12 });
    const fatal = new Promise((done) => {
      void startMonitor({ runtime, store: kv, host: '127.0.0.1', port, onFatal: done }).then(
        async (mon) => {
          const peer = client(mon);
          await peer.command({ prefix: 'fsid' });
          await kv.close();
          void peer.command({ prefix: 'osd pool create', pool: 'p' }).then(() => done('answered'));
        },
      );
    });
    expect(await fatal).toMatchObject({ code: 'EBADF' });
  });
});

const missing = toolsMissing('ceph', 'rados', 'crushtool', 'osdmaptool');
if (missing) console.warn(`skipped: ${missing}`);

describe.skipIf(missing !== undefined)("Debian's tools on a monitor without OSDs", () => {
  let conf: string;
  let mon: Monitor;
  beforeEach(async () => {
    mon = await freshMonitor();
    const dir = tempFolder('mon-conf');
    cleanups.push(() => rmSync(dir, { recursive: true }));
    conf = join(dir, 'ceph.conf');
    writeFileSync(
      conf,
      `[global]\nfsid = ${FSID}\nmon host = v2:127.0.0.1:${mon.addr.port}/0\nauth cluster required = none\nauth service required = none\nauth client required = none\n`,
    );
  });
  const ceph = (words: string[]) => runTool(conf, words, { timeoutMs: 20_000 });

  it('commands have the exit codes and texts of a real cluster', async () => {
    const cases: [string[], number, string, string][] = [
      [['ceph', 'osd', 'pool', 'create', 'p', '8'], 0, '', "pool 'p' created\n"],
      [['rados', 'lspools'], 0, 'p\n', ''],
      [['ceph', 'osd', 'pool', 'get', 'p', 'size'], 0, 'size: 3\n', ''],
      [['ceph', 'osd', 'pool', 'get', 'q', 'size'], 2, '', "Error ENOENT: unrecognized pool 'q'\n"],
      [['ceph', 'config', 'set', 'osd', 'osd_max_backfills', '2'], 0, '', ''],
      [['ceph', 'config', 'get', 'osd.1', 'osd_max_backfills'], 0, '2\n', ''],
      [['ceph', 'config-key', 'set', 'k', 'v'], 0, '', 'set k\n'],
      [['ceph', 'config-key', 'get', 'k'], 0, 'v', ''],
      [['ceph', 'osd', 'setmaxosd', '2'], 16, '', expect.stringContaining('Error EBUSY: ')],
      [['ceph', 'osd', 'out', 'x'], 22, '', expect.stringContaining('Error EINVAL: ')],
      [['ceph', 'nosuch', 'thing'], 22, '', expect.stringContaining('Error EINVAL: ')],
      [
        ['ceph', 'osd', 'pool', 'rm', 'p', 'p', '--yes-i-really-really-mean-it'],
        0,
        '',
        "pool 'p' removed\n",
      ],
      [['rados', 'lspools'], 0, '', ''],
    ];
    for (const [words, code, stdout, stderr] of cases) {
      expect([words, await ceph(words)]).toEqual([words, { code, stdout, stderr }]);
    }
  }, 60_000);

  it('maps go out and come back in', async () => {
    const file = `${conf}.crush`;
    expect(await ceph(['ceph', 'osd', 'getcrushmap', '-o', file])).toMatchObject({ code: 0 });
    expect(
      await ceph(['crushtool', '-i', file, '--set-choose-total-tries', '77', '-o', file]),
    ).toMatchObject({ code: 0 });
    const set = await ceph(['ceph', 'osd', 'setcrushmap', '-i', file]);
    expect([set.code, set.stderr]).toEqual([0, '2\n']);
    expect(mon.state().osdmap.crushMap.tunables.chooseTotalTries).toBe(77);
    const map = `${conf}.osdmap`;
    await ceph(['ceph', 'osd', 'getmap', '-o', map]);
    const printed = await ceph(['osdmaptool', '--print', map]);
    expect(printed.stdout).toContain(`fsid ${FSID}`);
    expect(printed.stdout).toContain('flags sortbitwise,recovery_deletes,purged_snapdirs');
  }, 60_000);

  it('ceph tell reaches the monitor and the manager by name', async () => {
    for (const who of ['mon.a', 'mgr', 'mgr.x']) {
      const told = await ceph(['ceph', 'tell', who, 'version']);
      expect({ who, ...told }).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(told.stdout)).toMatchObject({ release: 'pacific' });
    }
    expect(await ceph(['ceph', 'tell', 'mgr', 'fsid'])).toMatchObject({ stdout: `${FSID}\n` });
    expect((await ceph(['ceph', 'tell', 'mon.b', 'version'])).code).toBe(2);
  }, 60_000);
});
