import { CephError } from '../errors/index.ts';
import type { DirectMode, DiskFile } from '../runtime/index.ts';
import { compareHObject, HOBJECT_MIN, type HObject } from '../wire/index.ts';
import { BLOCK_BYTES } from './allocator.ts';
import { type BlockParts, type BlockStoreOptions, blockParts } from './block-parts.ts';
import type { CompressionPolicy } from './compression-policy.ts';
import { openData } from './data-file.ts';
import { unitsOf } from './extent.ts';
import type { StoreMemory } from './held-memory.ts';
import { FSID_KEY, objectKey, parseObjectKey, STRIPE_KEY } from './keys.ts';
import type {
  Collection,
  ObjectStat,
  ObjectStore,
  ReadMemory,
  StoreUsage,
  Transaction,
} from './object-store.ts';
import type { OmapListOptions } from './omap-bounds.ts';
import { dataRanges } from './onode.ts';
import { rangesFrom } from './place.ts';
import { openMetadata, textAt } from './store-files.ts';
import type { WideKeyValue } from './wide-key-value.ts';

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
  /** Large writes begin at multiples of it, where there is room; 0: anywhere. */
  readonly stripeBytes: number;
  private readonly o: BlockParts;
  private readonly options: BlockStoreOptions;
  private readonly letGo: () => Promise<void>;
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
      const parts = blockParts(options, file, kv);
      await parts.space.refresh();
      if (parts.writer.patched.size > 0) parts.ownWork.arm();
      return new BlockStore(options, parts, letGo);
    } catch (error) {
      await file?.close();
      await kv?.close();
      await letGo();
      throw error;
    }
  }

  private constructor(options: BlockStoreOptions, parts: BlockParts, letGo: () => Promise<void>) {
    this.options = options;
    this.o = parts;
    this.letGo = letGo;
    this.fsid = textAt(parts.kv, FSID_KEY);
    this.stripeBytes = Number(textAt(parts.kv, STRIPE_KEY));
  }

  submit(txn: Transaction, applied?: () => void): Promise<void> {
    try {
      this.refuseUnlessOpen();
      this.o.admission.admit(txn, this);
    } catch (error) {
      return Promise.reject(error);
    }
    try {
      this.o.space.spend(txn, () => {
        for (const op of txn) this.o.applier.apply(op);
      });
    } catch (error) {
      // A patch under the change was damaged. Half of the transaction stands in the group, which must not go on.
      return this.o.committer.stop(error);
    }
    applied?.();
    this.o.ownWork.touched();
    return this.o.committer.join();
  }

  async flush(): Promise<void> {
    this.refuseUnlessOpen();
    this.o.ownWork.movePatches();
    await this.o.committer.join();
    await this.o.kv.flush();
  }

  reserve(c: Collection, bytes: number): void {
    if (!this.o.colls.has(c)) throw new CephError('ENOENT', `no collection ${c}`);
    this.o.space.setAside(c, bytes);
  }

  release(c: Collection): void {
    this.o.space.reserved.release(c);
  }

  private refuseUnlessOpen(): void {
    if (this.closed) throw new CephError('EIO', 'the store is closed');
    const { failure } = this.o.committer;
    if (failure) throw new CephError('EIO', failure.message, { cause: failure });
  }

  collections(): Collection[] {
    return [...this.o.colls.keys()].sort();
  }

  hasCollection(c: Collection): boolean {
    return this.o.colls.has(c);
  }

  bounds(c: Collection) {
    return this.o.colls.get(c)?.bounds;
  }

  stat(c: Collection, oid: HObject): ObjectStat | undefined {
    const n = this.o.applier.find(c, oid);
    return n && { size: n.size };
  }

  read(
    c: Collection,
    oid: HObject,
    offset: number,
    length: number,
    memory?: ReadMemory,
  ): Uint8Array | Promise<Uint8Array> {
    const n = this.o.applier.find(c, oid);
    if (!n) throw new CephError('ENOENT', `no object ${oid.name} in ${c}`);
    const count = Math.min(length, n.size - offset);
    return count > 0 ? this.o.reader.read(n, offset, count, memory) : Buffer.alloc(0);
  }

  extents(c: Collection, oid: HObject, offset: number, length: number) {
    const n = this.o.applier.find(c, oid);
    return n ? dataRanges(n, offset, offset + length) : [];
  }

  /**
   * Where an object's bytes lie in the data file, in ranges of it. What is not in blocks yet is left out: `flush` first.
   * For those who look at a disk from outside.
   */
  places(c: Collection, oid: HObject): { block: number; offset: number; length: number }[] {
    const extents = this.o.applier.find(c, oid)?.extents ?? [];
    return extents.flatMap((e) =>
      unitsOf(e).map(({ unit, count }) => ({
        block: e.block,
        offset: unit * BLOCK_BYTES,
        length: count * BLOCK_BYTES,
      })),
    );
  }

  getattr(c: Collection, oid: HObject, name: string): Uint8Array | undefined {
    const value = this.o.applier.find(c, oid)?.attrs.get(name);
    return value === undefined ? undefined : Buffer.from(value, 'latin1');
  }

  getattrs(c: Collection, oid: HObject): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const n = this.o.applier.find(c, oid);
    if (n) for (const [name, value] of n.attrs) out.set(name, Buffer.from(value, 'latin1'));
    return out;
  }

  omapHeader(c: Collection, oid: HObject): Uint8Array | undefined {
    const header = this.o.applier.find(c, oid)?.omapHeader;
    return header && Buffer.from(header);
  }

  omapGet(c: Collection, oid: HObject, keys: Iterable<string>): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const n = this.o.applier.find(c, oid);
    if (!n) return out;
    for (const name of keys) {
      const value = this.o.omaps.get(n, name);
      if (value) out.set(name, value);
    }
    return out;
  }

  omapList(c: Collection, oid: HObject, options: OmapListOptions) {
    const n = this.o.applier.find(c, oid);
    return n ? this.o.omaps.list(n, options) : { entries: [], more: false };
  }

  list(c: Collection, from: HObject, limit: number) {
    const objects: HObject[] = [];
    const place = this.o.colls.get(c);
    if (!place || from.max) return { objects, next: undefined };
    const start = compareHObject(from, HOBJECT_MIN) === 0 ? '' : objectKey(place.space, from);
    for (const range of rangesFrom(place, start)) {
      for (const key of this.o.overlay.keys(range.from, range.to)) {
        const { oid } = parseObjectKey(key);
        if (objects.length >= limit) return { objects, next: oid };
        objects.push(oid);
      }
    }
    return { objects, next: undefined };
  }

  usage(): StoreUsage {
    this.o.sealer.account(this.o.committer.gathering);
    return { ...this.o.space.usage(), compressed: this.o.compressed.all() };
  }

  setCompression(pool: number, policy: CompressionPolicy | undefined): void {
    if (this.o.compression.set(pool, policy)) return;
    this.options.log('warn', 'data of a pool is not compressed', {
      pool,
      algorithm: policy?.algorithm,
    });
  }

  setDirect(mode: DirectMode): void {
    this.o.file.setDirect(mode);
  }

  /** How the free space of the data file is parted: lengths of its runs in bytes, in the order of the file. */
  *freeRuns(): Generator<number> {
    for (const { count } of this.o.allocator.freeRuns()) yield count * BLOCK_BYTES;
  }

  memory(): StoreMemory {
    return {
      bluestore_alloc: { items: 1, bytes: this.o.allocator.memoryBytes },
      bluestore_cache_onode: this.o.table.held,
      bluestore_writing_deferred: this.o.kv.heldMemory,
    };
  }

  setCacheBytes(bytes: number): void {
    this.o.table.setCapacity(bytes);
  }

  dropPages(): void {
    if (!this.closed) this.o.kv.dropPages();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    try {
      await this.o.ownWork.finish();
      await this.o.committer.drain();
      await this.o.reader.drain();
      await this.o.kv.close();
      await this.o.file.close();
    } finally {
      await this.letGo();
    }
  }
}
