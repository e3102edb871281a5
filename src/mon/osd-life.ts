import type { Logger } from '../runtime/index.ts';
import { type Change, clusterLine } from './change.ts';
import { OsdBeacons } from './services/osd-beacons.ts';
import { OsdDownOut } from './services/osd-down-out.ts';
import { FailureReports } from './services/osd-failure.ts';
import { canGoDown, markDown } from './services/osd-state.ts';
import type { Session } from './session.ts';
import type { MonState } from './state.ts';

/** What of the monitor matters here. */
export interface OsdLifeHost {
  readonly runtime: { readonly log: Logger };
  readonly sessions: ReadonlySet<Session>;
  head(): MonState;
  propose(change: Change): void;
}

/** What the monitor knows of the lives of OSDs beside the map, and what follows from it with time. */
export class OsdLife {
  readonly failures = new FailureReports();
  readonly beacons = new OsdBeacons();
  private readonly downOut = new OsdDownOut();
  /** Since when an OSD that is up in the map has had no session here, wall clock. */
  private readonly silentSince = new Map<number, number>();

  /** To be called every second. */
  tick(mon: OsdLifeHost): void {
    this.markSilentDown(mon);
    for (;;) {
      const silent = this.beacons.next(mon.head());
      if (!silent) break;
      this.markDown(mon, silent.osd, silent.text, false);
    }
    for (;;) {
      const failed = this.failures.next(mon.head());
      if (!failed) break;
      this.markDown(mon, failed.osd, failed.text, failed.isDead);
    }
    this.markOut(mon);
  }

  /** The map is changed so, and what was said of the OSD before is void. */
  markDown(mon: OsdLifeHost, osd: number, text: string, isDead: boolean): void {
    this.failures.forget(osd);
    mon.runtime.log('info', 'OSD marked down', { osd, text });
    const log = [clusterLine('info', text)];
    mon.propose({ osdmap: markDown(mon.head().osdmap, [osd], isDead), log });
  }

  private markOut(mon: OsdLifeHost): void {
    const out = this.downOut.next(mon.head());
    if (!out) return;
    const log = out.osds.map(({ osd, downFor }) => {
      const seconds = Math.trunc(downFor);
      return clusterLine('info', `Marking osd.${osd} out (has been down for ${seconds} seconds)`);
    });
    mon.propose({ osdmap: out.patch, log });
  }

  /**
   * OSDs accuse each other; but who has nobody left to accuse it (the only one of its cluster, or all at once) is found
   * by its session here. Ceph's monitor has beacons only, which come every five minutes.
   */
  private markSilentDown(mon: OsdLifeHost): void {
    const state = mon.head();
    const silent = this.silent(mon, state);
    const isWitnessed = state.osdmap.osds().some((o) => state.osdmap.isUp(o) && !silent.has(o));
    if (isWitnessed) return;
    const graceMs = Number(state.option('osd_heartbeat_grace')) * 1000;
    for (const [osd, since] of silent) {
      if (state.nowMs - since < graceMs || !canGoDown(mon.head().osdmap, osd)) continue;
      this.markDown(mon, osd, `osd.${osd} marked down: no session for ${graceMs / 1000} s`, false);
    }
  }

  private silent(mon: OsdLifeHost, state: MonState): ReadonlyMap<number, number> {
    const present = new Set([...mon.sessions].map((s) => s.osd));
    for (const osd of state.osdmap.osds()) {
      if (present.has(osd) || !state.osdmap.isUp(osd)) this.silentSince.delete(osd);
      else if (!this.silentSince.has(osd)) this.silentSince.set(osd, state.nowMs);
    }
    return this.silentSince;
  }
}
