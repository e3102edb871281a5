import type { OSDMap } from '../../maps/index.ts';
import type { Clock } from '../../runtime/index.ts';
import {
  type CompressedPool,
  type LOG_PRIORITY,
  MOSDBeacon,
  MOSDSlowOps,
  MPGStats,
  type Outgoing,
  outgoing,
  PAXOS_ZERO,
  type PgStat,
  type PingTimes,
  TIME_ZERO,
} from '../../wire/index.ts';
import { addSlowOps, type SlowOps } from '../shard/op-history.ts';
import { averageNs } from '../shard/store-latency.ts';
import type { ShardCalls, ShardReport } from '../shard-front.ts';
import type { Timers } from '../timers.ts';

/** Stats go out this soon after a change, and at least so often. */
const SOON_MS = 500;
const REPORT_MS = 5000;

/** What the daemon gives for its reports. */
export interface ReporterHost {
  readonly id: number;
  readonly fsid: string;
  readonly clock: Clock;
  readonly epoch: number;
  /** The map shows us up. */
  readonly isUpNow: boolean;
  readonly shards: readonly ShardCalls[];
  readonly map: OSDMap | undefined;
  /** osd_aggregated_slow_ops_logging */
  readonly isSlownessLogged: boolean;
  /** osd_beacon_report_interval */
  readonly beaconSeconds: number;
  /** OSDs that we send heartbeats to, ascending. */
  heartbeatPeers(): number[];
  /** How long they take to answer. */
  pingTimes(): PingTimes[];
  upFrom(osd: number): number;
  sendToMon(message: Outgoing): void;
  clusterLog(priority: keyof typeof LOG_PRIORITY, text: string): void;
}

/** Tells the monitor how the stores and the PGs that we are primary of are. */
export class Reporter {
  private readonly host: ReporterHost;
  private readonly timers: Timers;
  private count = 0;
  private wasSlow = false;
  private beaconMs = Number.NEGATIVE_INFINITY;

  constructor(host: ReporterHost, timers: Timers) {
    this.host = host;
    this.timers = timers;
  }

  /** From now on it reports by itself. */
  begin(): void {
    this.timers.every('report', REPORT_MS, () => void this.send());
  }

  /** Something has changed: what follows within a moment is told with it. */
  soon(): void {
    this.timers.soon('stats', SOON_MS, () => void this.send());
  }

  /** @returns a number that grows with each report */
  async send(): Promise<number> {
    const { host } = this;
    this.timers.cancel('stats');
    if (!host.isUpNow) return this.count;
    const shards = await Promise.all(host.shards.map((shard) => shard.ask('report')));
    const { fsid, epoch, id: osd } = host;
    const osdStat = this.osdStat(shards);
    const pgs = shards.flatMap((shard) => shard.pgs);
    host.sendToMon(outgoing(MPGStats, { fsid, epoch, osd, osdStat, pgs }));
    this.beacon(pgs);
    this.slowOps(addSlowOps(shards.map((shard) => shard.slowOps)));
    return ++this.count;
  }

  /** Source: OSD::get_health_metrics, 16.2. */
  private slowOps({ count, oldestMs, byPool, byPoint }: SlowOps): void {
    const { host } = this;
    if (count === 0 && !this.wasSlow) return;
    this.wasSlow = count > 0;
    const oldestSeconds = Math.floor(oldestMs / 1000);
    const { fsid, id: osd, map } = host;
    host.sendToMon(outgoing(MOSDSlowOps, { fsid, osd, count, oldestSeconds }));
    if (count === 0 || !host.isSlownessLogged) return;
    const [pool, most] = [...byPool].reduce((a, b) => (b[1] > a[1] ? b : a));
    const where = `most affected pool [ '${map?.poolName(pool) ?? pool}' : ${most} ]`;
    const types = [...byPoint].sort().map(([point, n]) => `'${point}' : ${n} `);
    host.clusterLog('warn', `${count} slow requests (by type [ ${types.join('')}] ${where})`);
  }

  /** A new session or a new life: the monitor is to hear of us at once. */
  again(): void {
    this.beaconMs = Number.NEGATIVE_INFINITY;
  }

  /** A sign of life, when one is due. Source: OSD::send_beacon, 16.2. */
  private beacon(pgs: readonly PgStat[]): void {
    const { clock, epoch, beaconSeconds } = this.host;
    const now = clock.monotonicMs();
    if (now - this.beaconMs < 1000 * beaconSeconds) return;
    this.beaconMs = now;
    this.host.sendToMon(
      outgoing(MOSDBeacon, {
        paxos: { ...PAXOS_ZERO, version: BigInt(epoch) },
        pgs: pgs.map(({ pgid }) => pgid),
        minLastEpochClean: pgs.reduce((min, pg) => Math.min(min, pg.lastEpochClean), epoch),
        lastPurgedSnapsScrub: TIME_ZERO,
        interval: beaconSeconds,
      }),
    );
  }

  private osdStat(shards: readonly ShardReport[]) {
    const { host } = this;
    const sum = (of: (s: ShardReport) => number): number => shards.reduce((n, s) => n + of(s), 0);
    // Who has the least room speaks for all: a PG cannot use that of another shard.
    const least = Math.min(...shards.map((s) => s.usage.availableBytes));
    const latencyNs = averageNs(shards.map((s) => s.latency));
    return {
      upFrom: host.upFrom(host.id),
      totalBytes: sum(({ usage }) => usage.totalBytes),
      usedBytes: sum(({ usage: u }) => u.allocatedBytes + u.omapBytes + u.metadataBytes),
      availableBytes: shards.length * least,
      dataBytes: sum(({ usage }) => usage.dataBytes),
      omapBytes: sum(({ usage }) => usage.omapBytes),
      metadataBytes: sum(({ usage }) => usage.metadataBytes),
      compressed: compressedOf(shards),
      numPgs: sum(({ pgCount }) => pgCount),
      heartbeatPeers: host.heartbeatPeers(),
      numShardsRepaired: sum(({ copiesReplaced }) => copiesReplaced),
      // What is durable has been applied: BlueStore of 16.2 gives the same figure for both.
      commitLatencyNs: latencyNs,
      applyLatencyNs: latencyNs,
      pingTimes: host.pingTimes(),
    };
  }
}

/** What compression does for each pool, over all shards. */
function compressedOf(shards: readonly ShardReport[]): CompressedPool[] {
  const sums = new Map<number, CompressedPool>();
  for (const { usage } of shards) {
    for (const [pool, { compressed, allocated, original }] of usage.compressed) {
      const sum = sums.get(pool) ?? { pool, compressed: 0, allocated: 0, original: 0 };
      sum.compressed += compressed;
      sum.allocated += allocated;
      sum.original += original;
      sums.set(pool, sum);
    }
  }
  return [...sums.values()];
}
