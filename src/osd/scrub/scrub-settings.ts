import type { OsdConfig } from '../front/osd-config.ts';
import type { ScrubSettings } from './scrub-port.ts';

/** The options of scrubs as they are now. A stride of nothing would never end. */
export function scrubSettings(config: OsdConfig): ScrubSettings {
  const number = (name: string): number => config.number(name);
  const flag = (name: string): boolean => config.get(name)?.value === 'true';
  const large = 'osd_deep_scrub_large_omap_object';
  return {
    scrubsMax: number('osd_max_scrubs'),
    minIntervalSeconds: number('osd_scrub_min_interval'),
    maxIntervalSeconds: number('osd_scrub_max_interval'),
    randomizeRatio: number('osd_scrub_interval_randomize_ratio'),
    deepIntervalSeconds: number('osd_deep_scrub_interval'),
    deepRandomizeRatio: number('osd_deep_scrub_randomize_ratio'),
    beginHour: number('osd_scrub_begin_hour'),
    endHour: number('osd_scrub_end_hour'),
    beginWeekDay: number('osd_scrub_begin_week_day'),
    endWeekDay: number('osd_scrub_end_week_day'),
    duringRecovery: flag('osd_scrub_during_recovery'),
    chunkMin: number('osd_scrub_chunk_min'),
    chunkMax: number('osd_scrub_chunk_max'),
    sleepSeconds: number('osd_scrub_sleep'),
    extendedSleepSeconds: number('osd_scrub_extended_sleep'),
    preemptionsMax: number('osd_scrub_max_preemptions'),
    autoRepair: flag('osd_scrub_auto_repair'),
    autoRepairErrorsMax: number('osd_scrub_auto_repair_num_errors'),
    digestAgeSeconds: number('osd_deep_scrub_update_digest_min_age'),
    strideBytes: Math.max(4096, number('osd_deep_scrub_stride')),
    strideKeys: Math.max(1, number('osd_deep_scrub_keys')),
    largeOmapKeys: number(`${large}_key_threshold`),
    largeOmapBytes: number(`${large}_value_sum_threshold`),
  };
}
