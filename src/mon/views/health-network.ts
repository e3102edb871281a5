import { fullLocation } from '../../crush/index.ts';
import { type HealthCheck, warning } from '../../maps/index.ts';
import type { PingTimes } from '../../wire/index.ts';
import type { MonState } from '../state.ts';

// Heartbeats between OSDs that take long. Source: PGMap::get_health_checks, mon/PGMap.cc, release 16.2.

const NAMED_MAX = 10;
/** What was not measured for so many grace periods says nothing of today. */
const GRACES_MAX = 60;

interface Slow {
  readonly from: number;
  readonly to: number;
  /** The longest of the averages. */
  readonly us: number;
  readonly isImproving: boolean;
}

export function slowPingChecks(state: MonState): HealthCheck[] {
  const graceSeconds = Number(state.option('osd_heartbeat_grace'));
  const bound = 1000 * Number(state.option('mon_warn_on_slow_ping_time'));
  const ratio = Number(state.option('mon_warn_on_slow_ping_ratio'));
  const mostUs = bound !== 0 ? bound : 1e6 * ratio * graceSeconds;
  if (mostUs <= 0) return [];
  const since = state.nowMs / 1000 - GRACES_MAX * graceSeconds;
  return (['back', 'front'] as const).flatMap((side) => {
    const slow: Slow[] = [];
    for (const [from, { pingTimes }] of state.osdStats) {
      for (const times of pingTimes) {
        if (times.updatedSec >= since) slow.push(...slowOf(from, times, side, mostUs));
      }
    }
    return slow.length === 0 ? [] : [checkOf(state, side, slow)];
  });
}

function slowOf(from: number, times: PingTimes, side: 'back' | 'front', mostUs: number): Slow[] {
  const [one, five, fifteen] = times[side].average as [number, number, number];
  const us = Math.max(one, five, fifteen);
  if (us <= mostUs) return [];
  return [{ from, to: times.osd, us, isImproving: one < five && five < fifteen }];
}

function checkOf(state: MonState, side: 'back' | 'front', slow: readonly Slow[]): HealthCheck {
  const named = (osd: number): string => nameOf(state, osd);
  const sorted = [...slow].sort((a, b) => b.us - a.us || b.from - a.from || b.to - a.to);
  const detail = sorted.slice(0, NAMED_MAX).map(({ from, to, us, isImproving }) => {
    const hint = isImproving ? ' possibly improving' : '';
    return `Slow OSD heartbeats on ${side} from ${named(from)} to ${named(to)} ${msText(us)} msec${hint}`;
  });
  if (sorted.length > NAMED_MAX) {
    const where = 'Use ceph daemon mgr.# dump_osd_network for more information';
    detail.push(`Truncated long network list.  ${where}`);
  }
  const summary = `Slow OSD heartbeats on ${side} (longest ${msText(sorted[0]!.us)}ms)`;
  return warning(`OSD_SLOW_PING_TIME_${side.toUpperCase()}`, summary, sorted.length, detail);
}

/** With the buckets that it is in, but for its root and that by which reporters are told apart. */
function nameOf({ osdmap: map, option }: MonState, osd: number): string {
  const level = String(option('mon_osd_reporter_subtree_level'));
  const buckets = fullLocation(map.crushMap, osd)
    .filter(([type]) => type !== 'root' && type !== level)
    .map(([, name]) => name);
  return `osd.${osd} [${[...new Set(buckets)].sort()}]${map.isUp(osd) ? '' : ' (down)'}`;
}

const msText = (us: number): string => (us / 1000).toFixed(3);
