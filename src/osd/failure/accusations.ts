import type { OSDMap } from '../../maps/index.ts';
import {
  type EntityAddr,
  FAILURE_FLAG,
  MOSDFailure,
  type Outgoing,
  outgoing,
  PAXOS_ZERO,
  sameAddr,
} from '../../wire/index.ts';
import { lifeOf } from '../map-life.ts';

/** What accusations need of the daemon. */
export interface AccusationsHost {
  readonly fsid: string;
  readonly id: number;
  sendToMon(message: Outgoing): void;
  note(osd: number, what: string): void;
}

interface Told {
  readonly sinceMs: number;
  readonly upFrom: number;
  readonly addrs: readonly EntityAddr[];
}

/** A refusal is told once in so many milliseconds. */
const REFUSED_AGAIN_MS = 1000;

/**
 * What the monitor is told of other OSDs: who is silent, once; and that it was a mistake, as soon as that is known. What
 * was told is told again to a monitor that may not have heard it. Source: OSD::send_failures, send_still_alive and
 * requeue_failures, release 16.2.
 */
export class Accusations {
  private readonly host: AccusationsHost;
  /** Silent since, by OSD. */
  private readonly suspects = new Map<number, number>();
  private readonly told = new Map<number, Told>();
  private readonly refusedMs = new Map<number, number>();

  constructor(host: AccusationsHost) {
    this.host = host;
  }

  suspect(osd: number, sinceMs: number): void {
    this.suspects.set(osd, sinceMs);
  }

  /** It answers: nothing is told, or what was told is taken back. */
  clear(osd: number, map: OSDMap): void {
    this.suspects.delete(osd);
    const told = this.told.get(osd);
    if (!told || !this.told.delete(osd)) return;
    this.host.note(osd, 'alive after all');
    this.send(map, osd, told.addrs, 0, 0);
  }

  /** Tells what is new. */
  tell(map: OSDMap, nowMs: number): void {
    for (const [osd, sinceMs] of this.suspects) {
      if (this.told.has(osd) || !map.isUp(osd)) continue;
      const addrs = map.addrs(osd);
      const seconds = Math.floor((nowMs - sinceMs) / 1000);
      this.told.set(osd, { sinceMs, upFrom: lifeOf(map, osd).upFrom, addrs });
      this.host.note(osd, `silent for ${seconds} s`);
      this.send(map, osd, addrs, FAILURE_FLAG.failed, seconds);
    }
    this.suspects.clear();
  }

  /** Nobody listens at an address that the map gives it: its process is gone. */
  refused(osd: number, map: OSDMap, graceSeconds: number, nowMs: number): void {
    if (nowMs - (this.refusedMs.get(osd) ?? -REFUSED_AGAIN_MS) < REFUSED_AGAIN_MS) return;
    this.refusedMs.set(osd, nowMs);
    this.host.note(osd, 'connection refused');
    const flags = FAILURE_FLAG.failed | FAILURE_FLAG.immediate;
    this.send(map, osd, map.addrs(osd), flags, graceSeconds + 1);
  }

  /** A new session with the monitor: what was told before may be lost. */
  retell(): void {
    for (const [osd, { sinceMs }] of this.told) this.suspects.set(osd, sinceMs);
    this.told.clear();
  }

  /** Forgets who is down or lives elsewhere by now: what was said was about a former life. */
  prune(map: OSDMap): void {
    for (const [osd, told] of this.told) {
      const { isUp, upFrom } = lifeOf(map, osd);
      // It may have been down in a map that we have not stopped at, and keep its addresses.
      if (isUp && upFrom === told.upFrom && isSame(told.addrs, map.addrs(osd))) continue;
      this.told.delete(osd);
      this.suspects.delete(osd);
    }
    for (const osd of this.suspects.keys()) if (!map.isUp(osd)) this.suspects.delete(osd);
    for (const osd of this.refusedMs.keys()) if (!map.isUp(osd)) this.refusedMs.delete(osd);
  }

  private send(
    map: OSDMap,
    osd: number,
    addrs: readonly EntityAddr[],
    flags: number,
    failedFor: number,
  ): void {
    const { fsid } = this.host;
    const { epoch } = map;
    const paxos = { ...PAXOS_ZERO, version: BigInt(epoch) };
    const failure = { paxos, fsid, osd, addrs: [...addrs], epoch, flags, failedFor };
    this.host.sendToMon(outgoing(MOSDFailure, failure));
  }
}

function isSame(a: readonly EntityAddr[], b: readonly EntityAddr[]): boolean {
  return a.length === b.length && a.every((x, i) => sameAddr(x, b[i]!));
}
