/** A PG that has to be copied. */
export interface CopyJob {
  /** Devices that get a shard each. */
  readonly targets: readonly number[];
  /** Devices that are read from; the first leads the copy. */
  readonly sources: readonly number[];
  /** Of one shard. */
  readonly bytes: number;
}

/** How fast devices are while data moves. */
export interface RecoveryRates {
  /** Of one device, over all that it takes part in. Default 100 MiB/s. */
  readonly readBytesPerSecond?: number;
  readonly writeBytesPerSecond?: number;
  /** PGs a device copies at a time as the leader, and as many again as a target: osd_max_backfills. Default 1. */
  readonly maxBackfills?: number;
}

export interface RecoveryEstimate {
  /** Until the last PG is copied, PG by PG as reservations allow. */
  readonly seconds: number;
  /** What the busiest device needs at its full rate: no order of copies is faster. */
  readonly leastSeconds: number;
}

export const DEFAULT_DEVICE_RATE = 100 * 2 ** 20;

/**
 * How long the copies take. A PG is copied when its leader and all its targets have a reservation free; it then goes at
 * the rate of one reservation's share of a device. Client load, network and small objects are not looked at.
 */
export function estimateRecovery(
  jobs: readonly CopyJob[],
  devices: number,
  rates: RecoveryRates = {},
): RecoveryEstimate {
  const { maxBackfills = 1 } = rates;
  const read = rates.readBytesPerSecond ?? DEFAULT_DEVICE_RATE;
  const write = rates.writeBytesPerSecond ?? DEFAULT_DEVICE_RATE;
  const busy = { read: new Float64Array(devices), write: new Float64Array(devices) };
  for (const { sources, targets, bytes } of jobs) {
    for (const osd of sources) busy.read[osd]! += bytes / read;
    for (const osd of targets) busy.write[osd]! += bytes / write;
  }
  const greatest = (list: Float64Array): number => list.reduce((a, b) => Math.max(a, b), 0);
  const leastSeconds = Math.max(greatest(busy.read), greatest(busy.write));
  const bytesPerSecond = Math.min(read, write) / maxBackfills;
  const seconds = new Schedule(jobs, devices, bytesPerSecond, maxBackfills).run();
  return { seconds: Math.max(seconds, leastSeconds), leastSeconds };
}

/** Runs the jobs in virtual time, each as soon as its devices are free. */
class Schedule {
  private readonly jobs: readonly CopyJob[];
  private readonly bytesPerSecond: number;
  private readonly leading: Uint16Array;
  private readonly receiving: Uint16Array;
  private readonly maxBackfills: number;
  /** Jobs that wait for a device, as leader or target; started ones are dropped when met. */
  private readonly waiting: number[][];
  private readonly started: Uint8Array;
  private readonly running: EndQueue;

  constructor(
    jobs: readonly CopyJob[],
    devices: number,
    bytesPerSecond: number,
    maxBackfills: number,
  ) {
    this.jobs = jobs;
    this.bytesPerSecond = bytesPerSecond;
    this.maxBackfills = maxBackfills;
    this.leading = new Uint16Array(devices);
    this.receiving = new Uint16Array(devices);
    this.waiting = Array.from({ length: devices }, () => []);
    this.started = new Uint8Array(jobs.length);
    this.running = new EndQueue(jobs.length);
  }

  run(): number {
    let now = 0;
    this.jobs.forEach((job, j) => {
      if (this.start(j, now)) return;
      this.waiting[job.sources[0]!]!.push(j);
      for (const osd of job.targets) this.waiting[osd]!.push(j);
    });
    for (let j = this.running.pop(); j >= 0; j = this.running.pop()) {
      now = this.running.poppedAt;
      const { sources, targets } = this.jobs[j]!;
      this.leading[sources[0]!]!--;
      for (const osd of targets) this.receiving[osd]!--;
      this.startWaiting(sources[0]!, now);
      for (const osd of targets) this.startWaiting(osd, now);
    }
    return now;
  }

  private startWaiting(osd: number, now: number): void {
    const list = this.waiting[osd]!;
    let kept = 0;
    for (const j of list) {
      if (this.started[j] || this.start(j, now)) continue;
      list[kept++] = j;
    }
    list.length = kept;
  }

  private start(j: number, now: number): boolean {
    const { sources, targets, bytes } = this.jobs[j]!;
    const leader = sources[0]!;
    if (this.leading[leader]! >= this.maxBackfills) return false;
    if (targets.some((osd) => this.receiving[osd]! >= this.maxBackfills)) return false;
    this.leading[leader]!++;
    for (const osd of targets) this.receiving[osd]!++;
    this.started[j] = 1;
    this.running.push(j, now + bytes / this.bytesPerSecond);
    return true;
  }
}

/** Running jobs by the time of their end: a binary heap. */
class EndQueue {
  private readonly ends: Float64Array;
  private readonly heap: number[] = [];
  /** When the job that was popped last ended. */
  poppedAt = 0;

  constructor(jobs: number) {
    this.ends = new Float64Array(jobs);
  }

  private isBefore(a: number, b: number): boolean {
    return this.ends[a]! < this.ends[b]! || (this.ends[a] === this.ends[b] && a < b);
  }

  push(job: number, end: number): void {
    const { heap } = this;
    this.ends[job] = end;
    let i = heap.length;
    heap.push(job);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.isBefore(job, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = job;
  }

  /** @returns -1 when none is left */
  pop(): number {
    const { heap } = this;
    const first = heap[0];
    if (first === undefined) return -1;
    this.poppedAt = this.ends[first]!;
    const moved = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.isBefore(heap[child]!, moved)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = moved;
    return first;
  }
}
