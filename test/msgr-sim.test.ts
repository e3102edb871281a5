import { describe, expect, it } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import { TAG } from '../src/msgr/format.ts';
import { FrameParser } from '../src/msgr/frame-parser.ts';
import {
  type Connection,
  createMessenger,
  DEFAULT_BOUNDS,
  type Messenger,
  type MessengerOptions,
} from '../src/msgr/index.ts';
import { BufferPool } from '../src/runtime/index.ts';
import { ENTITY, type EntityAddr } from '../src/wire/index.ts';
import { SimWorld } from './support/sim-network.ts';

const ANSWERS = [
  'serverIdent',
  'sessionReset',
  'sessionRetry',
  'sessionRetryGlobal',
  'sessionReconnectOk',
  'wait',
  'ack',
] as const;
const TYPE_COUNT = 1000;

interface Node {
  readonly messenger: Messenger;
  readonly addr: EntityAddr;
  readonly got: number[];
  readonly resets: string[];
  readonly warnings: string[];
}

async function osd(
  world: SimWorld,
  id: number,
  more: Partial<MessengerOptions> = {},
  port = 0,
): Promise<Node> {
  const got: number[] = [];
  const resets: string[] = [];
  const warnings: string[] = [];
  const log = (level: string, message: string, fields?: object): void => {
    if (level !== 'debug') warnings.push(`${message} ${JSON.stringify(fields)}`);
  };
  const messenger = createMessenger(world.runtime(log), {
    name: { type: ENTITY.osd, num: id },
    authName: { type: ENTITY.osd, id: String(id) },
    dispatcher: {
      onMessage: (c, m) => {
        const n = m.front.readUInt32LE(0);
        if (m.data.length !== (n * 37) % 5000) throw new Error(`wrong data of message ${n}`);
        world.note(`osd.${id} got ${n} from osd.${c.peer.num}`);
        got.push(n);
      },
      onReset: (_c, cause) => {
        world.note(`osd.${id} reset`);
        resets.push(cause?.code ?? 'closed');
      },
    },
    ...more,
  });
  const addr = await messenger.listen({ host: '127.0.0.1', port, nonce: 100 + id });
  return { messenger, addr, got, resets, warnings };
}

function send(connection: Connection, n: number): void {
  const front = Buffer.alloc(4 + (n % 60));
  front.writeUInt32LE(n, 0);
  connection.send({
    type: TYPE_COUNT,
    version: 1,
    compatVersion: 1,
    tid: n,
    front,
    data: [Buffer.alloc((n * 37) % 5000, n)],
  });
}

/** Counts the frames that the world's programs write, by tag. */
function countFrames(world: SimWorld): Map<number, number> {
  const parsers = new Map<object, { parser: FrameParser; banner: boolean }>();
  const seen = new Map<number, number>();
  world.tap = (from, bytes) => {
    let p = parsers.get(from);
    if (p === undefined) {
      p = { parser: new FrameParser(crc32c, new BufferPool()), banner: false };
      p.parser.limits = DEFAULT_BOUNDS;
      parsers.set(from, p);
    }
    p.parser.push(bytes);
    p.banner ||= p.parser.nextBanner();
    while (p.parser.next()) seen.set(p.parser.tag, (seen.get(p.parser.tag) ?? 0) + 1);
  };
  return seen;
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Two OSDs that dial each other and send, while connections are cut after at most `cutBytes` bytes for a minute. */
async function duel(seed: number, cutBytes: number, messages: number) {
  const world: SimWorld = new SimWorld(seed, {
    cutBytesMax: () => (world.now < 60_000 ? cutBytes : undefined),
  });
  const frames = countFrames(world);
  const a = await osd(world, 0);
  const b = await osd(world, 1);
  const feed = (from: Node, to: Node): void => {
    const connection = from.messenger.connect({ type: ENTITY.osd, addrs: [to.addr] });
    let n = 0;
    const next = (): void => {
      for (let burst = world.random.below(6); burst > 0 && n < messages; burst--) {
        send(connection, n++);
      }
      if (n < messages) world.at(world.chance() * 50, next);
    };
    world.at(world.chance() * 4, next);
  };
  feed(a, b);
  feed(b, a);
  const done = await world.run(900_000, () => a.got.length >= messages && b.got.length >= messages);
  // Whatever is still on its way must not be delivered twice.
  await world.run(world.now + 60_000);
  return { world, frames, a, b, done };
}

describe('lossless sessions', () => {
  it.each(count(60))(
    'deliver exactly once and in order over cuts at any byte (seed %i)',
    async (seed) => {
      // From connections that hardly survive a handshake to ones that carry many messages.
      const { a, b, done } = await duel(seed, [900, 3000, 20_000][seed % 3]!, 120);
      expect(a.got).toEqual(count(120));
      expect(b.got).toEqual(count(120));
      expect(done).toBe(true);
      expect([...a.resets, ...b.resets]).toEqual([]);
    },
  );

  it('of two that dial each other at once agree on one socket, and nobody complains of the other', async () => {
    const seen = new Map<number, number>();
    let dialled = 0;
    for (let seed = 0; seed < 60; seed++) {
      const { frames, a, b } = await duel(seed, 2 ** 40, 5);
      expect(a.got).toEqual(count(5));
      expect(b.got).toEqual(count(5));
      expect([...a.warnings, ...b.warnings]).toEqual([]);
      expect([...a.resets, ...b.resets]).toEqual([]);
      for (const [tag, n] of frames) seen.set(tag, (seen.get(tag) ?? 0) + n);
      if ((frames.get(TAG.hello) ?? 0) > 2) dialled++;
    }
    // Both ways of a race were met: the socket that came too late was sent away, or given up before it was answered.
    expect(seen.get(TAG.wait)).toBeGreaterThan(0);
    expect(dialled).toBeGreaterThan(seen.get(TAG.wait)!);
  });

  it('meet every answer to an ident and a reconnect on the way', async () => {
    const seen = new Map<number, number>();
    for (let seed = 0; seed < 60; seed++) {
      const { frames } = await duel(seed, [900, 3000, 20_000][seed % 3]!, 40);
      for (const [tag, n] of frames) seen.set(tag, (seen.get(tag) ?? 0) + n);
    }
    // Without these the test above would prove little.
    for (const kind of ANSWERS) expect(seen.get(TAG[kind]), kind).toBeGreaterThan(0);
  });

  it('repeat the same trace from the same seed, and another from another', async () => {
    const hash = async (seed: number): Promise<string> =>
      (await duel(seed, 3000, 40)).world.traceHash;
    expect(await hash(7)).toBe(await hash(7));
    expect(await hash(7)).not.toBe(await hash(8));
  });
});

describe('time', () => {
  it('finds a peer that is silent behind a pulled cable, redials and replays', async () => {
    const world = new SimWorld(1);
    const a = await osd(world, 0);
    const b = await osd(world, 1);
    const toB = a.messenger.connect({ type: ENTITY.osd, addrs: [b.addr] });
    send(toB, 0);
    expect(await world.run(1_000, () => b.got.length === 1)).toBe(true);
    world.silent = true;
    send(toB, 1);
    await world.run(5_000);
    world.silent = false;
    // The bytes of message 1 are lost, and the stream with them; only silence tells.
    expect(await world.run(world.now + 60_000, () => b.got.length === 2)).toBe(true);
    expect(world.now).toBeGreaterThan(25_000);
    expect(b.got).toEqual([0, 1]);
  });

  it('keeps a silent connection alive with keepalives, as long as the peer answers', async () => {
    const world = new SimWorld(2);
    const frames = countFrames(world);
    const server = await osd(world, 0);
    const resets: unknown[] = [];
    const client = createMessenger(world.runtime(), {
      name: { type: ENTITY.client, num: -1 },
      authName: { type: ENTITY.client, id: 'admin' },
      dispatcher: { onMessage: () => {}, onReset: (_c, cause) => resets.push(cause) },
    });
    const c = client.connect({ type: ENTITY.osd, addrs: [server.addr] });
    await world.run(3_600_000);
    expect(c.ready).toBe(true);
    expect(resets).toEqual([]);
    expect(frames.get(TAG.keepalive)).toBeGreaterThan(300);
    world.silent = true;
    await world.run(world.now + 32_000);
    expect(resets).toMatchObject([{ code: 'EPROTO' }]);
  });

  it('closes an idle socket of a lossless session, and dials again for the next message', async () => {
    const world = new SimWorld(3);
    const a = await osd(world, 0);
    const b = await osd(world, 1);
    const toB = a.messenger.connect({ type: ENTITY.osd, addrs: [b.addr] });
    send(toB, 0);
    await world.run(800_000);
    expect(toB.ready).toBe(true);
    await world.run(1_000_000);
    expect(toB.ready).toBe(false);
    send(toB, 1);
    expect(await world.run(1_010_000, () => b.got.length === 2)).toBe(true);
    expect(b.got).toEqual([0, 1]);
    expect([...a.resets, ...b.resets, ...a.warnings, ...b.warnings]).toEqual([]);
  });

  it('gives up a lossless peer that is away for longer than its queue has room', async () => {
    const world = new SimWorld(4);
    const a = await osd(world, 0, { bounds: { losslessQueueBytesMax: 100_000 } });
    const b = await osd(world, 1);
    await b.messenger.shutdown();
    const toB = a.messenger.connect({ type: ENTITY.osd, addrs: [b.addr] });
    for (let n = 0; n < 100; n++) send(toB, n);
    expect(a.resets).toEqual([]);
    await world.run(1);
    expect(a.resets).toEqual(['ETIMEDOUT']);
    expect(a.warnings.length).toBe(1);
    expect(toB.queuedBytes).toBe(0);
    // It begins anew when the peer is back.
    const again = await osd(world, 1, {}, b.addr.port);
    expect(again.addr).toEqual(b.addr);
    send(toB, 0);
    expect(await world.run(60_000, () => again.got.length === 1)).toBe(true);
    expect(again.got).toEqual([0]);
    expect(a.resets.length).toBe(1);
  });
});

describe('lossy sessions', () => {
  it.each(count(20))(
    'are over with their socket, and both sides hear of it (seed %i)',
    async (seed) => {
      const world: SimWorld = new SimWorld(seed, {
        cutBytesMax: () => (world.now < 30_000 ? 4000 : undefined),
      });
      const got: number[] = [];
      let dials = 0;
      let finished = false;
      let served = 0;
      let servedResets = 0;
      const server = await osd(world, 0, {
        dispatcher: {
          onReady: () => served++,
          onReset: () => servedResets++,
          onMessage: (c, m) => {
            const n = m.front.readUInt32LE(0);
            c.send({ type: TYPE_COUNT, version: 1, compatVersion: 1, tid: n, front: m.front });
          },
        },
      });
      const client = createMessenger(world.runtime(), {
        name: { type: ENTITY.client, num: -1 },
        globalId: 4100,
        authName: { type: ENTITY.client, id: 'admin' },
        dispatcher: {
          onMessage: (c, m) => {
            // In the order of the requests, and nothing from an earlier socket.
            expect(m.tid).toBe(got.length);
            got.push(m.tid);
            if (got.length < 100) send(c, got.length);
            else finished = true;
          },
          onReset: () => {
            if (!finished) world.at(500, dial);
          },
        },
      });
      function dial(): void {
        dials++;
        send(client.connect({ type: ENTITY.osd, addrs: [server.addr] }), got.length);
      }
      dial();
      expect(await world.run(600_000, () => finished)).toBe(true);
      expect(dials).toBeGreaterThan(1);
      await client.shutdown();
      await world.run(world.now + 1_000);
      expect(servedResets).toBe(served);
    },
  );
});
