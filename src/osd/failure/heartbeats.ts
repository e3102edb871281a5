import type { OSDMap } from '../../maps/index.ts';
import type { Clock, Random, SocketAddress } from '../../runtime/index.ts';
import {
  type EntityAddr,
  type MessageOf,
  MOSDPing,
  msOfSpan,
  type Outgoing,
  outgoing,
  PING_OP,
  type PingTimes,
  spanOfMs,
  utimeOfMs,
} from '../../wire/index.ts';
import type { Accusations } from './accusations.ts';
import { heartbeatPeers } from './heartbeat-peers.ts';
import { PingBook, SIDES, type Side } from './ping-book.ts';
import { PingLedger } from './ping-ledger.ts';

/** {@link Heartbeats.tick} is called so often; after a longer pause it was we who did not listen. */
export const TICK_MS = 1000;
const PAUSE_MS = 3 * TICK_MS;
/** Pings go out after this and a random part of nine tenths of the interval (OSD::heartbeat_entry, 16.2). */
const PING_LEAST_MS = 500;
const PING_SPREAD = 0.9;
/** Of a ping before its padding: what stands before the count of padding bytes. */
const HEAD_BYTES = 29;

/** Options of heartbeats, as they are now. */
export interface HeartbeatSettings {
  /** osd_heartbeat_interval and osd_heartbeat_grace. */
  readonly intervalSeconds: number;
  readonly graceSeconds: number;
  /** osd_heartbeat_min_peers, osd_heartbeat_min_size, osd_heartbeat_min_healthy_ratio. */
  readonly peersMin: number;
  readonly sizeMin: number;
  readonly healthyRatio: number;
  /** mon_osd_min_down_reporters, mon_osd_reporter_subtree_level. */
  readonly reportersMin: number;
  readonly level: string;
  /** osd_fast_fail_on_connection_refused */
  readonly isRefusalFatal: boolean;
  /** What is a minute in averages of ping times: debug_heartbeat_testing_span. */
  readonly minuteSeconds: number;
  /** osd_mon_heartbeat_stat_stale */
  readonly keptSeconds: number;
}

/** What the daemon gives for its heartbeats. */
export interface HeartbeatsHost {
  readonly id: number;
  readonly fsid: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly map: OSDMap | undefined;
  /** We take part: the map shows us up, or we would like it to. */
  readonly isWatching: boolean;
  readonly heartbeat: HeartbeatSettings;
  /** Epoch since which the map shows us up; 0 if it does not. */
  readonly ownUpFrom: number;
  /** OSDs that share a PG with us. */
  neighbours(): Set<number>;
  /** A newer map than ours exists. */
  wantMap(epoch: number): void;
  /** Sends to where an OSD listens for heartbeats. */
  sendPing(osd: number, side: Side, to: readonly EntityAddr[], message: Outgoing): void;
  /** Lets go of the sessions for heartbeats with an OSD. */
  dropPings(osd: number): void;
}

/**
 * Watches other OSDs by pings on two networks, answers theirs, and accuses who is silent. Follows OSD::heartbeat,
 * heartbeat_check and handle_osd_ping of src/osd/OSD.cc, release 16.2.
 */
export class Heartbeats {
  private readonly host: HeartbeatsHost;
  private readonly accusations: Accusations;
  private readonly book = new PingBook();
  private readonly ledger = new PingLedger();
  /** By which map the peers were chosen, and when. */
  private chosen: { map: OSDMap; atMs: number } | undefined;
  private tickedMs = Number.NEGATIVE_INFINITY;
  private pingAtMs = Number.NEGATIVE_INFINITY;

  constructor(host: HeartbeatsHost, accusations: Accusations) {
    this.host = host;
    this.accusations = accusations;
  }

  /** Whom we ping, ascending. */
  get peers(): number[] {
    return this.book.osds().sort((a, b) => a - b);
  }

  /** How long others take to answer. */
  pingTimes(): PingTimes[] {
    const { clock, heartbeat } = this.host;
    return this.ledger.times(clock.wallMs(), heartbeat.keptSeconds);
  }

  /** To be called every {@link TICK_MS}. */
  tick(): void {
    const { map, isWatching, clock } = this.host;
    const now = Math.floor(clock.monotonicMs());
    const wasAway = now - this.tickedMs > PAUSE_MS;
    this.tickedMs = now;
    if (!map || !isWatching) return;
    if (wasAway) this.book.forgive();
    this.choose(map, now);
    if (now >= this.pingAtMs) this.ping(map, now);
    for (const osd of this.book.osds()) {
      if (this.book.isUnhealthy(osd, now)) {
        this.accusations.suspect(osd, this.book.silentSince(osd));
      }
    }
    // Who asks to be marked up has no say in who is up.
    if (this.host.ownUpFrom > 0) this.accusations.tell(map, clock.monotonicMs());
  }

  /** A new map: who is down in it need not be watched, and pings to others go where it says. */
  mapChanged(map: OSDMap): void {
    this.accusations.prune(map);
    if (this.host.isWatching) this.choose(map, Math.floor(this.host.clock.monotonicMs()));
  }

  /** Enough of our peers answer us on both sides for us to be of use. Source: OSD::_is_healthy, 16.2. */
  get isHealthy(): boolean {
    const { clock, heartbeat } = this.host;
    const now = clock.monotonicMs();
    const all = this.book.osds();
    const healthy = all.filter((osd) => this.book.isHealthy(osd, now)).length;
    return healthy >= all.length * heartbeat.healthyRatio;
  }

  /** Begins anew with everybody: what was heard was heard in a former life. */
  reset(): void {
    for (const osd of this.book.osds()) this.drop(osd);
    this.chosen = undefined;
    this.pingAtMs = Number.NEGATIVE_INFINITY;
  }

  onPing(
    from: number,
    side: Side,
    m: MessageOf<typeof MOSDPing>,
    reply: (message: Outgoing) => void,
  ): void {
    const { host } = this;
    const { map } = host;
    if (m.fsid !== host.fsid || !map) return;
    switch (m.op) {
      case PING_OP.ping:
        reply(this.message(PING_OP.pingReply, map, m));
        if (map.isUp(from)) host.wantMap(m.epoch);
        else if (isDeadIn(map, from, m.epoch)) reply(this.message(PING_OP.youDied, map, m));
        return;
      case PING_OP.pingReply:
        return this.onReply(from, side, m, map);
      case PING_OP.youDied:
        return host.wantMap(m.epoch);
    }
  }

  /** Nobody listens at an address: if the map has an OSD there, on whatever network, its process is gone. */
  refused(at: SocketAddress): void {
    const { map, id, ownUpFrom, heartbeat, clock } = this.host;
    if (!map || ownUpFrom === 0 || !heartbeat.isRefusalFatal) return;
    const isThere = (a: EntityAddr): boolean => a.host === at.host && a.port === at.port;
    const osd = map
      .osds()
      .find((o) => o !== id && map.isUp(o) && addressesOf(map, o).some(isThere));
    if (osd === undefined) return;
    this.accusations.refused(osd, map, heartbeat.graceSeconds, clock.monotonicMs());
  }

  private onReply(from: number, side: Side, m: MessageOf<typeof MOSDPing>, map: OSDMap): void {
    const { clock, heartbeat } = this.host;
    const now = clock.monotonicMs();
    const answered = this.book.answered(from, side, Math.round(msOfSpan(m.pingStamp)), now);
    if (answered === 'unasked') return;
    if (answered !== 'half') {
      this.ledger.add(from, answered, now, clock.wallMs(), 1000 * heartbeat.minuteSeconds);
    }
    if (this.book.isHealthy(from, now)) this.accusations.clear(from, map);
    this.host.wantMap(m.epoch);
  }

  /** Chooses anew when the map has changed, and once per grace period: then also who is long silent gets new sessions. */
  private choose(map: OSDMap, now: number): void {
    const { id, random, heartbeat } = this.host;
    const graceMs = heartbeat.graceSeconds * 1000;
    const isDue = !this.chosen || now - this.chosen.atMs > graceMs;
    if (!isDue && this.chosen!.map === map) return;
    if (isDue) for (const osd of this.book.stale(now, graceMs)) this.drop(osd);
    this.chosen = { map, atMs: isDue ? now : this.chosen!.atMs };
    const { peersMin, reportersMin, level } = heartbeat;
    const peers = heartbeatPeers({
      map,
      id,
      neighbours: this.host.neighbours(),
      current: this.book.osds(),
      peersMin,
      reportersMin,
      level,
      below: (n) => random.below(n),
    });
    for (const osd of this.book.osds()) if (!peers.has(osd)) this.drop(osd);
    for (const osd of peers) this.book.add(osd);
  }

  private drop(osd: number): void {
    this.book.remove(osd);
    this.host.dropPings(osd);
  }

  private ping(map: OSDMap, now: number): void {
    const { host } = this;
    const { heartbeat, random } = host;
    const spread = PING_SPREAD * heartbeat.intervalSeconds * 1000;
    this.pingAtMs = now + PING_LEAST_MS + random.below(Math.floor(spread));
    this.book.sent(now, heartbeat.graceSeconds * 1000, host.clock.monotonicMs());
    const asked = { stamp: utimeOfMs(host.clock.wallMs()), pingStamp: spanOfMs(now) };
    const message = this.message(PING_OP.ping, map, asked);
    for (const osd of this.book.osds()) {
      for (const side of SIDES) {
        const to = side === 'front' ? map.hbFrontAddrs(osd) : map.hbBackAddrs(osd);
        host.sendPing(osd, side, to, message);
      }
    }
  }

  private message(
    op: number,
    map: OSDMap,
    { stamp, pingStamp }: Pick<MessageOf<typeof MOSDPing>, 'stamp' | 'pingStamp'>,
  ): Outgoing {
    const { fsid, ownUpFrom, heartbeat, clock } = this.host;
    return outgoing(MOSDPing, {
      fsid,
      epoch: map.epoch,
      op,
      stamp,
      upFrom: ownUpFrom,
      pingStamp,
      sendStamp: spanOfMs(clock.monotonicMs()),
      deltaBound: undefined,
      padding: Math.max(0, heartbeat.sizeMin - HEAD_BYTES),
    });
  }
}

/** The map knows that an OSD went down after the epoch that it has. */
function isDeadIn(map: OSDMap, osd: number, epoch: number): boolean {
  return !map.exists(osd) || map.data.osdInfo.at(osd)!.downAt > epoch;
}

function addressesOf(map: OSDMap, osd: number): EntityAddr[] {
  return [
    ...map.addrs(osd),
    ...map.clusterAddrs(osd),
    ...map.hbBackAddrs(osd),
    ...map.hbFrontAddrs(osd),
  ];
}
