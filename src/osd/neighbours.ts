import type { OSDMap } from '../maps/index.ts';
import type { Clock, Logger, SocketAddress } from '../runtime/index.ts';
import { type MessageOf, MOSDFailure, type Outgoing, outgoing } from '../wire/index.ts';
import { Leases, type MapLife } from './leases.ts';
import { type Lease, MOSDPing } from './peer-messages.ts';
import type { PgRegistry } from './pg-registry.ts';

const FAILURE_REPORT_MS = 1000;
/** Source: osd_heartbeat_min_peers, 16.2. */
const WATCHED_MIN = 10;
/** Pings go out each second; after a longer pause it was we who did not listen. */
const PAUSE_MS = 3000;
/** A lease is this share of osd_heartbeat_grace (osd_pool_default_read_lease_ratio, 16.2). */
const LEASE_SHARE = 0.8;

/** What the daemon gives to keep in touch with other OSDs. */
export interface NeighboursHost {
  readonly id: number;
  readonly fsid: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly map: OSDMap | undefined;
  /** The map shows us up. */
  readonly isUpNow: boolean;
  /** osd_heartbeat_grace, seconds. */
  readonly graceSeconds: number;
  send(osd: number, message: Outgoing): void;
  sendToMon(message: Outgoing): void;
}

/** The OSDs that share a PG with us: pings, which carry leases, and word to the monitor of those who are gone. */
export class Neighbours {
  readonly leases: Leases;
  private readonly host: NeighboursHost;
  private readonly pgs: PgRegistry;
  private readonly accusedMs = new Map<number, number>();
  /** When a neighbour was last heard of, or first should have been. */
  private heardMs = new Map<number, number>();
  private pingedMs = Number.NEGATIVE_INFINITY;

  constructor(host: NeighboursHost, pgs: PgRegistry) {
    this.host = host;
    this.pgs = pgs;
    const self = this;
    this.leases = new Leases({
      nowMs: () => host.clock.monotonicMs(),
      get leaseMs() {
        return self.leaseMs;
      },
      get upFrom() {
        return self.lifeOf(host.id).upFrom;
      },
      life: (osd) => this.lifeOf(osd),
    });
  }

  /** OSDs that share a PG with us. */
  all(): Set<number> {
    const out = new Set<number>();
    for (const pg of this.pgs.all()) for (const osd of pg.view.acting) out.add(osd);
    out.delete(this.host.id);
    return out;
  }

  /** Neighbours, and so many others that everybody is watched by somebody: the next by number. */
  private watched(map: OSDMap): Set<number> {
    const out = this.all();
    const osds = map.osds();
    const from = osds.indexOf(this.host.id) + 1;
    for (let i = 0; i < osds.length - 1 && out.size < WATCHED_MIN; i++) {
      const osd = osds[(from + i) % osds.length]!;
      if (map.isUp(osd)) out.add(osd);
    }
    return out;
  }

  /** What to ask a member for. */
  lease(): Lease {
    const sentMs = Math.floor(this.host.clock.monotonicMs());
    return { upFrom: this.lifeOf(this.host.id).upFrom, sentMs, leaseMs: this.leaseMs };
  }

  ping(): void {
    const { map, isUpNow } = this.host;
    if (!map || !isUpNow) return;
    const ping = { epoch: map.epoch, isReply: false, lease: this.lease() };
    const message = outgoing(MOSDPing, ping);
    const all = this.watched(map);
    for (const osd of all) this.host.send(osd, message);
    this.accuseSilent(map, all);
  }

  /** A host without power, or a process that is stopped, refuses nothing: it just does not answer. */
  private accuseSilent(map: OSDMap, all: ReadonlySet<number>): void {
    const { clock, graceSeconds } = this.host;
    const now = clock.monotonicMs();
    const wasAway = now - this.pingedMs > PAUSE_MS;
    this.pingedMs = now;
    const heardMs = new Map<number, number>();
    for (const osd of all) {
      if (!map.isUp(osd)) continue;
      const at = (wasAway ? undefined : this.heardMs.get(osd)) ?? now;
      heardMs.set(osd, at);
      if (now - at > 1000 * graceSeconds) this.accuse(map, osd, `silent for ${graceSeconds} s`);
    }
    this.heardMs = heardMs;
  }

  onPing(from: number, { isReply, lease }: MessageOf<typeof MOSDPing>): void {
    const { map, isUpNow } = this.host;
    const { upFrom, sentMs, leaseMs } = lease;
    this.heardMs.set(from, this.host.clock.monotonicMs());
    if (isReply) {
      this.leases.grant(from, upFrom, sentMs, leaseMs);
      for (const pg of this.pgs.all()) pg.pipeline.leaseRenewed();
    } else if (map && isUpNow && this.leases.promise(from, upFrom, leaseMs)) {
      this.host.send(from, outgoing(MOSDPing, { epoch: map.epoch, isReply: true, lease }));
    }
  }

  /** Nobody listens at an address: if the map has an OSD there, its process is gone, and the monitor is told. */
  refused(at: SocketAddress): void {
    const { map, isUpNow, id } = this.host;
    if (!map || !isUpNow) return;
    for (const osd of map.osds()) {
      const addr = map.clusterAddrs(osd)[0];
      if (!addr || osd === id || !map.isUp(osd)) continue;
      if (addr.host === at.host && addr.port === at.port) {
        this.accuse(map, osd, 'connection refused');
      }
    }
  }

  private accuse(map: OSDMap, osd: number, reason: string): void {
    const { clock, id, fsid } = this.host;
    const now = clock.monotonicMs();
    if (now - (this.accusedMs.get(osd) ?? -FAILURE_REPORT_MS) < FAILURE_REPORT_MS) return;
    this.accusedMs.set(osd, now);
    this.host.log('info', 'accuse peer', { osd, reason });
    const failure = { fsid, epoch: map.epoch, osd, addrs: [...map.clusterAddrs(osd)] };
    this.host.sendToMon(outgoing(MOSDFailure, { ...failure, reporter: id, reason }));
  }

  private get leaseMs(): number {
    return LEASE_SHARE * 1000 * this.host.graceSeconds;
  }

  private lifeOf(osd: number): MapLife {
    const { map } = this.host;
    const upFrom = map?.data.osdInfo[osd]?.upFrom ?? 0;
    const isDead = (map?.data.osdXInfo[osd]?.deadEpoch ?? 0) >= upFrom;
    return { isUp: map?.isUp(osd) ?? false, upFrom, isDead };
  }
}
