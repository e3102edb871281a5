import { CephError } from '../errors/index.ts';
import { decodeIncremental, type MapItem, type MapKey, OSDMap } from '../maps/index.ts';
import type { ObjectStore, StoreOp } from '../store/index.ts';
import { type MessageOf, MOSDMap, type Outgoing, outgoing } from '../wire/index.ts';
import { MAPS, META, putMeta, type Superblock } from './superblock.ts';

/** Changes kept for those who are behind; who is further behind gets a full map. */
const KEEP = 500;
/** Changes sent in one message (osd_map_message_max, 16.2). */
const MESSAGE_MAX = 40;

type Crc32c = (seed: number, bytes: Uint8Array) => number;

/** A map as a monitor sent it. */
export type ReceivedMap = Omit<MapItem, 'bytes'> & { readonly bytes: Uint8Array };

/**
 * The OSDMaps an OSD has seen: the newest decoded, changes and some full maps in the store of shard 0. Beside the newest
 * full map, the one is kept from which the shard that is furthest behind goes on after a restart. An OSD that is started
 * again begins with the map that all PGs of shard 0 had seen, and gets those after it once more.
 */
export class OsdMaps {
  private readonly store: ObjectStore;
  private readonly crc32c: Crc32c;
  private readonly superblock: Superblock;
  /** Epochs whose full map is stored, ascending. */
  private readonly fulls: number[];
  /** Those of later epochs: when the OSD ended, not all PGs had come so far. They come again. */
  private beyond: number[];
  current: OSDMap | undefined;
  private receivedEpoch = 0;
  private puts: [string, Uint8Array][] = [];
  /** No change before this one is stored, as far as we know. */
  private cutAt = 0;

  /** @throws CephError EIO when the newest map is not there, DecodeError */
  constructor(store: ObjectStore, superblock: Superblock, crc32c: Crc32c) {
    this.store = store;
    this.superblock = superblock;
    this.crc32c = crc32c;
    const { newest } = superblock;
    const fulls = storedEpochs(store, 'f');
    this.fulls = fulls.filter((epoch) => epoch <= newest);
    this.beyond = fulls.filter((epoch) => epoch > newest);
    if (newest === 0) return;
    const full = readMap(store, 'f', newest);
    if (!full) throw new CephError('EIO', `the store lacks osdmap ${newest}`);
    this.current = OSDMap.decode(full, crc32c);
  }

  get epoch(): number {
    return this.current?.epoch ?? 0;
  }
  get oldest(): number {
    return this.superblock.oldest;
  }

  /**
   * The maps of a message that continue from those which came before, one after another; after a gap with a full one.
   * What came before may not be reached yet.
   */
  continuing(m: MessageOf<typeof MOSDMap>): ReceivedMap[] {
    const changes = new Map(m.incrementals);
    const fulls = [...m.maps].sort((a, b) => a[0] - b[0]);
    const items: ReceivedMap[] = [];
    for (;;) {
      const next = Math.max(this.receivedEpoch, this.epoch) + 1;
      const change = changes.get(next);
      const full = change ? undefined : fulls.find(([e]) => e >= next);
      if (change) items.push({ kind: 'change', epoch: next, bytes: change });
      else if (full) items.push({ kind: 'full', epoch: full[0], bytes: full[1] });
      else return items;
      this.receivedEpoch = full?.[0] ?? next;
    }
  }

  /** What came and is not reached leads nowhere: it has to come again. */
  forgetReceived(): void {
    this.receivedEpoch = this.epoch;
  }

  /** The newest map is now this one. @param change what led to it; undefined after a gap */
  reached(map: OSDMap, change: Uint8Array | undefined): void {
    const { superblock } = this;
    this.current = map;
    if (change) {
      this.puts.push([mapKey('i', map.epoch), change]);
      if (superblock.oldest === 0) superblock.oldest = map.epoch;
    } else {
      // Changes from before the gap lead nowhere any more.
      superblock.oldest = map.epoch + 1;
    }
    // A shard that begins later follows from the very first one, as this one did: see Untouched.
    if (map.epoch === 1) this.putFull(map);
  }

  private putFull(map: OSDMap): void {
    this.puts.push([mapKey('f', map.epoch), map.encode()]);
    this.fulls.push(map.epoch);
  }

  /**
   * What makes the maps reached since the last call durable.
   * @param neededFrom the oldest epoch from which a shard may have to go on after a crash
   */
  commit(neededFrom: number): StoreOp[] {
    if (this.puts.length === 0 && this.fulls.at(-1) === this.epoch) return [];
    const { epoch, superblock, fulls } = this;
    if (fulls.at(-1) !== epoch) this.putFull(this.current!);
    const puts = this.puts.splice(0);
    const ops: StoreOp[] = [putMeta(puts)];
    const base = fulls.findLast((full) => full <= neededFrom) ?? fulls[0]!;
    const gone = fulls.splice(0, fulls.indexOf(base));
    gone.push(...this.beyond.filter((full) => full !== epoch));
    this.beyond = [];
    if (gone.length > 0) {
      const keys = gone.map((full) => mapKey('f', full));
      ops.push({ op: 'omapRmKeys', c: META, oid: MAPS, keys });
    }
    superblock.oldest = Math.max(superblock.oldest, Math.min(epoch - KEEP, base + 1));
    const cutAt = Math.min(superblock.oldest, base + 1);
    if (cutAt > this.cutAt) {
      const [from, to] = [mapKey('i', 0), mapKey('i', cutAt)];
      ops.push({ op: 'omapRmRange', c: META, oid: MAPS, from, to });
      this.cutAt = cutAt;
    }
    return ops;
  }

  /** The bytes of the change that led to an epoch, if they are kept. */
  change(epoch: number): Uint8Array | undefined {
    return readMap(this.store, 'i', epoch);
  }

  /** What is kept, or will be with the maps that are being followed now. */
  kept({ kind, epoch }: MapKey): Uint8Array | undefined {
    const letter = kind === 'full' ? 'f' : 'i';
    const key = mapKey(letter, epoch);
    return this.puts.find(([k]) => k === key)?.[1] ?? readMap(this.store, letter, epoch);
  }

  /** The map of an epoch in full, if what leads to it is kept: for a shard whose PGs have seen no more. */
  fullAt(epoch: number): Uint8Array | undefined {
    const base = this.fulls.findLast((full) => full <= epoch);
    const bytes = base === undefined ? undefined : readMap(this.store, 'f', base);
    if (base === undefined || !bytes || base === epoch) return bytes;
    let map = OSDMap.decode(bytes, this.crc32c);
    while (map.epoch < epoch) {
      const change = this.change(map.epoch + 1);
      if (!change) return undefined;
      map = map.applyIncremental(decodeIncremental(change, this.crc32c));
    }
    return map.encode();
  }

  /**
   * For someone who has `epoch`: the changes since, as many as one message takes, or the newest map when they are not
   * kept. `last` is the epoch that this brings.
   */
  since(epoch: number): { message: Outgoing; last: number } | undefined {
    const { current } = this;
    if (!current || epoch >= this.epoch) return undefined;
    const incrementals: [number, Uint8Array][] = [];
    const last = Math.min(this.epoch, epoch + MESSAGE_MAX);
    for (let e = epoch + 1; epoch > 0 && e <= last; e++) {
      const bytes = e >= this.oldest ? readMap(this.store, 'i', e) : undefined;
      if (!bytes) break;
      incrementals.push([e, bytes]);
    }
    const isWhole = epoch > 0 && incrementals.length === last - epoch;
    const message = outgoing(MOSDMap, {
      fsid: this.superblock.fsid,
      incrementals: isWhole ? incrementals : [],
      maps: isWhole ? [] : [[this.epoch, current.encode()]],
      oldestMap: this.oldest,
      newestMap: this.epoch,
      gapRemovedSnaps: new Map(),
    });
    return { message, last: isWhole ? last : this.epoch };
  }
}

/** A session's end that learns of maps: `session` holds the newest epoch it was sent. */
export interface MapListener {
  session: unknown;
  send(message: Outgoing): void;
}

/** Who is behind gets what it lacks, once. @param epoch what it had when it last spoke */
export function shareMaps(maps: Pick<OsdMaps, 'epoch' | 'since'>, to: MapListener, epoch: number) {
  const sent = typeof to.session === 'number' ? to.session : 0;
  if (sent >= maps.epoch) return;
  const found = maps.since(Math.max(epoch, sent));
  if (!found) return;
  to.session = found.last;
  to.send(found.message);
}

/** The bytes of a full map (`f`) or of the change that led to an epoch (`i`), if they are kept. */
export function readMap(
  store: ObjectStore,
  kind: 'i' | 'f',
  epoch: number,
): Uint8Array | undefined {
  const key = mapKey(kind, epoch);
  return store.omapGet(META, MAPS, [key]).get(key);
}

function mapKey(kind: 'i' | 'f', epoch: number): string {
  return kind + epoch.toString(16).padStart(8, '0');
}

/** Epochs of which the full map (`f`), or the change that led to it (`i`), is kept, ascending. */
export function storedEpochs(store: ObjectStore, kind: 'i' | 'f'): number[] {
  const limit = Number.MAX_SAFE_INTEGER;
  const { entries } = store.omapList(META, MAPS, { prefix: kind, limit });
  return entries.map(([key]) => Number.parseInt(key.slice(1), 16));
}
