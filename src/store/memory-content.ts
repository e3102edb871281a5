import { unreachable } from '../errors/index.ts';
import { compareHObject, type HObject } from '../wire/index.ts';
import { objectName, parseObjectName } from './object-key.ts';
import type { Collection, StoreOp } from './object-store.ts';
import { belongs, type PgBounds } from './pg-bounds.ts';
import { type Piece, pieceRanges, readPieces, replaceRange } from './pieces.ts';
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

/** What an object costs beside its content, roughly. */
const OBJECT_BYTES = 256;

/** All that a store in memory holds, how transactions change it, and what it comes to. */
export class MemoryContent {
  readonly colls = new Map<Collection, MemoryCollection>();
  readonly figures = { dataBytes: 0, omapBytes: 0, metadataBytes: 0 };
  /** Told of every collection that is gone. */
  ended: (c: Collection) => void = () => {};

  /** All of it. */
  get bytes(): number {
    const { dataBytes, omapBytes, metadataBytes } = this.figures;
    return dataBytes + omapBytes + metadataBytes;
  }

  /** Applies a step of a checked transaction. */
  apply(op: StoreOp): void {
    switch (op.op) {
      case 'mkcoll':
        this.colls.set(op.c, { bounds: op.bounds, objects: new SortedMap() });
        return;
      case 'rmcoll':
        this.colls.delete(op.c);
        this.ended(op.c);
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
          this.figures.metadataBytes += name.length + value.length;
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
          this.figures.omapBytes += key.length + value.length;
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
        this.figures.omapBytes += op.header.length - (o.omapHeader?.length ?? 0);
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
    this.ended(c);
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
    this.figures.dataBytes += bytesOf(o) - before;
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
    this.figures.dataBytes += sign * bytesOf(o);
    let meta = OBJECT_BYTES;
    for (const [name, value] of o.attrs) meta += name.length + value.length;
    this.figures.metadataBytes += sign * meta;
    let omap = o.omapHeader?.length ?? 0;
    for (const [key, value] of o.omap.from('')) omap += key.length + value.length;
    this.figures.omapBytes += sign * omap;
  }

  private rmattr(o: MemoryObject, name: string): void {
    const old = o.attrs.get(name);
    if (!old) return;
    this.figures.metadataBytes -= name.length + old.length;
    o.attrs.delete(name);
  }

  private rmOmap(o: MemoryObject, key: string): void {
    const old = o.omap.get(key);
    if (!old) return;
    this.figures.omapBytes -= key.length + old.length;
    o.omap.delete(key);
  }

  private clearOmap(o: MemoryObject): void {
    for (const [key, value] of o.omap.from('')) this.figures.omapBytes -= key.length + value.length;
    this.figures.omapBytes -= o.omapHeader?.length ?? 0;
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
      this.figures.metadataBytes += OBJECT_BYTES;
    }
    return o;
  }

  /** @returns undefined for what is not there */
  find(c: Collection, oid: HObject): MemoryObject | undefined {
    return oid.max ? undefined : this.colls.get(c)?.objects.get(objectName(oid));
  }
}

function bytesOf(o: MemoryObject): number {
  let n = 0;
  for (const p of o.pieces) n += p.data.length;
  return n;
}

/** What a step may add, at most. */
export function bytesAdded(op: StoreOp): number {
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
