import { assert } from '../errors/index.ts';

/** The unit of allocation, of checksums and of an object's block map. */
export const BLOCK_BYTES = 4096;

/** Units whose state is kept under one key. */
export const CHUNK_UNITS = 4096;
const CHUNK_WORDS = CHUNK_UNITS / 32;

/** A request is first served from free runs of at least this many units, so that large writes stay in few pieces. */
const RUN_MIN = 16;

export interface Run {
  readonly unit: number;
  readonly count: number;
}

/**
 * Which units of the data file are taken, as two bitmaps: `owned` is what the metadata says, and is stored with each
 * commit; `used` also counts units freed by a commit that is not durable yet, which must not be written before it is.
 */
export class Allocator {
  readonly units: number;
  private readonly owned: Uint32Array;
  private readonly used: Uint32Array;
  private readonly touched = new Set<number>();
  private ownedCount = 0;
  private usedCount = 0;
  private cursor = 0;

  constructor(units: number) {
    this.units = units;
    const words = Math.ceil(units / CHUNK_UNITS) * CHUNK_WORDS;
    this.owned = new Uint32Array(words);
    this.used = new Uint32Array(words);
  }

  /** Units given to objects. */
  get ownedUnits(): number {
    return this.ownedCount;
  }

  /** Units that can be allocated now. */
  get freeUnits(): number {
    return this.units - this.usedCount;
  }

  /** Takes units in as few runs as it finds quickly; undefined, and nothing taken, when there are not enough. */
  allocate(count: number): Run[] | undefined {
    if (count > this.freeUnits) return undefined;
    const runs: Run[] = [];
    let need = count;
    for (const least of [Math.min(count, RUN_MIN), 1]) {
      const start = this.cursor;
      let at = start;
      let wrapped = false;
      while (need > 0) {
        const first = this.next(this.used, at, wrapped ? start : this.units, false);
        if (first >= (wrapped ? start : this.units)) {
          if (wrapped) break;
          wrapped = true;
          at = 0;
          continue;
        }
        at = this.next(this.used, first, Math.min(first + need, this.units), true);
        const length = at - first;
        if (length < Math.min(least, need)) continue;
        this.mark(this.used, first, length, true);
        this.mark(this.owned, first, length, true);
        runs.push({ unit: first, count: length });
        need -= length;
        this.cursor = at;
      }
      if (need === 0) break;
    }
    assert(need === 0, 'free units are counted right');
    this.usedCount += count;
    this.ownedCount += count;
    return runs;
  }

  /** The metadata no longer refers to these units; they stay out of use until `release`. */
  disown(unit: number, count: number): void {
    this.mark(this.owned, unit, count, false);
    this.ownedCount -= count;
  }

  /** The commit that disowned these units is durable. */
  release(unit: number, count: number): void {
    this.mark(this.used, unit, count, false);
    this.usedCount -= count;
    // Space that was written before is still in the page cache and has its place on the host's disk: several times
    // faster than a part of the sparse file that never was.
    if (count >= RUN_MIN && unit < this.cursor) this.cursor = unit;
  }

  /** Runs of units that nothing has, ascending. */
  *freeRuns(): Generator<Run> {
    for (let at = 0; ; ) {
      const unit = this.next(this.used, at, this.units, false);
      if (unit >= this.units) return;
      at = this.next(this.used, unit, this.units, true);
      yield { unit, count: at - unit };
    }
  }

  /** The chunks of `owned` that changed since the last call, as they are to be stored. */
  takeTouched(): { chunk: number; bytes: Buffer }[] {
    const out: { chunk: number; bytes: Buffer }[] = [];
    for (const chunk of this.touched) {
      const bytes = Buffer.allocUnsafe(CHUNK_WORDS * 4);
      for (let i = 0; i < CHUNK_WORDS; i++) {
        bytes.writeUInt32LE(this.owned[chunk * CHUNK_WORDS + i]!, i * 4);
      }
      out.push({ chunk, bytes });
    }
    this.touched.clear();
    return out;
  }

  /** Takes over a stored chunk when the store is opened. */
  load(chunk: number, bytes: Buffer): void {
    for (let i = 0; i < CHUNK_WORDS; i++) {
      const word = bytes.readUInt32LE(i * 4);
      const at = chunk * CHUNK_WORDS + i;
      this.owned[at] = word;
      this.used[at] = word;
      const n = bitCount(word);
      this.ownedCount += n;
      this.usedCount += n;
    }
  }

  private mark(map: Uint32Array, unit: number, count: number, value: boolean): void {
    if (map === this.owned) {
      const last = Math.floor((unit + count - 1) / CHUNK_UNITS);
      for (let c = Math.floor(unit / CHUNK_UNITS); c <= last; c++) this.touched.add(c);
    }
    const end = unit + count;
    for (let at = unit; at < end; ) {
      const bit = at % 32;
      const n = Math.min(32 - bit, end - at);
      const mask = (n === 32 ? 0xffff_ffff : ((1 << n) - 1) << bit) >>> 0;
      const word = (at - bit) / 32;
      const present = map[word]! & mask;
      assert(value ? present === 0 : present >>> 0 === mask, `unit ${at} changes hands once`);
      map[word] = value ? map[word]! | mask : map[word]! & ~mask;
      at += n;
    }
  }

  /** The first unit in from..end whose bit is `value`, or `end`. */
  private next(map: Uint32Array, from: number, end: number, value: boolean): number {
    const flip = value ? 0 : -1;
    for (let at = from; at < end; ) {
      const bit = at % 32;
      const word = ((map[(at - bit) / 32]! ^ flip) >>> bit) >>> 0;
      if (word !== 0) return Math.min(end, at + 31 - Math.clz32(word & -word));
      at += 32 - bit;
    }
    return end;
  }
}

function bitCount(word: number): number {
  let n = 0;
  for (let w = word; w !== 0; w &= w - 1) n++;
  return n;
}
