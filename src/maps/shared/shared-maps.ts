import { DecodeError } from '../../errors/index.ts';
import { sharedMemory } from '../../runtime/index.ts';
import { decodeIncremental, type ReceivedIncremental } from '../incremental.ts';
import { OSDMap } from '../osdmap.ts';
import { newShard, type ShardEffect, type ShardInput, type ShardState } from './shard.ts';
import { step } from './step.ts';
import type {
  AskResult,
  MapCacheMode,
  MapItem,
  MapKey,
  MapKind,
  MapLink,
  MapMessage,
  OfferResult,
  SharedBytes,
} from './types.ts';

export interface SharedMapsOptions {
  /** This shard's number. */
  readonly shard: number;
  /**
   * The shards that were started before this one (their threads need not have come far). None for shard 0, which is the
   * first; in server mode nobody else counts.
   */
  readonly elders: readonly number[];
  /** The same for all shards (osd_map_cache_mode). */
  readonly mode: MapCacheMode;
  /** Epochs kept at most (osd_map_cache_size): shard 0 trims for all. */
  readonly epochsMax: number;
  /** The newest map this shard had when it last stopped. */
  readonly current?: OSDMap;
  readonly link: MapLink;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /**
   * Each epoch that this shard reaches, ascending, as soon as it can. After a gap (a full map where nobody had the
   * changes) and for the first map the predecessor is undefined. May offer, ask and trim; what that leads to comes after
   * it returns.
   */
  readonly onMap: (map: OSDMap, previous: OSDMap | undefined) => void;
  /** What this shard offered differs from what another shard offered before. The first copy stands. */
  readonly onConflict: (key: MapKey) => void;
  /** A shared map is malformed or does not fit, so this shard cannot follow any more. Called once. */
  readonly onFailure: (error: unknown) => void;
  /** The bytes of what the cache does not keep any more, for a shard that saw less than this one. */
  readonly load?: (key: MapKey) => Uint8Array | undefined;
}

/**
 * One shard's side of the map cache that the shards of an OSD share. Bytes are in memory once for all shards; each shard
 * makes its own map of them, by applying changes to the map it has, so a full map is decoded only at the start and
 * after a gap. Starts to speak to its peers at once.
 */
export class SharedMaps {
  private readonly options: SharedMapsOptions;
  private readonly state: ShardState;
  private readonly waiting: ShardInput[] = [];
  private isRunning = false;
  private hasFailed = false;
  private lastTag = 0;
  private readonly offers = new Map<number, (result: OfferResult) => void>();
  private readonly asks = new Map<number, (result: AskResult) => void>();
  /** What was decoded to check an offer, until the shard is there. */
  private readonly decoded = new WeakMap<SharedBytes, OSDMap | ReceivedIncremental>();
  private map: OSDMap | undefined;

  constructor(options: SharedMapsOptions) {
    this.options = options;
    this.map = options.current;
    this.state = newShard({ ...options, reached: options.current?.epoch ?? 0 });
    this.run({ kind: 'start' });
  }

  /** The newest map this shard has reached. */
  get current(): OSDMap | undefined {
    return this.map;
  }

  /** Epochs before this one are not kept. */
  get oldest(): number {
    return this.state.shelf.oldest;
  }

  /** An item if this shard knows it already. */
  get(kind: MapKind, epoch: number): SharedBytes | undefined {
    return this.state.shelf.find({ kind, epoch })?.item.bytes;
  }

  /**
   * Brings an item that was received or read from a store. The bytes are copied into shared memory. All shards reach the
   * epoch when it is settled whose copy is the one, this one perhaps before it returns. Rejects with a DecodeError, and
   * nobody learns of it, when the bytes are malformed or of another epoch.
   */
  async offer(kind: MapKind, epoch: number, bytes: Uint8Array): Promise<OfferResult> {
    const item: MapItem = { kind, epoch, bytes: intoShared(bytes) };
    const decoded = this.get(kind, epoch) ? undefined : this.decode(item);
    if (decoded && epoch > this.state.reached) this.decoded.set(item.bytes, decoded);
    const tag = ++this.lastTag;
    return new Promise((resolve) => {
      this.offers.set(tag, resolve);
      this.run({ kind: 'offer', tag, item });
    });
  }

  /**
   * Changes from one epoch to another, both included.
   * @param patience `now`: what somebody has at this moment; `wait`: resolves when all of them are there, or trimmed
   */
  ask(from: number, to: number, patience: 'now' | 'wait'): Promise<AskResult> {
    const tag = ++this.lastTag;
    return new Promise((resolve) => {
      this.asks.set(tag, resolve);
      this.run({ kind: 'ask', tag, from, to, patience });
    });
  }

  /** Drops the epochs before `oldest` on all shards, but not the one this shard is at. */
  trim(oldest: number): void {
    this.run({ kind: 'trim', oldest });
  }

  /** A message of another shard. */
  receive(from: number, message: MapMessage): void {
    this.run({ kind: 'message', from, message });
  }

  /** One after another: what effects bring about must not come before the effects that are left. */
  private run(input: ShardInput): void {
    this.waiting.push(input);
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
        for (const effect of step(this.state, next)) this.perform(effect);
      }
    } finally {
      this.isRunning = false;
    }
  }

  private perform(effect: ShardEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.options.link.send(effect.to, effect.message);
      case 'settled':
        return answer(this.offers, effect.tag, effect.result);
      case 'answered':
        return answer(this.asks, effect.tag, effect.result);
      case 'reach':
        return this.reach(effect.item, effect.follows);
      case 'supply':
        return this.supply(effect.to, effect.above);
      case 'conflict':
        return this.options.onConflict(effect.key);
    }
  }

  private decode({ kind, epoch, bytes }: MapItem): OSDMap | ReceivedIncremental {
    const { crc32c } = this.options;
    const decoded =
      kind === 'full' ? OSDMap.decode(bytes, crc32c, this.map) : decodeIncremental(bytes, crc32c);
    if (decoded.epoch !== epoch) throw new DecodeError(`epoch ${decoded.epoch}, not ${epoch}`, 0);
    return decoded;
  }

  private reach(item: MapItem, follows: boolean): void {
    if (this.hasFailed) return;
    const previous = this.map;
    try {
      const decoded = this.decoded.get(item.bytes) ?? this.decode(item);
      if (decoded instanceof OSDMap) this.map = decoded;
      else if (previous) this.map = previous.applyIncremental(decoded);
      else this.map = OSDMap.decode(decoded.fullmap, this.options.crc32c);
    } catch (error) {
      this.hasFailed = true;
      this.options.onFailure(error);
      return;
    }
    this.decoded.delete(item.bytes);
    this.options.onMap(this.map, follows ? previous : undefined);
  }

  /**
   * A shard that reached less than this one gets the changes it lacks, or the newest map when they are gone: not for
   * others to decide than shard 0, which alone may have them in its store, or where shard 0 is the one that lacks them.
   */
  private supply(to: number, above: number): void {
    const { map, options } = this;
    if (!map) return;
    const items = this.itemsAfter(above);
    if (!items && options.shard !== 0 && to !== 0) return;
    options.link.send(to, { kind: 'supply', items: items ?? [this.newestFull(map)] });
  }

  /** Each change, beginning for one who has no map with that of epoch 1, or with the full map of it. */
  private itemsAfter(above: number): MapItem[] | undefined {
    const items: MapItem[] = [];
    for (let epoch = above + 1; epoch <= this.state.reached; epoch++) {
      const change = this.item({ kind: 'change', epoch });
      const item = change ?? (epoch === 1 ? this.item({ kind: 'full', epoch }) : undefined);
      if (!item) return undefined;
      items.push(item);
    }
    return items;
  }

  private item(key: MapKey): MapItem | undefined {
    const shared = this.get(key.kind, key.epoch);
    const stored = shared ? undefined : this.options.load?.(key);
    const bytes = shared ?? (stored && intoShared(stored));
    return bytes && { ...key, bytes };
  }

  private newestFull(map: OSDMap): MapItem {
    const { epoch } = map;
    const bytes = this.get('full', epoch) ?? intoShared(map.encode());
    return { kind: 'full', epoch, bytes };
  }
}

function answer<T>(waiting: Map<number, (result: T) => void>, tag: number, result: T): void {
  waiting.get(tag)?.(result);
  waiting.delete(tag);
}

/** Always a copy: what is in shared memory may be a message's, whose memory is used again. */
function intoShared(bytes: Uint8Array): SharedBytes {
  const shared = sharedMemory(bytes.length);
  shared.set(bytes);
  return shared as SharedBytes;
}
