import type { OSDMap } from '../../maps/index.ts';
import { type MessageOf, type Outgoing, outgoing } from '../../wire/index.ts';
import { type Lease, MOSDLease } from '../peer-messages.ts';

/** What the daemon gives to renew leases. */
export interface LeaseRoundsHost {
  readonly map: OSDMap | undefined;
  /** The map shows us up. */
  readonly isUpNow: boolean;
  /** OSDs that share a PG with us. */
  neighbours(): Set<number>;
  /** What to ask a member for. */
  lease(): Lease;
  /** A member stands by us. */
  granted(by: number, lease: Lease): void;
  /** A primary asks us to stand by it. @param then gets the lease's milliseconds, 0 when we do not */
  standBy(osd: number, lease: Lease, then: (leaseMs: number) => void): void;
  send(osd: number, message: Outgoing): void;
}

/** Asks the OSDs that share a PG with us to stand by us, and answers those who ask: see Leases. */
export class LeaseRounds {
  private readonly host: LeaseRoundsHost;

  constructor(host: LeaseRoundsHost) {
    this.host = host;
  }

  /** One round of asking. Said more often than leases last, so that one lost word does not matter. */
  ask(): void {
    const { map, isUpNow } = this.host;
    if (!map || !isUpNow) return;
    const asked = { epoch: map.epoch, isReply: false, lease: this.host.lease() };
    const message = outgoing(MOSDLease, asked);
    for (const osd of this.host.neighbours()) this.host.send(osd, message);
  }

  onLease(from: number, { isReply, lease }: MessageOf<typeof MOSDLease>): void {
    const { map, isUpNow } = this.host;
    if (isReply) {
      this.host.granted(from, lease);
    } else if (map && isUpNow) {
      this.host.standBy(from, lease, (leaseMs) => {
        if (leaseMs === 0) return;
        this.host.send(from, outgoing(MOSDLease, { epoch: map.epoch, isReply: true, lease }));
      });
    }
  }
}
