import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cachesMax, shareCaches, tuneCaches } from '../src/osd/shard/memory-budget.ts';
import { MemoryKeeper } from '../src/osd/shard/memory-keeper.ts';
import { dumpMempools } from '../src/osd/shard/mempools.ts';
import { BufferPool, type Clock } from '../src/runtime/index.ts';
import type { ObjectStore } from '../src/store/index.ts';

const MIB = 2 ** 20;
const bytes = fc.integer({ min: 128, max: 16_384 }).map((mib) => mib * MIB);

describe('the bytes of all caches', () => {
  it('stay between their least and their most, whatever the process has', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, (caches, resident, target) => {
        const next = tuneCaches(caches, resident, target);
        expect(next).toBeGreaterThanOrEqual(16 * MIB);
        expect(next).toBeLessThanOrEqual(cachesMax(target));
        const now = Math.min(caches, cachesMax(target));
        if (resident > target) expect(next).toBeLessThanOrEqual(now);
        else expect(next).toBeGreaterThanOrEqual(now);
      }),
    );
  });

  it('shrink to their least under a process that stays too large, and come back when it is not', () => {
    const target = 256 * MIB;
    let caches = cachesMax(target);
    for (let i = 0; i < 40; i++) caches = tuneCaches(caches, 2 * target, target);
    expect(caches).toBeLessThan(17 * MIB);
    for (let i = 0; i < 40; i++) caches = tuneCaches(caches, target / 2, target);
    expect(caches).toBeGreaterThan(0.99 * cachesMax(target));
  });

  it('are parted without more being given than there is, alike among shards', () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 8 }), (target, shards) => {
        const most = cachesMax(target);
        const { onodes, buffers, logs, contexts } = shareCaches(most, target, shards);
        const given = onodes + buffers + logs + contexts;
        expect(given * shards).toBeLessThanOrEqual(most);
        expect(given * shards).toBeGreaterThan(0.99 * most);
        const less = shareCaches(most / 2, target, shards);
        expect(less.buffers).toBe(buffers);
        expect(less.onodes + less.logs + less.contexts).toBeLessThan(0.51 * (given - buffers) + 3);
      }),
    );
  });
});

describe('MemoryKeeper', () => {
  /** A store, a process and a clock that say what they are told. */
  function world(target: number) {
    const said: string[] = [];
    let tick: (() => void) | undefined;
    let resident = 100 * MIB;
    let garbage = 0;
    let log = { entries: { items: 0, bytes: 0 }, dups: { items: 0, bytes: 0 } };
    const store = {
      setCacheBytes: (n: number) => said.push(`onodes ${Math.round(n / MIB)}`),
      dropPages: () => said.push('pages'),
    } as unknown as ObjectStore;
    const clock = {
      monotonicMs: () => 0,
      setTimer(_ms: number, fire: () => void) {
        tick = fire;
        return {
          cancel: () => {
            tick = undefined;
          },
        };
      },
    } as unknown as Clock;
    const memory = {
      residentBytes: () => resident,
      collect() {
        said.push('garbage');
        resident -= garbage;
        garbage = 0;
      },
    };
    const pool = new BufferPool();
    const logs = () => log;
    const parts = { clock, store, pool, memory, shards: 1, logs, contexts: () => 3 };
    const keeper = new MemoryKeeper(parts, target);
    return {
      keeper,
      said,
      pool,
      has(mib: number, ofWhichGarbage = 0) {
        resident = mib * MIB;
        garbage = ofWhichGarbage * MIB;
      },
      logHas(items: number, ofBytes: number, dupBytes = 0) {
        log = {
          entries: { items, bytes: items * ofBytes },
          dups: { items: Math.ceil(dupBytes / 50), bytes: dupBytes },
        };
      },
      tick() {
        said.length = 0;
        tick?.();
        return said.filter((s) => !s.startsWith('onodes'));
      },
      isStopped: () => tick === undefined,
    };
  }

  it('gives shares at once, and others as soon as the target changes', () => {
    const { keeper, said } = world(256 * MIB);
    const share = (target: number) =>
      `onodes ${Math.round(shareCaches(cachesMax(target), target, 1).onodes / MIB)}`;
    expect(said).toEqual([share(256 * MIB)]);
    keeper.setTarget(256 * MIB);
    expect(said.length).toBe(1);
    keeper.setTarget(4096 * MIB);
    expect(said).toEqual([share(256 * MIB), share(4096 * MIB)]);
  });

  it('gives back pages and garbage only near the target and above', () => {
    const w = world(256 * MIB);
    expect(w.tick()).toEqual([]);
    w.has(204);
    expect(w.tick()).toEqual([]);
    w.has(300, 120);
    expect(w.tick()).toEqual(['pages', 'garbage']);
    expect(w.tick()).toEqual([]);
  });

  it('tries less and less often what brings nothing, and again at once when it does or is asked for less', () => {
    const w = world(256 * MIB);
    w.has(400);
    const tries = (n: number) =>
      Array.from({ length: n }, () => (w.tick().length > 0 ? 'x' : '.')).join('');
    expect(tries(32)).toBe('x.x...x.......x...............x.');
    w.has(400, 20);
    tries(60);
    w.has(400, 20);
    expect(tries(2)).toContain('x');
  });

  it('takes ready buffers away with their share', () => {
    const w = world(4096 * MIB);
    const buffers = Array.from({ length: 16 }, () => w.pool.take(5 * MIB));
    for (const b of buffers) w.pool.give(b);
    expect(w.pool.held).toEqual({ items: 16, bytes: 16 * 6 * MIB });
    w.keeper.setTarget(256 * MIB);
    const { buffers: share } = shareCaches(cachesMax(256 * MIB), 256 * MIB, 1);
    expect(w.pool.held.bytes).toBeLessThanOrEqual(share);
    expect(w.pool.held.bytes).toBeGreaterThan(share - 6 * MIB);
    expect(w.keeper.mempools().buffer_anon).toEqual(w.pool.held);
  });

  it('lets go of buffers that nobody wants, above the target', () => {
    const w = world(256 * MIB);
    for (const b of Array.from({ length: 4 }, () => w.pool.take(5 * MIB))) w.pool.give(b);
    w.tick();
    for (const b of Array.from({ length: 2 }, () => w.pool.take(5 * MIB))) w.pool.give(b);
    w.tick();
    expect(w.pool.held.items).toBe(4);
    w.has(300);
    w.tick();
    expect(w.pool.held.items).toBe(2);
    w.tick();
    expect(w.pool.held.items).toBe(0);
  });

  it('bounds logs in bytes: the longer their entries, the fewer', () => {
    const w = world(256 * MIB);
    const share = shareCaches(cachesMax(256 * MIB), 256 * MIB, 1).logs;
    for (const entry of [500, 3000]) {
      w.logHas(1000, entry);
      w.tick();
      expect(w.keeper.logEntries * entry).toBeLessThanOrEqual(
        shareCaches(cachesMax(256 * MIB), 256 * MIB, 1).logs,
      );
      expect(w.keeper.logEntries * entry).toBeGreaterThan(0.9 * share);
    }
    w.logHas(1000, 500, share / 4);
    w.tick();
    expect(w.keeper.logEntries * 500).toBeLessThanOrEqual(0.75 * share);
    expect(w.keeper.logEntries * 500).toBeGreaterThan(0.74 * share);
    expect(w.keeper.mempools().osd_pglog!.bytes).toBe(500_000 + share / 4);
    w.logHas(1000, 500, 2 * share);
    w.tick();
    expect(w.keeper.logEntries).toBe(0);
  });

  it('stops', () => {
    const w = world(256 * MIB);
    w.keeper.stop();
    expect(w.isStopped()).toBe(true);
  });
});

it('dump_mempools has the names of a 16.2 OSD, and sums', async () => {
  const path = new URL('./golden/osd/dump-mempools.json', import.meta.url);
  const theirs = JSON.parse(readFileSync(path, 'utf8'));
  const ours = dumpMempools([
    { osd_pglog: { items: 2, bytes: 30 } },
    { osd_pglog: { items: 1, bytes: 5 }, buffer_anon: { items: 1, bytes: 7 } },
  ]) as typeof theirs;
  expect(Object.keys(ours.mempool)).toEqual(Object.keys(theirs.mempool));
  expect(Object.keys(ours.mempool.by_pool)).toEqual(Object.keys(theirs.mempool.by_pool));
  expect(ours.mempool.by_pool.osd_pglog).toEqual({ items: 3, bytes: 35 });
  expect(ours.mempool.total).toEqual({ items: 4, bytes: 42 });
});
