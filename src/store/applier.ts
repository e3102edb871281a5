import { assert, CephError, unreachable } from '../errors/index.ts';
import { compareHObject, type HObject } from '../wire/index.ts';
import type { BlockWriter } from './block-writer.ts';
import type { Group } from './committer.ts';
import { HINT } from './compression-policy.ts';
import { collectionKey, encodePlace, objectKey } from './keys.ts';
import type { ObjectOmaps } from './object-omap.ts';
import type { Collection, StoreOp } from './object-store.ts';
import type { ObjectTable } from './object-table.ts';
import type { Onode } from './onode.ts';
import { belongs, type PgBounds } from './pg-bounds.ts';
import { type Place, pgPlace, plainPlace } from './place.ts';
import type { Figures } from './store-space.ts';

interface Parts {
  readonly colls: Map<Collection, Place>;
  readonly figures: Figures;
  readonly table: ObjectTable;
  readonly writer: BlockWriter;
  readonly omaps: ObjectOmaps;
  /** The group that gathers. */
  readonly group: () => Group;
  /** A collection is no more. */
  readonly ended: (c: Collection) => void;
}

/** Brings the steps of transactions, which were checked, into the objects in memory and the group that gathers. */
export class Applier {
  private readonly o: Parts;

  constructor(parts: Parts) {
    this.o = parts;
  }

  /** One step, of which nothing may fail but for damage that shows. @throws CephError EIO */
  apply(op: StoreOp): void {
    switch (op.op) {
      case 'mkcoll':
        this.place(op.c, op.bounds ? pgPlace(op.bounds) : plainPlace(this.o.figures.nextId++));
        return;
      case 'rmcoll':
        this.forget(op.c);
        return;
      case 'splitcoll': {
        const { pool, seed } = this.boundsOf(op.c);
        this.place(op.c, pgPlace({ pool, seed, bits: op.bits }));
        this.place(op.dest, pgPlace({ pool, seed: op.seed, bits: op.bits }));
        return;
      }
      case 'mergecoll': {
        const { pool, seed } = this.boundsOf(op.dest);
        this.forget(op.c);
        this.place(op.dest, pgPlace({ pool, seed, bits: op.bits }));
        return;
      }
      case 'touch':
        this.make(op.c, op.oid);
        return;
      case 'write':
        this.o.writer.write(this.make(op.c, op.oid), op.offset, op.data, op.crcs);
        return;
      case 'zero':
        this.o.writer.zero(this.make(op.c, op.oid), op.offset, op.length);
        return;
      case 'truncate':
        this.o.writer.truncate(this.make(op.c, op.oid), op.size);
        return;
      case 'remove': {
        const n = this.removable(op.c, op.oid);
        if (n) this.remove(n);
        return;
      }
      case 'setattrs': {
        const n = this.make(op.c, op.oid);
        for (const [name, value] of op.attrs) n.attrs.set(name, byteStringOf(value));
        return;
      }
      case 'rmattr':
        this.changeable(op.c, op.oid)?.attrs.delete(op.name);
        return;
      case 'omapSet':
        this.o.omaps.set(this.make(op.c, op.oid), op.entries);
        return;
      case 'omapRmKeys': {
        const n = this.changeable(op.c, op.oid);
        if (n) this.o.omaps.removeKeys(n, op.keys);
        return;
      }
      case 'omapRmRange': {
        const n = this.changeable(op.c, op.oid);
        if (n) this.o.omaps.removeRange(n, op.from, op.to);
        return;
      }
      case 'omapClear': {
        const n = this.changeable(op.c, op.oid);
        if (n) this.o.omaps.clear(n);
        return;
      }
      case 'omapSetHeader':
        this.o.omaps.setHeader(this.make(op.c, op.oid), op.header);
        return;
      case 'hint':
        this.make(op.c, op.oid).hints = op.flags & (HINT.compressible | HINT.incompressible);
        return;
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

  private clone(c: Collection, source: HObject, target: HObject): void {
    if (compareHObject(source, target) === 0) return;
    const from = this.changeable(c, source);
    if (!from) return;
    this.remove(this.make(c, target));
    const to = this.make(c, target);
    this.o.writer.clone(from, to);
    to.attrs = new Map(from.attrs);
    to.hints = from.hints;
    this.o.omaps.copy(from, to);
  }

  private cloneRange(op: Extract<StoreOp, { op: 'cloneRange' }>): void {
    const from = this.changeable(op.c, op.from);
    if (!from) return;
    const to = this.make(op.c, op.to);
    this.o.writer.cloneRange(from, to, op);
  }

  private place(c: Collection, place: Place): void {
    this.o.colls.set(c, place);
    this.o.group().changes.set(collectionKey(c), encodePlace(place));
  }

  private forget(c: Collection): void {
    this.o.colls.delete(c);
    this.o.group().changes.set(collectionKey(c), null);
    this.o.ended(c);
  }

  private boundsOf(c: Collection): PgBounds {
    const bounds = this.o.colls.get(c)?.bounds;
    assert(bounds, 'the transaction was checked');
    return bounds;
  }

  private remove(n: Onode): void {
    this.o.writer.removeData(n);
    this.o.omaps.clear(n);
    n.attrs = new Map();
    n.hints = 0;
    n.exists = false;
    this.o.group().changes.set(n.key, null);
  }

  private make(c: Collection, oid: HObject): Onode {
    const place = this.o.colls.get(c);
    assert(place, 'the transaction was checked');
    const n = this.o.table.change(objectKey(place.space, oid), this.o.group());
    n.exists = true;
    return n;
  }

  /** The object if it is there, to be changed. */
  private changeable(c: Collection, oid: HObject): Onode | undefined {
    return this.find(c, oid) && this.make(c, oid);
  }

  /**
   * The object, to be removed; if its record is damaged, an empty one in its place: what the record spoke of stays taken
   * until a check of the store finds that nobody has it.
   */
  private removable(c: Collection, oid: HObject): Onode | undefined {
    try {
      return this.changeable(c, oid);
    } catch (error) {
      const place = this.o.colls.get(c);
      if (!(error instanceof CephError) || !place) throw error;
      return this.o.table.replace(objectKey(place.space, oid), this.o.group());
    }
  }

  find(c: Collection, oid: HObject): Onode | undefined {
    const place = this.o.colls.get(c);
    if (!place || oid.max || (place.bounds && !belongs(place.bounds, oid))) return undefined;
    return this.o.table.find(objectKey(place.space, oid));
  }
}

function byteStringOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).latin1Slice();
}
