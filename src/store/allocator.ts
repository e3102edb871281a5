import { assert } from '../errors/index.ts';
import { FreeRuns, HOLE_BELOW, type Run } from './free-runs.ts';

export type { Run } from './free-runs.ts';

/** The unit of allocation, of checksums and of an object's block map. */
export const BLOCK_BYTES = 4096;

/** Units whose state is kept under one key. */
export const CHUNK_UNITS = 4096;
const CHUNK_WORDS = CHUNK_UNITS / 32;

/** Requests below this are small: whatever they are given makes holes some day. */
const SMALL = 16;

/** A stored part of the map of taken units: a bit for each of 4096, 512 bytes. */
export interface BitmapChunk {
  readonly chunk: number;
  readonly bytes: Uint8Array;
}

export interface AllocatorOptions {
  readonly units: number;
  /** Units at the beginning that no object ever gets; they are not in the stored map. */
  readonly reserved?: number;
  /** Units of a stripe: what is at least that large begins at a multiple and comes in multiples, where there is room. */
  readonly stripe?: number;
  /** The map as it was stored. */
  readonly stored?: Iterable<BitmapChunk>;
}

/** Units that no object has any more, but that must not be written before the commit that says so is durable. */
interface Pending {
  readonly words: Uint32Array;
  count: number;
}

/**
 * Gives units of the data file to objects. A request gets the run behind its neighbour if that has room, else the
 * shortest that is long enough, at the lowest place, else as few as possible of the longest. So what is large stays in
 * one piece, and places that were written before (in the page cache still, and with their space on the host's disk) come
 * before the part of a sparse file that never was, which is several times slower. What is small fills holes once these
 * are half of what is free; until then a burst of it lies together and is one write, where holes would be dozens.
 */
export class Allocator {
  readonly units: number;
  private readonly reserved: number;
  private readonly stripe: number;
  private readonly runs: FreeRuns;
  private readonly pending = new Map<number, Pending>();
  private readonly touched = new Set<number>();
  private ownedCount = 0;
  private pendingCount = 0;
  /** Where the next small request goes. */
  private open = 0;

  constructor({ units, reserved = 0, stripe = 1, stored = [] }: AllocatorOptions) {
    this.units = units;
    this.reserved = reserved;
    this.stripe = stripe;
    const words: [number, Uint32Array][] = [];
    const limit = Math.ceil(units / CHUNK_UNITS);
    for (const { chunk, bytes } of stored) {
      if (bytes.length !== CHUNK_UNITS / 8) continue;
      const first = chunk * CHUNK_WORDS;
      const map = wordsOf(bytes);
      for (const word of map) this.ownedCount += bitCount(word);
      // What no object can have does not belong here: whoever compares the count with another finds it.
      if (chunk < limit) words.push([first, map.map((w, i) => w & this.objectsMask(first + i))]);
    }
    this.runs = new FreeRuns(units, words);
    if (reserved > 0) this.runs.take(0, reserved);
  }

  /** Units given to objects. */
  get ownedUnits(): number {
    return this.ownedCount;
  }

  /** Units that can be allocated now, however they lie. */
  get freeUnits(): number {
    return this.units - this.reserved - this.ownedCount - this.pendingCount;
  }

  /** Memory that depends on the number of units alone. */
  get memoryBytes(): number {
    return this.runs.memoryBytes;
  }

  /**
   * Takes units; undefined, and nothing taken, when there are not enough.
   * @param near the unit behind what belongs to the same object, if there is such
   */
  allocate(count: number, near = 0): Run[] | undefined {
    if (count > this.freeUnits) return undefined;
    const out: Run[] = [];
    let place = near;
    for (let need = count; need > 0; ) {
      const run = this.choose(need, place);
      assert(run, 'free units are counted right');
      this.runs.take(run.unit, run.count);
      this.touch(run.unit, run.count);
      out.push(run);
      need -= run.count;
      place = run.unit + run.count;
    }
    this.ownedCount += count;
    return out;
  }

  private choose(need: number, near: number): Run | undefined {
    const { runs, stripe } = this;
    if (stripe > 1 && need >= stripe) {
      const room = near % stripe === 0 ? this.behind(near, need) : undefined;
      const whole = room ?? runs.fitting(need, stripe, near);
      if (whole) return { unit: whole.unit, count: need };
      const part = runs.longest(stripe, near);
      if (part) return { unit: part.unit, count: wholeStripes(Math.min(part.count, need), stripe) };
    }
    const whole = this.behind(near, need) ?? this.inOpenRun(need) ?? runs.fitting(need, 1, near);
    if (whole) return { unit: whole.unit, count: need };
    const part = runs.longest(1, near);
    return part && { unit: part.unit, count: Math.min(part.count, need) };
  }

  /** While most free space is in long runs, small requests take turns in one of them. */
  private inOpenRun(need: number): Run | undefined {
    if (need >= SMALL || 2 * this.runs.holeUnits > this.freeUnits) return undefined;
    const run = this.behind(this.open, need) ?? this.runs.fitting(HOLE_BELOW, 1, 0);
    if (run) this.open = run.unit + need;
    return run;
  }

  /** The free run that begins right there, if it is long enough. */
  private behind(near: number, need: number): Run | undefined {
    if (near <= this.reserved || !this.runs.isFree(near)) return undefined;
    const count = this.runs.endOf(near) - near;
    return count >= need ? { unit: near, count } : undefined;
  }

  /** The metadata no longer refers to these units; they stay out of use until `release`. */
  disown(unit: number, count: number): void {
    this.eachWord(unit, count, (chunk, word, mask) => {
      let p = this.pending.get(chunk);
      if (!p) {
        p = { words: new Uint32Array(CHUNK_WORDS), count: 0 };
        this.pending.set(chunk, p);
      }
      const isTaken = ((this.runs.word(chunk * CHUNK_WORDS + word) & mask) ^ mask) === 0;
      assert(isTaken && (p.words[word]! & mask) === 0, 'what is given back was given');
      p.words[word]! |= mask;
      p.count += bitCount(mask);
    });
    this.touch(unit, count);
    this.ownedCount -= count;
    this.pendingCount += count;
  }

  /** The commit that disowned these units is durable. */
  release(unit: number, count: number): void {
    this.eachWord(unit, count, (chunk, word, mask) => {
      const p = this.pending.get(chunk);
      assert(p && ((p.words[word]! & mask) ^ mask) === 0, 'what is released was given back');
      p.words[word]! &= ~mask;
      p.count -= bitCount(mask);
      if (p.count === 0) this.pending.delete(chunk);
    });
    this.runs.give(unit, count);
    this.pendingCount -= count;
  }

  /** Runs of units that nothing has, ascending. */
  freeRuns(): Iterable<Run> {
    return this.runs.all();
  }

  /** The parts of the map that changed since the last call, as they are to be stored. */
  takeTouched(): { chunk: number; bytes: Buffer }[] {
    const out: { chunk: number; bytes: Buffer }[] = [];
    for (const chunk of this.touched) out.push({ chunk, bytes: this.chunkBytes(chunk) });
    this.touched.clear();
    return out;
  }

  private chunkBytes(chunk: number): Buffer {
    const bytes = Buffer.alloc(CHUNK_WORDS * 4);
    const pending = this.pending.get(chunk)?.words;
    const first = chunk * CHUNK_WORDS;
    const end = Math.min(CHUNK_WORDS, Math.ceil(this.units / 32) - first);
    for (let i = 0; i < end; i++) {
      const word = this.runs.word(first + i) & ~(pending?.[i] ?? 0);
      bytes.writeInt32LE(word & this.objectsMask(first + i), i * 4);
    }
    return bytes;
  }

  /** The bits of a word whose units objects may have. */
  private objectsMask(word: number): number {
    const start = word * 32;
    if (start >= this.reserved && start + 32 <= this.units) return -1;
    let mask = 0;
    for (let bit = 0; bit < 32; bit++) {
      if (start + bit >= this.reserved && start + bit < this.units) mask |= 1 << bit;
    }
    return mask;
  }

  private touch(unit: number, count: number): void {
    const last = Math.floor((unit + count - 1) / CHUNK_UNITS);
    for (let c = Math.floor(unit / CHUNK_UNITS); c <= last; c++) this.touched.add(c);
  }

  private eachWord(
    unit: number,
    count: number,
    each: (chunk: number, word: number, mask: number) => void,
  ): void {
    const end = unit + count;
    for (let at = unit; at < end; ) {
      const bit = at & 31;
      const n = Math.min(32 - bit, end - at);
      const mask = n === 32 ? -1 : ((1 << n) - 1) << bit;
      const chunk = Math.floor(at / CHUNK_UNITS);
      each(chunk, (at >>> 5) - chunk * CHUNK_WORDS, mask);
      at += n;
    }
  }
}

function wholeStripes(count: number, stripe: number): number {
  return count - (count % stripe);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: CHUNK_WORDS }, (_, i) => view.getUint32(i * 4, true));
}

function bitCount(word: number): number {
  let w = word - ((word >>> 1) & 0x5555_5555);
  w = (w & 0x3333_3333) + ((w >>> 2) & 0x3333_3333);
  return Math.imul((w + (w >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
