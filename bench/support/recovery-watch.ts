import type { Pool } from '../../src/rados/index.ts';
import { tool } from './clusters.ts';
import { quantile } from './figures.ts';

/** What clients saw in a stretch of time. */
export interface Served {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** The longest time in which nothing was answered, ms. */
  readonly gapMs: number;
}

/** Clients that go on writing and reading until they are told to stop, and what they see. */
export class ClientLoad {
  private readonly pools: readonly Pool[];
  private readonly bytes: Buffer;
  private readonly done: Promise<unknown>;
  private isOver = false;
  private times: number[] = [];
  private sinceMs = performance.now();
  private lastMs = performance.now();
  private gapMs = 0;

  /** @param depth workers: each with one request at a time, every other one a read of what it wrote last */
  constructor(pools: readonly Pool[], depth: number, bytes: number) {
    this.pools = pools;
    this.bytes = Buffer.alloc(bytes, 'x');
    this.done = Promise.all(Array.from({ length: depth }, (_, w) => this.work(w)));
  }

  /** What was seen since it was last asked. */
  take(): Served {
    const now = performance.now();
    this.answered(now);
    const { times } = this;
    const served = {
      perSecond: (times.length * 1000) / (now - this.sinceMs),
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
      gapMs: this.gapMs,
    };
    this.times = [];
    this.sinceMs = now;
    this.gapMs = 0;
    return served;
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.done;
  }

  private async work(w: number): Promise<void> {
    const pool = this.pools[w % this.pools.length]!;
    for (let i = 0; !this.isOver; i++) {
      const object = pool.object(`load-${w}-${(i >> 1) % OBJECTS}`);
      const started = performance.now();
      if (i % 2 === 0) await object.writeFull(this.bytes);
      else await object.read();
      const now = performance.now();
      this.times.push(now - started);
      this.answered(now);
    }
  }

  private answered(now: number): void {
    this.gapMs = Math.max(this.gapMs, now - this.lastMs);
    this.lastMs = now;
  }
}
/** Objects of each worker: enough to be in every PG. */
const OBJECTS = 64;
const POLL_MS = 250;

/** Objects that stand still, written beforehand. */
export async function fillPool(
  pool: Pool,
  objects: number,
  bytes: number,
  depth = 16,
): Promise<void> {
  const data = Buffer.alloc(bytes, 'f');
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < objects) await pool.object(`fill-${next++}`).writeFull(data);
  };
  await Promise.all(Array.from({ length: depth }, worker));
}

interface PgRow {
  readonly state: string;
  readonly up: readonly number[];
  readonly acting: readonly number[];
}

/** As the cluster's own tools see it. */
async function pgs(conf: string): Promise<readonly PgRow[]> {
  const text = await tool(conf, 'ceph', 'pg', 'dump', 'pgs_brief', '--format', 'json');
  const parsed = JSON.parse(text) as { pg_stats: PgRow[] } | PgRow[];
  return Array.isArray(parsed) ? parsed : parsed.pg_stats;
}

const isClean = ({ state, up, acting }: PgRow): boolean =>
  /^active\+clean/.test(state) && up.join() === acting.join();

/** Resolves when all PGs are active and clean, as the tools tell; a moment of that does not count before `isFar`. */
export async function untilClean(
  conf: string,
  isFar: (pgs: readonly PgRow[]) => boolean = () => true,
  timeoutMs = 900_000,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const now = await pgs(conf);
    if (now.length > 0 && now.every(isClean) && isFar(now)) return;
    if (performance.now() > end) {
      const states = [...new Set(now.map((p) => p.state))].join(', ');
      throw new Error(`not clean in ${timeoutMs} ms: ${states}`);
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}
