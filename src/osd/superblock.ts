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
import type { ObjectStore, StoreOp } from '../store/index.ts';
import { type HObject, SNAP_HEAD, Uuid } from '../wire/index.ts';
import { type Partition, WHOLE } from './partition.ts';

/** The daemon's own collection: identity and maps. */
export const META = 'meta';
/** The object of {@link META} in whose omap they stand. */
export const MAPS: HObject = {
  key: '',
  name: 'osdmaps',
  snap: SNAP_HEAD,
  hash: 0,
  max: false,
  namespace: '',
  pool: -1,
};
export const SUPER_KEY = 's';
const PARTITION_KEY = 'p';

/** Who this store belongs to, and how far its PGs have followed the maps. */
export const Superblock = struct('Superblock', {
  fsid: Uuid,
  uuid: Uuid,
  osd: s32,
  /** The oldest change that is kept; 0 in stores that keep none. */
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

const PartitionBlock = struct('Partition', { index: u32, count: u32 });

/** Whose store it is to be. */
export interface StoreIdentity {
  readonly fsid: string;
  readonly uuid: string;
  readonly id: number;
  /** Which part of the OSD's PGs it holds; default all of them. */
  readonly partition?: Partition;
}

/**
 * The superblock of a store, made when no OSD ever used the store.
 * @throws CephError EINVAL when the store belongs to another OSD or cluster, or holds another part of the OSD's PGs
 */
export async function openSuperblock(store: ObjectStore, who: StoreIdentity): Promise<Superblock> {
  const partition = who.partition ?? WHOLE;
  const { fsid, uuid, id: osd } = who;
  if (!store.hasCollection(META)) {
    const maps = { oldest: 0, newest: 0, upFrom: 0, storeSince: 0, untouched: new Set<string>() };
    const made: Superblock = { fsid, uuid, osd, ...maps };
    const entries = [superEntry(made)];
    if (partition.count > 1) {
      entries.push([PARTITION_KEY, encodeToBytes(PartitionBlock, partition)]);
    }
    await store.submit([{ op: 'mkcoll', c: META }, putMeta(entries)]);
    return made;
  }
  const known = readSuperblock(store);
  if (!known) throw new CephError('EINVAL', 'the store has no superblock');
  if (known.fsid !== fsid || known.uuid !== uuid || known.osd !== osd) {
    throw new CephError('EINVAL', `the store belongs to osd.${known.osd} of ${known.fsid}`);
  }
  const { index, count } = readPartition(store);
  if (index !== partition.index || count !== partition.count) {
    const held = `the store is of shard ${index} of ${count}`;
    throw new CephError('EINVAL', `${held}, not of shard ${partition.index} of ${partition.count}`);
  }
  return known;
}

/** What a store says of itself; undefined when no OSD ever opened it. @throws DecodeError */
export function readSuperblock(store: ObjectStore): Superblock | undefined {
  const bytes = store.omapGet(META, MAPS, [SUPER_KEY]).get(SUPER_KEY);
  return bytes && decodeAll(Superblock, bytes);
}

/** Which part of its OSD's PGs a store holds. @throws DecodeError */
export function readPartition(store: ObjectStore): Partition {
  const bytes = store.omapGet(META, MAPS, [PARTITION_KEY]).get(PARTITION_KEY);
  return bytes ? decodeAll(PartitionBlock, bytes) : WHOLE;
}

/** The entry under which a superblock is stored. */
export function superEntry(superblock: Superblock): [string, Uint8Array] {
  return [SUPER_KEY, encodeToBytes(Superblock, superblock)];
}

/** Stores entries beside the superblock. */
export function putMeta(entries: Iterable<[string, Uint8Array]>): StoreOp {
  return { op: 'omapSet', c: META, oid: MAPS, entries: new Map(entries) };
}
