/*
 * What tools need to know of an OSD's store while the OSD is not running.
 */
import { decodeAll, encodeToBytes } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import { decodeIncremental, OSDMap } from '../maps/index.ts';
import type { ObjectStore, PgBounds } from '../store/index.ts';
import { EVERSION_ZERO, formatPgId, type PgId } from '../wire/index.ts';
import { ENTRY, LogEntry, logKey } from './log/log-entry.ts';
import { Logged } from './log/logged.ts';
import { readMap, storedEpochs } from './osd-maps.ts';
import type { PgView } from './pg/intervals.ts';
import { INFO_KEY, pgBounds, pgMeta } from './pg/pg-collection.ts';
import { PgInfo } from './pg/pg-info.ts';
import { nextInfo, restoredView } from './pg/pg-life.ts';
import { viewOf } from './shard/pg-view.ts';
import { META, readPartition, readSuperblock, SUPER_KEY, Superblock } from './superblock.ts';

export type { PgInfo } from './pg/pg-info.ts';
/** The collection with the OSD's own things, and the object of a PG's collection with the PG's. */
export { ENTRY, INFO_KEY, logKey, META, pgMeta, readPartition, readSuperblock, storedEpochs };

/** An entry of {@link META} or of {@link pgMeta}, by what its key says that it is. */
export type StoredEntry =
  | { readonly kind: 'superblock'; readonly superblock: Superblock }
  | { readonly kind: 'info'; readonly info: PgInfo }
  | { readonly kind: 'log'; readonly entry: LogEntry };

const LOG_KEY_LENGTH = logKey(EVERSION_ZERO).length;

/** Is it the key of an entry of a PG's log? Their order is that of versions. */
export function isLogKey(key: string): boolean {
  return key.length === LOG_KEY_LENGTH && key.startsWith('l');
}

/** The key of the entry before that of these bytes, in the log that it was made for. @throws DecodeError */
export function previousLogKey(bytes: Uint8Array): string {
  return logKey(Logged.from(bytes).previous);
}

/** What an entry says; undefined for the kinds that are not listed. @throws DecodeError */
export function storedEntry(c: string, key: string, bytes: Uint8Array): StoredEntry | undefined {
  if (c === META) {
    return key === SUPER_KEY
      ? { kind: 'superblock', superblock: decodeAll(Superblock, bytes) }
      : undefined;
  }
  if (key === INFO_KEY) return { kind: 'info', info: decodeAll(PgInfo, bytes) };
  return isLogKey(key) ? { kind: 'log', entry: decodeAll(LogEntry, bytes) } : undefined;
}

/** Who a store belongs to. */
export type StoreOwner = Pick<Superblock, 'fsid' | 'uuid' | 'osd' | 'oldest' | 'newest'>;

/** @throws CephError EINVAL when no OSD ever used the store, DecodeError when its superblock is damaged */
export function storeOwner(store: ObjectStore): StoreOwner {
  const owner = store.hasCollection(META) ? readSuperblock(store) : undefined;
  if (!owner) throw new CephError('EINVAL', 'the store is of no OSD: it has no superblock');
  return owner;
}

/** The newest OSDMap that an OSD has seen. @param store that of shard 0. @throws CephError EIO */
export function newestMap(store: ObjectStore): Uint8Array {
  const { newest } = storeOwner(store);
  const bytes = readMap(store, 'f', newest);
  if (!bytes) throw new CephError('EIO', `the store lacks osdmap ${newest}`);
  return bytes;
}

/** What a member knows of a PG; undefined for a PG whose removal or import was cut short. @throws DecodeError */
export function pgInfo(store: ObjectStore, pgid: PgId): PgInfo | undefined {
  const bytes = store.omapGet(formatPgId(pgid), pgMeta(pgid), [INFO_KEY]).get(INFO_KEY);
  return bytes && decodeAll(PgInfo, bytes);
}

/**
 * The entries of {@link pgMeta} as they must be in another store, to which a PG is brought: its info follows the maps
 * that this store's OSD has seen since, as it would have done there.
 * @param entries as they were exported, with `map`, the newest OSDMap of then
 * @param maps the store of shard 0, which keeps the maps for all shards
 * @throws CephError ESTALE when the maps between are not here, ENOENT when the pool is gone
 */
export function adoptPgMeta(
  store: ObjectStore,
  pgid: PgId,
  entries: ReadonlyMap<string, Uint8Array>,
  map: Uint8Array,
  crc32c: (seed: number, bytes: Uint8Array) => number,
  maps: ObjectStore = store,
): Map<string, Uint8Array> {
  const bytes = entries.get(INFO_KEY);
  if (!bytes) throw new CephError('EINVAL', 'the export has no info of its PG');
  let info = decodeAll(PgInfo, bytes);
  const from = OSDMap.decode(Buffer.from(map), crc32c);
  // After a crash a PG may have seen more maps than its OSD has taken down.
  const seen = Math.max(from.epoch, info.view.epoch);
  let before: PgView = { ...restoredView(info, pgid), epoch: seen };
  for (const next of mapsSince(store, maps, from, crc32c)) {
    if (next.epoch <= seen) continue;
    const pool = next.pool(pgid.pool);
    if (!pool) throw new CephError('ENOENT', `pool ${pgid.pool} is gone since epoch ${next.epoch}`);
    const view = viewOf(next, pgid);
    if (view.bits !== before.bits || pgid.seed >= view.pgCount) {
      throw new CephError('ESTALE', `pool ${pgid.pool} has ${view.pgCount} PGs now`);
    }
    info = nextInfo(info, before, view);
    before = view;
  }
  return new Map([...entries, [INFO_KEY, encodeToBytes(PgInfo, info)]]);
}

/** What may be in the collection of a PG with these entries. @throws DecodeError */
export function boundsFor(pgid: PgId, entries: ReadonlyMap<string, Uint8Array>): PgBounds {
  return pgBounds(pgid, decodeAll(PgInfo, entries.get(INFO_KEY)!).view.pgCount);
}

/** The maps that this store's OSD has seen after `map`, one by one. */
function* mapsSince(
  store: ObjectStore,
  maps: ObjectStore,
  map: OSDMap,
  crc32c: (seed: number, bytes: Uint8Array) => number,
): Generator<OSDMap> {
  const { newest, osd } = storeOwner(store);
  if (newest < map.epoch) {
    throw new CephError(
      'ESTALE',
      `the export is of epoch ${map.epoch}, and osd.${osd} has seen ${newest}: let it run once before`,
    );
  }
  let current = map;
  while (current.epoch < newest) {
    const epoch = current.epoch + 1;
    const change = readMap(maps, 'i', epoch);
    if (!change) {
      throw new CephError('ESTALE', `osd.${osd} does not keep osdmap ${epoch} any more`);
    }
    current = current.applyIncremental(decodeIncremental(change, crc32c));
    yield current;
  }
}
