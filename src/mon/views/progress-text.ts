import type { Json } from '../../codec/index.ts';
import type { ProgressEvent } from '../state.ts';

// Source: Event.twoline_progress and to_json of pybind/mgr/progress/module.py, release 16.2.15.

const BAR = 28;
const DAY = 86_400;
/** Below so many seconds a span is counted in units of so many. */
const UNITS: readonly (readonly [number, number, string])[] = [
  [120, 1, 's'],
  [120 * 60, 60, 'm'],
  [2 * DAY, 3600, 'h'],
  [14 * DAY, DAY, 'd'],
  [84 * DAY, 7 * DAY, 'w'],
  [730 * DAY, 30 * DAY, 'M'],
  [Number.POSITIVE_INFINITY, 365 * DAY, 'y'],
];

/** A span as the manager's modules print it. Source: to_pretty_timedelta, pybind/mgr/mgr_util.py, release 16.2.15. */
function pretty(seconds: number): string {
  const [, length, unit] = UNITS.find(([limit]) => seconds < limit)!;
  return `${Math.floor(seconds / length)}${unit}`;
}

function remaining(e: ProgressEvent, nowMs: number): number | undefined {
  if (e.progress === 0) return undefined;
  return Math.trunc((((nowMs - e.startedMs) / 1000) * (1 - e.progress)) / e.progress);
}

/** Message and bar, on two lines. @param indent blanks before the bar */
export function progressText(e: ProgressEvent, nowMs: number, indent: number): string {
  const left = remaining(e, nowMs);
  const done = Math.trunc(e.progress * BAR);
  const bar = `[${'='.repeat(done)}${'.'.repeat(BAR - done)}]`;
  const rest = left ? `(remaining: ${pretty(left)})` : '';
  const since = pretty((nowMs - e.startedMs) / 1000);
  return `${e.message} (${since})\n${' '.repeat(indent)}${bar} ${rest}`;
}

/** An event that goes on, as `progress json` has it. */
export function progressJson(e: ProgressEvent, nowMs: number): Json {
  return {
    duration: `(${pretty((nowMs - e.startedMs) / 1000)})`,
    id: e.id,
    message: e.message,
    progress: e.progress,
    refs: e.refs,
    started_at: e.startedMs / 1000,
    time_remaining: remaining(e, nowMs),
  };
}

/** One that is over. */
export function completedJson(e: ProgressEvent): Json {
  return {
    'add_to_ceph_s:': true,
    finished_at: (e.finishedMs ?? e.startedMs) / 1000,
    id: e.id,
    message: e.message,
    refs: e.refs,
    started_at: e.startedMs / 1000,
  };
}
