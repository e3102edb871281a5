// What becomes of clients' requests before their PG sees them.
import { beforeEach, expect, it } from 'vitest';
import { Encoder, encodeToBytes } from '../src/codec/index.ts';
import { ERRNO } from '../src/errors/index.ts';
import { OSDMAP_FLAG, type OSDMap } from '../src/maps/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../src/msgr/index.ts';
import { COPY_BEGIN, CopyData } from '../src/osd/ops/copy.ts';
import { OP_LIMITS } from '../src/osd/ops/index.ts';
import { shareMaps } from '../src/osd/osd-maps.ts';
import { WHOLE } from '../src/osd/partition.ts';
import type { Requester } from '../src/osd/requests/client-ops.ts';
import type { ClientOp } from '../src/osd/requests/client-request.ts';
import { ClientGate, type ClientGateHost } from '../src/osd/shard/client-gate.ts';
import { CopyFetcher } from '../src/osd/shard/copy-fetcher.ts';
import { BufferPool } from '../src/runtime/index.ts';
import { systemClock } from '../src/runtime-node/index.ts';
import {
  ADDR,
  argsBytes,
  EVERSION_ZERO,
  MOSDMap,
  MOSDOpReply,
  ObjectLocator,
  OSD_OP,
  type OSDOp,
  outgoing,
  readArgs,
  readOSDOp,
  readOSDOpReply,
  SNAP_HEAD,
  TIME_ZERO,
  writeOSDOp,
  writeOSDOpReply,
} from '../src/wire/index.ts';
import { requestMessage, writeRequest } from './support/client-request.ts';

const pgid = { pool: 1, seed: 0 };
const addr = { type: ADDR.msgr2, nonce: 1, host: '127.0.0.1', port: 1 };

/** A map of one pool, as far as the gate looks at it, and the daemon around it. */
class World {
  epoch = 10;
  flags = 0;
  isServing = true;
  isPrimary = true;
  isComing = false;
  isFenced = false;
  wanted = 0;
  /** The PG that has the objects of requests. */
  seed = 0;
  /** Parts of sources that were asked for. */
  readonly fetched: OSDOp[] = [];
  readonly fetcher: CopyFetcher;
  readonly executed: ClientOp[] = [];
  readonly gate: ClientGate;

  constructor() {
    const world = this;
    const map = {
      data: {
        blocklist: {
          get length() {
            return world.isFenced ? 1 : 0;
          },
        },
      },
      pool: () => ({ flags: 0 }),
      isBlocklisted: () => world.isFenced,
      hasFlag: (flag: number) => (world.flags & flag) !== 0,
      rawPgToPg: () => ({ ...pgid, seed: world.seed }),
      locate: () => ({ pgid, hash: 0 }),
      pgToUpActing: () => ({ actingPrimary: 0 }),
    } as unknown as OSDMap;
    const maps = {
      get epoch() {
        return world.epoch;
      },
      since: (epoch: number) => {
        const last = Math.min(epoch + 40, world.epoch);
        const fields = {
          fsid: '00000000-0000-0000-0000-000000000000',
          incrementals: [],
          maps: [],
        };
        const range = { oldestMap: 1, newestMap: last, gapRemovedSnaps: new Map() };
        return epoch < world.epoch
          ? { message: outgoing(MOSDMap, { ...fields, ...range }), last }
          : undefined;
      },
    };
    const host: ClientGateHost = {
      id: 0,
      clock: systemClock,
      pool: new BufferPool(),
      limits: OP_LIMITS,
      map,
      get epoch() {
        return world.epoch;
      },
      shareMaps: (by, epoch) => shareMaps(maps, by, epoch),
      get isServing() {
        return world.isServing;
      },
      pg: () =>
        world.isComing
          ? undefined
          : { since: 1, isPrimary: world.isPrimary, submitOp: (op) => world.executed.push(op) },
      isComing: () => world.isComing,
      wantMap: () => world.wanted++,
      answered: () => {},
    };
    this.fetcher = new CopyFetcher({
      id: 0,
      partition: WHOLE,
      map,
      send: (_, { front }) => this.fetched.push(readOSDOp({ front: Buffer.from(front) })),
    });
    this.gate = new ClientGate(host, this.fetcher);
  }

  get names(): string[] {
    return this.executed.map((op) => op.oid.name);
  }

  send(client: Client, name: string, epoch = this.epoch): IncomingMessage & { state: string } {
    return this.submit(client, writeRequest(name, epoch, 1), Buffer.from('x'));
  }

  /** A request to make an object what another one is. */
  sendCopy(client: Client, name: string): IncomingMessage & { state: string } {
    const source = new Encoder();
    source.byteString('source');
    ObjectLocator.encode(source, { pool: 1, key: '', namespace: '', hash: -1n });
    const data = source.finish();
    const op = readOSDOp({ front: writeRequest(name, this.epoch, data.length) });
    const from = { snapid: SNAP_HEAD, srcVersion: 0n, flags: 0, srcFadviseFlags: 0 };
    const args = argsBytes('copyFrom', from);
    const payloadLength = data.length;
    const ops = [{ code: OSD_OP.COPY_FROM, flags: 0, args, argsOffset: 0, payloadLength }];
    return this.submit(client, writeOSDOp({ ...op, ops }), data);
  }

  /** The next part of a source comes, of its last `left` parts. */
  async answerFetch(left: number): Promise<void> {
    const { reqid, ops } = this.fetched.at(-1)!;
    const dataDone = left === 1;
    const part: CopyData = {
      ...{ size: 2, mtime: TIME_ZERO, attrs: new Map(), data: Buffer.from('d') },
      ...{ omap: Buffer.alloc(0), omapHeader: Buffer.alloc(0), snaps: [], snapSeq: 0n, flags: 0 },
      cursor: {
        ...COPY_BEGIN,
        attrsDone: true,
        dataOffset: 9 - left,
        dataDone,
        omapDone: dataDone,
      },
      ...{ dataDigest: 0xffffffff, omapDigest: 0xffffffff, reqids: [], reqidResults: new Map() },
      ...{ truncateSeq: 0, truncateSize: 0n },
    };
    const data = encodeToBytes(CopyData, part);
    const front = writeOSDOpReply({
      ...{ name: 'source', pgid, flags: 0, result: 0, epoch: this.epoch, retryAttempt: 0 },
      badReplayVersion: EVERSION_ZERO,
      ops: ops.map((op, i) => {
        const payloadLength = i === ops.length - 1 ? data.length : 0;
        return { ...op, payloadLength, result: 0 };
      }),
      version: EVERSION_ZERO,
      userVersion: 77n,
    });
    const { compat: compatVersion } = MOSDOpReply;
    this.fetcher.onReply({ front, data, tid: Number(reqid.tid), compatVersion });
    await new Promise((done) => setImmediate(done));
  }

  private submit(client: Client, front: Buffer, data: Buffer): IncomingMessage & { state: string } {
    const message = Object.assign(
      requestMessage(front, data, (what) => {
        if (what !== 'recycled') message.state = what;
      }),
      { state: 'passing' },
    );
    this.gate.submit(client, message);
    return message;
  }
}

class Client implements Requester {
  readonly peer = { type: 8, num: 7 };
  readonly peerAddrs = [addr];
  session: unknown;
  readonly got: OutgoingMessage[] = [];
  close(): void {}
  send(m: OutgoingMessage): void {
    this.got.push(m);
  }
}

let world: World;
let client: Client;
beforeEach(() => {
  world = new World();
  client = new Client();
});

it('holds requests of a newer map, counted, and runs them in their order with those a flag held', () => {
  world.flags = OSDMAP_FLAG.full;
  const a = world.send(client, 'a');
  const b = world.send(client, 'b', 11);
  expect([a.state, b.state, world.wanted]).toEqual(['held', 'held', 0]);
  world.gate.retry();
  expect(world.names).toEqual([]);
  world.flags = 0;
  world.epoch = 11;
  world.gate.retry();
  expect(world.names).toEqual(['a', 'b']);
});

it('tells of what it holds, with the time at which it came', () => {
  const beganMs = systemClock.monotonicMs();
  world.send(client, 'a', 11);
  const { point, ops } = world.gate.open();
  expect(point).toBe('delayed');
  expect(ops.map(({ oid, reqid }) => [oid.name, reqid.name, reqid.tid])).toEqual([
    ['a', client.peer, 1n],
  ]);
  const { startedMs } = ops[0]!;
  expect(startedMs).toBeGreaterThanOrEqual(beganMs);
  world.epoch = 11;
  world.gate.retry();
  expect(world.gate.open().ops).toEqual([]);
  // The wait at the gate is part of the request's age.
  expect(world.executed[0]!.startedMs).toBe(startedMs);
});

it('asks for the map that a request speaks of', () => {
  world.send(client, 'a', 12);
  world.send(client, 'b', 12);
  expect(world.wanted).toBe(1);
});

it('forgets what it holds for a session that is gone', () => {
  const a = world.send(client, 'a', 0xffff_ffff);
  const b = world.send(new Client(), 'b', 11);
  world.gate.forget(client);
  expect(world.gate.heldCount).toBe(1);
  // The front keeps the bytes of what it has given to another thread until then.
  expect([a.state, b.state]).toEqual(['released', 'held']);
  world.epoch = 11;
  world.gate.retry();
  expect(world.names).toEqual(['b']);
});

it('holds requests for a PG whose last stay is still being removed', () => {
  world.isComing = true;
  world.send(client, 'a');
  expect(world.names).toEqual([]);
  world.isComing = false;
  world.gate.retry();
  expect(world.names).toEqual(['a']);
});

it('forgets requests while not serving, and tells the client of the next map', () => {
  world.isServing = false;
  const a = world.send(client, 'a');
  expect(a.state).toBe('released');
  world.epoch = 11;
  world.gate.retry();
  expect(client.got.map((m) => m.type)).toEqual([MOSDMap.type]);
});

it('sends a client that is far behind what it lacks in pieces, each once', () => {
  world.epoch = 100;
  for (const name of ['a', 'b', 'c', 'd']) world.send(client, name, 10);
  expect(client.got.map((m) => m.type)).toEqual([MOSDMap.type, MOSDMap.type, MOSDMap.type]);
  expect(client.session).toBe(100);
});

it('refuses a fenced client, also one that was fenced after its request had been taken', () => {
  world.send(client, 'before');
  world.isFenced = true;
  expect(world.executed[0]!.isFenced()).toBe(true);
  const late = world.send(client, 'after');
  expect(late.state).toBe('released');
  expect(world.names).toEqual(['before']);
  const reply = client.got.at(-1)!;
  expect(reply.type).toBe(MOSDOpReply.type);
  const { front, compatVersion } = reply;
  const answer = readOSDOpReply({
    front: Buffer.from(front),
    compatVersion,
  });
  expect(answer.result).toBe(-ERRNO.ESHUTDOWN);
});

it('gives a copy to nobody when its PG was split while the source was read, and tells its client', async () => {
  const copy = world.sendCopy(client, 'a');
  world.epoch = 11;
  world.seed = 1;
  world.gate.retry();
  await world.answerFetch(1);
  expect(world.names).toEqual([]);
  expect(copy.state).toBe('released');
  expect(client.got.map((m) => m.type)).toEqual([MOSDMap.type]);
});

it('reads all parts of a source in one version', async () => {
  world.sendCopy(client, 'a');
  await world.answerFetch(2);
  const versions = world.fetched.map(({ ops }) =>
    ops.flatMap((op) => (op.code === OSD_OP.ASSERT_VER ? [readArgs('assertVer', op).version] : [])),
  );
  expect(versions).toEqual([[], [77n]]);
  await world.answerFetch(1);
  expect(world.names).toEqual(['a']);
});
