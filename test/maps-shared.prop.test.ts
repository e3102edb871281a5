import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MapCacheMode, SharedBytes } from '../src/maps/index.ts';
import { keyText } from '../src/maps/shared/shard.ts';
import { item, MapShards, type SimShard } from './support/map-shards.ts';

const SHARDS = 4;
const shard = fc.nat(SHARDS - 1);
const epoch = fc.integer({ min: 1, max: 14 });
const action = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('start' as const), shard, reached: epoch }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('offer' as const),
      shard,
      epoch,
      isFull: fc.nat(5).map((n) => n === 0),
      flavour: fc.nat(30).map((n) => (n === 0 ? 1 : 0)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      shard,
      from: epoch,
      length: fc.nat(5),
      patience: fc.constantFrom('now' as const, 'wait' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim' as const), shard, oldest: epoch }) },
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), choose: fc.nat(99) }),
  },
);
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never;

const keysOf = ({ state }: SimShard): string[] =>
  [...state.shelf.all()].map((held) => keyText(held.item)).sort();

/** Every key has one memory, whoever holds it and whenever. */
class OneCopy {
  private readonly copies = new Map<string, SharedBytes>();
  check(world: MapShards): void {
    for (const { state, offers } of world.shards.values()) {
      for (const held of state.shelf.all()) this.see(keyText(held.item), held.item.bytes);
      for (const offer of offers) {
        for (const result of offer.results) {
          if (result.kind === 'shared') this.see(keyText(offer.item), result.bytes);
        }
      }
    }
  }
  private see(key: string, bytes: SharedBytes): void {
    const known = this.copies.get(key) ?? bytes;
    this.copies.set(key, known);
    if (known !== bytes) throw new Error(`two copies of ${key}`);
  }
  of(key: string): SharedBytes | undefined {
    return this.copies.get(key);
  }
}

function act(world: MapShards, a: Action, startsLate: boolean): void {
  if (a.kind === 'deliver') {
    world.deliver(a.choose);
    return;
  }
  const sim = world.shards.get(a.shard);
  if (a.kind === 'start') {
    if (!sim) world.start(a.shard, startsLate ? a.reached - 1 : 0);
  } else if (sim && a.kind === 'offer') {
    world.offer(a.shard, item(a.isFull ? 'full' : 'change', a.epoch, a.flavour));
  } else if (sim && a.kind === 'ask') {
    world.ask(a.shard, a.from, a.from + a.length, a.patience);
  } else if (sim && a.kind === 'trim') {
    world.trim(a.shard, a.oldest);
  }
}

/** What holds when no message is on its way any more. */
function checkRest(world: MapShards, copies: OneCopy): void {
  const sims = [...world.shards.values()];
  const [one] = sims;
  const { oldest } = one!.state.shelf;
  for (const sim of sims) {
    const { state } = sim;
    expect(state.shelf.oldest).toBe(oldest);
    expect(keysOf(sim)).toEqual(keysOf(one!));
    expect(state.reached).toBe(one!.state.reached);
    expect(state.debts).toEqual([]);
    expect(state.offers.size).toBe(0);
    for (const held of state.shelf.all()) expect(held.item.epoch).toBeGreaterThanOrEqual(oldest);
    const epochs = sim.reached.map((r) => r.item.epoch);
    expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
    for (const { tag: _, ...ask } of sim.asks) checkAsk(sim, ask);
  }
  checkOffers(sims, copies);
}

function checkAsk(sim: SimShard, ask: Omit<SimShard['asks'][number], 'tag'>): void {
  const start = Math.max(ask.from, sim.state.shelf.oldest);
  const there = sim.state.shelf.changes(ask.from, ask.to);
  const isWhole = there.length >= ask.to + 1 - start;
  if (ask.patience === 'wait' && !isWhole) {
    expect(ask.results).toEqual([]);
    return;
  }
  expect(ask.results).toHaveLength(1);
  const { items, oldest } = ask.results[0]!;
  const first = Math.max(ask.from, oldest);
  expect(items.map((i) => i.epoch)).toEqual(items.map((_, i) => first + i));
  if (ask.patience === 'wait') expect(first + items.length).toBeGreaterThan(ask.to);
}

function checkOffers(sims: SimShard[], copies: OneCopy): void {
  const firsts = new Map<string, number>();
  for (const sim of sims) {
    for (const { item: offered, results } of sim.offers) {
      expect(results).toHaveLength(1);
      const result = results[0]!;
      const key = keyText(offered);
      const copy = copies.of(key);
      if (result.kind === 'shared') {
        expect(result.bytes).toBe(copy);
        expect([...offered.bytes]).toEqual([...copy!]);
        if (!result.isOurs) continue;
        expect(firsts.get(key) ?? sim.state.shard).toBe(sim.state.shard);
        firsts.set(key, sim.state.shard);
      } else if (result.kind === 'differs') {
        expect(sim.conflicts).toContain(key);
      }
    }
  }
}

describe.each<MapCacheMode>(['server', 'symmetric'])('shards that share maps (%s)', (mode) => {
  const run = (actions: Action[], order: number[], startsLate: boolean, epochsMax: number) => {
    const world = new MapShards(mode, epochsMax);
    world.storedFrom = 4;
    const copies = new OneCopy();
    world.start(0);
    if (!startsLate) for (let s = 1; s < SHARDS; s++) world.start(s);
    for (const a of actions) {
      act(world, a, startsLate);
      copies.check(world);
    }
    let turn = 0;
    world.settle(() => {
      copies.check(world);
      return order[turn++ % order.length]!;
    });
    copies.check(world);
    return { world, copies };
  };
  const order = fc.array(fc.nat(99), { minLength: 1, maxLength: 30 });
  const epochsMax = fc.constantFrom(1, 3, 6, 1000);

  it('come to rest with one copy of each item, all answered, the same on all', () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 80 }),
        order,
        fc.boolean(),
        epochsMax,
        (actions, o, startsLate, max) => {
          const { world, copies } = run(actions, o, startsLate, max);
          checkRest(world, copies);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('never leap while shard 0 brings all maps and stores them, however few are kept', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('next' as const) }),
      fc.record({
        kind: fc.constant('start' as const),
        shard: fc.integer({ min: 1, max: SHARDS - 1 }),
        less: fc.nat(6),
      }),
      fc.record({ kind: fc.constant('deliver' as const), choose: fc.nat(99) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), order, epochsMax, (steps, o, max) => {
        const world = new MapShards(mode, max);
        world.storedFrom = 1;
        world.isStoredOnce = true;
        world.onLeap = (shard, from) => {
          throw new Error(`shard ${shard} leaps from ${from}`);
        };
        const FIRST = 7;
        const { state } = world.start(0, FIRST);
        let last = FIRST;
        for (const s of steps) {
          if (s.kind === 'next') world.offer(0, item('change', ++last));
          else if (s.kind === 'deliver') world.deliver(s.choose);
          else if (!world.shards.has(s.shard)) world.start(s.shard, FIRST - s.less);
        }
        let turn = 0;
        world.settle(() => o[turn++ % o.length]!);
        for (const sim of world.shards.values()) expect(sim.state.reached).toBe(state.reached);
      }),
      { numRuns: 400 },
    );
  });

  it('leap over an epoch only when no shard has it', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), order, (actions, o) => {
        const world = new MapShards(mode);
        for (let s = 0; s < SHARDS; s++) world.start(s);
        world.settle();
        world.onLeap = (_, from) => {
          for (const { state } of world.shards.values()) {
            expect(state.shelf.find({ kind: 'change', epoch: from + 1 })).toBeUndefined();
          }
        };
        for (const a of actions) if (a.kind !== 'trim') act(world, a, false);
        let turn = 0;
        world.settle(() => o[turn++ % o.length]!);
      }),
      { numRuns: 300 },
    );
  });
});
