const CHUNK = 4096;

/** A small number for each unit of a large file; only parts that are used take memory. */
export class UnitCounts {
  private readonly chunks = new Map<number, Uint32Array>();

  get(unit: number): number {
    return this.chunks.get(Math.floor(unit / CHUNK))?.[unit % CHUNK] ?? 0;
  }

  add(unit: number, count: number): void {
    for (let u = unit; u < unit + count; u++) {
      const index = Math.floor(u / CHUNK);
      let chunk = this.chunks.get(index);
      if (!chunk) {
        chunk = new Uint32Array(CHUNK);
        this.chunks.set(index, chunk);
      }
      chunk[u % CHUNK]!++;
    }
  }
}

/** Joins what is told of single units, in ascending order, into runs of the same. */
export class UnitRuns {
  private start = 0;
  private end = 0;
  private what: string | undefined;
  private readonly report: (what: string, unit: number, count: number) => void;

  constructor(report: (what: string, unit: number, count: number) => void) {
    this.report = report;
  }

  add(what: string, unit: number): void {
    if (what !== this.what || unit !== this.end) this.finish();
    if (this.what === undefined) this.start = unit;
    this.what = what;
    this.end = unit + 1;
  }

  finish(): void {
    if (this.what !== undefined) this.report(this.what, this.start, this.end - this.start);
    this.what = undefined;
  }
}
