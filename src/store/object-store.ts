import type { DirectMode } from '../runtime/index.ts';
import type { HObject } from '../wire/index.ts';
import type { CompressedBytes, CompressionPolicy } from './compression-policy.ts';
import type { StoreMemory } from './held-memory.ts';
import type { PgBounds } from './pg-bounds.ts';

/** A collection is one PG's objects, named as the PG prints (`1.2f`), or `meta` for the daemon's own. */
export type Collection = string;

/** Attribute and omap names are byte strings. The store copies values; those it returns are the caller's. */
type Attrs = ReadonlyMap<string, Uint8Array>;

/**
 * One step of a transaction. Steps create the object they touch if it is missing, except `remove`, `rmattr`, `clone`,
 * `cloneRange` and the omap removals, which do nothing to an object that is not there. Offsets and lengths are bytes.
 */
export type StoreOp =
  /**
   * `bounds` make it a PG's: only what they allow may be in it, and no other collection may have bounds that overlap.
   * Without them it takes any object, and can be neither split nor merged.
   */
  | { readonly op: 'mkcoll'; readonly c: Collection; readonly bounds?: PgBounds | undefined }
  /**
   * Halves a PG's collection: objects whose hash ends in the `bits` lowest bits of `seed` are from now on in `dest`, which
   * is made by this. `bits` is one more than `c` has, and `seed` the seed of `c` with that bit set. Whoever wants more
   * parts splits again. No object is touched: it costs the same however many there are.
   */
  | {
      readonly op: 'splitcoll';
      readonly c: Collection;
      readonly bits: number;
      readonly seed: number;
      readonly dest: Collection;
    }
  /** Undoes a split: `c` ends, and all it holds is in `dest`, which has `bits` bits from then on. As cheap. */
  | {
      readonly op: 'mergecoll';
      readonly c: Collection;
      readonly dest: Collection;
      readonly bits: number;
    }
  /** The collection must be empty, and not have been split or merged by the same transaction. */
  | { readonly op: 'rmcoll'; readonly c: Collection }
  | { readonly op: 'touch'; readonly c: Collection; readonly oid: HObject }
  /**
   * `data` belongs to the store and must not change until the submit has resolved. A gap before `offset` reads as
   * zeros.
   */
  | {
      readonly op: 'write';
      readonly c: Collection;
      readonly oid: HObject;
      readonly offset: number;
      readonly data: Uint8Array;
      /** crc32c(0xffffffff) of each whole 4096 bytes of `data`, from its start, if somebody has it already. */
      readonly crcs?: Uint32Array | undefined;
    }
  /** Zeros within the object; extends it when the range ends beyond its size. */
  | {
      readonly op: 'zero';
      readonly c: Collection;
      readonly oid: HObject;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly op: 'truncate';
      readonly c: Collection;
      readonly oid: HObject;
      readonly size: number;
    }
  /** Data, attributes and omap. */
  | { readonly op: 'remove'; readonly c: Collection; readonly oid: HObject }
  | {
      readonly op: 'setattrs';
      readonly c: Collection;
      readonly oid: HObject;
      readonly attrs: Attrs;
    }
  | { readonly op: 'rmattr'; readonly c: Collection; readonly oid: HObject; readonly name: string }
  | {
      readonly op: 'omapSet';
      readonly c: Collection;
      readonly oid: HObject;
      readonly entries: Attrs;
    }
  | {
      readonly op: 'omapRmKeys';
      readonly c: Collection;
      readonly oid: HObject;
      readonly keys: readonly string[];
    }
  /** Removes from <= key < to. */
  | {
      readonly op: 'omapRmRange';
      readonly c: Collection;
      readonly oid: HObject;
      readonly from: string;
      readonly to: string;
    }
  /** Entries and header. */
  | { readonly op: 'omapClear'; readonly c: Collection; readonly oid: HObject }
  | {
      readonly op: 'omapSetHeader';
      readonly c: Collection;
      readonly oid: HObject;
      readonly header: Uint8Array;
    }
  /**
   * What a client says of the object's data, as the `flags` of CEPH_OSD_OP_SETALLOCHINT; the last word counts, and a
   * clone starts with its source's. COMPRESSIBLE and INCOMPRESSIBLE are kept, the others are nothing to the store.
   */
  | { readonly op: 'hint'; readonly c: Collection; readonly oid: HObject; readonly flags: number }
  /** Makes `to` equal to `from` in data, attributes and omap; what `to` was is gone. Shares extents where it can. */
  | { readonly op: 'clone'; readonly c: Collection; readonly from: HObject; readonly to: HObject }
  /**
   * Puts the bytes offset..offset+length of `from`, or as many of them as it has, into `to` at `at`; holes stay holes.
   * `to` may be `from`, and then gets what was there before. Whole blocks of 4096 bytes are shared if `offset` and `at`
   * lie alike in theirs; all else is copied.
   */
  | {
      readonly op: 'cloneRange';
      readonly c: Collection;
      readonly from: HObject;
      readonly to: HObject;
      readonly offset: number;
      readonly length: number;
      readonly at: number;
    };

/** Atomic and durable as a whole: after any crash either all of it is there or none. */
export type Transaction = readonly StoreOp[];

/** What a caller lends a read for its result, and learns of it. */
export interface ReadMemory {
  /** Memory of at least so many bytes, lent until the read has resolved or rejected. The store may have its own. */
  take(length: number): Buffer;
  /** Set by the store, where it knows them: crc32c(0xffffffff) of each whole 4096 bytes of the result. */
  crcs: Uint32Array | undefined;
}

export interface ObjectStat {
  readonly size: number;
}

export interface StoreUsage {
  /**
   * Bytes the store may hold, and those of them that are neither given to anything nor lacking on a host that it shares
   * with others.
   */
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** Bytes of object data as written by users, before padding. */
  readonly dataBytes: number;
  /** Bytes of extents given to object data. */
  readonly allocatedBytes: number;
  readonly omapBytes: number;
  /** Bytes of the store's own bookkeeping. */
  readonly metadataBytes: number;
  /** Bytes promised to collections and not used yet; they count as available. */
  readonly reservedBytes: number;
  /** What compression does for a pool, by its number; pools without compressed data are left out. */
  readonly compressed: ReadonlyMap<number, CompressedBytes>;
}

/**
 * Objects with sparse data, attributes and a sorted key/value map (omap), in collections. A transaction passes three
 * levels. In memory: reads see it, from the call of `submit` on; a crash takes it back, and with it all that came later.
 * In the journal: it is durable, and `submit` resolves; transactions become durable in the order of their submits. On
 * disk, when a `flush` called after that has resolved: data and metadata are in their place, and the journal is not
 * needed for them.
 */
export interface ObjectStore {
  /**
   * Rejects with CephError ENOSPC, nothing of it applied, when the store has no room. A transaction of only removals
   * is never refused for room. EIO: the device failed and the store takes no more writes.
   * @param applied called before this returns, if the transaction is taken
   */
  submit(txn: Transaction, applied?: () => void): Promise<void>;
  /** Brings everything submitted before to its place on disk. EIO as for `submit`. */
  flush(): Promise<void>;

  /**
   * Promises a collection room for so many bytes beside what it was promised before: what is written to it from then on
   * draws on that, and nobody else can have it. Nothing of it is stored: after a restart nothing is promised.
   * @throws CephError ENOSPC, nothing promised; ENOENT
   */
  reserve(c: Collection, bytes: number): void;
  /** Takes back what a collection was promised and has not used; so does its removal. */
  release(c: Collection): void;

  collections(): Collection[];
  hasCollection(c: Collection): boolean;
  /** Of a PG's collection. */
  bounds(c: Collection): PgBounds | undefined;
  stat(c: Collection, oid: HObject): ObjectStat | undefined;
  /**
   * Bytes from `offset`, short at the object's end. A plain value when memory or the page cache has them at hand, a
   * promise when the device is asked. CephError ENOENT: no object; EIO: a checksum does not match.
   * @param memory the result may lie in what it lends
   */
  read(
    c: Collection,
    oid: HObject,
    offset: number,
    length: number,
    memory?: ReadMemory,
  ): Uint8Array | Promise<Uint8Array>;
  /** Ranges that hold data, ascending and joined, within offset..offset+length. */
  extents(
    c: Collection,
    oid: HObject,
    offset: number,
    length: number,
  ): { offset: number; length: number }[];
  getattr(c: Collection, oid: HObject, name: string): Uint8Array | undefined;
  getattrs(c: Collection, oid: HObject): Map<string, Uint8Array>;
  omapHeader(c: Collection, oid: HObject): Uint8Array | undefined;
  omapGet(c: Collection, oid: HObject, keys: Iterable<string>): Map<string, Uint8Array>;
  /** Entries with key > `after` (or >= `from`) that start with `prefix`, ascending, at most `limit`. */
  omapList(
    c: Collection,
    oid: HObject,
    options: { after?: string; from?: string; prefix?: string; limit: number },
  ): { entries: [string, Uint8Array][]; more: boolean };
  /** Objects >= `from` in Ceph's order (compareHObject), at most `limit`, and where to go on; undefined at the end. */
  list(
    c: Collection,
    from: HObject,
    limit: number,
  ): { objects: HObject[]; next: HObject | undefined };

  usage(): StoreUsage;
  /** From now on, data of a pool's objects is compressed like this when it is written; undefined: not at all. */
  setCompression(pool: number, policy: CompressionPolicy | undefined): void;
  /**
   * Whether data go past the system's page cache from now on. Absent: there is none.
   * @throws CephError EINVAL for `on` where there is no way around it
   */
  setDirect?(mode: DirectMode): void;
  /** What it holds in memory, about. Absent, as the next two: nothing that could be had again. */
  memory?(): StoreMemory;
  /** What is kept only to be found sooner takes no more than this from now on. */
  setCacheBytes?(bytes: number): void;
  /** Lets go of memory that only shows what is on the device, if nothing is under way at the moment. */
  dropPages?(): void;
  /** Waits for what is under way, then lets go of the device. */
  close(): Promise<void>;
}
