import { CephError, unreachable } from '../errors/index.ts';
import { compareHObject, HOBJECT_MIN, type HObject } from '../wire/index.ts';
import { checkTransaction } from './check.ts';
import { objectName, parseObjectName } from './object-key.ts';
import type {
  Collection,
  ObjectStat,
  ObjectStore,
  StoreOp,
  StoreUsage,
  Transaction,
} from './object-store.ts';
import { type OmapListOptions, omapBounds } from './omap-bounds.ts';
import { belongs, type PgBounds } from './pg-bounds.ts';
import { type Piece, pieceRanges, readPieces, replaceRange } from './pieces.ts';
import { Reservations } from './reservations.ts';
import { SortedMap } from './sorted-map.ts';

interface MemoryCollection {
  readonly bounds: PgBounds | undefined;
  readonly objects: SortedMap<MemoryObject>;
}

interface MemoryObject {
  size: number;
  pieces: Piece[];
  attrs: Map<string, Uint8Array>;
  omap: SortedMap<Uint8Array>;
  omapHeader: Uint8Array | undefined;
}

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
  private readonly colls: Map<Collection, MemoryCollection>;
  private readonly totalBytes: number;
  private dataBytes = 0;
  private omapBytes = 0;
  private metadataBytes = 0;
  private closed = false;
  private readonly reserved = new Reservations();

  constructor(options: MemoryStoreOptions = {}) {
    const { from } = options;
    this.totalBytes = options.sizeBytes ?? from?.totalBytes ?? 2 ** 30;
    this.colls = from?.colls ?? new Map();
    this.dataBytes = from?.dataBytes ?? 0;
    this.omapBytes = from?.omapBytes ?? 0;
    this.metadataBytes = from?.metadataBytes ?? 0;
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
    for (const op of txn) this.apply(op);
    if (holder) this.reserved.draw(holder, before - this.freeBytes());
    applied?.();
  }

  async flush(): Promise<void> {
    if (this.closed) throw new CephError('EIO', 'the store is closed');
  }

  reserve(c: Collection, bytes: number): void {
    if (!this.colls.has(c)) throw new CephError('ENOENT', `no collection ${c}`);
    this.reserved.add(c, bytes, this.freeBytes());
  }

  release(c: Collection): void {
    this.reserved.release(c);
  }

  private apply(op: StoreOp): void {
    switch (op.op) {
      case 'mkcoll':
        this.colls.set(op.c, { bounds: op.bounds, objects: new SortedMap() });
        return;
      case 'rmcoll':
        this.colls.delete(op.c);
        this.release(op.c);
        return;
      case 'splitcoll':
        this.split(op);
        return;
      case 'mergecoll':
        this.merge(op);
        return;
      case 'touch':
      case 'hint':
        this.make(op.c, op.oid);
        return;
      case 'write':
        this.write(this.make(op.c, op.oid), op.offset, op.data);
        return;
      case 'zero': {
        const o = this.make(op.c, op.oid);
        if (op.length === 0) return;
        this.change(o, () => replaceRange(o.pieces, op.offset, op.offset + op.length));
        o.size = Math.max(o.size, op.offset + op.length);
        return;
      }
      case 'truncate': {
        const o = this.make(op.c, op.oid);
        this.change(o, () => replaceRange(o.pieces, op.size, Number.POSITIVE_INFINITY));
        o.size = op.size;
        return;
      }
      case 'remove':
        this.remove(op.c, op.oid);
        return;
      case 'setattrs': {
        const o = this.make(op.c, op.oid);
        for (const [name, value] of op.attrs) {
          this.rmattr(o, name);
          o.attrs.set(name, Buffer.from(value));
          this.metadataBytes += name.length + value.length;
        }
        return;
      }
      case 'rmattr': {
        const o = this.find(op.c, op.oid);
        if (o) this.rmattr(o, op.name);
        return;
      }
      case 'omapSet': {
        const o = this.make(op.c, op.oid);
        for (const [key, value] of op.entries) {
          this.rmOmap(o, key);
          o.omap.set(key, Buffer.from(value));
          this.omapBytes += key.length + value.length;
        }
        return;
      }
      case 'omapRmKeys': {
        const o = this.find(op.c, op.oid);
        if (o) for (const key of op.keys) this.rmOmap(o, key);
        return;
      }
      case 'omapRmRange': {
        const o = this.find(op.c, op.oid);
        if (o) for (const [key] of o.omap.from(op.from, op.to)) this.rmOmap(o, key);
        return;
      }
      case 'omapClear': {
        const o = this.find(op.c, op.oid);
        if (o) this.clearOmap(o);
        return;
      }
      case 'omapSetHeader': {
        const o = this.make(op.c, op.oid);
        this.omapBytes += op.header.length - (o.omapHeader?.length ?? 0);
        o.omapHeader = Buffer.from(op.header);
        return;
      }
      case 'clone':
        this.clone(op.c, op.from, op.to);
        return;
      case 'cloneRange':
        this.cloneRange(op);
        return;
      default:
        unreachable(op);
    }
  }

  private split({ c, dest, bits, seed }: Extract<StoreOp, { op: 'splitcoll' }>): void {
    const { bounds, objects } = this.colls.get(c)!;
    const high = { pool: bounds!.pool, seed, bits };
    const moved = new SortedMap<MemoryObject>();
    for (const [name, o] of objects.from('')) {
      if (belongs(high, parseObjectName(name))) moved.set(name, o);
    }
    for (const [name] of moved.from('')) objects.delete(name);
    this.colls.set(c, { bounds: { ...bounds!, bits }, objects });
    this.colls.set(dest, { bounds: high, objects: moved });
  }

  private merge({ c, dest, bits }: Extract<StoreOp, { op: 'mergecoll' }>): void {
    const { bounds, objects } = this.colls.get(dest)!;
    for (const [name, o] of this.colls.get(c)!.objects.from('')) objects.set(name, o);
    this.colls.delete(c);
    this.release(c);
    this.colls.set(dest, { bounds: { ...bounds!, bits }, objects });
  }

  private write(o: MemoryObject, offset: number, data: Uint8Array): void {
    if (data.length === 0) return;
    const end = offset + data.length;
    this.change(o, () => replaceRange(o.pieces, offset, end, { offset, data: Buffer.from(data) }));
    o.size = Math.max(o.size, end);
  }

  /** Keeps the count of data bytes right across a change of an object's pieces. */
  private change(o: MemoryObject, alter: () => void): void {
    const before = bytesOf(o);
    alter();
    this.dataBytes += bytesOf(o) - before;
  }

  private clone(c: Collection, from: HObject, to: HObject): void {
    const source = this.find(c, from);
    if (!source || compareHObject(from, to) === 0) return;
    this.remove(c, to);
    const o: MemoryObject = {
      size: source.size,
      pieces: source.pieces.slice(),
      attrs: new Map(source.attrs),
      omap: source.omap.copy(),
      omapHeader: source.omapHeader,
    };
    this.colls.get(c)!.objects.set(objectName(to), o);
    this.account(o, 1);
  }

  private cloneRange(op: Extract<StoreOp, { op: 'cloneRange' }>): void {
    const { c, offset, at } = op;
    const source = this.find(c, op.from);
    if (!source) return;
    const o = this.make(c, op.to);
    const end = Math.min(offset + op.length, source.size);
    if (end <= offset) return;
    const pieces = pieceRanges(source.pieces, offset, end).map((r) => ({
      offset: r.offset - offset + at,
      data: readPieces(source.pieces, r.offset, r.length),
    }));
    const stop = at + end - offset;
    this.change(o, () => {
      replaceRange(o.pieces, at, stop);
      for (const p of pieces) replaceRange(o.pieces, p.offset, p.offset + p.data.length, p);
    });
    o.size = Math.max(o.size, stop);
  }

  private remove(c: Collection, oid: HObject): void {
    const name = objectName(oid);
    const { objects } = this.colls.get(c)!;
    const o = objects.get(name);
    if (!o) return;
    this.account(o, -1);
    objects.delete(name);
  }

  private account(o: MemoryObject, sign: 1 | -1): void {
    this.dataBytes += sign * bytesOf(o);
    let meta = OBJECT_BYTES;
    for (const [name, value] of o.attrs) meta += name.length + value.length;
    this.metadataBytes += sign * meta;
    let omap = o.omapHeader?.length ?? 0;
    for (const [key, value] of o.omap.from('')) omap += key.length + value.length;
    this.omapBytes += sign * omap;
  }

  private rmattr(o: MemoryObject, name: string): void {
    const old = o.attrs.get(name);
    if (!old) return;
    this.metadataBytes -= name.length + old.length;
    o.attrs.delete(name);
  }

  private rmOmap(o: MemoryObject, key: string): void {
    const old = o.omap.get(key);
    if (!old) return;
    this.omapBytes -= key.length + old.length;
    o.omap.delete(key);
  }

  private clearOmap(o: MemoryObject): void {
    for (const [key, value] of o.omap.from('')) this.omapBytes -= key.length + value.length;
    this.omapBytes -= o.omapHeader?.length ?? 0;
    o.omap.clear();
    o.omapHeader = undefined;
  }

  private make(c: Collection, oid: HObject): MemoryObject {
    const { objects } = this.colls.get(c)!;
    const name = objectName(oid);
    let o = objects.get(name);
    if (!o) {
      o = { size: 0, pieces: [], attrs: new Map(), omap: new SortedMap(), omapHeader: undefined };
      objects.set(name, o);
      this.metadataBytes += OBJECT_BYTES;
    }
    return o;
  }

  private find(c: Collection, oid: HObject): MemoryObject | undefined {
    return oid.max ? undefined : this.colls.get(c)?.objects.get(objectName(oid));
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
    const o = this.find(c, oid);
    return o && { size: o.size };
  }

  read(c: Collection, oid: HObject, offset: number, length: number): Uint8Array {
    const o = this.find(c, oid);
    if (!o) throw new CephError('ENOENT', `no object ${oid.name} in ${c}`);
    const count = Math.min(length, o.size - offset);
    return count > 0 ? readPieces(o.pieces, offset, count) : Buffer.alloc(0);
  }

  extents(c: Collection, oid: HObject, offset: number, length: number) {
    const o = this.find(c, oid);
    return o ? pieceRanges(o.pieces, offset, offset + length) : [];
  }

  getattr(c: Collection, oid: HObject, name: string): Uint8Array | undefined {
    const value = this.find(c, oid)?.attrs.get(name);
    return value && Buffer.from(value);
  }

  getattrs(c: Collection, oid: HObject): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const o = this.find(c, oid);
    if (o) for (const [name, value] of o.attrs) out.set(name, Buffer.from(value));
    return out;
  }

  omapHeader(c: Collection, oid: HObject): Uint8Array | undefined {
    const header = this.find(c, oid)?.omapHeader;
    return header && Buffer.from(header);
  }

  omapGet(c: Collection, oid: HObject, keys: Iterable<string>): Map<string, Uint8Array> {
    const out = new Map<string, Uint8Array>();
    const o = this.find(c, oid);
    if (!o) return out;
    for (const key of keys) {
      const value = o.omap.get(key);
      if (value) out.set(key, Buffer.from(value));
    }
    return out;
  }

  omapList(c: Collection, oid: HObject, options: OmapListOptions) {
    const entries: [string, Uint8Array][] = [];
    const o = this.find(c, oid);
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
    const all = this.colls.get(c)?.objects;
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
    return {
      totalBytes: this.totalBytes,
      availableBytes: Math.max(0, this.freeBytes()),
      dataBytes: this.dataBytes,
      allocatedBytes: this.dataBytes,
      omapBytes: this.omapBytes,
      metadataBytes: this.metadataBytes,
      reservedBytes: this.reserved.totalBytes,
      compressed: new Map(),
    };
  }

  /** Memory is not made to last: nothing is compressed. */
  setCompression(): void {}

  private freeBytes(): number {
    return this.totalBytes - this.dataBytes - this.omapBytes - this.metadataBytes;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** What an object costs beside its content, roughly. */
const OBJECT_BYTES = 256;

function bytesOf(o: MemoryObject): number {
  let n = 0;
  for (const p of o.pieces) n += p.data.length;
  return n;
}

function bytesAdded(op: StoreOp): number {
  let n = 0;
  switch (op.op) {
    case 'write':
      return op.data.length + OBJECT_BYTES;
    case 'setattrs':
      for (const [name, value] of op.attrs) n += name.length + value.length;
      return n + OBJECT_BYTES;
    case 'omapSet':
      for (const [key, value] of op.entries) n += key.length + value.length;
      return n + OBJECT_BYTES;
    case 'omapSetHeader':
      return op.header.length + OBJECT_BYTES;
    case 'touch':
    case 'hint':
    case 'clone':
    case 'cloneRange':
      return OBJECT_BYTES;
    default:
      return 0;
  }
}
