import type { OSDMap } from '../osdmap.ts';

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
  /** I run now: tell me what there is, and what comes. */
  | { readonly kind: 'join' }
  /** To one who joined: all that the sender owns, and the oldest epoch that is kept. */
  | { readonly kind: 'welcome'; readonly items: readonly MapItem[]; readonly oldest: number }
  /** May my copy be the one? */
  | { readonly kind: 'offer'; readonly item: MapItem }
  /** To an offer: as far as I know nobody has it (symmetric). */
  | { readonly kind: 'grant'; readonly key: MapKey }
  /** This is the copy that all refer to. */
  | { readonly kind: 'shared'; readonly item: MapItem }
  /** To an offer: the shared copy says otherwise. */
  | { readonly kind: 'differs'; readonly key: MapKey }
  /** Tell me when you have told me all that you own. */
  | { readonly kind: 'ask'; readonly ask: number }
  | { readonly kind: 'told'; readonly ask: number }
  /** Epochs before this one are gone. */
  | { readonly kind: 'trim'; readonly oldest: number };

/**
 * Carries messages between the shards of a process: in order between two shards, none lost. What it brings goes to
 * {@link SharedMaps.receive}.
 */
export interface MapLink {
  send(to: number, message: MapMessage): void;
}

export interface SharedMapsOptions {
  /** This shard's number. */
  readonly shard: number;
  /**
   * Shards that were started before this one (their threads need not have come far). Shard 0 has none; in server mode
   * nobody but shard 0 counts.
   */
  readonly elders: readonly number[];
  readonly mode: MapCacheMode;
  /** Epochs kept at most (osd_map_cache_size): a new one drops the oldest everywhere, as `trim` does. */
  readonly epochsMax: number;
  readonly link: MapLink;
  readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  /**
   * Each epoch that this shard reaches, ascending, as soon as it can: the map is decoded, or made from the one before
   * by its change. After a gap (a full map where changes were missing) the predecessor is undefined.
   */
  readonly onMap: (map: OSDMap, previous: OSDMap | undefined) => void;
  /** Two shards have different bytes for one item: damage or a bug; the first copy stands, the other is refused. */
  readonly onConflict: (key: MapKey) => void;
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

/** One shard's side of the shared map cache. */
export interface SharedMaps {
  /** The newest map this shard has reached. */
  readonly current: OSDMap | undefined;
  /** Epochs before this one are not kept. */
  readonly oldest: number;
  /** An item if this shard knows it already. */
  get(kind: MapKind, epoch: number): SharedBytes | undefined;
  /**
   * Brings an item that was received or read from the store. The bytes are copied into shared memory unless they are
   * there. All shards reach the epoch ({@link SharedMapsOptions.onMap}) when it is settled whose copy is the one.
   */
  offer(kind: MapKind, epoch: number, bytes: Uint8Array): Promise<OfferResult>;
  /**
   * Changes from one epoch to another, both included.
   * @param patience `now`: what somebody has at this moment; `wait`: resolves when all of them are there, or trimmed
   */
  ask(from: number, to: number, patience: 'now' | 'wait'): Promise<AskResult>;
  /** Drops the epochs before `oldest` on all shards. */
  trim(oldest: number): void;
  /** A message of another shard. */
  receive(from: number, message: MapMessage): void;
}
