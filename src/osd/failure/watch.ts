import { OSD_STATE, type OSDMap } from '../../maps/index.ts';
import type { IncomingMessage, ListenPlace } from '../../msgr/index.ts';
import type { Clock, Logger, Runtime, SocketAddress } from '../../runtime/index.ts';
import {
  decodeFront,
  ENTITY,
  type EntityAddr,
  type LOG_PRIORITY,
  MOSDMarkMeDead,
  MOSDPing,
  type Outgoing,
  outgoing,
  PAXOS_ZERO,
  type PingTimes,
} from '../../wire/index.ts';
import { LeaseRounds, type LeaseRoundsHost } from '../front/lease-rounds.ts';
import type { OsdConfig } from '../front/osd-config.ts';
import { lifeOf } from '../map-life.ts';
import { MOSDLease } from '../peer-messages.ts';
import { Accusations } from './accusations.ts';
import { HeartbeatLinks } from './heartbeat-links.ts';
import { type HeartbeatSettings, Heartbeats, type HeartbeatsHost } from './heartbeats.ts';
import { Markdowns } from './markdowns.ts';
import type { Side } from './ping-book.ts';

/** What the daemon gives to keep watch. */
export interface WatchHost extends LeaseRoundsHost {
  readonly id: number;
  readonly fsid: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: OsdConfig;
  readonly map: OSDMap | undefined;
  readonly isUpNow: boolean;
  /** We go by ourselves, so that the map shows us down is no surprise. */
  readonly isLeaving: boolean;
  /** Every shard has made this epoch durable, and so has stopped to answer anybody if it shows us down. */
  haveAll(epoch: number): boolean;
  upFrom(osd: number): number;
  wantMap(epoch: number): void;
  sendToMon(message: Outgoing): void;
  /** Writes to the cluster log. */
  clusterLog(priority: keyof typeof LOG_PRIORITY, text: string): void;
  /** The OSD ends itself, for a reason that a person should see. */
  retire(reason: string): void;
}

/** Where an OSD listens for heartbeats. */
export type HeartbeatAddrs = Record<Side, EntityAddr>;

/**
 * What OSDs know of each other's life: leases and heartbeats are sent, the silent are accused, and what others say of us
 * in the map is taken note of.
 */
export class Watch implements HeartbeatsHost {
  readonly random: Runtime['random'];
  heartbeat: HeartbeatSettings;
  private readonly host: WatchHost;
  private readonly links: HeartbeatLinks;
  private readonly accusations: Accusations;
  private readonly heartbeats: Heartbeats;
  private readonly leases: LeaseRounds;
  private readonly markdowns = new Markdowns();
  private wasUp = false;
  /** Others had us marked down: until enough of them answer, we do not ask to be up again. */
  private isDoubtful = false;
  /** The epoch that showed us down, as long as no map says that we serve nobody any more. */
  private deadIn: number | undefined;

  constructor(host: WatchHost, runtime: Runtime, onFatal: (error: unknown) => void) {
    const { id } = host;
    this.host = host;
    this.random = runtime.random;
    this.heartbeat = heartbeatSettings(host.config);
    this.accusations = new Accusations({
      fsid: host.fsid,
      id,
      sendToMon: (message) => host.sendToMon(message),
      note: (osd, what) => host.log('info', 'peer', { osd, what }),
    });
    this.heartbeats = new Heartbeats(this, this.accusations);
    this.leases = new LeaseRounds(host);
    const authName = { type: ENTITY.osd, id: String(id) };
    this.links = new HeartbeatLinks(runtime, id, authName, {
      onPing: (from, side, m, reply) =>
        this.heartbeats.onPing(from, side, decodeFront(MOSDPing, m), reply),
      onFatal,
    });
  }

  listen(at: Record<Side, ListenPlace>, nonce: number): Promise<HeartbeatAddrs> {
    return this.links.listen(at, nonce);
  }

  /** To be called every second. */
  tick(): void {
    this.leases.ask();
    this.heartbeats.tick();
    this.tellDead();
  }

  /** Whether we may ask to be marked up. */
  get mayBoot(): boolean {
    if (!this.isDoubtful) return true;
    const periodSeconds = this.host.config.number('osd_max_markdown_period');
    if (!this.markdowns.isRecent(this.host.clock.monotonicMs(), periodSeconds)) return true;
    return this.heartbeats.isHealthy;
  }

  /** Whom we send heartbeats to. */
  get peers(): number[] {
    return this.heartbeats.peers;
  }

  /** How long they take to answer. */
  pingTimes(): PingTimes[] {
    return this.heartbeats.pingTimes();
  }

  mapsChanged(): void {
    const { map, isUpNow, isLeaving } = this.host;
    if (!map) return;
    const isNews = this.wasUp !== isUpNow;
    this.wasUp = isUpNow;
    if (isNews && isUpNow) {
      this.isDoubtful = false;
      this.deadIn = undefined;
      // The monitor forgot what we said when our state changed.
      this.accusations.retell();
    } else if (isNews && !isLeaving) this.wronglyDown(map);
    this.heartbeats.mapChanged(map);
  }

  monConnected(): void {
    this.accusations.retell();
  }
  configChanged(): void {
    this.heartbeat = heartbeatSettings(this.host.config);
  }
  onLease(from: number, m: IncomingMessage): void {
    this.leases.onLease(from, decodeFront(MOSDLease, m));
  }
  refused(at: SocketAddress): void {
    this.heartbeats.refused(at);
  }
  shutdown(): Promise<void> {
    return this.links.shutdown();
  }

  // What heartbeats ask.

  get id(): number {
    return this.host.id;
  }
  get fsid(): string {
    return this.host.fsid;
  }
  get clock(): Clock {
    return this.host.clock;
  }
  get map(): OSDMap | undefined {
    return this.host.map;
  }
  get isWatching(): boolean {
    return this.host.isUpNow || this.isDoubtful;
  }
  get ownUpFrom(): number {
    return this.host.isUpNow ? this.host.upFrom(this.host.id) : 0;
  }
  neighbours(): Set<number> {
    return this.host.neighbours();
  }
  wantMap(epoch: number): void {
    this.host.wantMap(epoch);
  }
  sendPing(osd: number, side: Side, to: readonly EntityAddr[], message: Outgoing): void {
    this.links.send(osd, side, to, message);
  }
  dropPings(osd: number): void {
    this.links.drop(osd);
  }

  /** The map shows us down, and we live. Source: OSD::_committed_osd_maps, 16.2. */
  private wronglyDown(map: OSDMap): void {
    const { host } = this;
    const { id, config } = host;
    const { epoch } = map;
    if ((map.data.osdState[id]! & OSD_STATE.stop) !== 0) return host.retire('told to stop');
    host.clusterLog('warn', `Monitor daemon marked osd.${id} down, but it is still running`);
    const downAt = map.data.osdInfo.at(id)?.downAt ?? epoch;
    host.clusterLog('debug', `map e${epoch} wrongly marked me down at e${downAt}`);
    this.deadIn = epoch;
    this.isDoubtful = true;
    this.heartbeats.reset();
    const reason = this.markdowns.add(
      host.clock.monotonicMs(),
      config.number('osd_max_markdown_count'),
      config.number('osd_max_markdown_period'),
    );
    if (reason !== undefined) host.retire(reason);
  }

  /** Spares those who take over the wait for our leases to run out. */
  private tellDead(): void {
    const { deadIn: epoch, host } = this;
    if (epoch === undefined || host.isUpNow || !host.haveAll(epoch)) return;
    const { fsid, id: osd, map } = host;
    // Said until a map says so: without a session with the monitor it is lost.
    if (lifeOf(map, osd).isDead) {
      this.deadIn = undefined;
      return;
    }
    const paxos = { ...PAXOS_ZERO, version: BigInt(epoch) };
    host.sendToMon(outgoing(MOSDMarkMeDead, { paxos, fsid, osd, epoch }));
  }
}

function heartbeatSettings(config: OsdConfig): HeartbeatSettings {
  return {
    intervalSeconds: config.number('osd_heartbeat_interval'),
    graceSeconds: config.number('osd_heartbeat_grace'),
    peersMin: config.number('osd_heartbeat_min_peers'),
    sizeMin: config.number('osd_heartbeat_min_size'),
    healthyRatio: config.number('osd_heartbeat_min_healthy_ratio'),
    reportersMin: config.number('mon_osd_min_down_reporters'),
    level: config.get('mon_osd_reporter_subtree_level')?.value ?? 'host',
    isRefusalFatal: config.get('osd_fast_fail_on_connection_refused')?.value === 'true',
    minuteSeconds: config.number('debug_heartbeat_testing_span') || 60,
    keptSeconds: config.number('osd_mon_heartbeat_stat_stale'),
  };
}
