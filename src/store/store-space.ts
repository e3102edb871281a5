import { Decoder, Encoder } from '../codec/index.ts';
import { CephError } from '../errors/index.ts';
import type { Clock, Disk } from '../runtime/index.ts';
import { compareHObject } from '../wire/index.ts';
import { type Allocator, BLOCK_BYTES } from './allocator.ts';
import type { Collection, StoreOp, StoreUsage, Transaction } from './object-store.ts';
import { Reservations } from './reservations.ts';

/** Counts that are stored with every commit, so that they are exact whenever the store is opened. */
export interface Figures {
  /** The next number for a collection, an object's entries or a patch. */
  nextId: number;
  dataBytes: number;
  omapBytes: number;
  omapEntries: number;
  metadataBytes: number;
  /** What patches will take when they move to blocks. */
  patchBytes: number;
  objects: number;
  /** Units that are given to objects, and how many refer to one of them beside the first. */
  ownedUnits: number;
  sharedRefs: number;
}

/** Those of a new store. */
export const NO_FIGURES: Readonly<Figures> = {
  nextId: 1,
  dataBytes: 0,
  omapBytes: 0,
  omapEntries: 0,
  metadataBytes: 0,
  patchBytes: 0,
  objects: 0,
  ownedUnits: 0,
  sharedRefs: 0,
};
const NAMES = Object.keys(NO_FIGURES) as (keyof Figures)[];

export function encodeFigures(f: Figures): Buffer {
  const o = new Encoder(0n, 8 * NAMES.length);
  for (const name of NAMES) o.u53(f[name]);
  return o.finish();
}

/** @throws DecodeError */
export function decodeFigures(bytes: Uint8Array): Figures {
  const d = new Decoder(bytes);
  const f: Figures = { ...NO_FIGURES };
  for (const name of NAMES) f[name] = d.u53();
  d.finish();
  return f;
}

/** Room that only removals may use, and that moving patches to blocks borrows from. */
const RESERVE_SHARE = 0.01;
const RESERVE_MAX = 256 * 2 ** 20;
/** Left free on the host's file system for the metadata store, which grows as it likes. */
const HOST_RESERVE = 64 * 2 ** 20;
/**
 * Of a host that holds metadata alone: a store is full when no more is left beside that. Clients are refused in time then,
 * while what an OSD must write to go on is still taken.
 */
const HOST_MARGIN = 64 * 2 ** 20;
/** How stale the host's figure may be. */
const HOST_AGE_MS = 2000;
const HOST_GROWTH_MAX = 16 * 2 ** 20;

const RECORD_BYTES = 512;
/** What an entry of the key/value store takes beside its key and value: a node of LMDB, its number, its checksum. */
const ENTRY_BYTES = 24;
/** LMDB's pages are about two thirds full. */
const FILL = 1.5;
/** What a record says of a block: its checksum and, when free space is in single units, an extent of its own. */
const EXTENT_BYTES = 17 * FILL;

/** Where the file system of the store's directory is asked for its room. */
interface Host {
  readonly disk: Disk;
  readonly path: string;
  readonly clock: Clock;
  /** Data are in a file of it, which is sparse; else on a device, and only metadata are its. */
  readonly holdsData: boolean;
}

/** Decides whether a transaction is taken: what it may need is there before anything of it is applied. */
export class StoreSpace {
  readonly totalBytes: number;
  private readonly figures: Figures;
  private readonly allocator: Allocator;
  private readonly reserve: number;
  private hostFree = Number.POSITIVE_INFINITY;
  private askedAt = Number.NEGATIVE_INFINITY;
  private grown = 0;
  /** Records and attributes of the group that gathers; they are counted when it is sealed. */
  private promised = 0;
  /** What the transaction taken last may need; it may not have been applied yet. */
  private admitted = 0;
  readonly reserved = new Reservations();
  private readonly host: Host;

  constructor(totalBytes: number, figures: Figures, allocator: Allocator, host: Host) {
    this.totalBytes = totalBytes;
    this.figures = figures;
    this.allocator = allocator;
    this.reserve = Math.min(RESERVE_MAX, Math.ceil(totalBytes * RESERVE_SHARE));
    this.host = host;
  }

  /** Asks the host how much it has left. */
  async refresh(): Promise<void> {
    this.askedAt = this.host.clock.monotonicMs();
    this.grown = 0;
    this.hostFree = await this.host.disk.freeBytes(this.host.path);
  }

  /** @throws CephError ENOSPC */
  admit(txn: Transaction, cloneBytes: (op: StoreOp) => number): void {
    let need = 0;
    let metadata = 0;
    let hosted = 0;
    let removes = txn.length === 0;
    let isDecided = false;
    for (const op of txn) {
      if (op.op === 'clone' || op.op === 'cloneRange') {
        // What the transaction itself has put into the source comes on top.
        if (isChangedBefore(txn, op)) {
          need *= 2;
          hosted *= 2;
        }
        const copied = cloneBytes(op);
        need += copied;
        hosted += copied;
      }
      const bytes = bytesAdded(op);
      need += bytes;
      hosted += this.host.holdsData || !IS_DATA.has(op.op) ? bytes : metadataAdded(op);
      metadata += metadataAdded(op);
      removes ||= REMOVALS.has(op.op);
      isDecided ||= op.op === 'splitcoll' || op.op === 'mergecoll';
    }
    if (need === 0) return;
    // What makes room may use the reserve, with the few bytes of bookkeeping that go with it. So may what a map has decided
    // on, with all that moves from one PG's log to another's.
    const kept = this.reserved.keptFrom(this.reserved.holderOf(txn));
    const mayUseReserve = isDecided || (removes && need <= 65_536);
    const left = mayUseReserve ? this.left() : this.left() - this.reserve - kept;
    if (need > left || hosted > this.hostLeft() - (this.host.holdsData ? kept : 0)) {
      throw new CephError('ENOSPC', `${Math.ceil(need)} bytes wanted, ${Math.max(0, left)} left`);
    }
    this.grown += hosted;
    this.promised += metadata;
    this.admitted = need;
    this.refreshIfStale();
  }

  /** Whether so many bytes can be had for work of the store's own that can be left undone. */
  hasSpare(bytes: number): boolean {
    return bytes + this.admitted <= Math.min(this.left() - this.reserve, this.hostLeft());
  }

  /** Promises room to a collection. @throws CephError ENOSPC */
  setAside(c: Collection, bytes: number): void {
    this.reserved.add(c, bytes, Math.min(this.left() - this.reserve, this.hostRoom()));
  }

  /** Applies a transaction that was admitted; it draws on what its collection was promised. */
  spend(txn: Transaction, apply: () => void): void {
    const holder = this.reserved.holderOf(txn);
    if (holder === undefined) return apply();
    const before = this.left();
    apply();
    this.reserved.draw(holder, before - this.left());
  }

  /** The figures now count what was promised. */
  sealed(): void {
    this.promised = 0;
  }

  private refreshIfStale(): void {
    const ageMs = this.host.clock.monotonicMs() - this.askedAt;
    if (this.grown <= HOST_GROWTH_MAX && ageMs <= HOST_AGE_MS) return;
    this.refresh().catch(() => {
      this.hostFree = 0; // a file system that does not answer takes no more data
    });
  }

  /** Of the host, it knows what it was told for an earlier question; asked now and then, it is up to date. */
  usage(): Omit<StoreUsage, 'compressed'> {
    this.refreshIfStale();
    const f = this.figures;
    return {
      totalBytes: this.totalBytes,
      availableBytes: Math.max(0, Math.min(this.left(), this.hostRoom())),
      dataBytes: f.dataBytes,
      allocatedBytes: this.allocator.ownedUnits * BLOCK_BYTES + f.patchBytes,
      omapBytes: f.omapBytes,
      metadataBytes: f.metadataBytes,
      reservedBytes: this.reserved.totalBytes,
    };
  }

  private left(): number {
    const f = this.figures;
    const units = this.allocator.freeUnits * BLOCK_BYTES;
    const entries = (f.omapEntries + f.objects) * ENTRY_BYTES;
    const metadata = (f.omapBytes + f.metadataBytes + entries) * FILL;
    return Math.floor(units - f.patchBytes - metadata - this.promised);
  }

  /** How much the host lets the store grow. */
  private hostRoom(): number {
    const left = this.hostLeft();
    if (this.host.holdsData) return left;
    return left > HOST_MARGIN ? Number.POSITIVE_INFINITY : 0;
  }

  private hostLeft(): number {
    return this.hostFree - this.grown - HOST_RESERVE;
  }
}

/** Whether steps before a clone change its source. */
function isChangedBefore(
  txn: Transaction,
  clone: Extract<StoreOp, { op: 'clone' | 'cloneRange' }>,
): boolean {
  for (const op of txn) {
    if (op === clone) return false;
    const changed = 'oid' in op ? op.oid : 'at' in op || op.op === 'clone' ? op.to : undefined;
    if (changed && compareHObject(changed, clone.from) === 0) return true;
  }
  return false;
}

const IS_DATA: ReadonlySet<string> = new Set(['write', 'zero']);
const REMOVALS: ReadonlySet<string> = new Set([
  'remove',
  'rmattr',
  'omapRmKeys',
  'omapRmRange',
  'omapClear',
  'rmcoll',
  'truncate',
]);

/** Bytes that a step may take, at most. */
function bytesAdded(op: StoreOp): number {
  switch (op.op) {
    case 'write':
      return (Math.ceil(op.data.length / BLOCK_BYTES) + 2) * BLOCK_BYTES + metadataAdded(op);
    case 'zero':
      return 2 * BLOCK_BYTES + RECORD_BYTES;
    case 'omapSet':
      return mapBytes(op.entries) + RECORD_BYTES;
    case 'omapSetHeader':
      return op.header.length * FILL + RECORD_BYTES;
    default:
      return metadataAdded(op);
  }
}

/** Those of them that go into records of objects and collections. */
function metadataAdded(op: StoreOp): number {
  switch (op.op) {
    case 'setattrs':
      return mapBytes(op.attrs) + RECORD_BYTES;
    case 'write':
      return Math.ceil(op.data.length / BLOCK_BYTES) * EXTENT_BYTES + RECORD_BYTES;
    case 'zero':
    case 'omapSet':
    case 'omapSetHeader':
    case 'touch':
    case 'hint':
    case 'mkcoll':
    case 'splitcoll':
    case 'clone':
    case 'cloneRange':
      return RECORD_BYTES;
    default:
      return 0;
  }
}

function mapBytes(map: ReadonlyMap<string, Uint8Array>): number {
  let n = 0;
  for (const [key, value] of map) n += key.length + value.length + ENTRY_BYTES;
  return n * FILL;
}
