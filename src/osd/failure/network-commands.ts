import { ctime, type PingSpans, type PingTimes, pingSpansJson } from '../../wire/index.ts';
import { type Command, ok } from '../front/command.ts';
import type { OsdConfig } from '../front/osd-config.ts';

interface Line {
  readonly times: PingTimes;
  readonly side: 'back' | 'front';
  readonly spans: PingSpans;
  /** The longest of the averages. */
  readonly longest: number;
}

/** Microseconds from which on a heartbeat is slow, when nobody says another bound. */
function slowPingUs(config: OsdConfig): number {
  const us = Math.floor(1000 * config.number('mon_warn_on_slow_ping_time'));
  const ratio = config.number('mon_warn_on_slow_ping_ratio');
  return us !== 0 ? us : Math.floor(1e6 * ratio * config.number('osd_heartbeat_grace'));
}

/** Slowest first. Source: OSD::asok_command, dump_osd_network, src/osd/OSD.cc, release 16.2. */
export function slowLines(all: readonly PingTimes[], leastUs: number): Line[] {
  const lines = all.flatMap((times): Line[] =>
    (['back', 'front'] as const).map((side) => {
      const spans = times[side];
      return { times, side, spans, longest: Math.max(...spans.average) };
    }),
  );
  return lines
    .filter(({ longest }) => longest >= leastUs)
    .sort((a, b) => b.longest - a.longest || b.times.osd - a.times.osd);
}

export const networkCommands: readonly Command[] = [
  {
    sig: ['dump_osd_network', { name: 'value', type: 'CephInt', req: 'false' }],
    help: 'Slow heartbeats: averages of their times that reach a threshold in ms.',
    perm: 'r',
    run: (s, args) => {
      const { id, config, clock } = s;
      const given = args.value === undefined ? slowPingUs(config) : 1000 * Number(args.value);
      const leastUs = Math.max(0, given);
      const staleSeconds = config.number('osd_heartbeat_stale');
      const nowSec = Math.floor(clock.wallMs() / 1000);
      const entries = slowLines(s.pingTimes(), leastUs).map(({ times, side, spans }) => ({
        'last update': ctime(times.updatedSec),
        stale: nowSec - times.updatedSec > staleSeconds,
        'from osd': id,
        'to osd': times.osd,
        interface: side,
        ...pingSpansJson(spans),
      }));
      return ok({ threshold: Math.floor(leastUs / 1000), entries });
    },
  },
];
