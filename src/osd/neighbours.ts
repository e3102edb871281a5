import type { OSDMap } from '../maps/index.ts';
import type { Clock, Logger, SocketAddress } from '../runtime/index.ts';
import { type MessageOf, MOSDFailure, type Outgoing, outgoing } from '../wire/index.ts';
import { type Lease, MOSDPing } from './peer-messages.ts';

const FAILURE_REPORT_MS = 1000;
/** Source: osd_heartbeat_min_peers, 16.2. */
const WATCHED_MIN = 10;
/** Pings go out each second; after a longer pause it was we who did not listen. */
const PAUSE_MS = 3000;

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
  /** OSDs that share a PG with us. */
  neighbours(): Set<number>;
  /** What to ask a member for. */
  lease(): Lease;
  /** A member stands by us. */
  granted(by: number, lease: Lease): void;
  /** A primary asks us to stand by it. @param then gets the lease's milliseconds, 0 when we do not */
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void;
  send(osd: number, message: Outgoing): void;
  sendToMon(message: Outgoing): void;
}

/** The OSDs that share a PG with us: pings, which carry leases, and word to the monitor of those who are gone. */
export class Neighbours {
  private readonly host: NeighboursHost;
  private readonly accusedMs = new Map<number, number>();
  /** When a neighbour was last heard of, or first should have been. */
  private heardMs = new Map<number, number>();
  private pingedMs = Number.NEGATIVE_INFINITY;

  constructor(host: NeighboursHost) {
    this.host = host;
  }

  /** Neighbours, and so many others that everybody is watched by somebody: the next by number. */
  private watched(map: OSDMap): Set<number> {
    const out = this.host.neighbours();
    const osds = map.osds();
    const from = osds.indexOf(this.host.id) + 1;
    for (let i = 0; i < osds.length - 1 && out.size < WATCHED_MIN; i++) {
      const osd = osds[(from + i) % osds.length]!;
      if (map.isUp(osd)) out.add(osd);
    }
    return out;
  }

  ping(): void {
    const { map, isUpNow } = this.host;
    if (!map || !isUpNow) return;
    const ping = { epoch: map.epoch, isReply: false, lease: this.host.lease() };
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
    this.heardMs.set(from, this.host.clock.monotonicMs());
    if (isReply) {
      this.host.granted(from, lease);
    } else if (map && isUpNow) {
      this.host.standBy(from, lease, (leaseMs) => {
        if (leaseMs === 0) return;
        this.host.send(from, outgoing(MOSDPing, { epoch: map.epoch, isReply: true, lease }));
      });
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
}
