import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeIncremental, OSDMap } from '../src/maps/index.ts';
import type { Ledger } from '../src/mon/ledger.ts';
import type { KeyValue, KeyValueOp } from '../src/runtime/index.ts';
import { MemoryKeyValue } from '../src/store/index.ts';
import { bootAll, makeWorld, openWorld, type World } from './mon-world.ts';
import { pause } from './support/until.ts';

type Step = (w: World) => Promise<unknown>;

const name = fc.constantFrom('a', 'b', 'c');
const osd = fc.integer({ min: 0, max: 2 });
const sure = { yes_i_really_really_mean_it: true };
/** Commands of every family that changes something, good ones and refused ones. */
const step: fc.Arbitrary<Step> = fc.oneof(
  name.map(
    (pool): Step =>
      (w) =>
        w.run('osd pool create', { pool, pg_num: 4 }),
  ),
  name.map(
    (pool): Step =>
      (w) =>
        w.run('osd pool rm', { pool, pool2: pool, ...sure }),
  ),
  fc.tuple(name, name).map(
    ([srcpool, destpool]): Step =>
      (w) =>
        w.run('osd pool rename', { srcpool, destpool }),
  ),
  fc
    .tuple(name, fc.constantFrom('size', 'min_size', 'pgp_num'), fc.integer({ min: 0, max: 4 }))
    .map(
      ([pool, v, n]): Step =>
        (w) =>
          w.run('osd pool set', { pool, var: v, val: String(n) }),
    ),
  osd.map(
    (id): Step =>
      (w) =>
        w.boot(id),
  ),
  osd.map(
    (id): Step =>
      (w) =>
        w.run('osd down', { ids: [String(id)] }),
  ),
  osd.map(
    (id): Step =>
      (w) =>
        w.run('osd out', { ids: [`osd.${id}`] }),
  ),
  osd.map(
    (id): Step =>
      (w) =>
        w.run('osd in', { ids: [String(id)] }),
  ),
  fc.tuple(osd, fc.constantFrom(0.25, 0.5, 1)).map(
    ([id, weight]): Step =>
      (w) =>
        w.run('osd reweight', { id, weight }),
  ),
  fc.tuple(osd, fc.constantFrom(0.5, 2)).map(
    ([id, weight]): Step =>
      (w) =>
        w.run('osd crush reweight', { name: `osd.${id}`, weight }),
  ),
  fc.constantFrom('noout', 'pause').map(
    (key): Step =>
      (w) =>
        w.run('osd set', { key }),
  ),
  fc.constantFrom('noout', 'pause').map(
    (key): Step =>
      (w) =>
        w.run('osd unset', { key }),
  ),
  fc.tuple(fc.constantFrom('global', 'osd', 'osd.1'), fc.integer({ min: 1, max: 9 })).map(
    ([who, n]): Step =>
      (w) =>
        w.run('config set', { who, name: 'osd_max_backfills', value: String(n) }),
  ),
  fc.constantFrom('global', 'osd', 'osd.1').map(
    (who): Step =>
      (w) =>
        w.run('config rm', { who, name: 'osd_max_backfills' }),
  ),
  name.map(
    (key): Step =>
      (w) =>
        w.run('config-key set', { key }, Buffer.from([1, 255, 0])),
  ),
  name.map(
    (key): Step =>
      (w) =>
        w.run('config-key rm', { key }),
  ),
  name.map(
    (code): Step =>
      (w) =>
        w.run('health mute', { code, sticky: true }),
  ),
  name.map(
    (code): Step =>
      (w) =>
        w.run('health unmute', { code }),
  ),
);

/** All that a store holds, in comparable form. */
function contents(maps: Ledger['durable'], w: World) {
  return {
    version: maps.version,
    map: maps.osdmap.encode().toString('hex'),
    config: maps.config,
    mutes: [...maps.healthMutes],
    metadata: [...maps.osdMetadata].sort((a, b) => a[0] - b[0]).map(([id, m]) => [id, [...m]]),
    keys: w.store.entries('').map((e) => [e.key, e.value.toString('hex')]),
  };
}

describe('the monitor store', () => {
  it('keeps a history in which each incremental leads to the next full map', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const w = await makeWorld();
        for (const s of steps) await s(w);
        const { osdmap, oldestEpoch } = w.ledger.durable;
        let map = OSDMap.decode(w.store.fullMap(oldestEpoch)!);
        for (let epoch = oldestEpoch + 1; epoch <= osdmap.epoch; epoch++) {
          const inc = decodeIncremental(w.ledger.incremental(epoch)!);
          map = map.applyIncremental(inc);
          expect(map.epoch).toBe(epoch);
          expect(map.crc).toBe(inc.fullCrc);
          expect(map.encode().equals(w.store.fullMap(epoch)!)).toBe(true);
        }
        expect(w.store.fullMap(osdmap.epoch + 1)).toBeUndefined();
      }),
      { numRuns: 30 },
    );
  });

  it('comes back from a restart with exactly what was durable', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const w = await makeWorld();
        for (const s of steps) await s(w);
        const again = openWorld(w.kv);
        expect(contents(again.ledger.durable, again)).toEqual(contents(w.ledger.durable, w));
      }),
      { numRuns: 30 },
    );
  });

  it('comes back with health mutes in the same order, whatever the order they were made in', async () => {
    const w = await makeWorld();
    for (const code of ['c', 'a', 'b']) await w.run('health mute', { code, sticky: true });
    expect([...w.ledger.durable.healthMutes.keys()]).toEqual(['a', 'b', 'c']);
    expect([...openWorld(w.kv).ledger.durable.healthMutes.keys()]).toEqual(['a', 'b', 'c']);
  });

  it('numbers commits one by one, each with its map change or without', async () => {
    const w = await makeWorld();
    const before = w.ledger.durable;
    await w.run('config set', { who: 'osd', name: 'osd_max_backfills', value: '2' });
    expect(w.ledger.durable.version).toBe(before.version + 1);
    expect(w.ledger.durable.osdmap).toBe(before.osdmap);
    await w.run('osd pool create', { pool: 'a' });
    expect(w.ledger.durable.version).toBe(before.version + 2);
    expect(w.ledger.durable.osdmap.epoch).toBe(before.osdmap.epoch + 1);
  });

  it('makes no cluster over another one', async () => {
    const w = await makeWorld();
    await expect(makeWorld({ kv: w.kv })).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('refuses a store that holds no cluster', () => {
    expect(() => openWorld(new MemoryKeyValue())).toThrow(/holds no cluster/);
  });
});

/** Holds every batch back until told, and can forget those that were not told: a machine that lost its power. */
class SlowKeyValue implements KeyValue {
  private readonly inner: MemoryKeyValue;
  readonly waiting: (() => void)[] = [];
  held = false;
  constructor(inner = new MemoryKeyValue()) {
    this.inner = inner;
  }
  get(key: string) {
    return this.inner.get(key);
  }
  sizeOf(key: string) {
    return this.inner.sizeOf(key);
  }
  range(from: string, to: string, options?: { limit?: number; reverse?: boolean }) {
    return this.inner.range(from, to, options);
  }
  async commit(batch: readonly KeyValueOp[]): Promise<void> {
    if (this.held) await new Promise<void>((go) => this.waiting.push(go));
    await this.inner.commit(batch);
  }
  async close(): Promise<void> {}
  /** What is on the disk now. */
  afterCrash(): MemoryKeyValue {
    return new MemoryKeyValue(this.inner);
  }
}

describe('a crash', () => {
  const settle = () => pause(0);

  it('between two commits leaves the state before or after a change, and answers only for what stays', async () => {
    const kv = new SlowKeyValue();
    const w = await makeWorld({ kv });
    await bootAll(w);
    kv.held = true;
    const answered: string[] = [];
    const pools = ['a', 'b', 'c', 'd'];
    const all = pools.map((pool) =>
      w.run('osd pool create', { pool, pg_num: 4 }).then(() => answered.push(pool)),
    );
    for (let released = 0; released <= pools.length; released++) {
      await settle();
      const found = openWorld(kv.afterCrash());
      const names = [...found.state().osdmap.data.poolNames.values()];
      // Everything answered is there, and what is there is a beginning of what was asked.
      expect(names).toEqual(pools.slice(0, released));
      expect(answered).toEqual(pools.slice(0, released));
      expect(found.ledger.durable.version).toBe(w.ledger.durable.version);
      kv.waiting.shift()?.();
    }
    await Promise.all(all);
  });

  it('readers see no change before it is durable, decisions see it at once', async () => {
    const kv = new SlowKeyValue();
    const w = await makeWorld({ kv });
    kv.held = true;
    const first = w.run('osd pool create', { pool: 'a' });
    const second = await w.run('osd pool create', { pool: 'a' });
    expect(second.status).toBe("pool 'a' already exists");
    expect((await w.run('osd pool application get')).output).toBe('{}\n');
    kv.waiting.shift()!();
    await first;
    expect((await w.run('osd pool application get')).output).toContain('"a"');
  });

  it('a store that fails rejects the change and everything after it', async () => {
    const kv = new MemoryKeyValue();
    const w = await makeWorld({ kv });
    await kv.close();
    await expect(w.run('osd pool create', { pool: 'a' })).rejects.toMatchObject({ code: 'EBADF' });
    await expect(w.run('osd pool create', { pool: 'b' })).rejects.toMatchObject({ code: 'EBADF' });
    expect(w.ledger.durable.osdmap.poolByName('a')).toBeUndefined();
  });
});

describe('trimming', () => {
  it('forgets old epochs, keeps a full map to start from, and survives a restart', async () => {
    const w = await makeWorld();
    for (let i = 0; i < 30; i++) await w.run(i % 2 ? 'osd unset' : 'osd set', { key: 'noout' });
    const newest = w.ledger.durable.osdmap.epoch;
    await w.ledger.trim(20);
    for (const again of [w, openWorld(w.kv)]) {
      expect(again.ledger.durable.oldestEpoch).toBe(20);
      expect(again.store.fullMap(19)).toBeUndefined();
      expect(again.store.incremental(20)).toBeUndefined();
      expect(OSDMap.decode(again.store.fullMap(20)!).epoch).toBe(20);
      expect(again.store.incremental(21)).toBeDefined();
      expect(again.ledger.durable.osdmap.epoch).toBe(newest);
    }
  });
});
