import { CephError, DecodeError } from '../errors/index.ts';
import type { Clock, DiskFile, Logger } from '../runtime/index.ts';
import { Admission } from './admission.ts';
import { Allocator, type BitmapChunk, BLOCK_BYTES } from './allocator.ts';
import { Applier } from './applier.ts';
import { BlockReader } from './block-reader.ts';
import { BlockWriter } from './block-writer.ts';
import { Committer, type Group } from './committer.ts';
import { CompressedFigures } from './compressed-figures.ts';
import { Compression } from './compression.ts';
import type { NewStore } from './data-file.ts';
import { GroupSealer } from './group-sealer.ts';
import {
  chunkOf,
  decodePlace,
  FIGURES_KEY,
  garbageId,
  parsePatchKey,
  SIZE_KEY,
  STRIPE_KEY,
} from './keys.ts';
import { LABEL_UNITS } from './label.ts';
import { ObjectOmaps } from './object-omap.ts';
import type { Collection } from './object-store.ts';
import { ObjectTable } from './object-table.ts';
import { Overlay } from './overlay.ts';
import { OwnWork } from './own-work.ts';
import type { Place } from './place.ts';
import { type StorePlace, textAt } from './store-files.ts';
import { decodeFigures, type Figures, StoreSpace } from './store-space.ts';
import type { WideKeyValue } from './wide-key-value.ts';

/** What a BlockStore is opened with. */
export interface BlockStoreOptions extends StorePlace, NewStore {
  log: Logger;
  clock: Clock;
  /** Memory for the metadata of objects at rest; default 32 MiB. */
  cacheBytes?: number;
}

const DEFAULT_CACHE_BYTES = 32 * 2 ** 20;

/** What a store on a disk is made of; each says what it does. */
export interface BlockParts {
  readonly file: DiskFile;
  readonly kv: WideKeyValue;
  readonly overlay: Overlay;
  readonly colls: Map<Collection, Place>;
  readonly allocator: Allocator;
  readonly space: StoreSpace;
  readonly table: ObjectTable;
  readonly compression: Compression;
  readonly compressed: CompressedFigures;
  readonly reader: BlockReader;
  readonly writer: BlockWriter;
  readonly committer: Committer;
  readonly sealer: GroupSealer;
  readonly omaps: ObjectOmaps;
  readonly applier: Applier;
  readonly admission: Admission;
  readonly ownWork: OwnWork;
}

/**
 * Puts a store together from what its files hold.
 * @throws CephError EIO for damage
 */
export function blockParts(
  options: BlockStoreOptions,
  file: DiskFile,
  kv: WideKeyValue,
): BlockParts {
  const { crc32c, log, path } = options;
  const sizeBytes = Number(textAt(kv, SIZE_KEY));
  const overlay = new Overlay(kv);
  const figures = readFigures(kv);
  const allocator = new Allocator({
    units: Math.floor(sizeBytes / BLOCK_BYTES),
    reserved: LABEL_UNITS,
    stripe: Math.max(1, Number(textAt(kv, STRIPE_KEY)) / BLOCK_BYTES),
    stored: storedBitmap(kv),
  });
  // A chunk that got lost would have live data written over.
  if (allocator.ownedUnits !== figures.ownedUnits) {
    throw new CephError('EIO', `${path}: the map of taken units is damaged`);
  }
  const colls = readCollections(kv);
  const space = new StoreSpace(sizeBytes, figures, allocator, {
    ...options,
    holdsData: !file.isDevice,
  });
  const table = new ObjectTable(options.cacheBytes ?? DEFAULT_CACHE_BYTES, (key) => kv.get(key));
  const compression = new Compression(options.compressor);
  const compressed = new CompressedFigures();
  for (const { key, value } of kv.range('P', 'Q')) compressed.load(key, value);
  const reader = new BlockReader(file, overlay, compression, crc32c);
  const sealer = new GroupSealer({ allocator, compressed, figures, reader, space, table });
  const committer = new Committer({
    file,
    kv,
    overlay,
    seal: (group) => sealer.seal(group),
    settle: (group) => sealer.settle(group),
    idle: () => ownWork.withGroup(),
    failed: (error) => log('error', 'object store stops', { path, error }),
  });
  const group = (): Group => committer.gathering;
  const omaps = new ObjectOmaps(overlay, figures, () => committer.gathering.changes);
  for (const { key } of kv.range('G', 'H')) omaps.garbage.add(garbageId(key));
  const writer = new BlockWriter({
    allocator,
    overlay,
    reader,
    compression,
    compressed,
    crc32c,
    figures,
    hasSpare: (bytes) => space.hasSpare(bytes),
    group,
  });
  for (const { key, value } of kv.range('D', 'E')) {
    writer.tookPatch(parsePatchKey(key).object, value.length);
  }
  const ended = (c: Collection): void => space.reserved.release(c);
  const applier = new Applier({ colls, figures, table, writer, omaps, group, ended });
  const admission = new Admission({ applier, colls, space, table, writer });
  const ownWork = new OwnWork({ ...options, committer, writer, omaps, table });
  return {
    file,
    kv,
    overlay,
    colls,
    allocator,
    space,
    table,
    compression,
    compressed,
    reader,
    writer,
    committer,
    sealer,
    omaps,
    applier,
    admission,
    ownWork,
  };
}

function* storedBitmap(kv: WideKeyValue): Generator<BitmapChunk> {
  for (const { key, value } of kv.range('B', 'C')) yield { chunk: chunkOf(key), bytes: value };
}

function readFigures(kv: WideKeyValue): Figures {
  const bytes = kv.get(FIGURES_KEY);
  if (!bytes) throw new CephError('EIO', 'the figures of the store are lost');
  return decodeFigures(bytes);
}

function readCollections(kv: WideKeyValue): Map<Collection, Place> {
  const colls = new Map<Collection, Place>();
  for (const { key, value } of kv.range('C', 'D')) colls.set(key.slice(1), placeOf(key, value));
  return colls;
}

function placeOf(key: string, value: Uint8Array): Place {
  try {
    return decodePlace(value);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const what = `damaged record of collection ${key.slice(1)}: ${error.message}`;
    throw new CephError('EIO', what, { cause: error });
  }
}
