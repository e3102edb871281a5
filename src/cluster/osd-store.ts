import { randomUUID } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CephError } from '../errors/index.ts';
import type { Partition } from '../osd/index.ts';
import type { Clock, Logger } from '../runtime/index.ts';
import { nativeCrc32c, nodeCompressor, nodeDisk, openLmdb } from '../runtime-node/index.ts';
import { BlockStore, MemoryStore, type ObjectStore } from '../store/index.ts';

/** Where an OSD keeps its data, as its threads are told. */
export interface OsdPlace {
  /** The OSD's directory; undefined: in memory. */
  readonly path: string | undefined;
  /** Names the OSD's data; undefined: it keeps the name it was made with, or is given one. */
  readonly uuid: string | undefined;
  /** What all of its stores together may hold. */
  readonly sizeBytes: number;
  /** The block device that its data are made on, a part of it for each shard. Without it they are in a file of the directory. */
  readonly device?: string | undefined;
  /** Where large writes begin in a store that is made: at multiples of it. 0 or undefined: anywhere. */
  readonly stripeBytes?: number | undefined;
}

const SHARD_DIRECTORY = /^shard\.\d+$/;

/** Where the store of a shard lies: in the OSD's directory itself where it is the only one. */
function storePath(osdPath: string, { index, count }: Partition): string {
  return count === 1 ? osdPath : join(osdPath, `shard.${index}`);
}

/**
 * Opens the store of a shard, or makes it.
 * @throws CephError EINVAL when the directory is of an OSD with another count of shards, or its device is none; EIO when the
 *   store of one of several shards is lost
 */
export async function openOsdStore(
  place: OsdPlace,
  partition: Partition,
  clock: Clock,
  log: Logger,
): Promise<{ store: ObjectStore; uuid: string }> {
  const { path: osdPath } = place;
  const { count } = partition;
  const sizeBytes = Math.floor(place.sizeBytes / count);
  const made = place.uuid ?? randomUUID();
  if (osdPath === undefined) return { store: new MemoryStore({ sizeBytes }), uuid: made };
  const there = shardsIn(osdPath);
  // A making that was cut short may have left fewer than there will be.
  if (there > count || (there === 1 && count > 1)) {
    throw new CephError('EINVAL', `${osdPath} is of an OSD with ${there} shard(s), not ${count}`);
  }
  const path = storePath(osdPath, partition);
  const isThere = existsSync(join(path, 'block'));
  if (place.device !== undefined && !isThere) checkDevice(place.device);
  const mark = count === 1 ? undefined : `${path}.made`;
  // An empty store in its place would pass for one that has seen nothing yet, with all its PGs' objects gone unnoticed.
  if (mark !== undefined && existsSync(mark) && !hasEntry(join(path, 'block'))) {
    throw new CephError('EIO', `${path} is lost; let all of the OSD be made anew and recover`);
  }
  const fsid = place.uuid ?? (isThere ? undefined : made);
  const store = await BlockStore.open({
    path,
    disk: nodeDisk,
    openKeyValue: openLmdb,
    crc32c: nativeCrc32c,
    compressor: nodeCompressor,
    clock,
    log,
    ...(fsid === undefined ? {} : { fsid }),
    ...(place.device === undefined ? {} : { blockPath: place.device }),
    ...(place.device === undefined || count === 1 ? {} : { devicePart: partition }),
    ...(place.stripeBytes ? { stripeBytes: place.stripeBytes } : {}),
    sizeBytes,
  });
  try {
    if (mark !== undefined && !existsSync(mark)) await leaveMark(mark);
  } catch (error) {
    await store.close();
    throw error;
  }
  return { store, uuid: store.fsid };
}

/** Also where it is a link to a device that is not there just now. */
function hasEntry(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/**
 * Says beside a shard's store that it was made, durably before anything is acknowledged that is in it: by that a store which
 * was lost is told from one that a first start, cut short, had not come to.
 */
async function leaveMark(path: string): Promise<void> {
  const file = await nodeDisk.open(path, { create: true });
  await file.close();
}

/** Where a device is missing, the store would make a file of its name: in memory, as all of /dev is. */
function checkDevice(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isBlockDevice()) return;
  throw new CephError('EINVAL', `${path} is not a block device`);
}

/** The highest count of shards that what is in the directory speaks of; 0 where there is nothing yet. */
function shardsIn(osdPath: string): number {
  if (existsSync(join(osdPath, 'block'))) return 1;
  if (!existsSync(osdPath)) return 0;
  const indexes = readdirSync(osdPath).filter((name) => SHARD_DIRECTORY.test(name));
  // One that stands alone is of several.
  return indexes.length === 0
    ? 0
    : Math.max(2, ...indexes.map((name) => 1 + Number(name.slice(6))));
}
