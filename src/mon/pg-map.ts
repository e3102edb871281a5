import {
  formatPgId,
  type MessageOf,
  type MPGStats,
  type OsdStat,
  type PgId,
  type PgStat,
} from '../wire/index.ts';
import { IO_IDLE, type IoRates, type SlowOps } from './state.ts';

/** Samples that a rate spans: mgr_tick_period times mon_stat_smooth_intervals of release 16.2. */
const SAMPLE_MS = 2_000;
const SAMPLES_MAX = 6;

type Sample = { readonly atMs: number; readonly pools: ReadonlyMap<number, IoRates> };

/**
 * What the OSDs reported of PGs and of themselves, and the traffic that follows from successive reports. Nothing of it
 * is stored: after a restart the OSDs report again.
 */
export class PgMap {
  readonly pgStats = new Map<string, PgStat>();
  readonly osdStats = new Map<number, OsdStat>();
  /** Of OSDs that have any. */
  readonly slowOps = new Map<number, SlowOps>();
  poolRates: ReadonlyMap<number, IoRates> = new Map();
  totalRates: IoRates = IO_IDLE;
  version = 0;
  stampMs = 0;
  private samples: Sample[] = [];

  /** Takes one OSD's report. A PG's older report, from a primary that no longer is, does not replace a newer one. */
  report(m: MessageOf<typeof MPGStats>, hasPg: (pgid: PgId) => boolean, nowMs: number): void {
    this.osdStats.set(m.osd, m.osdStat);
    for (const pg of m.pgs) {
      // The OSD may not have seen yet that the pool is gone, or the PG merged.
      if (!hasPg(pg.pgid)) continue;
      const id = formatPgId(pg.pgid);
      const known = this.pgStats.get(id);
      if (known && isNewer(known, pg)) continue;
      this.pgStats.set(id, pg);
    }
    this.version++;
    this.stampMs = nowMs;
  }

  /** Forgets what is gone from the map. */
  prune(hasPg: (pgid: PgId) => boolean, hasOsd: (osd: number) => boolean): void {
    for (const [id, pg] of this.pgStats) if (!hasPg(pg.pgid)) this.pgStats.delete(id);
    for (const osd of this.osdStats.keys()) if (!hasOsd(osd)) this.osdStats.delete(osd);
    for (const osd of this.slowOps.keys()) if (!hasOsd(osd)) this.slowOps.delete(osd);
  }

  /** Called from time to time; measures the traffic between the oldest sample kept and now. */
  sample(nowMs: number): void {
    const last = this.samples.at(-1);
    if (last && nowMs - last.atMs < SAMPLE_MS) return;
    const now: Sample = { atMs: nowMs, pools: sumsByPool(this.pgStats.values()) };
    this.samples.push(now);
    if (this.samples.length > SAMPLES_MAX) this.samples.shift();
    const first = this.samples[0]!;
    this.poolRates = ratesBetween(first, now);
    this.totalRates = [...this.poolRates.values()].reduce(addRates, { ...IO_IDLE });
  }
}

function isNewer(a: PgStat, b: PgStat): boolean {
  if (a.reportedEpoch !== b.reportedEpoch) return a.reportedEpoch > b.reportedEpoch;
  return a.reportedSeq > b.reportedSeq && a.actingPrimary === b.actingPrimary;
}

function addRates(a: IoRates, b: IoRates): IoRates {
  return combine(a, b, (x, y) => x + y);
}

function combine(a: IoRates, b: IoRates, f: (x: number, y: number) => number): IoRates {
  return {
    readBytes: f(a.readBytes, b.readBytes),
    writeBytes: f(a.writeBytes, b.writeBytes),
    readOps: f(a.readOps, b.readOps),
    writeOps: f(a.writeOps, b.writeOps),
    recoveryBytes: f(a.recoveryBytes, b.recoveryBytes),
    recoveryObjects: f(a.recoveryObjects, b.recoveryObjects),
    recoveryKeys: f(a.recoveryKeys, b.recoveryKeys),
  };
}

/** Totals since the PGs were made, in the shape of rates. */
function sumsByPool(pgs: Iterable<PgStat>): Map<number, IoRates> {
  const pools = new Map<number, IoRates>();
  for (const { pgid, statsSum: s } of pgs) {
    const sums: IoRates = {
      readBytes: s.numRdKb * 1024,
      writeBytes: s.numWrKb * 1024,
      readOps: s.numRd,
      writeOps: s.numWr,
      recoveryBytes: s.numBytesRecovered,
      recoveryObjects: s.numObjectsRecovered,
      recoveryKeys: s.numKeysRecovered,
    };
    pools.set(pgid.pool, addRates(pools.get(pgid.pool) ?? IO_IDLE, sums));
  }
  return pools;
}

/** A pool that the first sample lacks starts at its own first value: its past is not traffic of now. */
function ratesBetween(first: Sample, now: Sample): Map<number, IoRates> {
  const seconds = Math.max(1, now.atMs - first.atMs) / 1000;
  const out = new Map<number, IoRates>();
  for (const [pool, sums] of now.pools) {
    const before = first.pools.get(pool) ?? sums;
    out.set(
      pool,
      combine(sums, before, (x, y) => Math.max(0, Math.floor((x - y) / seconds))),
    );
  }
  return out;
}
