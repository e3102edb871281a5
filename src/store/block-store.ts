import { CephError, DecodeError } from '../errors/index.ts';
import type { Clock, DirectMode, DiskFile, Logger } from '../runtime/index.ts';
import { compareHObject, HOBJECT_MIN, type HObject } from '../wire/index.ts';
import { Allocator, type BitmapChunk, BLOCK_BYTES } from './allocator.ts';
import { Applier } from './applier.ts';
import { BlockReader } from './block-reader.ts';
import { BlockWriter } from './block-writer.ts';
import { checkTransaction } from './check.ts';
import { Committer, type Group } from './committer.ts';
import { CompressedFigures } from './compressed-figures.ts';
import { Compression } from './compression.ts';
import type { CompressionPolicy } from './compression-policy.ts';
import { type NewStore, openData } from './data-file.ts';
import { unitsOf } from './extent.ts';
import type { StoreMemory } from './held-memory.ts';
import {
  bitmapKey,
  chunkOf,
  decodePlace,
  FIGURES_KEY,
  FSID_KEY,
  garbageId,
  objectKey,
  parseObjectKey,
  parsePatchKey,
  SIZE_KEY,
  STRIPE_KEY,
} from './keys.ts';
import { LABEL_UNITS } from './label.ts';
import { ObjectOmaps } from './object-omap.ts';
import type {
  Collection,
  ObjectStat,
  ObjectStore,
  ReadMemory,
  StoreOp,
  StoreUsage,
  Transaction,
} from './object-store.ts';
import { ObjectTable } from './object-table.ts';
import type { OmapListOptions } from './omap-bounds.ts';
import { dataRanges, encodeOnode } from './onode.ts';
import { Overlay } from './overlay.ts';
import { OwnWork } from './own-work.ts';
import { PG_SPACE, type Place, rangesFrom } from './place.ts';
import { planCopy } from './range-copy.ts';
import { openMetadata, type StorePlace, textAt } from './store-files.ts';
import { decodeFigures, encodeFigures, type Figures, StoreSpace } from './store-space.ts';
import type { WideKeyValue } from './wide-key-value.ts';

/** What a {@link BlockStore} is opened with. */
export interface BlockStoreOptions extends StorePlace, NewStore {
  log: Logger;
  clock: Clock;
  /** Memory for the metadata of objects at rest; default 32 MiB. */
  cacheBytes?: number;
}

/** What a patch adds to its object's record, generously. */
const PATCH_RECORD_BYTES = 64;
const DEFAULT_CACHE_BYTES = 32 * 2 ** 20;

/**
 * Objects on a disk: data in one file, everything else in a key/value store. Crash-safe: what survives is all of every
 * transaction that was resolved, and of the others a prefix, each whole.
 *
 * A transaction changes the objects in memory at once, and joins the group that gathers; see Committer for how groups
 * become durable, BlockWriter for where data goes, Overlay for how reads see what is not durable yet.
 */
export class BlockStore implements ObjectStore {
  /** Empty when the store was never given one. */
  readonly fsid: string;
  private readonly file: DiskFile;
  private readonly kv: WideKeyValue;
  private readonly overlay: Overlay;
  private readonly colls: Map<Collection, Place>;
  private readonly figures: Figures;
  private readonly allocator: Allocator;
  private readonly space: StoreSpace;
  private readonly table: ObjectTable;
  private readonly log: Logger;
  private readonly compression: Compression;
  private readonly compressed = new CompressedFigures();
  private readonly reader: BlockReader;
  private readonly writer: BlockWriter;
  private readonly committer: Committer;
  private readonly omaps: ObjectOmaps;
  private readonly letGo: () => Promise<void>;
  private readonly ownWork: OwnWork;
  private readonly applier: Applier;
  private closed = false;

  /**
   * Opens a store, making it when the directory holds none, and keeps others out of it.
   * @throws CephError EINVAL for a store of another kind, EBUSY when a process has it, EIO for damage
   */
  static async open(options: BlockStoreOptions): Promise<BlockStore> {
    await options.disk.mkdir(options.path);
    const letGo = await options.disk.claim(options.path);
    let kv: WideKeyValue | undefined;
    let file: DiskFile | undefined;
    try {
      kv = await openMetadata(options);
      file = await openData(options, kv, options);
      const store = new BlockStore(options, file, kv, letGo);
      await store.space.refresh();
      if (store.writer.patched.size > 0) store.ownWork.arm();
      return store;
    } catch (error) {
      await file?.close();
      await kv?.close();
      await letGo();
      throw error;
    }
  }

  private constructor(
    options: BlockStoreOptions,
    file: DiskFile,
    kv: WideKeyValue,
    letGo: () => Promise<void>,
  ) {
    const sizeBytes = Number(textAt(kv, SIZE_KEY));
    this.file = file;
    this.kv = kv;
    this.letGo = letGo;
    this.fsid = textAt(kv, FSID_KEY);
    this.overlay = new Overlay(kv);
    this.figures = readFigures(kv);
    this.allocator = new Allocator({
      units: Math.floor(sizeBytes / BLOCK_BYTES),
      reserved: LABEL_UNITS,
      stripe: Math.max(1, Number(textAt(kv, STRIPE_KEY)) / BLOCK_BYTES),
      stored: storedBitmap(kv),
    });
    // A chunk that got lost would have live data written over.
    if (this.allocator.ownedUnits !== this.figures.ownedUnits) {
      throw new CephError('EIO', `${options.path}: the map of taken units is damaged`);
    }
    this.colls = new Map();
    for (const { key, value } of kv.range('C', 'D')) {
      this.colls.set(key.slice(1), placeOf(key, value));
    }
    const changes = () => this.committer.gathering.changes;
    this.omaps = new ObjectOmaps(this.overlay, this.figures, changes);
    for (const { key } of kv.range('G', 'H')) this.omaps.garbage.add(garbageId(key));
    this.space = new StoreSpace(sizeBytes, this.figures, this.allocator, {
      ...options,
      holdsData: !file.isDevice,
    });
    this.table = new ObjectTable(options.cacheBytes ?? DEFAULT_CACHE_BYTES, (key) => kv.get(key));
    this.log = options.log;
    this.compression = new Compression(options.compressor);
    for (const { key, value } of kv.range('P', 'Q')) this.compressed.load(key, value);
    this.reader = new BlockReader(file, this.overlay, this.compression, options.crc32c);
    this.committer = new Committer({
      file,
      kv,
      overlay: this.overlay,
      seal: (group) => this.seal(group),
      settle: (group) => this.settle(group),
      idle: () => this.ownWork.withGroup(),
      failed: (error) => options.log('error', 'object store stops', { path: options.path, error }),
    });
    this.writer = new BlockWriter({
      allocator: this.allocator,
      overlay: this.overlay,
      reader: this.reader,
      compression: this.compression,
      compressed: this.compressed,
      crc32c: options.crc32c,
      figures: this.figures,
      hasSpare: (bytes) => this.space.hasSpare(bytes),
      group: () => this.committer.gathering,
    });
    for (const { key, value } of kv.range('D', 'E')) {
      this.writer.tookPatch(parsePatchKey(key).object, value.length);
    }
    const { committer, writer, omaps, table, colls, figures } = this;
    const group = () => committer.gathering;
    const ended = (c: Collection) => this.space.reserved.release(c);
    this.applier = new Applier({ colls, figures, table, writer, omaps, group, ended });
    this.ownWork = new OwnWork({ ...options, committer, writer, omaps, table });
  }

  submit(txn: Transaction, applied?: () => void): Promise<void> {
    try {
      this.admit(txn);
    } catch (error) {
      return Promise.reject(error);
    }
    try {
      this.space.spend(txn, () => {
        for (const op of txn) this.applier.apply(op);
      });
    } catch (error) {
      // A patch under the change was damaged. Half of the transaction stands in the group, which must not go on.
      return this.committer.stop(error);
    }
    applied?.();
    this.ownWork.touched();
    return this.committer.join();
  }

  async flush(): Promise<void> {
    this.refuseUnlessOpen();
    this.ownWork.movePatches();
    await this.committer.join();
    await this.kv.flush();
  }

  reserve(c: Collection, bytes: number): void {
    if (!this.colls.has(c)) throw new CephError('ENOENT', `no collection ${c}`);
    this.space.setAside(c, bytes);
  }

  release(c: Collection): void {
    this.space.reserved.release(c);
  }

  private refuseUnlessOpen(): void {
    if (this.closed) throw new CephError('EIO', 'the store is closed');
    const { failure } = this.committer;
    if (failure) throw new CephError('EIO', failure.message, { cause: failure });
  }

  /** Refuses what cannot be applied whole; after this nothing may fail. */
  private admit(txn: Transaction): void {
    this.refuseUnlessOpen();
    checkTransaction(txn, this);
    // Objects with damaged records may be removed, and made again.
    let anew: Set<string> | undefined;
    for (const op of txn) {
      // A damaged record must show now, not half-way.
      // A collection that a step makes takes its objects over from another of the same space, or has none.
      const space = this.colls.get(op.c)?.space ?? PG_SPACE;
      if ('oid' in op) {
        const key = objectKey(space, op.oid);
        if (op.op === 'remove' && !this.table.isSound(key)) {
          anew ??= new Set();
          anew.add(key);
        } else if (!anew?.has(key)) this.table.find(key);
      }
      if (op.op === 'clone' || op.op === 'cloneRange') {
        const from = this.table.find(objectKey(space, op.from));
        this.table.find(objectKey(space, op.to));
        if (from && op.op === 'cloneRange') this.writer.checkCopy(from, op);
      }
    }
    this.space.admit(txn, (op) => this.cloneBytes(op));
  }

  /** What a clone may take, at most, of its source as it is now. */
  private cloneBytes(op: StoreOp): number {
    if (op.op !== 'clone' && op.op !== 'cloneRange') return 0;
    const from = this.applier.find(op.c, op.from);
    if (!from) return 0;
    let bytes = 2 * encodeOnode(from).length;
    if (op.op === 'cloneRange') {
      const pieces = planCopy(from, op)?.copied ?? [];
      for (const { length } of pieces) bytes += length + 3 * BLOCK_BYTES + PATCH_RECORD_BYTES;
      return bytes + 2 * BLOCK_BYTES;
    }
    bytes += 2 * from.omapBytes + 48 * from.omapEntries;
    for (const p of from.patches) bytes += p.length + 2 * BLOCK_BYTES;
    return bytes;
  }

  /** Writes the records of a group that takes no more. */
  private seal(group: Group): void {
    this.account(group);
    this.space.sealed();
    for (const [key, n] of group.onodes) {
      const record = n.exists ? encodeOnode(n) : undefined;
      const bytes = record ? record.length + key.length : 0;
      this.figures.metadataBytes += bytes - n.recordBytes;
      this.figures.objects += (bytes > 0 ? 1 : 0) - (n.recordBytes > 0 ? 1 : 0);
      n.recordBytes = bytes;
      group.changes.set(key, record ?? null);
    }
    for (const { chunk, bytes } of this.allocator.takeTouched()) {
      group.changes.set(bitmapKey(chunk), bytes);
    }
    this.compressed.seal(group.changes);
    this.figures.ownedUnits = this.allocator.ownedUnits;
    group.changes.set(FIGURES_KEY, encodeFigures(this.figures));
  }

  /** Brings the count of data bytes up to date with the objects that a group changed. */
  private account(group: Group): void {
    for (const n of group.onodes.values()) {
      let bytes = 0;
      for (const r of dataRanges(n, 0, n.size)) bytes += r.length;
      this.figures.dataBytes += bytes - n.dataBytes;
      n.dataBytes = bytes;
    }
  }

  private settle(group: Group): void {
    this.table.settle(group);
    this.reader.afterReads(group.freed, (run) => this.allocator.release(run.unit, run.count));
  }

  collections(): Collection[] {
    return [...this.colls.keys()].sort();
  }

  hasCollection(c: Collection): boolean {
    return this.colls.has(c);
  }

  bounds(c: Collection) {
    return this.colls.get(c)?.bounds;
  }

  stat(c: Collection, oid: HObject): ObjectStat | undefined {
    const n = this.applier.find(c, oid);
    return n && { size: n.size };
  }

  read(
    c: Collection,
    oid: HObject,
    offset: number,
    length: number,
    memory?: ReadMemory,
  ): Uint8Array | Promise<Uint8Array> {
    const n = this.applier.find(c, oid);
    if (!n) throw new CephError('ENOENT', `no object ${oid.name} in ${c}`);
    const count = Math.min(length, n.size - offset);
    return count > 0 ? this.reader.read(n, offset, count, memory) : Buffer.alloc(0);
  }

  extents(c: Collection, oid: HObject, offset: number, length: number) {
    const n = this.applier.find(c, oid);
    return n ? dataRanges(n, offset, offset + length) : [];
  }

  /**
   * Where an object's bytes lie in the data file, in ranges of it. What is not in blocks yet is left out: `flush` first.
   * For those who look at a disk from outside.
   */
  places(c: Collection, oid: HObject): { block: number; offset: number; length: number }[] {
    const extents = this.applier.find(c, oid)?.extents ?? [];
    return extents.flatMap((e) =>
      unitsOf(e).map(({ unit, count }) => ({
        block: e.block,
        offset: unit * BLOCK_BYTES,
        length: count * BLOCK_BYTES,
      })),
    );
  }

  getattr(c: Collection, oid: HObject, name: string): Uint8Array | undefined {
    const value = this.applier.find(c, oid)?.attrs.get(name);
    return value === undefined ? undefined : Buffer.from(value, 'latin1');
  }

  getattrs(c: Collection, oid: HObject): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const n = this.applier.find(c, oid);
    if (n) for (const [name, value] of n.attrs) out.set(name, Buffer.from(value, 'latin1'));
    return out;
  }

  omapHeader(c: Collection, oid: HObject): Uint8Array | undefined {
    const header = this.applier.find(c, oid)?.omapHeader;
    return header && Buffer.from(header);
  }

  omapGet(c: Collection, oid: HObject, keys: Iterable<string>): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const n = this.applier.find(c, oid);
    if (!n) return out;
    for (const name of keys) {
      const value = this.omaps.get(n, name);
      if (value) out.set(name, value);
    }
    return out;
  }

  omapList(c: Collection, oid: HObject, options: OmapListOptions) {
    const n = this.applier.find(c, oid);
    return n ? this.omaps.list(n, options) : { entries: [], more: false };
  }

  list(c: Collection, from: HObject, limit: number) {
    const objects: HObject[] = [];
    const place = this.colls.get(c);
    if (!place || from.max) return { objects, next: undefined };
    const start = compareHObject(from, HOBJECT_MIN) === 0 ? '' : objectKey(place.space, from);
    for (const range of rangesFrom(place, start)) {
      for (const key of this.overlay.keys(range.from, range.to)) {
        const { oid } = parseObjectKey(key);
        if (objects.length >= limit) return { objects, next: oid };
        objects.push(oid);
      }
    }
    return { objects, next: undefined };
  }

  usage(): StoreUsage {
    this.account(this.committer.gathering);
    return { ...this.space.usage(), compressed: this.compressed.all() };
  }

  setCompression(pool: number, policy: CompressionPolicy | undefined): void {
    if (this.compression.set(pool, policy)) return;
    this.log('warn', 'data of a pool is not compressed', { pool, algorithm: policy?.algorithm });
  }

  setDirect(mode: DirectMode): void {
    this.file.setDirect(mode);
  }

  /** How the free space of the data file is parted: lengths of its runs in bytes, in the order of the file. */
  *freeRuns(): Generator<number> {
    for (const { count } of this.allocator.freeRuns()) yield count * BLOCK_BYTES;
  }

  memory(): StoreMemory {
    return {
      bluestore_alloc: { items: 1, bytes: this.allocator.memoryBytes },
      bluestore_cache_onode: this.table.held,
      bluestore_writing_deferred: this.kv.heldMemory,
    };
  }

  setCacheBytes(bytes: number): void {
    this.table.setCapacity(bytes);
  }

  dropPages(): void {
    if (!this.closed) this.kv.dropPages();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    try {
      await this.ownWork.finish();
      await this.committer.drain();
      await this.reader.drain();
      await this.kv.close();
      await this.file.close();
    } finally {
      await this.letGo();
    }
  }
}

function* storedBitmap(kv: WideKeyValue): Generator<BitmapChunk> {
  for (const { key, value } of kv.range('B', 'C')) yield { chunk: chunkOf(key), bytes: value };
}

function readFigures(kv: WideKeyValue): Figures {
  const bytes = kv.get(FIGURES_KEY);
  if (!bytes) throw new CephError('EIO', 'the figures of the store are lost');
  return decodeFigures(bytes);
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
