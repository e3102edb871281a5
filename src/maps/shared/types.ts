// The map cache that the shards of one OSD share (docs/design.md, "Maps of a sharded OSD"). Terms: a shard is a thread
// of the OSD, known by its number from 0; an item is the encoded bytes of one full map, or of the change that leads
// from the epoch before to its epoch; its owner is the shard whose copy all others refer to.

/** How the shards agree on the one copy of an item: shard 0 decides, or all ask each other. */
export type MapCacheMode = 'server' | 'symmetric';

/** A full map, or the change that leads from the epoch before to this one. */
export type MapKind = 'full' | 'change';

/** Names an item. */
export interface MapKey {
  readonly kind: MapKind;
  readonly epoch: number;
}

/** One copy for all shards. Never written to again once it is shared. */
export type SharedBytes = Uint8Array<SharedArrayBuffer>;

export interface MapItem extends MapKey {
  readonly bytes: SharedBytes;
}

/** What shards tell each other: plain data that may pass between threads, where shared bytes stay shared. */
export type MapMessage =
  /** I run now, with the map of this epoch: tell me what there is, and what comes. */
  | { readonly kind: 'join'; readonly epoch: number }
  /** To one who joined: all that the sender owns, the epoch it is at, and the oldest that is kept. */
  | {
      readonly kind: 'welcome';
      readonly items: readonly MapItem[];
      readonly epoch: number;
      readonly oldest: number;
    }
  /** To shard 0: may these bytes be the copy? (server) */
  | { readonly kind: 'offer'; readonly item: MapItem }
  /** May my copy be the one? (symmetric) */
  | { readonly kind: 'claim'; readonly key: MapKey }
  /** To a claim: as far as I am concerned, yes. */
  | { readonly kind: 'grant'; readonly key: MapKey }
  /** From its owner: this is the copy that all refer to. `first`: the shard that brought it. */
  | { readonly kind: 'shared'; readonly item: MapItem; readonly first: number }
  /** Tell me when you have told me all that you have. */
  | { readonly kind: 'ask'; readonly ask: number }
  | { readonly kind: 'told'; readonly ask: number }
  /** I am at this epoch and lack what follows. */
  | { readonly kind: 'behind'; readonly epoch: number }
  /** To one who is behind, and only for it: the changes that lead on, older perhaps than what is kept, or a full map. */
  | { readonly kind: 'supply'; readonly items: readonly MapItem[] }
  /** From the server: I am at this epoch, to which the cache does not lead. */
  | { readonly kind: 'supplied'; readonly epoch: number }
  /** Epochs before this one are gone. */
  | { readonly kind: 'trim'; readonly oldest: number };

/**
 * Carries messages between the shards of a process: in order between two shards, none lost. What it brings goes to
 * {@link SharedMaps.receive}. Never calls back from inside `send`.
 */
export interface MapLink {
  send(to: number, message: MapMessage): void;
}

/** What came of an offer. */
export type OfferResult =
  /** The shared copy, ours if we were first. */
  | { readonly kind: 'shared'; readonly bytes: SharedBytes; readonly isOurs: boolean }
  /** Others have different bytes for it, which stand. */
  | { readonly kind: 'differs' }
  /** So old that it is not kept. */
  | { readonly kind: 'trimmed' };

/** What is there of a range: from the epoch asked for or the oldest that is kept, up to the first that nobody has. */
export interface AskResult {
  readonly items: readonly MapItem[];
  /** Older ones are gone; whoever needs them takes a full map. */
  readonly oldest: number;
}
