import { CephError } from '../errors/index.ts';
import {
  alignedMemory,
  type DiskFile,
  type KeyValue,
  type KeyValueOp,
  type KeyValueRange,
} from '../runtime/index.ts';
import type { HeldMemory } from './held-memory.ts';
import { applyEpoch } from './journal-apply.ts';
import { JournalArea, recordBytes } from './journal-area.ts';
import { MARK, markOp, readMark } from './journal-mark.ts';
import { replayJournal } from './journal-replay.ts';
import { JournalWriter } from './journal-writer.ts';
import { mergeRange } from './merge-range.ts';
import { SortedMap } from './sorted-map.ts';
import { withoutRanges } from './without-ranges.ts';

export interface JournalOptions {
  file: DiskFile;
  /** Where batches end up. Must not be changed by anybody else. */
  kv: KeyValue;
  crc32c: (seed: number, bytes: Uint8Array) => number;
  /** Bytes of each of the file's two areas; default 8 MiB. */
  areaBytes?: number;
  /** How many changes go to the store below at a time; default 400. */
  sliceOps?: number;
  /** The file was made just now; see refuseLostJournal. */
  isNew?: boolean;
  /** See ReplayOptions.damaged. */
  damaged?: ((what: string) => void) | undefined;
}

const AREA_BYTES = 8 * 2 ** 20;
/** What an area takes for a key that it has a change of, about. */
const KEY_BYTES = 100;

interface Waiting {
  readonly batch: readonly KeyValueOp[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
/**
 * Makes batches durable by one sequential write and one sync, and passes them on to another store in large lots.
 *
 * The file has two areas. Batches are appended to one, which is in memory as well; when it is full the other is begun (the
 * next epoch) and the content of the first is applied to the store below. A key written often, or written and soon deleted,
 * reaches that store once or as a deletion. Records carry their epoch and a checksum, so a torn or an old one ends the
 * replay; one that was durable and is damaged is told apart, see replayJournal. Replay starts over from the first record
 * of an epoch, and applying a batch twice changes nothing.
 */
export class JournaledKeyValue implements KeyValue {
  private readonly options: JournalOptions;
  private readonly file: DiskFile;
  private readonly kv: KeyValue;
  private readonly crc32c: (seed: number, bytes: Uint8Array) => number;
  private readonly areaBytes: number;
  private epoch: number;
  private sequence = 0;
  /** Records of this epoch known to be durable; at its begin, how many the epoch before has. */
  private durable = 0;
  private current: JournalArea;
  /** The full area, until it is applied. */
  private full: JournalArea | undefined;
  /** The memory of the areas by the parity of their epochs, made when one is first used. */
  private readonly memory: [Buffer?, Buffer?] = [];
  /** How much of each was ever used: the rest is addresses only. */
  private readonly touched = [0, 0];
  private readonly waiting: Waiting[] = [];
  private readonly writer: JournalWriter;
  /** A batch too large for an area goes to the store below by itself. */
  private bypass = false;
  /** Wait for the next end of a write or of an application. */
  private readonly watchers: (() => void)[] = [];
  private closed = false;

  /**
   * Replays what the file holds, and starts a new epoch.
   * @throws CephError EIO when a record that was durable cannot be read
   */
  static async open(options: JournalOptions): Promise<JournaledKeyValue> {
    const mark = readMark(options.kv);
    const applied = mark?.epoch ?? 0;
    const found = new SortedMap<Buffer | null>();
    // The areas stand where whoever wrote them put them, whatever their size is from now on.
    const areaBytes = mark?.areaBytes ?? areaBytesOf(options);
    const newest =
      mark?.isClosed || options.isNew
        ? applied + 2
        : replayJournal({ ...options, areaBytes }, applied, found);
    // These epochs are done with, whatever of them was found: nothing they left can be taken for the new one's.
    const { kv, sliceOps } = options;
    await applyEpoch(kv, found.from(''), {
      epoch: newest,
      areaBytes: areaBytesOf(options),
      sliceOps,
    });
    return new JournaledKeyValue(options, newest + 1);
  }

  private constructor(options: JournalOptions, epoch: number) {
    this.options = options;
    this.file = options.file;
    this.kv = options.kv;
    this.crc32c = options.crc32c;
    this.areaBytes = areaBytesOf(options);
    this.epoch = epoch;
    this.current = this.areaOf(epoch);
    this.writer = new JournalWriter({
      file: options.file,
      areaBytes: this.areaBytes,
      memory: (parity) => this.memory[parity]!,
      written: (of, next) => {
        if (of === this.epoch) this.durable = next;
      },
      idle: () => this.progress(),
    });
  }

  private areaOf(epoch: number): JournalArea {
    const parity = epoch % 2;
    this.memory[parity] ??= alignedMemory(this.areaBytes).subarray(0, this.areaBytes);
    return new JournalArea(this.memory[parity]);
  }

  get(key: string): Buffer | undefined {
    let value = this.current.get(key);
    if (value === undefined && this.full) value = this.full.get(key);
    if (value !== undefined) return value ?? undefined;
    return key === MARK ? undefined : this.kv.get(key);
  }

  sizeOf(key: string): number | undefined {
    let size = this.current.sizeOf(key);
    if (size === undefined && this.full) size = this.full.sizeOf(key);
    if (size !== undefined) return size ?? undefined;
    return key === MARK ? undefined : this.kv.sizeOf(key);
  }

  *range(
    from: string,
    to: string,
    options: KeyValueRange = {},
  ): Generator<{ key: string; value: Buffer }> {
    const wanted = { reverse: options.reverse === true, keysOnly: options.keysOnly === true };
    let entries: Iterable<{ key: string; value: Buffer }> = this.kv.range(from, to, wanted);
    for (const area of [this.full, this.current]) {
      if (area) entries = mergeRange(entries, area.changes(from, to, wanted), wanted.reverse);
    }
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    if (left <= 0) return;
    for (const entry of entries) {
      if (entry.key === MARK) continue;
      yield entry;
      if (--left <= 0) return;
    }
  }

  commit(batch: readonly KeyValueOp[]): Promise<void> {
    if (this.closed) return Promise.reject(new CephError('EBADF', 'the key/value store is closed'));
    return new Promise((resolve, reject) => {
      this.waiting.push({ batch, resolve, reject });
      this.admit();
    });
  }

  /** Takes waiting batches in order into the current area, as long as there is one with room. */
  private admit(): void {
    while (this.waiting.length > 0 && !this.bypass) {
      const { batch, resolve, reject } = this.waiting[0]!;
      if (this.writer.failure !== undefined) {
        this.waiting.shift();
        reject(this.writer.failure);
        continue;
      }
      const ops = withoutRanges(this, batch);
      const bytes = recordBytes(ops);
      if (this.current.length + bytes > this.areaBytes) {
        if (this.full) return; // called again when it is applied
        if (this.current.length > 0) {
          this.beginArea();
          continue;
        }
        this.bypass = true;
        this.passOn(ops, this.waiting.shift()!);
        return;
      }
      this.waiting.shift();
      this.append(ops, bytes, resolve, reject);
    }
  }

  private append(
    ops: readonly KeyValueOp[],
    bytes: number,
    resolve: () => void,
    reject: (error: unknown) => void,
  ): void {
    const { epoch, durable } = this;
    const offset = this.current.length;
    const header = { epoch, sequence: this.sequence++, bytes, durable };
    if (this.sequence === 1) this.durable = 0; // from here on it speaks of this epoch
    this.current.append(ops, header, this.crc32c);
    this.enqueue(bytes, offset, resolve, reject);
  }

  private enqueue(
    length: number,
    at: number,
    resolve: () => void,
    reject: (error: unknown) => void,
  ): void {
    const { epoch, sequence: next } = this;
    const offset = (epoch % 2) * this.areaBytes + at;
    this.writer.add({ offset, epoch, next, length, resolve, reject });
  }

  /** Goes on in the other area, and applies the content of this one once all of it is durable. */
  private beginArea(): void {
    const { epoch, current: area } = this;
    this.full = area;
    this.touched[epoch % 2] = Math.max(this.touched[epoch % 2]!, area.length);
    const durable = new Promise<void>((resolve, reject) =>
      this.enqueue(0, area.length, resolve, reject),
    );
    // What the other area held is applied, and all of its writes have ended: its memory is free.
    this.current = this.areaOf(++this.epoch);
    this.durable = this.sequence;
    this.sequence = 0;
    durable
      .then(() => this.apply(area, epoch))
      .then(
        () => {
          this.full = undefined;
        },
        (error) => {
          this.writer.fail(error);
        },
      )
      .then(() => this.progress());
  }

  private apply(area: JournalArea, epoch: number): Promise<void> {
    const { areaBytes } = this;
    const { sliceOps } = this.options;
    return applyEpoch(this.kv, area.all(), { epoch, areaBytes, sliceOps });
  }

  /** Nothing is in the journal, and nothing enters it before this is done. */
  private passOn(ops: readonly KeyValueOp[], waiting: Waiting): void {
    this.kv.commit(ops).then(
      () => {
        this.bypass = false;
        waiting.resolve();
        this.progress();
      },
      (error) => {
        this.writer.fail(error);
        this.bypass = false;
        waiting.reject(error);
        this.progress();
      },
    );
  }

  /** Brings everything whose commit has resolved into the store below. What comes meanwhile may go with it. */
  async flush(): Promise<void> {
    const last = this.current.length > 0 ? this.epoch : this.epoch - 1;
    for (;;) {
      if (this.writer.failure !== undefined) throw this.writer.failure;
      const applied = this.epoch - (this.full ? 2 : 1);
      if (applied >= last) return;
      if (last === this.epoch && !this.full) this.beginArea();
      await new Promise<void>((resolve) => this.watchers.push(resolve));
    }
  }

  /** Its areas: changes that the store below does not have yet, and memory that was used for such. */
  get heldMemory(): HeldMemory {
    const { current, full, touched } = this;
    const items = current.size + (full?.size ?? 0);
    const parity = this.epoch % 2;
    const bytes = Math.max(current.length, touched[parity]!) + touched[1 - parity]!;
    return { items, bytes: bytes + items * KEY_BYTES };
  }

  dropPages(): void {
    this.kv.dropPages?.();
  }

  /** Applies everything, so that the store below can be opened without the journal. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (;;) {
      const busy = this.writer.busy || this.bypass || this.full !== undefined;
      if (
        this.writer.failure !== undefined ? !this.writer.busy : !busy && this.current.length === 0
      )
        break;
      if (!busy) this.beginArea();
      await new Promise<void>((resolve) => this.watchers.push(resolve));
    }
    if (this.writer.failure === undefined) {
      const mark = { epoch: this.epoch - 1, areaBytes: this.areaBytes, isClosed: true };
      await this.kv.commit([markOp(mark)]).catch(() => {}); // the next open then looks through the journal
    }
    await this.kv.close();
    await this.file.close();
  }

  /** Something came to its end: what waited may go on. */
  private progress(): void {
    this.admit();
    for (const resolve of this.watchers.splice(0)) resolve();
  }
}

function areaBytesOf(options: JournalOptions): number {
  return options.areaBytes ?? AREA_BYTES;
}
