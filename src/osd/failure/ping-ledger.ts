import type { PingSpans, PingTimes } from '../../wire/index.ts';
import { SIDES, type Side } from './ping-book.ts';

/** Over how many minutes averages go. */
const SPANS = [1, 5, 15] as const;
const MINUTES = 15;
const US_MAX = 0xffff_ffff;

/** Microseconds. */
interface Minute {
  readonly average: number;
  readonly min: number;
  readonly max: number;
}

/** What one network gave. */
interface SidePings {
  /** Of the minute that goes on. */
  total: number;
  min: number;
  max: number;
  /** Newest first. Before so many have passed the first one stands for those before it. */
  minutes: Minute[];
  last: number;
}

interface PeerPings {
  sinceMs: number;
  count: number;
  /** 0: no minute is over yet. */
  updatedSec: number;
  readonly back: SidePings;
  readonly front: SidePings;
}

const newSide = (): SidePings => ({ total: 0, min: US_MAX, max: 0, minutes: [], last: 0 });

/**
 * How long peers take to answer heartbeats, by minutes. It goes on about a peer that is not asked any more until that is
 * long ago. Source: OSD::handle_osd_ping and OSDService::set_osd_stat, src/osd/OSD.cc, release 16.2.
 */
export class PingLedger {
  private readonly peers = new Map<number, PeerPings>();

  /**
   * A ping was answered on both networks.
   * @param spansMs how long that took
   * @param nowMs by the monotonic clock
   * @param wallMs since the Unix epoch
   * @param minuteMs what is called a minute
   */
  add(
    osd: number,
    spansMs: Readonly<Record<Side, number>>,
    nowMs: number,
    wallMs: number,
    minuteMs: number,
  ): void {
    let peer = this.peers.get(osd);
    if (!peer) {
      peer = { sinceMs: nowMs, count: 0, updatedSec: 0, back: newSide(), front: newSide() };
      this.peers.set(osd, peer);
    }
    peer.count++;
    for (const name of SIDES) {
      const side = peer[name];
      const us = Math.min(US_MAX, Math.max(0, Math.round(1000 * spansMs[name])));
      side.last = us;
      side.total += us;
      side.min = Math.min(side.min, us);
      side.max = Math.max(side.max, us);
    }
    if (nowMs - peer.sinceMs < minuteMs) return;
    for (const name of SIDES) endMinute(peer[name], peer.count);
    peer.sinceMs = nowMs;
    peer.count = 0;
    peer.updatedSec = Math.floor(wallMs / 1000);
  }

  /** By OSD. @param staleSeconds what is older is forgotten; 0: nothing is */
  times(wallMs: number, staleSeconds: number): PingTimes[] {
    const out: PingTimes[] = [];
    for (const [osd, { updatedSec, back, front }] of this.peers) {
      if (updatedSec === 0) continue;
      if (staleSeconds > 0 && wallMs / 1000 - updatedSec > staleSeconds) this.peers.delete(osd);
      else out.push({ osd, updatedSec, back: spansOf(back), front: spansOf(front) });
    }
    return out.sort((a, b) => a.osd - b.osd);
  }
}

function endMinute(side: SidePings, count: number): void {
  const { total, min, max } = side;
  const minute = { average: Math.floor(total / count), min, max };
  if (side.minutes.length === 0) side.minutes = new Array<Minute>(MINUTES).fill(minute);
  else {
    side.minutes.unshift(minute);
    side.minutes.length = MINUTES;
  }
  Object.assign(side, { total: 0, min: US_MAX, max: 0 });
}

function spansOf({ minutes, last }: SidePings): PingSpans {
  const over = SPANS.map((n) => minutes.slice(0, n));
  return {
    average: over.map((all) => Math.floor(all.reduce((sum, m) => sum + m.average, 0) / all.length)),
    min: over.map((all) => Math.min(...all.map((m) => m.min))),
    max: over.map((all) => Math.max(...all.map((m) => m.max))),
    last,
  };
}
