import { DEFAULT_FEATURES } from '../../codec/index.ts';
import type { Clock } from '../../runtime/index.ts';
import {
  CEPH_RELEASE,
  type EntityAddr,
  MOSDBoot,
  MOSDMarkMeDown,
  type Outgoing,
  outgoing,
  PAXOS_ZERO,
  TIME_ZERO,
  VERSION_TEXT,
} from '../../wire/index.ts';
import type { OsdOptions } from '../options.ts';
import type { Superblock } from '../superblock.ts';
import type { Timers } from '../timers.ts';

const RETRY_MS = 1000;

/** Where an OSD listens: for clients, for OSDs, and for heartbeats beside either. */
export interface OsdAddrs {
  readonly public: EntityAddr;
  readonly cluster: EntityAddr;
  readonly hbFront: EntityAddr;
  readonly hbBack: EntityAddr;
}

/** What of the daemon matters for its boot. */
export interface BootHost {
  readonly clock: Clock;
  readonly addrs: OsdAddrs;
  readonly superblock: Superblock;
  readonly epoch: number;
  /** What all stores together may hold. */
  readonly totalBytes: number;
  /** The map does not show us up, we are not on our way down, and nothing speaks against our service. */
  readonly mayBoot: boolean;
  /** Epoch in which the map first showed this process up, or 0. */
  readonly firstUpFrom: number;
  sendToMon(message: Outgoing): void;
}

/** Asks the monitor to mark us up, as long as we know all maps and are not. */
export class Boot {
  private readonly options: OsdOptions;
  private readonly host: BootHost;
  private readonly timers: Timers;
  private askedMs = Number.NEGATIVE_INFINITY;

  constructor(options: OsdOptions, host: BootHost, timers: Timers) {
    this.options = options;
    this.host = host;
    this.timers = timers;
  }

  ask(): void {
    const { host } = this;
    if (!host.mayBoot || host.epoch === 0) return;
    this.timers.soon('boot', RETRY_MS, () => this.ask());
    const now = host.clock.monotonicMs();
    if (now - this.askedMs < RETRY_MS / 2) return;
    this.askedMs = now;
    host.sendToMon(this.message());
  }

  /** Our last words: nobody is served here any more. */
  goodbye(): Outgoing {
    const { fsid, id: osd } = this.options;
    const { addrs, epoch } = this.host;
    return outgoing(MOSDMarkMeDown, {
      paxos: this.paxos,
      fsid,
      osd,
      addrs: [addrs.public],
      epoch,
      wantsAck: true,
      isDead: true,
    });
  }

  private get paxos() {
    return { ...PAXOS_ZERO, version: BigInt(this.host.epoch) };
  }

  private message(): Outgoing {
    const { fsid, uuid, id: osd } = this.options;
    const { addrs, epoch, superblock, firstUpFrom } = this.host;
    return outgoing(MOSDBoot, {
      paxos: this.paxos,
      superblock: {
        fsid,
        osd,
        uuid,
        currentEpoch: epoch,
        oldestMap: superblock.oldest,
        newestMap: epoch,
        weight: 0,
        features: { compat: NONE, roCompat: NONE, incompat: NONE },
        cleanThrough: superblock.newest,
        mounted: superblock.storeSince,
        lastEpochMarkedFull: 0,
        poolsMarkedFull: 0,
        purgedSnapsLast: 0,
        lastPurgedSnapsScrub: TIME_ZERO,
        trimLowerBound: superblock.oldest,
      },
      hbBackAddrs: [addrs.hbBack],
      clusterAddrs: [addrs.cluster],
      bootEpoch: firstUpFrom,
      hbFrontAddrs: [addrs.hbFront],
      metadata: this.metadata(),
      features: DEFAULT_FEATURES,
    });
  }

  /** Keys as an OSD of Ceph has them, so that tools find them. */
  private metadata(): Map<string, string> {
    const { hostname, deviceClass, shards } = this.options;
    const { addrs, totalBytes } = this.host;
    const at = ({ host, port, nonce }: EntityAddr): string => `[v2:${host}:${port}/${nonce}]`;
    return new Map([
      ['back_addr', at(addrs.cluster)],
      ['bluestore_bdev_size', String(totalBytes)],
      ['ceph_release', 'pacific'],
      ['ceph_version', VERSION_TEXT],
      ['ceph_version_short', CEPH_RELEASE],
      ['default_device_class', deviceClass ?? 'ssd'],
      ['front_addr', at(addrs.public)],
      ['hb_back_addr', at(addrs.hbBack)],
      ['hb_front_addr', at(addrs.hbFront)],
      ['hostname', hostname ?? 'localhost'],
      ['osd_objectstore', 'sepiola'],
      ...(shards && shards.count > 1 ? [['osd_shards', String(shards.count)] as const] : []),
    ]);
  }
}

const NONE = { mask: 0n, names: new Map<bigint, string>() };
