import type { DirectMode } from '../runtime/index.ts';
import type { OpLimits } from './ops/index.ts';
import type { OsdConfig } from './osd-config.ts';
import { type CompressionDefaults, compressionDefaults } from './pool-compression.ts';

/**
 * All that PGs and shards see of the options, at one moment. It never changes: when options do, each shard is given a
 * new one as a whole, in one step, so that nobody ever sees half of a change.
 */
export interface Settings {
  /** Counts the changes: a later one is newer. */
  readonly version: number;
  readonly limits: OpLimits;
  /** osd_min_pg_log_entries, and osd_max_pg_log_entries as far as memory allows. */
  readonly logKeep: number;
  readonly logMost: number;
  /** osd_heartbeat_grace, seconds. */
  readonly graceSeconds: number;
  /** osd_memory_target. */
  readonly memoryTargetBytes: number;
  readonly compression: CompressionDefaults;
  /** osd_store_direct. */
  readonly storeDirect: DirectMode;
}

/**
 * The options as they are now.
 * @param deviceClass of what the stores lie on
 */
export function settingsOf(config: OsdConfig, version: number, deviceClass?: string): Settings {
  return Object.freeze({
    version,
    limits: Object.freeze(config.limits()),
    logKeep: config.number('osd_min_pg_log_entries'),
    logMost: Math.min(1500, config.number('osd_max_pg_log_entries')),
    graceSeconds: config.number('osd_heartbeat_grace'),
    memoryTargetBytes: config.number('osd_memory_target'),
    storeDirect: (config.get('osd_store_direct')?.value ?? 'auto') as DirectMode,
    compression: Object.freeze(compressionDefaults(config, deviceClass === 'hdd')),
  });
}
