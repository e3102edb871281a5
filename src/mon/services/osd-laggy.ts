import type { OsdXInfo } from '../../maps/index.ts';
import { msOfUtime } from '../../wire/index.ts';
import type { MonState } from '../state.ts';

// An OSD that was marked down and turned out to live is slow rather than dead, and is given more time the next time.
// Source: OSDMonitor::prepare_boot and get_grace_time of src/mon/OSDMonitor.cc, release 16.2.

type Options = Pick<MonState, 'option'>;

/** What an OSD's boot says of how slow it is. @param wasAlive it ran all the time that it was down in the map */
export function laggyAtBoot(
  state: Pick<MonState, 'option' | 'nowMs'>,
  xinfo: OsdXInfo,
  wasAlive: boolean,
): Pick<OsdXInfo, 'laggyProbability' | 'laggyInterval'> {
  const weight = Number(state.option('mon_osd_laggy_weight'));
  const blend = (old: number, seen: number): number => old * (1 - weight) + seen * weight;
  const { laggyProbability: probability, laggyInterval: interval } = xinfo;
  if (!wasAlive) {
    return {
      laggyProbability: blend(probability, 0),
      laggyInterval: Math.trunc(blend(interval, 0)),
    };
  }
  const most = Number(state.option('mon_osd_laggy_max_interval'));
  const downMs = msOfUtime(xinfo.downStamp);
  const away = Math.max(0, Math.trunc((state.nowMs - downMs) / 1000));
  const seen = most > 0 ? Math.min(most, away) : away;
  return {
    laggyProbability: Math.min(1, blend(probability, 1)),
    laggyInterval: downMs > 0 ? Math.trunc(blend(interval, seen)) : interval,
  };
}

/** By how many seconds an OSD's history lengthens a period; less, the longer it is ago. */
export function laggyGrace(state: Options, xinfo: OsdXInfo, agoSeconds: number): number {
  const halflife = Number(state.option('mon_osd_laggy_halflife'));
  const decay = halflife > 0 ? 0.5 ** (agoSeconds / halflife) : 0;
  return decay * xinfo.laggyInterval * xinfo.laggyProbability;
}
