// Large messages over a hostile network: whose memory is used again as soon as the messenger says so.
import { expect, it } from 'vitest';
import { CRC_BLOCK_BYTES, CRC_BLOCK_SEED, crc32c } from '../src/codec/index.ts';
import {
  type Connection,
  createMessenger,
  type IncomingMessage,
  type Messenger,
} from '../src/msgr/index.ts';
import { ENTITY, type EntityAddr } from '../src/wire/index.ts';
import { PoisonPool } from './support/poison-pool.ts';
import { SimWorld } from './support/sim-network.ts';

const seeds = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Around the sizes from which data is aligned, pooled and summed by blocks. */
function dataOf(n: number): Buffer {
  const length = [70_000, 32_768, 32_767, 4097, 200_000, 131_072][n % 6]! + (n % 7);
  const out = Buffer.alloc(length);
  for (let i = 0; i + 4 <= length; i += 4) out.writeUInt32LE(n * 1_000_003 + i, i);
  return out;
}

class End {
  readonly got: number[] = [];
  readonly pool = new PoisonPool();
  /** How often each message sent was said to be done with. */
  readonly dones = new Map<number, number>();
  readonly messenger: Messenger;
  readonly ready: Promise<EntityAddr>;
  onMessage: (c: Connection, n: number) => void = () => {};

  constructor(world: SimWorld, type: number, num: number) {
    this.messenger = createMessenger(
      { ...world.runtime(), pool: this.pool },
      {
        name: { type, num },
        authName: { type, id: String(num) },
        dispatcher: {
          onMessage: (c, m) => {
            const n = this.check(m);
            this.got.push(n);
            this.onMessage(c, n);
            m.recycle();
          },
        },
      },
    );
    this.ready = this.messenger.listen({ host: '127.0.0.1', port: 0, nonce: 1 + num });
  }

  private check(m: IncomingMessage): number {
    const n = m.front.readUInt32LE(0);
    if (!m.data.equals(dataOf(n))) throw new Error(`wrong data of message ${n}`);
    expect(m.dataCrcs !== undefined).toBe(m.data.length >= 32_768);
    const crcs = m.dataCrcs ?? [];
    for (const [i, crc] of crcs.entries()) {
      const block = m.data.subarray(i * CRC_BLOCK_BYTES, (i + 1) * CRC_BLOCK_BYTES);
      expect(crc).toBe(crc32c(CRC_BLOCK_SEED, block));
    }
    return n;
  }

  send(c: Connection, n: number): void {
    const data = dataOf(n);
    const front = Buffer.alloc(8);
    front.writeUInt32LE(n, 0);
    const done = (): void => {
      this.dones.set(n, (this.dones.get(n) ?? 0) + 1);
      data.fill(0xdb);
      front.fill(0xdb);
    };
    // Sums of some of the blocks, as of data that was cut after they were made.
    const crcs = new Uint32Array(Math.floor(data.length / CRC_BLOCK_BYTES / 2));
    for (let i = 0; i < crcs.length; i++) {
      crcs[i] = crc32c(
        CRC_BLOCK_SEED,
        data.subarray(i * CRC_BLOCK_BYTES, (i + 1) * CRC_BLOCK_BYTES),
      );
    }
    const parts = [data.subarray(0, 100), data.subarray(100)];
    const known = { data: [data], dataCrcs: [crcs] };
    const split = n % 2 === 0 ? known : { data: parts };
    c.send({ type: 1000, version: 1, compatVersion: 1, front, ...split, done });
  }
}

function hostile(seed: number): SimWorld {
  const world: SimWorld = new SimWorld(seed, {
    chunkMax: [5000, 60_000, 300_000][seed % 3]!,
    cutBytesMax: () => (world.now < 3000 ? 900_000 : undefined),
  });
  return world;
}

it.each(seeds(12))(
  'what a lossless session sends is done with when the peer has it, and not before (seed %i)',
  async (seed) => {
    const world = hostile(seed);
    const a = new End(world, ENTITY.osd, 0);
    const b = new End(world, ENTITY.osd, 1);
    const c = a.messenger.connect({ type: ENTITY.osd, addrs: [await b.ready] });
    await a.ready;
    for (let n = 0; n < 40; n++) world.at(n * 100 * world.chance(), () => a.send(c, n));
    expect(await world.run(900_000, () => b.got.length >= 40)).toBe(true);
    await world.run(world.now + 60_000);
    expect([...b.got].sort((x, y) => x - y)).toEqual(seeds(40));
    expect([...a.dones.values()]).toEqual(seeds(40).map(() => 1));
    expect(b.pool.given).toBeGreaterThan(10);
  },
);

it.each(seeds(12))(
  'what a lossy session sends is done with when the socket has taken it or is dead (seed %i)',
  async (seed) => {
    const world = hostile(seed);
    const server = new End(world, ENTITY.osd, 0);
    const client = new End(world, ENTITY.client, 4100);
    const addr = await server.ready;
    let asked = 0;
    server.onMessage = (c, n) => server.send(c, n);
    while (asked < 40) {
      const c = client.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      for (let i = 0; i < 10; i++) client.send(c, asked++);
      await world.run(world.now + 2000);
      c.close();
    }
    await world.run(world.now + 60_000);
    // Each was queued on a session, whose end is the latest time at which it is done with.
    expect([...client.dones.values()]).toEqual(seeds(40).map(() => 1));
    expect([...server.dones.values()].every((n) => n === 1)).toBe(true);
    expect(client.got.length).toBeGreaterThan(10);
    expect(server.dones.size).toBeGreaterThanOrEqual(client.got.length);
  },
);
