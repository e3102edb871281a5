import { assert, CephError, unreachable } from '../errors/index.ts';
import type { Clock, Disk, DiskFile, KeyValue, Logger, Timer } from '../runtime/index.ts';
import { compareHObject, HOBJECT_MIN, type HObject } from '../wire/index.ts';
import { Allocator, BLOCK_BYTES } from './allocator.ts';
import { BlockReader } from './block-reader.ts';
import { BlockWriter } from './block-writer.ts';
import { checkTransaction } from './check.ts';
import { Committer, type Group } from './committer.ts';
import { JournaledKeyValue } from './journaled-key-value.ts';
import { be32, be53, objectName, parseObjectName, readBe32, readBe53 } from './object-key.ts';
import type {
  Collection,
  ObjectStat,
  ObjectStore,
  StoreOp,
  StoreUsage,
  Transaction,
} from './object-store.ts';
import { ObjectTable } from './object-table.ts';
import { type OmapListOptions, omapBounds, prefixEnd } from './omap-bounds.ts';
import { dataRanges, encodeOnode, type Onode } from './onode.ts';
import { Overlay } from './overlay.ts';
import { decodeFigures, encodeFigures, type Figures, StoreSpace } from './store-space.ts';
import { WideKeyValue } from './wide-key-value.ts';

/** What a {@link BlockStore} is opened with. */
export interface BlockStoreOptions {
  /** The directory that holds the data file and the key/value store; made when missing. */
  path: string;
  disk: Disk;
  /** Opens the metadata store in the given directory. */
  openKeyValue: (path: string) => Promise<KeyValue>;
  crc32c: (seed: number, bytes: Uint8Array) => number;
  log: Logger;
  clock: Clock;
  /** Names the store for ever, written by the first open; a later open with another one is refused. */
  fsid?: string;
  /** What the store may hold, set by the first open; default 10 GiB. The file is sparse. */
  sizeBytes?: number;
  /** Memory for the metadata of objects at rest; default 64 MiB. */
  cacheBytes?: number;
  /** Bytes of metadata that are journaled before they go to the key/value store; default 16 MiB. */
  journalBytes?: number;
}

/*
 * Keys: Sformat, Sfsid, Ssize, Sfigures · C<collection> -> its number · O<number><object name> -> object record ·
 * M<entries' number><key> -> omap value · D<patch number><object key> -> patch bytes · B<chunk> -> units taken ·
 * R<chunk> -> references of shared units · G<entries' number> -> entries of a removed omap, to be deleted.
 */
const FORMAT = '1';
const DEFAULT_SIZE_BYTES = 10 * 2 ** 30;
const DEFAULT_CACHE_BYTES = 64 * 2 ** 20;
const JOURNAL_BYTES = 16 * 2 ** 20;

/** Patches move to blocks when there are this many bytes of them, or when the store has been quiet for a while. */
const PATCHED_BYTES_MAX = 4 * 2 ** 20;
const QUIET_MS = 1000;
/** How much one group moves, so that the transactions in it do not wait long. */
const MOVE_BYTES = 2 * 2 ** 20;
/** How many entries of a removed omap one group deletes. */
const SWEEP_MAX = 512;

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
  private readonly o: BlockStoreOptions;
  private readonly file: DiskFile;
  private readonly kv: WideKeyValue;
  private readonly overlay: Overlay;
  private readonly colls: Map<Collection, number>;
  private readonly figures: Figures;
  private readonly allocator: Allocator;
  private readonly space: StoreSpace;
  private readonly table: ObjectTable;
  private readonly reader: BlockReader;
  private readonly writer: BlockWriter;
  private readonly committer: Committer;
  /** Numbers of omaps that are gone and whose entries are still stored. */
  private readonly garbage: Set<number>;
  private quiet: Timer | undefined;
  /** Whether there was a transaction since the quiet timer was set. */
  private active = false;
  private closed = false;

  /** Opens a store, making it when the directory holds none. @throws CephError EINVAL for a store of another kind */
  static async open(options: BlockStoreOptions): Promise<BlockStore> {
    await options.disk.mkdir(options.path);
    const kv = new WideKeyValue(await openMetadata(options));
    let file: DiskFile | undefined;
    try {
      file = await openData(options, kv);
      const store = new BlockStore(options, file, kv);
      await store.space.refresh();
      if (store.writer.patched.size > 0) store.armQuiet();
      return store;
    } catch (error) {
      await file?.close();
      await kv.close();
      throw error;
    }
  }

  private constructor(options: BlockStoreOptions, file: DiskFile, kv: WideKeyValue) {
    const text = (key: string) => Buffer.from(kv.get(key)!).latin1Slice();
    const sizeBytes = Number(text('Ssize'));
    this.o = options;
    this.file = file;
    this.kv = kv;
    this.fsid = text('Sfsid');
    this.overlay = new Overlay(kv);
    this.figures = decodeFigures(kv.get('Sfigures')!);
    this.allocator = new Allocator(Math.floor(sizeBytes / BLOCK_BYTES));
    for (const { key, value } of kv.range('B', 'C')) {
      this.allocator.load(readBe32(key, 1), value as Buffer);
    }
    this.colls = new Map();
    for (const { key, value } of kv.range('C', 'D')) {
      this.colls.set(key.slice(1), readBe32(Buffer.from(value).latin1Slice(), 0));
    }
    this.garbage = new Set();
    for (const { key } of kv.range('G', 'H')) this.garbage.add(readBe53(key, 1));
    this.space = new StoreSpace(sizeBytes, this.figures, this.allocator, options);
    this.table = new ObjectTable(options.cacheBytes ?? DEFAULT_CACHE_BYTES, (key) => kv.get(key));
    this.reader = new BlockReader(file, this.overlay, options.crc32c);
    this.committer = new Committer({
      file,
      kv,
      overlay: this.overlay,
      seal: (group) => this.seal(group),
      settle: (group) => this.settle(group),
      idle: () => this.ownWork(this.writer.patchedBytes > PATCHED_BYTES_MAX),
      failed: (error) => options.log('error', 'object store stops', { path: options.path, error }),
    });
    this.writer = new BlockWriter({
      allocator: this.allocator,
      overlay: this.overlay,
      reader: this.reader,
      crc32c: options.crc32c,
      figures: this.figures,
      group: () => this.committer.gathering,
    });
    for (const { key, value } of kv.range('D', 'E')) {
      this.writer.patched.add(key.slice(9));
      this.writer.patchedBytes += value.length;
    }
  }

  submit(txn: Transaction): Promise<void> {
    try {
      this.admit(txn);
    } catch (error) {
      return Promise.reject(error);
    }
    try {
      for (const op of txn) this.apply(op);
    } catch (error) {
      // A patch under the change was damaged. Half of the transaction stands in the group, which must not go on.
      return this.committer.stop(error);
    }
    this.active = true;
    this.armQuiet();
    return this.committer.join();
  }

  /** Refuses what cannot be applied whole; after this nothing may fail. */
  private admit(txn: Transaction): void {
    if (this.closed) throw new CephError('EIO', 'the store is closed');
    const { failure } = this.committer;
    if (failure) throw new CephError('EIO', failure.message, { cause: failure });
    checkTransaction(txn, this);
    for (const op of txn) {
      // A damaged record must show now, not half-way.
      const c = this.colls.get(op.c);
      if (c === undefined) continue;
      if ('oid' in op) this.table.find(objectKey(c, op.oid));
      if (op.op === 'clone') {
        this.table.find(objectKey(c, op.from));
        this.table.find(objectKey(c, op.to));
      }
    }
    this.space.admit(txn, (op) => this.cloneBytes(op));
  }

  private cloneBytes(op: StoreOp): number {
    const from = op.op === 'clone' ? this.find(op.c, op.from) : undefined;
    if (!from) return 0;
    let bytes = from.recordBytes + from.omapBytes;
    for (const p of from.patches) bytes += p.length + 2 * BLOCK_BYTES;
    return bytes;
  }

  private apply(op: StoreOp): void {
    const { changes } = this.committer.gathering;
    switch (op.op) {
      case 'mkcoll': {
        const id = this.figures.nextId++;
        this.colls.set(op.c, id);
        changes.set(`C${op.c}`, Buffer.from(be32(id), 'latin1'));
        return;
      }
      case 'rmcoll':
        this.colls.delete(op.c);
        changes.set(`C${op.c}`, null);
        return;
      case 'touch':
        this.make(op.c, op.oid);
        return;
      case 'write':
        this.writer.write(this.make(op.c, op.oid), op.offset, op.data);
        return;
      case 'zero':
        this.writer.zero(this.make(op.c, op.oid), op.offset, op.length);
        return;
      case 'truncate':
        this.writer.truncate(this.make(op.c, op.oid), op.size);
        return;
      case 'remove': {
        const n = this.changeable(op.c, op.oid);
        if (n) this.remove(n);
        return;
      }
      case 'setattrs': {
        const n = this.make(op.c, op.oid);
        // Copied: a window of a received message would keep all of it alive.
        for (const [name, value] of op.attrs) n.attrs.set(name, Buffer.from(value));
        return;
      }
      case 'rmattr':
        this.changeable(op.c, op.oid)?.attrs.delete(op.name);
        return;
      case 'omapSet':
        this.omapSet(this.make(op.c, op.oid), op.entries);
        return;
      case 'omapRmKeys': {
        const n = this.changeable(op.c, op.oid);
        if (n) for (const key of op.keys) this.omapRemove(n, key);
        return;
      }
      case 'omapRmRange': {
        const n = this.changeable(op.c, op.oid);
        if (!n || n.omapId === 0) return;
        const prefix = omapKey(n.omapId, '');
        for (const { key } of this.overlay.range(prefix + op.from, prefix + op.to)) {
          this.omapRemove(n, key.slice(prefix.length));
        }
        return;
      }
      case 'omapClear': {
        const n = this.changeable(op.c, op.oid);
        if (n) this.omapClear(n);
        return;
      }
      case 'omapSetHeader': {
        const n = this.make(op.c, op.oid);
        this.omapGrow(n, op.header.length - (n.omapHeader?.length ?? 0));
        n.omapHeader = Buffer.from(op.header);
        return;
      }
      case 'clone':
        this.clone(op.c, op.from, op.to);
        return;
      default:
        unreachable(op);
    }
  }

  private clone(c: Collection, source: HObject, target: HObject): void {
    if (compareHObject(source, target) === 0) return;
    const from = this.changeable(c, source);
    if (!from) return;
    this.remove(this.make(c, target));
    const to = this.make(c, target);
    this.writer.clone(from, to);
    to.attrs = new Map(from.attrs);
    if (from.omapHeader) {
      to.omapHeader = from.omapHeader;
      this.omapGrow(to, from.omapHeader.length);
    }
    if (from.omapId !== 0) {
      const prefix = omapKey(from.omapId, '');
      const entries = new Map<string, Uint8Array>();
      for (const { key, value } of this.overlay.range(prefix, prefixEnd(prefix)!)) {
        entries.set(key.slice(prefix.length), value);
      }
      this.omapSet(to, entries);
    }
  }

  private remove(n: Onode): void {
    this.writer.removeData(n);
    this.omapClear(n);
    n.attrs = new Map();
    n.exists = false;
    this.committer.gathering.changes.set(n.key, null);
  }

  private omapSet(n: Onode, entries: ReadonlyMap<string, Uint8Array>): void {
    if (n.omapId === 0) n.omapId = this.figures.nextId++;
    const { changes } = this.committer.gathering;
    for (const [name, value] of entries) {
      const key = omapKey(n.omapId, name);
      const old = this.overlay.get(key);
      this.omapGrow(n, old ? value.length - old.length : name.length + value.length);
      changes.set(key, Buffer.from(value));
    }
  }

  private omapRemove(n: Onode, name: string): void {
    if (n.omapId === 0) return;
    const key = omapKey(n.omapId, name);
    const old = this.overlay.get(key);
    if (!old) return;
    this.omapGrow(n, -name.length - old.length);
    this.committer.gathering.changes.set(key, null);
  }

  private omapClear(n: Onode): void {
    this.omapGrow(n, -n.omapBytes);
    n.omapHeader = undefined;
    if (n.omapId === 0) return;
    this.garbage.add(n.omapId);
    this.committer.gathering.changes.set(`G${be53(n.omapId)}`, new Uint8Array(0));
    this.sweep(n.omapId);
    n.omapId = 0;
  }

  /** Deletes entries of a removed omap: some now, the rest with later groups, so none grows without bound. */
  private sweep(id: number): void {
    const { changes } = this.committer.gathering;
    const prefix = omapKey(id, '');
    const keys: string[] = [];
    for (const { key } of this.overlay.range(prefix, prefixEnd(prefix)!)) {
      if (keys.push(key) === SWEEP_MAX) break;
    }
    for (const key of keys) changes.set(key, null);
    if (keys.length === SWEEP_MAX) return;
    this.garbage.delete(id);
    changes.set(`G${be53(id)}`, null);
  }

  private omapGrow(n: Onode, bytes: number): void {
    n.omapBytes += bytes;
    this.figures.omapBytes += bytes;
  }

  /** Work of the store's own, done with the group that gathers. @param move whether patches move to blocks */
  private ownWork(move: boolean): void {
    for (const id of this.garbage) {
      this.sweep(id);
      break;
    }
    if (!move) return;
    const group = this.committer.gathering;
    const least = this.writer.patchedBytes - MOVE_BYTES;
    for (const key of this.writer.patched) {
      if (this.writer.patchedBytes <= least) break;
      if (!this.moveOne(key, group)) this.writer.patched.delete(key);
    }
  }

  private moveOne(key: string, group: Group): boolean {
    try {
      if (!this.table.find(key)) return false;
      if (this.writer.movePatches(this.table.change(key, group))) return true;
    } catch (error) {
      if (!(error instanceof CephError)) throw error;
    }
    this.o.log('warn', 'patches of an object stay where they are', { path: this.o.path });
    return false;
  }

  private armQuiet(): void {
    this.quiet ??= this.o.clock.setTimer(QUIET_MS, () => {
      this.quiet = undefined;
      if (this.closed || this.committer.failure) return;
      if (!this.active) {
        this.ownWork(true);
        this.committer.join().catch(() => {}); // a failure is logged by the committer
      }
      this.active = false;
      if (this.writer.patched.size > 0 || this.garbage.size > 0) this.armQuiet();
    });
  }

  /** Writes the records of a group that takes no more. */
  private seal(group: Group): void {
    this.account(group);
    for (const [key, n] of group.onodes) {
      const record = n.exists ? encodeOnode(n) : undefined;
      const bytes = record ? record.length + key.length : 0;
      this.figures.metadataBytes += bytes - n.recordBytes;
      n.recordBytes = bytes;
      group.changes.set(key, record ?? null);
    }
    for (const { chunk, bytes } of this.allocator.takeTouched()) {
      group.changes.set(`B${be32(chunk)}`, bytes);
    }
    group.changes.set('Sfigures', encodeFigures(this.figures));
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

  private make(c: Collection, oid: HObject): Onode {
    const id = this.colls.get(c);
    assert(id !== undefined, 'the transaction was checked');
    const n = this.table.change(objectKey(id, oid), this.committer.gathering);
    n.exists = true;
    return n;
  }

  /** The object if it is there, to be changed. */
  private changeable(c: Collection, oid: HObject): Onode | undefined {
    return this.find(c, oid) && this.make(c, oid);
  }

  private find(c: Collection, oid: HObject): Onode | undefined {
    const id = this.colls.get(c);
    return id === undefined || oid.max ? undefined : this.table.find(objectKey(id, oid));
  }

  collections(): Collection[] {
    return [...this.colls.keys()].sort();
  }

  hasCollection(c: Collection): boolean {
    return this.colls.has(c);
  }

  stat(c: Collection, oid: HObject): ObjectStat | undefined {
    const n = this.find(c, oid);
    return n && { size: n.size };
  }

  read(
    c: Collection,
    oid: HObject,
    offset: number,
    length: number,
  ): Uint8Array | Promise<Uint8Array> {
    const n = this.find(c, oid);
    if (!n) throw new CephError('ENOENT', `no object ${oid.name} in ${c}`);
    const count = Math.min(length, n.size - offset);
    return count > 0 ? this.reader.read(n, offset, count) : Buffer.alloc(0);
  }

  extents(c: Collection, oid: HObject, offset: number, length: number) {
    const n = this.find(c, oid);
    return n ? dataRanges(n, offset, offset + length) : [];
  }

  getattr(c: Collection, oid: HObject, name: string): Uint8Array | undefined {
    const value = this.find(c, oid)?.attrs.get(name);
    return value && Buffer.from(value);
  }

  getattrs(c: Collection, oid: HObject): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const n = this.find(c, oid);
    if (n) for (const [name, value] of n.attrs) out.set(name, Buffer.from(value));
    return out;
  }

  omapHeader(c: Collection, oid: HObject): Uint8Array | undefined {
    const header = this.find(c, oid)?.omapHeader;
    return header && Buffer.from(header);
  }

  omapGet(c: Collection, oid: HObject, keys: Iterable<string>): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const n = this.find(c, oid);
    if (!n || n.omapId === 0) return out;
    for (const name of keys) {
      const value = this.overlay.get(omapKey(n.omapId, name));
      if (value) out.set(name, value);
    }
    return out;
  }

  omapList(c: Collection, oid: HObject, options: OmapListOptions) {
    const entries: [string, Uint8Array][] = [];
    const n = this.find(c, oid);
    if (!n || n.omapId === 0) return { entries, more: false };
    const prefix = omapKey(n.omapId, '');
    const { from, to } = omapBounds(options);
    const end = to === undefined ? prefixEnd(prefix)! : prefix + to;
    for (const { key, value } of this.overlay.range(prefix + from, end)) {
      if (entries.length >= options.limit) return { entries, more: true };
      entries.push([key.slice(prefix.length), value]);
    }
    return { entries, more: false };
  }

  list(c: Collection, from: HObject, limit: number) {
    const objects: HObject[] = [];
    const id = this.colls.get(c);
    if (id === undefined || from.max) return { objects, next: undefined };
    const prefix = `O${be32(id)}`;
    const start = compareHObject(from, HOBJECT_MIN) === 0 ? prefix : objectKey(id, from);
    for (const { key } of this.overlay.range(start, prefixEnd(prefix)!)) {
      const oid = parseObjectName(key.slice(prefix.length));
      if (objects.length >= limit) return { objects, next: oid };
      objects.push(oid);
    }
    return { objects, next: undefined };
  }

  usage(): StoreUsage {
    this.account(this.committer.gathering);
    return this.space.usage();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.quiet?.cancel();
    while (!this.committer.failure && (this.writer.patched.size > 0 || this.garbage.size > 0)) {
      this.ownWork(true);
      await this.committer.drain();
    }
    await this.committer.drain();
    await this.reader.drain();
    await this.kv.close();
    await this.file.close();
  }
}

async function openMetadata(options: BlockStoreOptions): Promise<KeyValue> {
  const { disk, crc32c, path } = options;
  const kv = await options.openKeyValue(`${path}/db`);
  let file: DiskFile | undefined;
  try {
    const areaBytes = options.journalBytes ?? JOURNAL_BYTES;
    file = await disk.open(`${path}/journal`, { create: true, filledBytes: 2 * areaBytes });
    return await JournaledKeyValue.open({ file, kv, crc32c, areaBytes });
  } catch (error) {
    await file?.close();
    await kv.close();
    throw error;
  }
}

async function openData(options: BlockStoreOptions, kv: WideKeyValue): Promise<DiskFile> {
  const path = `${options.path}/block`;
  const text = (key: string) => Buffer.from(kv.get(key) ?? '').latin1Slice();
  const format = text('Sformat');
  if (format === '') {
    const sizeBytes = options.sizeBytes ?? DEFAULT_SIZE_BYTES;
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 64 * BLOCK_BYTES) {
      throw new CephError('EINVAL', `a store of ${sizeBytes} bytes`);
    }
    const file = await options.disk.open(path, { create: true });
    await file.truncate(sizeBytes);
    await file.sync();
    const figures = { nextId: 1, dataBytes: 0, omapBytes: 0, metadataBytes: 0, patchBytes: 0 };
    await kv.commit(
      new Map([
        ['Sformat', Buffer.from(FORMAT)],
        ['Sfsid', Buffer.from(options.fsid ?? '')],
        ['Ssize', Buffer.from(String(sizeBytes))],
        ['Sfigures', encodeFigures(figures)],
      ]),
    );
    return file;
  }
  if (format !== FORMAT) throw new CephError('EINVAL', `${path}: format ${format}, not ${FORMAT}`);
  if (options.fsid !== undefined && options.fsid !== text('Sfsid')) {
    throw new CephError('EINVAL', `${path} belongs to ${text('Sfsid')}, not ${options.fsid}`);
  }
  return options.disk.open(path);
}

function objectKey(collection: number, oid: HObject): string {
  return `O${be32(collection)}${objectName(oid)}`;
}

function omapKey(id: number, name: string): string {
  return `M${be53(id)}${name}`;
}
