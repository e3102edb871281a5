import { Shelf } from './shelf.ts';
import type {
  AskResult,
  MapCacheMode,
  MapItem,
  MapKey,
  MapMessage,
  OfferResult,
  SharedBytes,
} from './types.ts';

/** What a shard is told, by its own thread or by others. Tags are the caller's, to know the answers by. */
export type ShardInput =
  | { readonly kind: 'start' }
  | { readonly kind: 'offer'; readonly tag: number; readonly item: MapItem }
  | {
      readonly kind: 'ask';
      readonly tag: number;
      readonly from: number;
      readonly to: number;
      readonly patience: 'now' | 'wait';
    }
  | { readonly kind: 'trim'; readonly oldest: number }
  | { readonly kind: 'message'; readonly from: number; readonly message: MapMessage };

export type ShardEffect =
  | { readonly kind: 'send'; readonly to: number; readonly message: MapMessage }
  /** The answer to an offer. */
  | { readonly kind: 'settled'; readonly tag: number; readonly result: OfferResult }
  /** The answer to an ask. */
  | { readonly kind: 'answered'; readonly tag: number; readonly result: AskResult }
  /** This shard's map moves to the item's epoch; `follows`: from the epoch just before. */
  | { readonly kind: 'reach'; readonly item: MapItem; readonly follows: boolean }
  /** Another shard is at `above` and the cache lacks what comes next: send it what leads on. */
  | { readonly kind: 'supply'; readonly to: number; readonly above: number }
  /** What this shard offered differs from the shared copy, which stands. */
  | { readonly kind: 'conflict'; readonly key: MapKey };

/** An offer of this shard of which nobody has yet said whose copy it is. */
export interface Offer {
  readonly item: MapItem;
  readonly tags: number[];
  /** Ascending in the order of the offers. */
  readonly number: number;
  /** Symmetric: not sent yet, sent, or given up for a shard that comes first. */
  claim: 'held' | 'sent' | 'lost';
  /** Who must still grant the claim. */
  readonly missing: Set<number>;
}

export interface Ask {
  /** Undefined: this shard itself wants to know whether it must leap over a gap. */
  readonly tag: number | undefined;
  readonly from: number;
  readonly to: number;
  readonly patience: 'now' | 'wait';
  /** Who must still say that all has been told. */
  readonly missing: Set<number>;
}

/** An ask of `to`, to be answered when our offers up to this number are settled. */
interface Debt {
  readonly to: number;
  readonly ask: number;
  readonly lastOffer: number;
}

/** One shard's part of the cache. Changes in place; only `step` touches it. */
export interface ShardState {
  readonly shard: number;
  readonly mode: MapCacheMode;
  readonly epochsMax: number;
  readonly shelf: Shelf;
  /** The epoch this shard's map is at; 0 for none. */
  reached: number;
  /** Whom this shard speaks to: all others, but in server mode only shard 0 speaks to all and all speak to it. */
  readonly peers: Set<number>;
  /** Peers that have yet to say what they own; claims wait for that. */
  readonly strangers: Set<number>;
  /** By key, in the order in which they came. */
  readonly offers: Map<string, Offer>;
  readonly asks: Map<number, Ask>;
  debts: Debt[];
  /** Peers that lack what follows the epoch they are at, until this shard is further than they are. */
  readonly behind: Map<number, number>;
  /** Epochs are known that this shard cannot reach: no, it asks for what lies between, or it told all that it lacks it. */
  gap:
    | { readonly kind: 'none' }
    | { readonly kind: 'asking'; readonly ask: number }
    | { readonly kind: 'told' };
  /** The last number given to an offer or an ask. */
  lastNumber: number;
}

/**
 * A shard before its start.
 * @param elders all shards that were started before this one; none for shard 0, which is the first
 * @param reached the epoch of a map it has already, or 0
 */
export function newShard(of: {
  shard: number;
  mode: MapCacheMode;
  epochsMax: number;
  elders: readonly number[];
  reached: number;
}): ShardState {
  const peers = of.mode === 'server' && of.shard !== 0 ? [0] : of.elders;
  return {
    shard: of.shard,
    mode: of.mode,
    epochsMax: Math.max(1, of.epochsMax),
    shelf: new Shelf(),
    reached: of.reached,
    peers: new Set(peers),
    strangers: new Set(peers),
    offers: new Map(),
    asks: new Map(),
    debts: [],
    behind: new Map(),
    gap: { kind: 'none' },
    lastNumber: 0,
  };
}

export const keyText = ({ kind, epoch }: MapKey): string => `${kind} ${epoch}`;

export function sameBytes(a: SharedBytes, b: SharedBytes): boolean {
  return a === b || Buffer.compare(a, b) === 0;
}

/** Tells everybody this shard speaks to. */
export function tellPeers(s: ShardState, message: MapMessage, fx: ShardEffect[]): void {
  for (const to of s.peers) fx.push({ kind: 'send', to, message });
}
