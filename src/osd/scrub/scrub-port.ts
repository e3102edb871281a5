import type { LOG_PRIORITY } from '../../wire/index.ts';
import type { ScanDepth } from './scrub-map.ts';

/** The options of scrubs, see those of these names. Seconds are Ceph's. */
export interface ScrubSettings extends Omit<ScanDepth, 'deep'> {
  /** osd_max_scrubs: of an OSD, as primary and as a member of others' PGs together. */
  readonly scrubsMax: number;
  readonly minIntervalSeconds: number;
  readonly maxIntervalSeconds: number;
  /** osd_scrub_interval_randomize_ratio. */
  readonly randomizeRatio: number;
  readonly deepIntervalSeconds: number;
  /** osd_deep_scrub_randomize_ratio. */
  readonly deepRandomizeRatio: number;
  /** Hours and days of the week, by UTC: begin <= now < end, or around midnight and Sunday. */
  readonly beginHour: number;
  readonly endHour: number;
  readonly beginWeekDay: number;
  readonly endWeekDay: number;
  readonly duringRecovery: boolean;
  readonly chunkMin: number;
  readonly chunkMax: number;
  readonly sleepSeconds: number;
  /** Between chunks outside of the hours. */
  readonly extendedSleepSeconds: number;
  /** osd_scrub_max_preemptions. */
  readonly preemptionsMax: number;
  readonly autoRepair: boolean;
  readonly autoRepairErrorsMax: number;
  /** osd_deep_scrub_update_digest_min_age. */
  readonly digestAgeSeconds: number;
  /** Beyond them an object's omap is large. */
  readonly largeOmapKeys: number;
  readonly largeOmapBytes: number;
}

/** What the map says of scrubs of a pool. */
export interface ScrubOrders {
  readonly noscrub: boolean;
  readonly nodeepScrub: boolean;
  /** Seconds; 0: as the options say. */
  readonly minIntervalSeconds: number;
  readonly maxIntervalSeconds: number;
  readonly deepIntervalSeconds: number;
}

/** What PGs ask of their OSD about scrubs. */
export interface ScrubPort {
  readonly settings: ScrubSettings;
  orders(pool: number): ScrubOrders;
  /** Objects are being recovered here. */
  readonly isRecovering: boolean;
  /**
   * Asks for one of the OSD's places for scrubs.
   * @param then hears once, never from inside of this, whether it is given
   */
  takePlace(then: (isGiven: boolean) => void): ScrubPlace;
  /** A damaged copy of ours is replaced by a good one. */
  copyReplaced(): void;
  clusterLog(priority: keyof typeof LOG_PRIORITY, text: string): void;
}

/** A place, asked for or given. After `release` nothing is called any more. */
export interface ScrubPlace {
  release(): void;
}
