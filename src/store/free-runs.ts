import { assert } from '../errors/index.ts';
import { MaskTree } from './mask-tree.ts';

export interface Run {
  readonly unit: number;
  readonly count: number;
}

/** Units whose runs are looked up together: what is read to learn a run's exact place. */
const REGION_UNITS = 1024;
const REGION_WORDS = REGION_UNITS / 32;
/** In a region's mask beside its classes: a unit of it is taken. */
const TAKEN = 0x8000_0000;
const CLASS_LAST = 30;
const CLASSES = 0x7fff_ffff;
/** Below this length there are two classes for each power of two, from there on one: few runs are so long. */
const CLASS_LONG = 1024;
const LONG_FIRST = 19;
/** Regions that are looked at before a class of which not every run is good is given up. */
const PROBES = 4;
/** Shorter runs are holes. */
export const HOLE_BELOW = 64;

/** Free runs of successive lengths are of one class; the number grows with the length. */
function classOf(length: number): number {
  const power = 31 - Math.clz32(length);
  if (length >= CLASS_LONG) return Math.min(CLASS_LAST, LONG_FIRST + power - 10);
  return power === 0 ? 0 : 2 * power - 1 + ((length >>> (power - 1)) & 1);
}

/** The bits of the classes of short runs. */
const SHORT = Uint32Array.from({ length: CLASS_LONG }, (_, n) => (n === 0 ? 0 : 1 << classOf(n)));

/** The least length of each class, and none behind the last. */
const LEAST = Array.from({ length: CLASS_LAST + 2 }, (_, c) => {
  if (c > CLASS_LAST) return Number.POSITIVE_INFINITY;
  if (c >= LONG_FIRST) return 2 ** (c - LONG_FIRST + 10);
  const power = (c + 1) >>> 1;
  return c === 0 ? 1 : 2 ** power + (c % 2 === 0 ? 2 ** (power - 1) : 0);
});

/**
 * Which units are taken: one bit each, and for each 1024 units, in a {@link MaskTree}, the classes of the free runs that
 * begin there. A run of a wanted length near a place is found by its class, its region and a look at 128 bytes of the
 * bits, so the work does not grow with the number of units or runs. 33.6 MiB of memory for a TiB of 4 KiB units.
 */
export class FreeRuns {
  readonly units: number;
  private readonly bits: Uint32Array;
  private readonly regions: MaskTree;
  /** Units in short runs that begin in each region, and of all. */
  private readonly holes: Uint16Array;
  private holeCount = 0;
  /** The runs of the region that was looked at last. */
  private readonly starts = new Float64Array(REGION_UNITS / 2 + 1);
  private readonly lengths = new Float64Array(REGION_UNITS / 2 + 1);

  /** @param taken words of bits that are set from the beginning, by the number of the first word */
  constructor(units: number, taken: Iterable<readonly [word: number, words: Uint32Array]> = []) {
    this.units = units;
    const count = Math.ceil(units / REGION_UNITS);
    this.bits = new Uint32Array(count * REGION_WORDS);
    this.regions = new MaskTree(count);
    this.holes = new Uint16Array(count);
    const seen = new Set<number>([0]);
    const see = (from: number, end: number) => {
      for (let r = from; r <= Math.min(end, count - 1); r++) seen.add(r);
    };
    for (const [word, words] of taken) {
      this.bits.set(words.subarray(0, this.bits.length - word), word);
      // The run that follows begins in the region behind.
      see(Math.floor(word / REGION_WORDS), Math.ceil((word + words.length) / REGION_WORDS));
    }
    for (let u = units; u < count * REGION_UNITS; u++) this.bits[u >>> 5]! |= 1 << (u & 31);
    seen.add(count - 1);
    for (const r of seen) this.noteTaken(r);
    for (const r of seen) this.noteRuns(r);
  }

  /** What all of it takes in memory, for ever. */
  get memoryBytes(): number {
    return this.bits.byteLength + this.regions.bytes + this.holes.byteLength;
  }

  /** Free units in runs of less than 64. */
  get holeUnits(): number {
    return this.holeCount;
  }

  isFree(unit: number): boolean {
    return unit < this.units && (this.bits[unit >>> 5]! & (1 << (unit & 31))) === 0;
  }

  /** The bits of 32 units. */
  word(index: number): number {
    return this.bits[index]!;
  }

  take(unit: number, count: number): void {
    this.change(unit, count, true);
  }

  give(unit: number, count: number): void {
    this.change(unit, count, false);
  }

  /** Where the free run that holds a free unit ends. */
  endOf(unit: number): number {
    const region = Math.floor(unit / REGION_UNITS);
    const stop = this.scan(unit, (region + 1) * REGION_UNITS);
    if (stop < (region + 1) * REGION_UNITS) return stop;
    const next = this.regions.next(region + 1, TAKEN);
    return next < 0 ? this.units : this.scan(next * REGION_UNITS, this.units);
  }

  /**
   * A free run in which `count` units have room from a multiple of `align` on: of the least class that has one, and the
   * next after `near`, from where the search goes round; in its region the shortest.
   * @returns where the units would begin, and how many there are
   */
  fitting(count: number, align: number, near: number): Run | undefined {
    const from = Math.floor(near / REGION_UNITS);
    const least = classOf(count);
    for (let left = this.regions.all & CLASSES & (-1 << least); left !== 0; left &= left - 1) {
      const found = this.probe(31 - Math.clz32(left & -left), from, count, align, false);
      if (found) return found;
    }
    return undefined;
  }

  /** Of the longest runs one in which there is room from a multiple of `align` on for at least that many units. */
  longest(align: number, near: number): Run | undefined {
    const from = Math.floor(near / REGION_UNITS);
    const least = classOf(align);
    for (let left = this.regions.all & CLASSES & (-1 << least); left !== 0; ) {
      const c = 31 - Math.clz32(left);
      const found = this.probe(c, from, align, align, true);
      if (found) return found;
      left &= ~(1 << c);
    }
    return undefined;
  }

  /** All of them, ascending. */
  *all(): Generator<Run> {
    for (let r = this.regions.next(0, CLASSES); r >= 0; r = this.regions.next(r + 1, CLASSES)) {
      const runs = Array.from({ length: this.collect(r) }, (_, i) => i);
      yield* runs.map((i) => ({ unit: this.starts[i]!, count: this.lengths[i]! }));
    }
  }

  private probe(
    c: number,
    from: number,
    count: number,
    align: number,
    isLongest: boolean,
  ): Run | undefined {
    // Every run of the class has the room, or one is looked for in a few places.
    const probes = LEAST[c]! >= count + align - 1 ? 1 : PROBES;
    let at = from;
    let isRound = from === 0;
    for (let i = 0; i < probes; i++) {
      let region = this.regions.next(at, 1 << c);
      if (region < 0) {
        if (isRound) return undefined;
        isRound = true;
        region = this.regions.next(0, 1 << c);
      }
      const found = this.within(region, count, align, isLongest ? undefined : LEAST[c + 1]!);
      if (found) return found;
      at = region + 1;
    }
    return undefined;
  }

  /** The shortest run of a region with that much room that is shorter than `below`; without that, the longest. */
  private within(region: number, count: number, align: number, below: number | undefined) {
    let found: Run | undefined;
    let length = below ?? 0;
    for (let i = this.collect(region) - 1; i >= 0; i--) {
      const n = this.lengths[i]!;
      // From the last to the first, so that among equals the first is taken.
      if (n < count || (below === undefined ? n < length : n >= length + (found ? 1 : 0))) continue;
      const at = this.starts[i]!;
      const skip = align === 1 ? 0 : (align - (at % align)) % align;
      if (n - skip < count) continue;
      found = { unit: at + skip, count: n - skip };
      length = n;
    }
    return found;
  }

  /** Fills `starts` and `lengths` with the free runs that begin in a region, ascending. @returns how many there are */
  private collect(region: number): number {
    const { bits, starts, lengths } = this;
    const first = region * REGION_WORDS;
    let n = 0;
    // What is free from before on belongs to the region where it begins.
    let start = first > 0 && bits[first - 1]! >>> 31 === 0 ? -1 : first * 32;
    let isFree = true;
    for (let w = first; w < first + REGION_WORDS; w++) {
      const word = bits[w]!;
      for (let at = 0; at < 32; ) {
        const rest = (isFree ? word : ~word) >>> at;
        if (rest === 0) break;
        at += 31 - Math.clz32(rest & -rest);
        const unit = w * 32 + at;
        if (isFree && start >= 0 && unit > start) {
          starts[n] = start;
          lengths[n++] = unit - start;
        }
        start = unit;
        isFree = !isFree;
      }
    }
    if (isFree && start >= 0 && start < (first + REGION_WORDS) * 32) {
      starts[n] = start;
      lengths[n++] = this.endOf(start) - start;
    }
    return n;
  }

  private change(unit: number, count: number, isTaken: boolean): void {
    this.fill(unit, unit + count, isTaken);
    const first = Math.floor(unit / REGION_UNITS);
    const last = Math.floor((unit + count - 1) / REGION_UNITS);
    for (let r = first; r <= last; r++) this.noteTaken(r);
    // The run before may have changed its length, and what follows the last unit its beginning.
    const start = first * REGION_UNITS;
    if (start > 0 && this.isFree(start - 1)) this.noteRuns(this.regionOfRun(first - 1));
    for (let r = first; r <= last; r++) this.noteRuns(r);
    const next = (last + 1) * REGION_UNITS;
    if (unit + count === next && next < this.units) this.noteRuns(last + 1);
  }

  /** Where the run begins that holds the last unit of a region, which is free. */
  private regionOfRun(region: number): number {
    const taken = this.regions.previous(region, TAKEN);
    if (taken < 0) return 0;
    // A taken unit at the very end of that region: the run begins behind it.
    return this.isFree((taken + 1) * REGION_UNITS - 1) ? taken : taken + 1;
  }

  private noteTaken(region: number): void {
    const first = region * REGION_WORDS;
    let any = 0;
    for (let w = first; w < first + REGION_WORDS && any === 0; w++) any |= this.bits[w]!;
    const classes = this.regions.get(region) & CLASSES;
    this.regions.set(region, any === 0 ? classes : classes | TAKEN);
  }

  private noteRuns(region: number): void {
    let mask = this.regions.get(region) & TAKEN;
    let holes = 0;
    for (let i = this.collect(region) - 1; i >= 0; i--) {
      const length = this.lengths[i]!;
      if (length < HOLE_BELOW) holes += length;
      mask |= length < CLASS_LONG ? SHORT[length]! : 1 << classOf(length);
    }
    this.regions.set(region, mask);
    this.holeCount += holes - this.holes[region]!;
    this.holes[region] = holes;
  }

  private fill(unit: number, end: number, isTaken: boolean): void {
    for (let at = unit; at < end; ) {
      const bit = at & 31;
      const n = Math.min(32 - bit, end - at);
      const mask = (n === 32 ? 0xffff_ffff : ((1 << n) - 1) << bit) >>> 0;
      const word = at >>> 5;
      const present = this.bits[word]! & mask;
      assert(isTaken ? present === 0 : present >>> 0 === mask, `unit ${at} changes hands once`);
      this.bits[word] = isTaken ? this.bits[word]! | mask : this.bits[word]! & ~mask;
      at += n;
    }
  }

  /** The first taken unit in from..end, or `end`. */
  private scan(from: number, end: number): number {
    let index = from >>> 5;
    let word = this.bits[index]! & (-1 << (from & 31));
    const last = (end - 1) >>> 5;
    while (word === 0) {
      if (index === last) return end;
      word = this.bits[++index]!;
    }
    return Math.min(end, index * 32 + 31 - Math.clz32(word & -word));
  }
}
