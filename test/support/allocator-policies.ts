import { Allocator, type Run } from '../../src/store/allocator.ts';
import { dice } from './sim-disk.ts';

/** What an aging run needs of an allocator. */
export interface AnyAllocator {
  readonly freeUnits: number;
  allocate(count: number, near?: number): Run[] | undefined;
  disown(unit: number, count: number): void;
  release(unit: number, count: number): void;
  freeRuns(): Iterable<Run>;
}

/** The rules of the textbooks over a plain list of free runs, each request from as few runs as the rule gives. */
class ListAllocator implements AnyAllocator {
  freeUnits: number;
  private readonly runs: { unit: number; count: number }[];
  private readonly pick: (runs: readonly Run[], count: number, cursor: number) => number;
  private cursor = 0;

  constructor(
    units: number,
    pick: (runs: readonly Run[], count: number, cursor: number) => number,
  ) {
    this.freeUnits = units;
    this.runs = [{ unit: 0, count: units }];
    this.pick = pick;
  }

  allocate(count: number): Run[] | undefined {
    if (count > this.freeUnits) return undefined;
    this.freeUnits -= count;
    const out: Run[] = [];
    for (let need = count; need > 0; ) {
      const index = this.pick(this.runs, need, this.cursor);
      const run = this.runs[index]!;
      const n = Math.min(need, run.count);
      out.push({ unit: run.unit, count: n });
      run.unit += n;
      run.count -= n;
      this.cursor = run.unit;
      if (run.count === 0) this.runs.splice(index, 1);
      need -= n;
    }
    return out;
  }

  disown(): void {}

  freeRuns(): Run[] {
    return this.runs;
  }

  release(unit: number, count: number): void {
    this.freeUnits += count;
    const at = this.runs.findIndex((r) => r.unit > unit);
    const index = at < 0 ? this.runs.length : at;
    const before = this.runs[index - 1];
    const after = this.runs[index];
    const joins = after !== undefined && unit + count === after.unit;
    if (before && before.unit + before.count === unit) {
      before.count += count + (joins ? after.count : 0);
      if (joins) this.runs.splice(index, 1);
    } else if (joins) {
      after.unit = unit;
      after.count += count;
    } else this.runs.splice(index, 0, { unit, count });
  }
}

function longest(runs: readonly Run[]): number {
  let best = 0;
  for (let i = 1; i < runs.length; i++) if (runs[i]!.count > runs[best]!.count) best = i;
  return best;
}

function bestFit(runs: readonly Run[], count: number): number {
  let best = -1;
  for (let i = 0; i < runs.length; i++) {
    const n = runs[i]!.count;
    if (n >= count && (best < 0 || n < runs[best]!.count)) best = i;
  }
  return best < 0 ? longest(runs) : best;
}

function firstFit(runs: readonly Run[], count: number): number {
  const first = runs.findIndex((r) => r.count >= count);
  return first < 0 ? longest(runs) : first;
}

function nextFit(runs: readonly Run[], count: number, cursor: number): number {
  const next = runs.findIndex((r) => r.unit >= cursor && r.count >= count);
  return next < 0 ? firstFit(runs, count) : next;
}

/** Ours beside those that everybody knows. */
export const POLICIES: Readonly<Record<string, (units: number) => AnyAllocator>> = {
  ours: (units) => new Allocator({ units }),
  'best-fit': (units) => new ListAllocator(units, bestFit),
  'first-fit': (units) => new ListAllocator(units, firstFit),
  'next-fit': (units) => new ListAllocator(units, nextFit),
};

/** Takes 64 single units. @returns how many writes it would take to write them */
export function burstPieces(allocator: AnyAllocator): number {
  const units = Array.from({ length: 64 }, () => allocator.allocate(1)![0]!.unit);
  units.sort((a, b) => a - b);
  return units.filter((u, i) => u !== units[i - 1]! + 1).length;
}

/** Units of one object: from the small to 4 MiB, as stores of objects and of disk images see them. */
const SIZES = [1, 1, 1, 2, 4, 8, 16, 16, 64, 256, 1024];

export interface Aging {
  readonly seed: number;
  readonly steps: number;
  /** The part that is in use once it is reached. */
  readonly full: number;
  readonly took: (runs: Run[], count: number, step: number) => void;
}

/** Writes and removes objects of random sizes, ever about as full. */
export function age(allocator: AnyAllocator, { seed, steps, full, took }: Aging): void {
  const roll = dice(seed);
  const least = Math.floor(allocator.freeUnits * (1 - full));
  const held: Run[][] = [];
  for (let i = 0; i < steps; i++) {
    const size = SIZES[roll(SIZES.length)]!;
    const count = Math.max(1, size - roll(Math.ceil(size / 2)));
    while (allocator.freeUnits - count < least && held.length > 0) {
      const at = roll(held.length);
      const runs = held[at]!;
      held[at] = held[held.length - 1]!;
      held.pop();
      for (const { unit, count: n } of runs) allocator.disown(unit, n);
      for (const { unit, count: n } of runs) allocator.release(unit, n);
    }
    const runs = allocator.allocate(count);
    if (!runs) continue;
    took(runs, count, i);
    held.push(runs);
  }
}
