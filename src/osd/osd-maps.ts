import {
  decodeAll,
  encodeToBytes,
  s32,
  set,
  str,
  struct,
  u32,
  type ValueOf,
} from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import { decodeIncremental, OSDMap } from '../maps/index.ts';
import type { ObjectStore, StoreOp } from '../store/index.ts';
import {
  type HObject,
  type MessageOf,
  MOSDMap,
  type Outgoing,
  outgoing,
  SNAP_HEAD,
  Uuid,
} from '../wire/index.ts';

/** The daemon's own collection: identity and maps. */
export const META = 'meta';
const MAPS: HObject = {
  key: '',
  name: 'osdmaps',
  snap: SNAP_HEAD,
  hash: 0,
  max: false,
  namespace: '',
  pool: -1,
};
const SUPER_KEY = 's';
/** Changes kept for those who are behind; who is further behind gets a full map. */
const KEEP = 500;
/** Changes sent in one message (osd_map_message_max, 16.2). */
const MESSAGE_MAX = 40;

/** Who this store belongs to, and how far its PGs have followed the maps. */
const Superblock = struct('Superblock', {
  fsid: Uuid,
  uuid: Uuid,
  osd: s32,
  oldest: u32,
  newest: u32,
  /** Epoch from which the map last showed us up: what it says of us from then on is said of this store. */
  upFrom: u32,
  /** The first of those epochs. */
  storeSince: u32,
  /** PGs, as text, of which no interval could yet hold a write: whoever gets them first may create them. */
  untouched: set(str),
});
export type Superblock = ValueOf<typeof Superblock>;

type Crc32c = (seed: number, bytes: Uint8Array) => number;

/** The OSDMaps an OSD has seen: the newest decoded, changes and some full maps in the store. */
export class OsdMaps {
  private readonly store: ObjectStore;
  private readonly crc32c: Crc32c;
  private readonly superblock: Superblock;
  current: OSDMap | undefined;

  private constructor(store: ObjectStore, superblock: Superblock, crc32c: Crc32c) {
    this.store = store;
    this.superblock = superblock;
    this.crc32c = crc32c;
  }

  /**
   * Opens the maps of a store, or makes a fresh store this OSD's.
   * @throws CephError EINVAL when the store belongs to another OSD or cluster
   */
  static async open(
    store: ObjectStore,
    who: { fsid: string; uuid: string; id: number },
    crc32c: Crc32c,
  ): Promise<OsdMaps> {
    if (!store.hasCollection(META)) {
      const { id: osd, ...rest } = who;
      const made: Superblock = {
        ...rest,
        osd,
        oldest: 0,
        newest: 0,
        upFrom: 0,
        storeSince: 0,
        untouched: new Set(),
      };
      const maps = new OsdMaps(store, made, crc32c);
      await store.submit([{ op: 'mkcoll', c: META }, maps.put([maps.superEntry()])]);
      return maps;
    }
    const known = readSuperblock(store);
    if (!known) throw new CephError('EINVAL', 'the store has no superblock');
    if (known.fsid !== who.fsid || known.uuid !== who.uuid || known.osd !== who.id) {
      throw new CephError('EINVAL', `the store belongs to osd.${known.osd} of ${known.fsid}`);
    }
    const maps = new OsdMaps(store, known, crc32c);
    if (known.newest > 0) {
      const full = maps.bytes('f', known.newest);
      if (!full) throw new CephError('EIO', `the store lacks osdmap ${known.newest}`);
      maps.current = OSDMap.decode(full, crc32c);
    }
    return maps;
  }

  get epoch(): number {
    return this.current?.epoch ?? 0;
  }
  get oldest(): number {
    return this.superblock.oldest;
  }
  get untouched(): Set<string> {
    return this.superblock.untouched;
  }

  get upFrom(): number {
    return this.superblock.upFrom;
  }
  get storeSince(): number {
    return this.superblock.storeSince;
  }
  /** The map shows us up; durable with the maps of the moment. */
  wasUpFrom(epoch: number): void {
    this.superblock.upFrom = epoch;
    if (this.superblock.storeSince === 0) this.superblock.storeSince = epoch;
  }

  /**
   * The maps of a message that continue from ours, one by one. `advance` sees each with its predecessor and adds what
   * must become durable with it. After a gap (the monitor has trimmed what we lack) the predecessor is undefined.
   * @throws DecodeError
   */
  accept(
    m: MessageOf<typeof MOSDMap>,
    advance: (map: OSDMap, previous: OSDMap | undefined) => void,
  ): StoreOp[] {
    const changes = new Map(m.incrementals);
    const fulls = [...m.maps].sort((a, b) => a[0] - b[0]);
    const puts: [string, Uint8Array][] = [];
    const before = this.epoch;
    for (;;) {
      const next = this.epoch + 1;
      const change = changes.get(next);
      if (change && (this.current || next === 1)) {
        const decoded = decodeIncremental(change, this.crc32c);
        const previous = this.current;
        this.current = previous
          ? previous.applyIncremental(decoded)
          : OSDMap.decode(Buffer.from(decoded.fullmap), this.crc32c);
        puts.push([mapKey('i', next), Buffer.from(change)]);
        if (this.superblock.oldest === 0) this.superblock.oldest = next;
        advance(this.current, previous);
        continue;
      }
      const full = fulls.find(([epoch]) => epoch >= next);
      if (!full) break;
      const previous = full[0] === next ? this.current : undefined;
      this.current = OSDMap.decode(Buffer.from(full[1]), this.crc32c);
      // Changes from before the gap lead nowhere any more.
      this.superblock.oldest = this.epoch + 1;
      advance(this.current, previous);
    }
    if (this.epoch === before) return [];
    puts.push([mapKey('f', this.epoch), this.current!.encode()]);
    return [...this.trim(before), this.put([...puts, this.superEntry()])];
  }

  private trim(before: number): StoreOp[] {
    const { superblock } = this;
    superblock.newest = this.epoch;
    const oldest = Math.max(superblock.oldest, this.epoch - KEEP);
    const ops: StoreOp[] = [];
    if (before > 0) {
      ops.push({ op: 'omapRmKeys', c: META, oid: MAPS, keys: [mapKey('f', before)] });
    }
    if (oldest > superblock.oldest) {
      const from = mapKey('i', 0);
      ops.push({ op: 'omapRmRange', c: META, oid: MAPS, from, to: mapKey('i', oldest) });
      superblock.oldest = oldest;
    }
    return ops;
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
      const bytes = e >= this.oldest ? this.bytes('i', e) : undefined;
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

  private bytes(kind: 'i' | 'f', epoch: number): Uint8Array | undefined {
    return readMap(this.store, kind, epoch);
  }
  private superEntry(): [string, Uint8Array] {
    return [SUPER_KEY, encodeToBytes(Superblock, this.superblock)];
  }
  private put(entries: Iterable<[string, Uint8Array]>): StoreOp {
    return { op: 'omapSet', c: META, oid: MAPS, entries: new Map(entries) };
  }
}

/** What a store says of itself; undefined when no OSD ever opened it. @throws DecodeError */
export function readSuperblock(store: ObjectStore): Superblock | undefined {
  const bytes = store.omapGet(META, MAPS, [SUPER_KEY]).get(SUPER_KEY);
  return bytes && decodeAll(Superblock, bytes);
}

/** The bytes of a full map (`f`; only the newest is kept) or of the change that led to an epoch (`i`). */
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
