import type { Clock } from '../runtime/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { MPGStats, type Outgoing, outgoing } from '../wire/index.ts';
import type { Neighbours } from './neighbours.ts';
import { type PgRegistry, pgNumber } from './pg-registry.ts';
import { newStamps, reportOf, type Stamps } from './pg-report.ts';

/** What the daemon gives for its reports. */
export interface ReporterHost {
  readonly id: number;
  readonly fsid: string;
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly epoch: number;
  /** The map shows us up. */
  readonly isUpNow: boolean;
  upFrom(osd: number): number;
  sendToMon(message: Outgoing): void;
}

/** Tells the monitor how the store and the PGs that we are primary of are. */
export class Reporter {
  private readonly host: ReporterHost;
  private readonly pgs: PgRegistry;
  private readonly neighbours: Neighbours;
  /** By PG. */
  private stamps = new Map<number, Stamps>();
  private count = 0;

  constructor(host: ReporterHost, pgs: PgRegistry, neighbours: Neighbours) {
    this.host = host;
    this.pgs = pgs;
    this.neighbours = neighbours;
  }

  /** @returns a number that grows with each report */
  send(): number {
    const { host } = this;
    if (!host.isUpNow) return this.count;
    const nowMs = host.clock.wallMs();
    const stamps = new Map<number, Stamps>();
    const pgs = [];
    for (const pg of this.pgs.all()) {
      if (!pg.isPrimary) continue;
      const number = pgNumber(pg.pgid.pool, pg.pgid.seed);
      const mine = this.stamps.get(number) ?? newStamps(nowMs);
      stamps.set(number, mine);
      pgs.push(reportOf(pg, mine, nowMs));
    }
    this.stamps = stamps;
    const { fsid, epoch, id: osd } = host;
    const osdStat = this.osdStat();
    host.sendToMon(outgoing(MPGStats, { fsid, epoch, osd, osdStat, pgs }));
    return ++this.count;
  }

  private osdStat() {
    const { host } = this;
    const u = host.store.usage();
    return {
      upFrom: host.upFrom(host.id),
      totalBytes: u.totalBytes,
      usedBytes: u.allocatedBytes + u.omapBytes + u.metadataBytes,
      availableBytes: u.availableBytes,
      dataBytes: u.dataBytes,
      omapBytes: u.omapBytes,
      metadataBytes: u.metadataBytes,
      numPgs: this.pgs.size,
      heartbeatPeers: [...this.neighbours.all()].sort((a, b) => a - b),
    };
  }
}
