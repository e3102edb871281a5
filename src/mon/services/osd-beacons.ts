import type { MonState } from '../state.ts';
import { mayMarkDown } from './osd-state.ts';

/** When OSDs last gave a sign of life, and when they meant to give the next. */
export class OsdBeacons {
  private readonly heard = new Map<number, { atMs: number; intervalMs: number }>();

  take(osd: number, nowMs: number, intervalSeconds: number): void {
    this.heard.set(osd, { atMs: nowMs, intervalMs: 1000 * Math.max(0, intervalSeconds) });
  }

  /**
   * OSDs that are up and silent for too long, with what the cluster log says of them; one at a time, as each may be the
   * last that may be marked down. Source: OSDMonitor::handle_osd_timeouts, release 16.2.
   */
  next(state: MonState): { osd: number; text: string } | undefined {
    const { osdmap, nowMs } = state;
    const timeoutMs = 1000 * Number(state.option('mon_osd_report_timeout'));
    for (const osd of this.heard.keys()) if (!osdmap.isUp(osd)) this.heard.delete(osd);
    for (const osd of osdmap.osds()) {
      if (!osdmap.isUp(osd)) continue;
      const known = this.heard.get(osd);
      if (!known) {
        this.take(osd, nowMs, 0);
        continue;
      }
      const silentMs = nowMs - known.atMs;
      // It may miss one.
      if (silentMs <= Math.max(timeoutMs, 2 * known.intervalMs)) continue;
      if (!mayMarkDown(state, osd)) continue;
      const text = `osd.${osd} marked down after no beacon for ${(silentMs / 1000).toFixed(6)} seconds`;
      return { osd, text };
    }
    return undefined;
  }
}
