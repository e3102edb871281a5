import { describe, expect, it } from 'vitest';
import { crc32c } from '../src/codec/index.ts';
import { createDefaultCrushMap, encodeCrushMap } from '../src/crush/index.ts';
import { DecodeError } from '../src/errors/index.ts';
import {
  emptyIncremental,
  encodeIncremental,
  type MapCacheMode,
  type MapKey,
  type MapMessage,
  OSDMap,
  SharedMaps,
  type SharedMapsOptions,
  WEIGHT_ONE,
} from '../src/maps/index.ts';
import { builtMap, FSID, nextMap } from './support/built-osdmap.ts';
import { item, MapShards } from './support/map-shards.ts';

const MODES: MapCacheMode[] = ['server', 'symmetric'];

function started(mode: MapCacheMode, count: number, epochsMax?: number): MapShards {
  const world = new MapShards(mode, epochsMax);
  for (let shard = 0; shard < count; shard++) world.start(shard);
  world.settle();
  return world;
}
const reachedBy = (world: MapShards): number[][] =>
  [...world.shards.values()].map(({ reached }) => reached.map((r) => r.item.epoch));

describe.each(MODES)('shards agree on maps (%s)', (mode) => {
  it('the first to learn an epoch has the copy that all refer to', () => {
    const world = started(mode, 3);
    const first = item('full', 1);
    world.offer(2, first);
    world.settle();
    for (const { state } of world.shards.values()) {
      expect(state.shelf.find(first)?.item.bytes).toBe(first.bytes);
    }
    expect(world.shards.get(2)!.offers[0]!.results).toEqual([
      { kind: 'shared', bytes: first.bytes, isOurs: true },
    ]);
    // Who offers the same later is given that copy.
    world.offer(1, item('full', 1));
    world.settle();
    const [late] = world.shards.get(1)!.offers[0]!.results;
    expect(late).toMatchObject({ kind: 'shared', isOurs: false });
    expect(late?.kind === 'shared' && late.bytes).toBe(first.bytes);
    expect(reachedBy(world)).toEqual([[1], [1], [1]]);
  });

  it('of offers at the same time one wins, and all learn which', () => {
    const world = started(mode, 4);
    for (const shard of [3, 1, 2]) world.offer(shard, item('full', 1));
    world.settle();
    const results = [1, 2, 3].map((shard) => world.shards.get(shard)!.offers[0]!.results[0]!);
    const ours = results.map((r) => r.kind === 'shared' && r.isOurs);
    expect(ours.filter(Boolean)).toHaveLength(1);
    expect(new Set(results.map((r) => r.kind === 'shared' && r.bytes)).size).toBe(1);
  });

  it('different bytes for one epoch are refused and reported by who came second', () => {
    const world = started(mode, 3);
    world.offer(1, item('full', 1));
    world.settle();
    world.offer(2, item('full', 1, 7));
    world.offer(1, item('full', 2));
    world.offer(0, item('full', 2, 7));
    world.settle();
    expect(world.shards.get(2)!.offers[0]!.results).toEqual([{ kind: 'differs' }]);
    expect(world.shards.get(2)!.conflicts).toEqual(['full 1']);
    const kinds = [1, 0].map((s) => world.shards.get(s)!.offers.at(-1)!.results[0]!.kind);
    expect(kinds.sort()).toEqual(['differs', 'shared']);
    for (const { state } of world.shards.values()) {
      expect(state.shelf.find(item('full', 1))?.item.bytes[3]).toBe(0);
    }
  });

  it("a shard's own second offer with other bytes is refused while the first is open", () => {
    const world = started(mode, 2);
    world.offer(1, item('full', 1));
    world.offer(1, item('full', 1));
    world.offer(1, item('full', 1, 7));
    world.settle();
    const kinds = world.shards.get(1)!.offers.map(({ results }) => results.map((r) => r.kind));
    expect(kinds).toEqual([['shared'], ['shared'], ['differs']]);
  });

  it('an epoch that nobody has: the answer is nothing, or comes when the epoch does', () => {
    const world = started(mode, 3);
    world.offer(0, item('full', 4));
    world.settle();
    world.ask(1, 5, 5, 'now');
    world.ask(2, 5, 6, 'wait');
    world.settle();
    const [now] = world.shards.get(1)!.asks;
    const [wait] = world.shards.get(2)!.asks;
    expect(now!.results).toEqual([{ items: [], oldest: 1 }]);
    expect(wait!.results).toEqual([]);
    world.offer(0, item('change', 5));
    world.settle();
    expect(wait!.results).toEqual([]);
    world.offer(1, item('change', 6));
    world.settle();
    expect(wait!.results.map((r) => r.items.map((i) => i.epoch))).toEqual([[5, 6]]);
  });

  it('an ask hears of what was offered before it, however far the offer has come', () => {
    const world = started(mode, 3);
    world.offer(0, item('full', 1));
    world.settle();
    world.offer(0, item('change', 2));
    world.ask(1, 2, 3, 'now');
    world.settle();
    const [ask] = world.shards.get(1)!.asks;
    expect(ask!.results.map((r) => r.items.map((i) => i.epoch))).toEqual([[2]]);
  });

  it("an ask hears of this shard's own offers, even while they must wait", () => {
    const world = started(mode, 1);
    world.offer(0, item('full', 1));
    world.start(1);
    world.offer(1, item('change', 2));
    world.ask(1, 2, 2, 'now');
    world.settle();
    const [ask] = world.shards.get(1)!.asks;
    expect(ask!.results.map((r) => r.items.map((i) => i.epoch))).toEqual([[2]]);
  });

  it('a range that is partly trimmed begins with the oldest kept', () => {
    const world = started(mode, 2);
    for (let epoch = 1; epoch <= 6; epoch++) world.offer(0, item('change', epoch));
    world.settle();
    world.trim(1, 4);
    world.settle();
    world.ask(0, 2, 5, 'now');
    world.settle();
    const [answer] = world.shards.get(0)!.asks[0]!.results;
    expect(answer!.oldest).toBe(4);
    expect(answer!.items.map((i) => i.epoch)).toEqual([4, 5]);
  });

  it('a trim ends the wait for what it takes away, and offers of it', () => {
    const world = started(mode, 3);
    world.offer(0, item('full', 9));
    world.settle();
    world.ask(1, 5, 6, 'wait');
    world.trim(2, 8);
    // Both meet the trim on its way.
    world.offer(0, item('change', 5));
    world.offer(1, item('change', 6));
    world.settle();
    expect(world.shards.get(1)!.asks[0]!.results).toHaveLength(1);
    for (const { state, offers } of world.shards.values()) {
      expect(state.shelf.oldest).toBe(8);
      expect(state.shelf.find({ kind: 'change', epoch: 6 })).toBeUndefined();
      for (const offer of offers) expect(offer.results).toHaveLength(1);
    }
    world.offer(1, item('change', 7));
    expect(world.shards.get(1)!.offers.at(-1)!.results).toEqual([{ kind: 'trimmed' }]);
  });

  it('the copy stays until it is trimmed, whoever is done with it', () => {
    const world = started(mode, 2);
    for (let epoch = 1; epoch <= 40; epoch++) world.offer(epoch % 2, item('change', epoch));
    world.settle();
    for (const { state } of world.shards.values()) expect(state.shelf.size).toBe(40);
    world.trim(0, 100);
    world.settle();
    // Not the newest, which late shards start from.
    for (const { state } of world.shards.values()) expect(state.shelf.size).toBe(1);
  });

  it('memory is bounded: shard 0 trims for all', () => {
    const world = started(mode, 3, 5);
    for (let epoch = 1; epoch <= 60; epoch++) {
      world.offer(epoch % 3, item('change', epoch));
      world.settle();
      for (const { state } of world.shards.values())
        expect(state.shelf.size).toBeLessThanOrEqual(6);
    }
    expect(reachedBy(world).map((epochs) => epochs.length)).toEqual([60, 60, 60]);
  });

  it('epochs that arrive out of order are followed in order', () => {
    const world = started(mode, 3);
    world.offer(0, item('full', 1));
    world.settle();
    for (const epoch of [4, 3, 2]) world.offer(epoch - 2, item('change', epoch));
    world.settle();
    expect(reachedBy(world)).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    for (const { reached } of world.shards.values()) {
      expect(reached.map((r) => r.follows)).toEqual([false, true, true, true]);
    }
  });

  it('a full map leads over a gap that nobody can fill', () => {
    const world = started(mode, 2);
    world.offer(0, item('full', 3));
    world.settle();
    world.offer(1, item('change', 11));
    world.offer(1, item('full', 10));
    world.settle();
    expect(reachedBy(world)).toEqual([
      [3, 10, 11],
      [3, 10, 11],
    ]);
    expect(world.shards.get(0)!.reached.map((r) => r.follows)).toEqual([false, false, true]);
  });

  it('a shard that starts late gets what there is, and a full map when the first is trimmed', () => {
    const world = started(mode, 2, 4);
    for (let epoch = 1; epoch <= 9; epoch++) world.offer(0, item('change', epoch));
    world.settle();
    world.start(2);
    world.settle();
    expect(world.shards.get(2)!.reached.map((r) => r.item.epoch)).toEqual([9]);
    world.offer(2, item('change', 10));
    world.settle();
    expect(reachedBy(world).map((epochs) => epochs.at(-1))).toEqual([10, 10, 10]);
  });

  it('a shard that is behind is supplied again when what was on its way to it is trimmed', () => {
    for (let deliveries = 0; deliveries < 25; deliveries++) {
      const world = started(mode, 2, 1);
      for (let epoch = 1; epoch <= 3; epoch++) world.offer(0, item('change', epoch));
      world.settle();
      world.start(2);
      for (let i = 0; i < deliveries; i++) world.deliver(i);
      world.offer(0, item('change', 4));
      world.settle();
      expect(reachedBy(world).map((epochs) => epochs.at(-1))).toEqual([4, 4, 4]);
    }
  });

  it('a shard that stopped earlier than the others is given the changes it lacks', () => {
    const world = new MapShards(mode);
    world.storedFrom = 100;
    world.start(0, 120);
    world.start(1, 118);
    world.start(2, 121);
    world.settle();
    expect(reachedBy(world)).toEqual([[121], [119, 120, 121], []]);
    for (const { reached } of world.shards.values()) {
      for (const r of reached) expect(r.follows).toBe(true);
    }
  });

  it('claims of a shard that starts wait until it knows what the others own', () => {
    const world = started(mode, 1);
    world.offer(0, item('full', 1));
    world.start(1);
    world.offer(1, item('full', 1, 7));
    world.settle();
    expect(world.shards.get(1)!.offers[0]!.results).toEqual([{ kind: 'differs' }]);
  });
});

/** Shards with real maps, in this thread; messages arrive when `settle` is called. */
class Osd {
  readonly shards: SharedMaps[] = [];
  readonly seen: [epoch: number, previous: number | undefined][][] = [];
  readonly conflicts: MapKey[] = [];
  readonly failures: unknown[] = [];
  private readonly queue: { from: number; to: number; message: MapMessage }[] = [];

  start(mode: MapCacheMode, more: Partial<SharedMapsOptions> = {}): SharedMaps {
    const shard = this.shards.length;
    const seen: Osd['seen'][number] = [];
    this.seen.push(seen);
    const made = new SharedMaps({
      shard,
      mode,
      elders: this.shards.map((_, i) => i),
      epochsMax: 50,
      link: { send: (to, message) => this.queue.push({ from: shard, to, message }) },
      crc32c,
      onMap: (map, previous) => seen.push([map.epoch, previous?.epoch]),
      onConflict: (key) => this.conflicts.push(key),
      onFailure: (error) => this.failures.push(error),
      ...more,
    });
    this.shards.push(made);
    return made;
  }

  settle(): void {
    for (let m = this.queue.shift(); m; m = this.queue.shift()) {
      this.shards[m.to]!.receive(m.from, m.message);
    }
  }
}

const first = builtMap();
const madeFirst = new OSDMap({ ...first.data, epoch: 1 });
/** The map after so many changes, and each change's bytes by epoch. */
function history(count: number, from = first): { maps: OSDMap[]; changes: Map<number, Buffer> } {
  const maps = [from];
  const changes = new Map<number, Buffer>();
  for (let i = 0; i < count; i++) {
    const before = maps.at(-1)!;
    const patch = { newWeight: new Map([[i % 8, WEIGHT_ONE - i]]) };
    const after = nextMap(before, patch);
    const inc = { ...emptyIncremental({ ...after.data, modified: after.data.modified }), ...patch };
    maps.push(after);
    changes.set(after.epoch, encodeIncremental(inc, after));
  }
  return { maps, changes };
}

describe.each(MODES)('SharedMaps (%s)', (mode) => {
  it('every shard makes the same maps of the shared bytes', async () => {
    const { maps, changes } = history(3);
    const osd = new Osd();
    for (let i = 0; i < 3; i++) osd.start(mode);
    const offers = [osd.shards[0]!.offer('full', first.epoch, first.encode())];
    for (const [epoch, bytes] of changes) {
      offers.push(osd.shards[epoch % 3]!.offer('change', epoch, bytes));
    }
    osd.settle();
    expect((await Promise.all(offers)).map((r) => r.kind)).toEqual(offers.map(() => 'shared'));
    for (const shard of osd.shards) {
      expect(shard.current!.encode().equals(maps.at(-1)!.encode())).toBe(true);
      expect(shard.get('change', first.epoch + 1)).toBe(
        osd.shards[0]!.get('change', first.epoch + 1),
      );
    }
    const e = first.epoch;
    for (const seen of osd.seen) {
      expect(seen).toEqual([
        [e, undefined],
        [e + 1, e],
        [e + 2, e + 1],
        [e + 3, e + 2],
      ]);
    }
  });

  it('nobody learns of bytes that are malformed or of another epoch', async () => {
    const { changes } = history(2);
    const osd = new Osd();
    const one = osd.start(mode);
    const two = osd.start(mode);
    const bad = Buffer.from(first.encode());
    bad[bad.length >> 1]! ^= 1;
    await expect(one.offer('full', first.epoch, bad)).rejects.toThrow(DecodeError);
    const change = changes.get(first.epoch + 1)!;
    await expect(one.offer('change', first.epoch + 2, change)).rejects.toThrow(DecodeError);
    osd.settle();
    expect(two.get('full', first.epoch)).toBeUndefined();
    expect(two.get('change', first.epoch + 2)).toBeUndefined();
  });

  it('a change that fits no map is told once, and the shard stays where it is', async () => {
    const { changes } = history(1);
    const osd = new Osd();
    const one = osd.start(mode);
    const two = osd.start(mode);
    const next = {
      ...emptyIncremental({ fsid: FSID, epoch: first.epoch + 1, modified: { sec: 1, nsec: 0 } }),
    };
    const foreign = { ...next, newWeight: new Map([[99, 1]]) };
    const whole = one.offer('full', first.epoch, first.encode());
    const odd = one.offer('change', next.epoch, encodeIncremental(foreign, { crc: 0 }));
    osd.settle();
    await Promise.all([whole, odd]);
    expect(osd.failures).toHaveLength(2);
    expect([one.current!.epoch, two.current!.epoch]).toEqual([first.epoch, first.epoch]);
    // The true change comes second and is the one that is refused.
    const refused = two.offer('change', next.epoch, changes.get(next.epoch)!);
    osd.settle();
    expect(await refused).toEqual({ kind: 'differs' });
    expect(osd.conflicts).toEqual([{ kind: 'change', epoch: next.epoch }]);
    expect(osd.failures).toHaveLength(2);
  });

  it('a shard that saw less before the start is given changes from the store of another', () => {
    const { maps, changes } = history(4);
    const osd = new Osd();
    osd.start(mode, { current: maps[4]!, load: ({ epoch }) => changes.get(epoch) });
    osd.start(mode, { current: maps[1]! });
    osd.settle();
    const e = first.epoch;
    expect(osd.seen[1]).toEqual([
      [e + 2, e + 1],
      [e + 3, e + 2],
      [e + 4, e + 3],
    ]);
    expect(osd.shards[1]!.current!.encode().equals(maps[4]!.encode())).toBe(true);
  });

  it('a shard that begins when the cache is trimmed follows from the very first map', () => {
    const { maps, changes } = history(4, madeFirst);
    const osd = new Osd();
    const stored = ({ kind, epoch }: MapKey) =>
      kind === 'change' ? changes.get(epoch) : epoch === 1 ? madeFirst.encode() : undefined;
    const one = osd.start(mode, { epochsMax: 1, load: stored });
    void one.offer('full', 1, madeFirst.encode());
    for (const [epoch, bytes] of changes) void one.offer('change', epoch, bytes);
    expect(one.oldest).toBe(5);
    osd.start(mode, { epochsMax: 1 });
    osd.settle();
    expect(osd.seen[1]).toEqual([1, 2, 3, 4, 5].map((e) => [e, e === 1 ? undefined : e - 1]));
    expect(osd.shards[1]!.current!.encode().equals(maps[4]!.encode())).toBe(true);
  });

  it('a shard that saw less is given the newest full map when the changes are gone', () => {
    const { maps } = history(4);
    const osd = new Osd();
    osd.start(mode, { current: maps[4]! });
    osd.start(mode, { current: maps[1]! });
    osd.start(mode);
    osd.settle();
    const e = first.epoch;
    expect(osd.seen.slice(1)).toEqual([[[e + 4, undefined]], [[e + 4, undefined]]]);
  });

  it('what a shard does while it is told of a map comes after', async () => {
    const { changes } = history(2);
    const osd = new Osd();
    const order: string[] = [];
    const one = osd.start(mode, {
      onMap: (map) => {
        order.push(`begin ${map.epoch}`);
        const bytes = changes.get(map.epoch + 1);
        if (bytes) void one.offer('change', map.epoch + 1, bytes);
        order.push(`end ${map.epoch}`);
      },
    });
    await one.offer('full', first.epoch, first.encode());
    const e = first.epoch;
    expect(order).toEqual([e, e + 1, e + 2].flatMap((n) => [`begin ${n}`, `end ${n}`]));
  });
});

it('a full map uses what was made of the same CRUSH map before', () => {
  const { maps } = history(1);
  const again = OSDMap.decode(maps[1]!.encode(), crc32c, first);
  expect(again.crushMapper).toBe(first.crushMapper);
  expect(again.encode().equals(maps[1]!.encode())).toBe(true);
  const crush = createDefaultCrushMap({ osds: [{ id: 0, weight: 1, loc: { root: 'default' } }] });
  const other = new OSDMap({ ...first.data, crush: encodeCrushMap(crush) });
  const changed = OSDMap.decode(other.encode(), crc32c, first);
  expect(changed.crushMap).toEqual(other.crushMap);
  expect(changed.crushMapper).not.toBe(first.crushMapper);
});
