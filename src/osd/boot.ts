import type { Clock } from '../runtime/index.ts';
import {
  CEPH_RELEASE,
  type EntityAddr,
  MOSDBoot,
  type Outgoing,
  outgoing,
  VERSION_TEXT,
} from '../wire/index.ts';
import type { OsdOptions } from './options.ts';
import type { Timers } from './timers.ts';

const RETRY_MS = 1000;

/** What of the daemon matters for its boot. */
export interface BootHost {
  readonly clock: Clock;
  readonly addr: EntityAddr;
  readonly epoch: number;
  /** What all stores together may hold. */
  readonly totalBytes: number;
  /** The map does not show us up, and we are not on our way down. */
  readonly isDown: boolean;
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
    if (!host.isDown || host.epoch === 0) return;
    this.timers.soon('boot', RETRY_MS, () => this.ask());
    const now = host.clock.monotonicMs();
    if (now - this.askedMs < RETRY_MS / 2) return;
    this.askedMs = now;
    host.sendToMon(this.message());
  }

  private message(): Outgoing {
    const { fsid, uuid, id: osd, hostname, deviceClass } = this.options;
    const { addr, epoch, totalBytes } = this.host;
    const addrs = [addr];
    return outgoing(MOSDBoot, {
      fsid,
      osd,
      uuid,
      epoch,
      publicAddrs: addrs,
      clusterAddrs: addrs,
      hbBackAddrs: addrs,
      hbFrontAddrs: addrs,
      totalBytes,
      deviceClass: deviceClass ?? 'ssd',
      metadata: new Map([
        ['hostname', hostname ?? 'localhost'],
        ['ceph_version', VERSION_TEXT],
        ['ceph_version_short', CEPH_RELEASE],
        ['ceph_release', 'pacific'],
        ['osd_objectstore', 'sepiola'],
      ]),
    });
  }
}
