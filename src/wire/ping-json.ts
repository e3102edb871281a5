import type { Json } from '../codec/index.ts';
import type { PingSpans } from './pg-stat.ts';

const spans = (us: readonly number[]): Json => ({
  '1min': us[0]! / 1000,
  '5min': us[1]! / 1000,
  '15min': us[2]! / 1000,
});

/** How long a peer takes to answer on one network, in milliseconds. Source: osd_stat_t::dump_ping_time, 16.2. */
export function pingSpansJson({ average, min, max, last }: PingSpans): { [key: string]: Json } {
  return { average: spans(average), min: spans(min), max: spans(max), last: last / 1000 };
}
