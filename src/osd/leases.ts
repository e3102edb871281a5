import type { Lease } from './peer-messages.ts';

/** An OSD as the newest map has it. */
export interface MapLife {
  readonly isUp: boolean;
  /** Epoch in which it last came up. */
  readonly upFrom: number;
  /** Whoever saw it last up is sure that it serves nobody any more. */
  readonly isDead: boolean;
}

/** What the leases look at. */
export interface LeaseScope {
  nowMs(): number;
  /** What an OSD asks of its peers, and what it assumes to have promised before it was started. */
  readonly leaseMs: number;
  /** Since when the map shows us up. */
  readonly upFrom: number;
  life(osd: number): MapLife;
}

/** A primary takes a lease for shorter than it was given: clocks need not run at quite the same pace. */
const OWN_SHARE = 0.95;

/**
 * Keeps a primary that was cut off, or stopped for a while, from answering reads after others took over its PGs.
 *
 * A primary answers reads while every other acting member stands by it: a member's word holds for `leaseMs` from when it
 * was asked, and is renewed by pings. Members that learn of an interval without that primary tell nobody what they hold
 * before their word has run out, so nobody can take over; unless the primary is known to be dead, or lives and says
 * itself that it knows better. Source of the idea: read leases, doc/dev/osd_internals/stale_read.rst, 16.2.
 */
export class Leases {
  private readonly scope: LeaseScope;
  private readonly bornMs: number;
  /** Given to us, by member. */
  private readonly granted = new Map<number, { upFrom: number; untilMs: number }>();
  /** Given by us, to primaries. */
  private readonly given = new Map<number, { upFrom: number; untilMs: number }>();

  constructor(scope: LeaseScope) {
    this.scope = scope;
    this.bornMs = scope.nowMs();
  }

  /** What to ask a member for. */
  lease(): Lease {
    const { upFrom, leaseMs } = this.scope;
    return { upFrom, sentMs: Math.floor(this.scope.nowMs()), leaseMs };
  }

  /** We stand by `osd` from now on, if it is up since the epoch it names. @returns whether we do */
  promise(osd: number, upFrom: number, leaseMs: number): boolean {
    const life = this.scope.life(osd);
    if (!life.isUp || life.upFrom !== upFrom) return false;
    this.promised(osd, upFrom, leaseMs);
    return true;
  }

  /** We stand by `osd`, whatever the map here says: decided where a newer one is known. */
  promised(osd: number, upFrom: number, leaseMs: number): void {
    const untilMs = this.scope.nowMs() + leaseMs;
    const known = this.given.get(osd);
    if (known?.upFrom === upFrom && known.untilMs >= untilMs) return;
    this.given.set(osd, { upFrom, untilMs });
  }

  /** A member's word, asked for at `sentMs` of our clock when we were up since `upFrom`. */
  grant(by: number, upFrom: number, sentMs: number, leaseMs: number): void {
    const untilMs = sentMs + leaseMs * OWN_SHARE;
    const known = this.granted.get(by);
    if (known?.upFrom === upFrom && known.untilMs >= untilMs) return;
    this.granted.set(by, { upFrom, untilMs });
  }

  /** Whether a primary whose other acting members these are may answer reads now. */
  isReadable(members: readonly number[]): boolean {
    if (members.length === 0) return true;
    const { scope } = this;
    const now = scope.nowMs();
    const { upFrom } = scope;
    for (const osd of members) {
      const g = this.granted.get(osd);
      if (!g || g.upFrom !== upFrom || g.untilMs <= now) return false;
    }
    return true;
  }

  /** For how long one of these OSDs, members of past intervals, may still answer reads because of our word. */
  waitMs(osds: Iterable<number>): number {
    const { scope } = this;
    let untilMs = 0;
    for (const osd of osds) {
      const { isUp, upFrom, isDead } = scope.life(osd);
      // Who is up is asked itself.
      if (isUp || isDead || upFrom === 0) continue;
      const p = this.given.get(osd);
      // What we promised before we were started is not known any more.
      const until = p?.upFrom === upFrom ? p.untilMs : this.bornMs + scope.leaseMs;
      untilMs = Math.max(untilMs, until);
    }
    return Math.max(0, untilMs - scope.nowMs());
  }
}
