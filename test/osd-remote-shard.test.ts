// The front's view of a shard on another thread: what is held, lent and decided for it.
import { beforeEach, expect, it, vi } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../src/msgr/index.ts';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import type { Requester } from '../src/osd/requests/client-ops.ts';
import { type Settings, settingsOf } from '../src/osd/settings.ts';
import { RemoteShard, type RemoteShardFront } from '../src/osd/threads/remote-shard.ts';
import type { ToFront, ToShard } from '../src/osd/threads/shard-posts.ts';
import { runShard } from '../src/osd/threads/threaded-shard.ts';
import { BufferPool, isShared, type ShardLink } from '../src/runtime/index.ts';
import { systemClock } from '../src/runtime-node/index.ts';
import { MemoryStore } from '../src/store/index.ts';
import { ADDR } from '../src/wire/index.ts';
import { requestMessage, writeRequest } from './support/client-request.ts';
import { SimShards } from './support/sim-shards.ts';
import { pause } from './support/until.ts';

const soon = (): Promise<void> => pause(30);
/** Posts come when they come. */
const seen = (check: () => void): Promise<void> =>
  vi.waitFor(check, { timeout: 20_000, interval: 5 });
const SETTINGS = settingsOf(new OsdConfig(), 1);

/** The front, as far as a shard speaks to it. */
class Front implements RemoteShardFront {
  readonly wanted: number[] = [];
  readonly sent: OutgoingMessage[] = [];
  readonly errors: unknown[] = [];
  isUp = true;
  readonly recovery = {
    reserve: () => ({ setPriority: () => {}, release: () => {} }),
    askCopies: () => ({ cancel: () => {} }),
    copyDone: () => {},
  };
  readonly scrubPlaces = { take: () => ({ release: () => {} }) };
  clusterLog(): void {}
  log(): void {}
  send(_osd: number, message: OutgoingMessage): boolean {
    if (this.isUp) this.sent.push(message);
    return this.isUp;
  }
  passMap(): void {}
  cut(by: Requester): void {
    by.close();
  }
  wantMap(epoch: number): void {
    this.wanted.push(epoch);
  }
  askMon(): void {}
  shareMaps(): void {}
  standBy(_osd: number, lease: { leaseMs: number }, then: (leaseMs: number) => void): void {
    then(lease.leaseMs / 2);
  }
  stateChanged(): void {}
  statsChanged(): void {}
  fatal(e: unknown): void {
    this.errors.push(e);
  }
}

class Client implements Requester {
  readonly peer = { type: 8, num: 7 };
  readonly peerAddrs = [{ type: ADDR.msgr2, nonce: 1, host: '127.0.0.1', port: 1 }];
  session: unknown;
  isClosed = false;
  readonly got: OutgoingMessage[] = [];
  send(m: OutgoingMessage): void {
    this.got.push(m);
  }
  close(): void {
    this.isClosed = true;
  }
}

function request(front: Buffer, state: string[]): IncomingMessage {
  return requestMessage(front, Buffer.alloc(0), (what) => state.push(what));
}

function write(epoch: number): Buffer {
  return writeRequest('a', epoch, 0);
}

let front: Front;
let client: Client;
beforeEach(() => {
  front = new Front();
  client = new Client();
});

/** A real shard with an empty store. */
async function real(): Promise<RemoteShard> {
  const shards = new SimShards(2, 5, (index, link) => {
    void runShard(
      {
        partition: { index, count: 2 },
        id: 0,
        fsid: '00000000-0000-0000-0000-000000000001',
        uuid: '00000000-0000-0000-0000-000000000002',
        openStore: async () => new MemoryStore(),
        clock: systemClock,
        crc32c,
        pool: new BufferPool(),
      },
      link,
    );
  });
  const shard = new RemoteShard(shards, 1, front, SETTINGS);
  await shard.opened;
  return shard;
}

/** A shard's end that the test plays. */
async function played(): Promise<{
  shard: RemoteShard;
  heard: ToShard[];
  bytes: (readonly Buffer[])[];
  say: (head: ToFront, bytes?: readonly Uint8Array[]) => void;
}> {
  const heard: ToShard[] = [];
  const bytes: (readonly Buffer[])[] = [];
  let end: ShardLink | undefined;
  const shards = new SimShards(2, 5, (_, link) => {
    end = link({
      onPost: (head, b) => {
        heard.push(head as ToShard);
        bytes.push(b);
      },
      onEnd: () => {},
    });
    end.post({
      kind: 'state',
      state: { durableEpoch: 0, pgCount: 0, neighbours: new Set() },
    } satisfies ToFront);
  });
  const shard = new RemoteShard(shards, 1, front, SETTINGS);
  await shard.opened;
  return { shard, heard, bytes, say: (head, b) => end!.post(head, b) };
}

it('a request that waits in a shard counts against its connection until it is let go', async () => {
  const shard = await real();
  const state: string[] = [];
  shard.request(client, request(write(9), state));
  // It speaks of a map that nobody has yet.
  await seen(() => expect([state, front.wanted]).toEqual([['held'], [9]]));
  const other: string[] = [];
  shard.request(client, request(write(0), other));
  // The shard is not up, so its client will send it elsewhere.
  await seen(() => expect([state, other]).toEqual([['held'], ['held', 'released']]));
  await shard.close();
});

it('a request that makes no sense ends its session and lets go', async () => {
  const shard = await real();
  const state: string[] = [];
  shard.request(client, request(Buffer.alloc(60, 0xff), state));
  await seen(() =>
    expect([client.isClosed, state, front.errors]).toEqual([true, ['held', 'released'], []]),
  );
  await shard.close();
});

it('options reach a shard as they were at one moment, in their order', async () => {
  const { shard, heard } = await played();
  const config = new OsdConfig();
  const whole: Settings[] = [SETTINGS];
  for (let i = 1; i <= 50; i++) {
    // Both change at once; whoever saw one without the other would see half of a change.
    const values = new Map([
      ['osd_min_pg_log_entries', String(i)],
      ['osd_max_object_size', String(1000 + i)],
    ]);
    config.setFromMon(values);
    whole.push(settingsOf(config, 1 + i));
    shard.apply(whole.at(-1)!);
    if (i % 7 === 0) await new Promise((done) => setImmediate(done));
  }
  while (heard.length < 51) await soon();
  const seen = heard.map((h) => {
    if (h.kind === 'call' && h.name === 'apply') return h.args[0];
    return h.kind === 'open' ? h.settings : undefined;
  });
  expect(seen).toEqual(whole);
  for (const s of seen.slice(1)) expect(s!.limits.objectSizeMax).toBe(1000 + s!.logs.entriesMin);
  expect(() => Object.assign(whole[0]!, { logs: 0 })).toThrow(TypeError);
  expect(() => Object.assign(whole[0]!.limits, { objectSizeMax: 0 })).toThrow(TypeError);
});

it('memory that is lent to a shard comes back once, when the shard says so', async () => {
  const { shard, heard, bytes, say } = await played();
  const state: string[] = [];
  const data = BufferPool.shared().take(64 << 10);
  shard.request(client, { ...request(write(1), state), data, isLarge: true });
  while (heard.length < 3) await soon();
  const post = heard[2]!;
  if (post.kind !== 'request') throw new Error(post.kind);
  expect(bytes[2]!.map(isShared)).toEqual([false, false, true]);
  say({ kind: 'returned', loan: post.m.memory, isLost: false });
  say({ kind: 'returned', loan: post.m.memory, isLost: false });
  await seen(() => expect(state).toEqual(['held', 'recycled']));
  say({ kind: 'returned', loan: post.m.held, isLost: false });
  await seen(() => expect(state).toEqual(['held', 'recycled', 'released']));
});

it('memory that a shard lends goes back when the messenger is done, or the message goes nowhere', async () => {
  const { heard, bytes, say } = await played();
  const head = { type: 1, version: 1, compat: 1, tid: 0, priority: undefined, parts: 1 };
  const m = { ...head, crcs: undefined, memory: 4 };
  say({ kind: 'send', osd: 1, m }, [Buffer.from('front'), Buffer.from('data')]);
  await seen(() =>
    expect(front.sent.map((s) => [s.front.toString(), s.data?.map(String)])).toEqual([
      ['front', ['data']],
    ]),
  );
  expect(heard.length).toBe(1);
  front.sent[0]!.done!();
  front.sent[0]!.done!();
  await seen(() => expect(heard.slice(1)).toEqual([{ kind: 'returned', loan: 4, isLost: false }]));
  front.isUp = false;
  say({ kind: 'send', osd: 1, m: { ...m, memory: 5 } }, [
    Buffer.from('front'),
    Buffer.from('data'),
  ]);
  await seen(() => expect(heard.slice(2)).toEqual([{ kind: 'returned', loan: 5, isLost: false }]));
  expect(bytes.length).toBe(3);
});

it('what a shard hears of leases comes before any later map', async () => {
  const { shard, heard, say } = await played();
  shard.promised(3, 5, 1000);
  shard.map(0, { kind: 'trim', oldest: 1 });
  say({ kind: 'standBy', question: 1, osd: 3, lease: { upFrom: 5, sentMs: 0, leaseMs: 800 } });
  await seen(() =>
    expect(heard.slice(1)).toEqual([
      { kind: 'call', name: 'promised', args: [3, 5, 1000] },
      { kind: 'map', from: 0, message: { kind: 'trim', oldest: 1 } },
      { kind: 'stoodBy', question: 1, leaseMs: 400 },
    ]),
  );
});

it('a shard whose store cannot be opened says why', async () => {
  const shards = new SimShards(2, 5, (index, link) => {
    const openStore = (): Promise<never> => Promise.reject(new Error('no device'));
    const who = { id: 0, fsid: '', uuid: '', partition: { index, count: 2 } };
    const world = { clock: systemClock, crc32c, pool: new BufferPool() };
    void runShard({ ...who, ...world, openStore }, link);
  });
  const shard = new RemoteShard(shards, 1, front, SETTINGS);
  await expect(shard.opened).rejects.toThrow('no device');
  expect(front.errors).toEqual([]);
});
