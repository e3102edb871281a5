/** The two ways to a peer: where clients reach it, and where OSDs do. */
export const SIDES = ['front', 'back'] as const;
export type Side = (typeof SIDES)[number];

interface Ping {
  readonly sentMs: number;
  /** The same to the microsecond. */
  readonly atMs: number;
  readonly deadlineMs: number;
  readonly answered: Set<Side>;
}

interface PingedPeer {
  /** Not answered on both sides; the oldest first. */
  readonly pings: Ping[];
  /** When each side last answered. */
  readonly heardMs: Map<Side, number>;
}

/** What an answer comes to. */
export type Answered = 'unasked' | 'half' | Readonly<Record<Side, number>>;

/** Of a peer that never answers the oldest ping tells all; of the others so many are kept. */
const PINGS_MAX = 64;

/**
 * Which peers answer heartbeats, by a monotonic clock. A peer is unhealthy when its oldest open ping is past its deadline
 * on either side, so a peer that is cut off from one network only is found as well. Source: OSD::HeartbeatInfo,
 * handle_osd_ping and heartbeat_check of src/osd/OSD.cc, release 16.2.
 */
export class PingBook {
  private readonly peers = new Map<number, PingedPeer>();

  get size(): number {
    return this.peers.size;
  }
  has(osd: number): boolean {
    return this.peers.has(osd);
  }
  osds(): number[] {
    return [...this.peers.keys()];
  }

  add(osd: number): void {
    if (!this.peers.has(osd)) this.peers.set(osd, { pings: [], heardMs: new Map() });
  }
  remove(osd: number): void {
    this.peers.delete(osd);
  }

  /** A ping to both sides of every peer. `sentMs` names it, and must grow from ping to ping. */
  sent(sentMs: number, graceMs: number, atMs = sentMs): void {
    for (const { pings } of this.peers.values()) {
      pings.push({ sentMs, atMs, deadlineMs: sentMs + graceMs, answered: new Set() });
      if (pings.length > PINGS_MAX) pings.splice(1, 1);
    }
  }

  /**
   * An answer to the ping named `sentMs`.
   * @returns 'unasked' when nobody waits for it (any more), 'half' when that of the other side is still to come, else how
   * long both took, in ms
   */
  answered(osd: number, side: Side, sentMs: number, nowMs: number): Answered {
    const peer = this.peers.get(osd);
    const at = peer?.pings.findIndex((ping) => ping.sentMs === sentMs) ?? -1;
    if (!peer || at < 0) return 'unasked';
    peer.heardMs.set(side, nowMs);
    const ping = peer.pings[at]!;
    ping.answered.add(side);
    if (ping.answered.size < SIDES.length) return 'half';
    // It lives: what it may have lost before does not matter.
    peer.pings.splice(0, at + 1);
    const spanOf = (s: Side): number => peer.heardMs.get(s)! - ping.atMs;
    return { front: spanOf('front'), back: spanOf('back') };
  }

  isUnhealthy(osd: number, nowMs: number): boolean {
    const oldest = this.peers.get(osd)?.pings[0];
    return oldest !== undefined && nowMs > oldest.deadlineMs;
  }

  /** Both sides have answered, and neither is overdue. */
  isHealthy(osd: number, nowMs: number): boolean {
    const heard = this.peers.get(osd)?.heardMs.size ?? 0;
    return heard === SIDES.length && !this.isUnhealthy(osd, nowMs);
  }

  /** Since when an unhealthy peer is silent: when it was last heard on both sides, else when it was first asked. */
  silentSince(osd: number): number {
    const { pings, heardMs } = this.peers.get(osd)!;
    return heardMs.size === SIDES.length ? Math.min(...heardMs.values()) : pings[0]!.sentMs;
  }

  /** Peers whose oldest open ping is overdue for `byMs`. */
  stale(nowMs: number, byMs: number): number[] {
    return this.osds().filter((osd) => this.isUnhealthy(osd, nowMs - byMs));
  }

  /** It was we who did not listen: what is open counts for nothing. */
  forgive(): void {
    for (const { pings } of this.peers.values()) pings.length = 0;
  }
}
