// What an OSD does beside splitting its PGs.
import { expect, it, onTestFinished, vi } from 'vitest';
import { type OSDMap, type PgPool, stableMod } from '../src/maps/index.ts';
import type { Requester } from '../src/osd/requests/client-ops.ts';
import { PgScrubber } from '../src/osd/scrub/pg-scrubber.ts';
import type { ScrubPlan } from '../src/osd/scrub/scrub-plan.ts';
import { ADDR, MOSDOpReply, readOSDOpReply } from '../src/wire/index.ts';
import { builtMap, nextMap } from './support/built-osdmap.ts';
import { requestMessage, writeRequest } from './support/client-request.ts';
import { LONG_MS, LoneShard } from './support/lone-shard.ts';

const POOL = 1;
const OTHERS = [0, 1, 2, 4, 5, 6, 7];

function withPool(map: OSDMap, patch: Partial<PgPool>): OSDMap {
  return nextMap(map, { newPools: new Map([[POOL, { ...map.pool(POOL)!, ...patch }]]) });
}
const counts = (n: number) => ({ pgNum: n, pgNumPending: n, pgNumTarget: n });

/** A pool of so many PGs, all of them on this OSD alone; the map that it asks for comes at once. */
async function lonePool(pgNum: number): Promise<LoneShard> {
  const built = builtMap();
  const alone = nextMap(built, {
    newWeight: new Map(OTHERS.map((osd) => [osd, 0])),
    oldPools: new Set(built.data.pools.keys()),
  });
  const pool = { ...built.pool(POOL)!, ...counts(pgNum), pgpNum: pgNum, size: 1, minSize: 1 };
  const made = nextMap(alone, { newPools: new Map([[POOL, pool]]) });
  const lone = new LoneShard([alone, made], 1, true);
  await lone.start();
  let wanted = 0;
  lone.askMon = (wish) => {
    if (wish.kind !== 'upThru' || wish.epoch <= wanted) return;
    const newest = lone.maps.at(-1)!;
    wanted = newest.epoch;
    lone.timeline.after(1, () => {
      lone.maps.push(nextMap(newest, { newUpThru: new Map([[LoneShard.id, newest.epoch]]) }));
      lone.feed();
    });
  };
  lone.feed();
  await lone.pass(LONG_MS);
  return lone;
}

/** Sends requests, and notes how many PGs had been split when each was answered. */
class Client implements Requester {
  readonly peer = { type: 8, num: 7 };
  readonly peerAddrs = [{ type: ADDR.msgr2, nonce: 1, host: '127.0.0.1', port: 1 }];
  session: unknown;
  readonly answers = new Map<number, { result: number; splits: number }>();
  private readonly lone: LoneShard;

  constructor(lone: LoneShard) {
    this.lone = lone;
  }

  get splits(): number {
    return this.lone.log.filter((line) => line.startsWith('split PG')).length;
  }

  /** Writes an object of a hash, of the PG that the newest map has it in. */
  write(tid: number, hash: number): void {
    const { epoch } = this.lone.shard;
    const { pgNum } = this.lone.maps.at(-1)!.pool(POOL)!;
    const front = writeRequest(`o${tid}`, epoch, 1, hash, stableMod(hash, pgNum));
    const message = requestMessage(front, Buffer.from('x'), () => {});
    this.lone.shard.request(this, { ...message, tid });
  }

  close(): void {}
  send(m: Parameters<Requester['send']>[0]): void {
    const front = Buffer.from(m.front);
    const { result } = readOSDOpReply({ ...m, front, compatVersion: MOSDOpReply.compat });
    this.answers.set(m.tid ?? 0, { result, splits: this.splits });
  }
}

it('serves PGs that are not split at once, and each part as soon as it is there', async () => {
  const lone = await lonePool(64);
  const client = new Client(lone);
  client.write(1000, 0);
  await lone.pass(LONG_MS);
  expect(client.answers.get(1000)).toEqual({ result: 0, splits: 0 });

  // Of 96 PGs the last 32 come from the first 32; those between stay as they are.
  lone.maps.push(withPool(lone.maps.at(-1)!, counts(96)));
  lone.feed();
  // With so few OSDs CRUSH finds no place for some.
  const map = lone.maps.at(-1)!;
  const seeds = Array.from({ length: 96 }, (_, seed) => seed).filter(
    (seed) => map.pgToUpActing({ pool: POOL, seed }).actingPrimary === LoneShard.id,
  );
  expect(seeds.length).toBeGreaterThan(90);
  for (const seed of seeds) client.write(seed, seed);
  await lone.pass(LONG_MS);
  const splitsAt = (seed: number): number => client.answers.get(seed)!.splits;
  expect([...client.answers.values()].every(({ result }) => result === 0)).toBe(true);
  expect(client.answers.size).toBe(1 + seeds.length);
  const still = seeds.filter((seed) => seed >= 32 && seed < 64);
  for (const seed of still) expect(splitsAt(seed)).toBeLessThan(8);
  // The first to be split is served before the last is split, though that takes a map more.
  expect(splitsAt(0)).toBeLessThan(32);
  expect(splitsAt(64)).toBeLessThan(32);
  expect(client.splits).toBe(32);
  expect(lone.shard.pgCount).toBe(seeds.length);
});

it('keeps the order of requests to one object while its PG waits', async () => {
  const lone = await lonePool(16);
  const client = new Client(lone);
  lone.maps.push(withPool(lone.maps.at(-1)!, counts(32)));
  lone.feed();
  const order: number[] = [];
  const { answers } = client;
  for (let tid = 0; tid < 5; tid++) client.write(tid, 31);
  await lone.timeline.run(lone.timeline.now + LONG_MS, () => {
    for (const tid of answers.keys()) if (!order.includes(tid)) order.push(tid);
    return answers.size === 5;
  });
  expect(order).toEqual([0, 1, 2, 3, 4]);
});

it('goes on with what is left to be split when it is started again', async () => {
  const lone = await lonePool(16);
  const client = new Client(lone);
  for (let seed = 0; seed < 16; seed++) client.write(seed, seed + 16);
  await lone.pass(LONG_MS);
  expect(client.answers.size).toBe(16);
  const before = lone.maps.at(-1)!;
  lone.maps.push(withPool(before, counts(32)));
  lone.feed();
  await lone.timeline.run(lone.timeline.now + LONG_MS, () => client.splits === 7);
  await lone.pass(5); // some are durable
  await lone.crash();
  // Those that it had not split are still as the map before has them.
  expect(lone.shard.epoch).toBe(before.epoch);
  lone.feed();
  await lone.pass(LONG_MS);
  expect(lone.shard.pgCount).toBe(32);
  expect(lone.shard.durableEpoch).toBe(lone.maps.at(-1)!.epoch);
  const names = lone.store
    .collections()
    .flatMap((c) =>
      c.startsWith('1.')
        ? lone.store
            .list(
              c,
              { key: '', name: '', snap: 0n, hash: 0, max: false, namespace: '', pool: 1 },
              99,
            )
            .objects.map((o) => `${c} ${o.name}`)
        : [],
    );
  const seeds = Array.from({ length: 16 }, (_, seed) => seed);
  expect(names.sort()).toEqual(seeds.map((s) => `1.${(s + 16).toString(16)} o${s}`).sort());
});

it('hears of an order to scrub a part of a PG when that is there, whether it came before the map or before its turn', async () => {
  const wanted: number[] = [];
  const request = vi.spyOn(PgScrubber.prototype, 'request');
  onTestFinished(() => request.mockRestore());
  request.mockImplementation(() => wanted.push(lone.shard.pgCount));
  const lone = await lonePool(16);
  lone.maps.push(withPool(lone.maps.at(-1)!, counts(32)));
  const { epoch } = lone.maps.at(-1)!;
  const pgs = [{ pgid: { pool: POOL, seed: 31 }, shard: -1 }];
  const order = { epoch, pgs, deep: false, repair: true };
  lone.shard.orderScrub(order);
  lone.feed();
  lone.shard.orderScrub(order);
  expect(wanted).toEqual([]);
  await lone.pass(LONG_MS);
  expect(wanted).toHaveLength(2);
});

it('hands on what it was ordered to scrub to all parts', async () => {
  const lone = await lonePool(16);
  const { epoch } = lone.maps.at(-1)!;
  const pgs = [{ pgid: { pool: POOL, seed: 15 }, shard: -1 }];
  const request = vi.spyOn(PgScrubber.prototype, 'request');
  onTestFinished(() => request.mockRestore());
  lone.shard.orderScrub({ epoch, pgs, deep: false, repair: true });
  const [[ordered]] = request.mock.calls as [[ScrubPlan]];
  lone.maps.push(withPool(lone.maps.at(-1)!, counts(64)));
  request.mockClear();
  lone.feed();
  await lone.pass(LONG_MS);
  const scrubbers = new Set(request.mock.contexts.slice(1));
  expect(request.mock.calls.slice(1)).toEqual(Array(4).fill([ordered]));
  expect(scrubbers.size).toBe(4);
});
