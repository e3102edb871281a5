import { CephError } from '../errors/index.ts';
import { compareHObject, HOBJECT_MIN, type HObject } from '../wire/index.ts';
import { checkTransaction } from './check.ts';
import { bytesAdded, MemoryContent } from './memory-content.ts';
import { objectName, parseObjectName } from './object-key.ts';
import type {
  Collection,
  ObjectStat,
  ObjectStore,
  StoreUsage,
  Transaction,
} from './object-store.ts';
import { type OmapListOptions, omapBounds } from './omap-bounds.ts';
import { pieceRanges, readPieces } from './pieces.ts';
import { Reservations } from './reservations.ts';

export interface MemoryStoreOptions {
  /** What the store may hold; default 1 GiB. */
  sizeBytes?: number;
  /** A store that was closed, and whose content this one takes over. */
  from?: MemoryStore | undefined;
}

/**
 * Objects in this process's memory: for tests and for clusters that end with their process. What is submitted is as
 * durable as it will ever be. Reads return views of what was written.
 */
export class MemoryStore implements ObjectStore {
  private readonly content: MemoryContent;
  private readonly totalBytes: number;
  private closed = false;
  private readonly reserved = new Reservations();

  constructor(options: MemoryStoreOptions = {}) {
    const { from } = options;
    this.totalBytes = options.sizeBytes ?? from?.totalBytes ?? 2 ** 30;
    this.content = from?.content ?? new MemoryContent();
    this.content.ended = (c) => this.release(c);
  }

  async submit(txn: Transaction, applied?: () => void): Promise<void> {
    if (this.closed) throw new CephError('EIO', 'the store is closed');
    checkTransaction(txn, this);
    let need = 0;
    for (const op of txn) need += bytesAdded(op);
    const holder = this.reserved.holderOf(txn);
    const left = this.freeBytes() - this.reserved.keptFrom(holder);
    if (need > 0 && need > left) {
      throw new CephError('ENOSPC', `${need} bytes wanted, ${Math.max(0, left)} left`);
    }
    const before = this.freeBytes();
    for (const op of txn) this.content.apply(op);
    if (holder) this.reserved.draw(holder, before - this.freeBytes());
    applied?.();
  }

  async flush(): Promise<void> {
    if (this.closed) throw new CephError('EIO', 'the store is closed');
  }

  reserve(c: Collection, bytes: number): void {
    if (!this.content.colls.has(c)) throw new CephError('ENOENT', `no collection ${c}`);
    this.reserved.add(c, bytes, this.freeBytes());
  }

  release(c: Collection): void {
    this.reserved.release(c);
  }

  collections(): Collection[] {
    return [...this.content.colls.keys()].sort();
  }

  hasCollection(c: Collection): boolean {
    return this.content.colls.has(c);
  }

  bounds(c: Collection) {
    return this.content.colls.get(c)?.bounds;
  }

  stat(c: Collection, oid: HObject): ObjectStat | undefined {
    const o = this.content.find(c, oid);
    return o && { size: o.size };
  }

  read(c: Collection, oid: HObject, offset: number, length: number): Uint8Array {
    const o = this.content.find(c, oid);
    if (!o) throw new CephError('ENOENT', `no object ${oid.name} in ${c}`);
    const count = Math.min(length, o.size - offset);
    return count > 0 ? readPieces(o.pieces, offset, count) : Buffer.alloc(0);
  }

  extents(c: Collection, oid: HObject, offset: number, length: number) {
    const o = this.content.find(c, oid);
    return o ? pieceRanges(o.pieces, offset, offset + length) : [];
  }

  getattr(c: Collection, oid: HObject, name: string): Uint8Array | undefined {
    const value = this.content.find(c, oid)?.attrs.get(name);
    return value && Buffer.from(value);
  }

  getattrs(c: Collection, oid: HObject): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const o = this.content.find(c, oid);
    if (o) for (const [name, value] of o.attrs) out.set(name, Buffer.from(value));
    return out;
  }

  omapHeader(c: Collection, oid: HObject): Uint8Array | undefined {
    const header = this.content.find(c, oid)?.omapHeader;
    return header && Buffer.from(header);
  }

  omapGet(c: Collection, oid: HObject, keys: Iterable<string>): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const o = this.content.find(c, oid);
    if (!o) return out;
    for (const key of keys) {
      const value = o.omap.get(key);
      if (value) out.set(key, Buffer.from(value));
    }
    return out;
  }

  omapList(c: Collection, oid: HObject, options: OmapListOptions) {
    const entries: [string, Uint8Array][] = [];
    const o = this.content.find(c, oid);
    if (!o) return { entries, more: false };
    const { from, to } = omapBounds(options);
    for (const [key, value] of o.omap.from(from, to)) {
      if (entries.length >= options.limit) return { entries, more: true };
      entries.push([key, Buffer.from(value)]);
    }
    return { entries, more: false };
  }

  list(c: Collection, from: HObject, limit: number) {
    const objects: HObject[] = [];
    const all = this.content.colls.get(c)?.objects;
    if (!all || from.max) return { objects, next: undefined };
    const start = compareHObject(from, HOBJECT_MIN) === 0 ? '' : objectName(from);
    for (const [name] of all.from(start)) {
      const oid = parseObjectName(name);
      if (objects.length >= limit) return { objects, next: oid };
      objects.push(oid);
    }
    return { objects, next: undefined };
  }

  usage(): StoreUsage {
    const { dataBytes, omapBytes, metadataBytes } = this.content.figures;
    return {
      totalBytes: this.totalBytes,
      availableBytes: Math.max(0, this.freeBytes()),
      dataBytes,
      allocatedBytes: dataBytes,
      omapBytes,
      metadataBytes,
      reservedBytes: this.reserved.totalBytes,
      compressed: new Map(),
    };
  }

  /** Memory is not made to last: nothing is compressed. */
  setCompression(): void {}

  async close(): Promise<void> {
    this.closed = true;
  }

  private freeBytes(): number {
    return this.totalBytes - this.content.bytes;
  }
}
