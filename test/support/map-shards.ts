import type {
  AskResult,
  MapCacheMode,
  MapItem,
  MapKind,
  MapMessage,
  OfferResult,
} from '../../src/maps/index.ts';
import {
  keyText,
  newShard,
  type ShardEffect,
  type ShardInput,
  type ShardState,
} from '../../src/maps/shared/shard.ts';
import { step } from '../../src/maps/shared/step.ts';

/** An item whose bytes name it; `flavour` other than 0 for bytes that another shard does not have. */
export function item(kind: MapKind, epoch: number, flavour = 0): MapItem {
  const bytes = new Uint8Array(new SharedArrayBuffer(4));
  bytes.set([kind === 'full' ? 1 : 2, epoch & 255, epoch >> 8, flavour]);
  return { kind, epoch, bytes };
}

/** One shard with what it was told and what it did. */
export interface SimShard {
  readonly state: ShardState;
  readonly offers: { tag: number; item: MapItem; results: OfferResult[] }[];
  readonly asks: {
    tag: number;
    from: number;
    to: number;
    patience: 'now' | 'wait';
    results: AskResult[];
  }[];
  readonly reached: { item: MapItem; follows: boolean }[];
  readonly conflicts: string[];
}

/** The shards of one OSD in one thread: messages wait, in order between two shards, until they are delivered. */
export class MapShards {
  readonly mode: MapCacheMode;
  readonly epochsMax: number;
  readonly shards = new Map<number, SimShard>();
  private readonly wires = new Map<string, { from: number; to: number; queue: MapMessage[] }>();
  private lastTag = 0;
  /** What the others have of a shard that is behind, besides full maps: the oldest change in their stores. */
  storedFrom = Number.POSITIVE_INFINITY;
  /** Shard 0 alone has a store. */
  isStoredOnce = false;
  /** Called when a shard leaps over epochs it lacks. */
  onLeap: (shard: number, from: number) => void = () => {};

  constructor(mode: MapCacheMode, epochsMax = 1000) {
    this.mode = mode;
    this.epochsMax = epochsMax;
  }

  start(shard: number, reached = 0): SimShard {
    const { mode, epochsMax } = this;
    const elders = [...this.shards.keys()];
    const state = newShard({ shard, mode, epochsMax, elders, reached });
    const sim: SimShard = { state, offers: [], asks: [], reached: [], conflicts: [] };
    this.shards.set(shard, sim);
    this.input(shard, { kind: 'start' });
    return sim;
  }

  offer(shard: number, offered: MapItem): void {
    const tag = ++this.lastTag;
    this.shards.get(shard)!.offers.push({ tag, item: offered, results: [] });
    this.input(shard, { kind: 'offer', tag, item: offered });
  }

  ask(shard: number, from: number, to: number, patience: 'now' | 'wait'): void {
    const tag = ++this.lastTag;
    this.shards.get(shard)!.asks.push({ tag, from, to, patience, results: [] });
    this.input(shard, { kind: 'ask', tag, from, to, patience });
  }

  trim(shard: number, oldest: number): void {
    this.input(shard, { kind: 'trim', oldest });
  }

  /** Delivers one message: the first of the wire that `choose` points at. @returns false when there is none */
  deliver(choose = 0): boolean {
    const busy = [...this.wires.values()].filter(({ queue }) => queue.length > 0);
    const wire = busy[choose % busy.length];
    if (!wire) return false;
    this.input(wire.to, { kind: 'message', from: wire.from, message: wire.queue.shift()! });
    return true;
  }

  /** Delivers all there is, and what comes of it. */
  settle(choose: () => number = () => 0): void {
    for (let left = 100_000; this.deliver(choose()); left--) {
      if (left === 0) throw new Error('the shards never come to rest');
    }
  }

  private input(shard: number, input: ShardInput): void {
    const sim = this.shards.get(shard)!;
    const before = sim.state.reached;
    for (const effect of step(sim.state, input)) this.perform(shard, sim, effect, before);
  }

  private perform(shard: number, sim: SimShard, effect: ShardEffect, before: number): void {
    switch (effect.kind) {
      case 'send': {
        const name = `${shard} ${effect.to}`;
        const wire = this.wires.get(name) ?? { from: shard, to: effect.to, queue: [] };
        this.wires.set(name, wire);
        wire.queue.push(effect.message);
        return;
      }
      case 'settled':
        sim.offers.find(({ tag }) => tag === effect.tag)!.results.push(effect.result);
        return;
      case 'answered':
        sim.asks.find(({ tag }) => tag === effect.tag)!.results.push(effect.result);
        return;
      case 'reach': {
        const last = sim.reached.at(-1)?.item.epoch ?? before;
        if (!effect.follows && last > 0) this.onLeap(shard, last);
        sim.reached.push({ item: effect.item, follows: effect.follows });
        return;
      }
      case 'supply':
        return this.supply(shard, sim, effect.to, effect.above);
      case 'conflict':
        sim.conflicts.push(keyText(effect.key));
    }
  }

  /** As SharedMaps does it. */
  private supply(shard: number, sim: SimShard, to: number, above: number): void {
    const { shelf, reached } = sim.state;
    const epochs = Array.from({ length: reached - above }, (_, i) => above + 1 + i);
    const hasStore = shard === 0 || !this.isStoredOnce;
    const isThere = (epoch: number): boolean =>
      (hasStore && epoch >= this.storedFrom) || shelf.find({ kind: 'change', epoch }) !== undefined;
    const areThere = above > 0 && epochs.every(isThere);
    if (!areThere && shard !== 0 && to !== 0) return;
    const items = areThere ? epochs.map((epoch) => item('change', epoch)) : [item('full', reached)];
    const message = { kind: 'supply', items } as const;
    this.perform(shard, sim, { kind: 'send', to, message }, reached);
  }
}
