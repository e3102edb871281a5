import type { DirectMode } from '../runtime/index.ts';
import type { OsdConfig } from './front/osd-config.ts';
import type { LogSettings } from './log/log-bounds.ts';
import type { OpLimits } from './ops/index.ts';
import type { RecoveryBounds } from './recovery/recovery-desk.ts';
import type { RecoveryKind } from './recovery/recovery-priority.ts';
import type { ScrubSettings } from './scrub/scrub-port.ts';
import { scrubSettings } from './scrub/scrub-settings.ts';
import type { HistorySettings } from './shard/op-history.ts';
import { type CompressionDefaults, compressionDefaults } from './shard/pool-compression.ts';

/**
 * All that PGs and shards see of the options, at one moment. It never changes: when options do, each shard is given a
 * new one as a whole, in one step, so that nobody ever sees half of a change.
 */
export interface Settings {
  /** Counts the changes: a later one is newer. */
  readonly version: number;
  readonly limits: OpLimits;
  /** Of PGs' logs, before memory is looked at. */
  readonly logs: LogSettings;
  /** osd_backfill_scan_max. */
  readonly listMax: number;
  /** osd_heartbeat_grace, seconds. */
  readonly graceSeconds: number;
  /** osd_memory_target. */
  readonly memoryTargetBytes: number;
  readonly compression: CompressionDefaults;
  readonly recovery: RecoverySettings;
  readonly scrub: ScrubSettings;
  readonly history: HistorySettings;
  /** osd_store_direct. */
  readonly storeDirect: DirectMode;
}

/** The options of these names, by Ceph's meanings. */
export interface RecoverySettings {
  readonly bounds: RecoveryBounds;
  /** osd_recovery_retry_interval, osd_backfill_retry_interval, ms. */
  readonly retryMs: Readonly<Record<RecoveryKind, number>>;
  /** osd_recovery_max_chunk, bytes. */
  readonly chunkBytes: number;
}

/**
 * The options as they are now.
 * @param device classes of what the stores' data and metadata lie on
 */
export function settingsOf(
  config: OsdConfig,
  version: number,
  device: { readonly deviceClass?: string; readonly metadataClass?: string } = {},
): Settings {
  const { deviceClass, metadataClass = deviceClass } = device;
  const rotates = deviceClass === 'hdd';
  const isHybrid = rotates && metadataClass !== 'hdd';

  return Object.freeze({
    version,
    limits: Object.freeze(config.limits()),
    logs: Object.freeze({
      entriesMin: config.number('osd_min_pg_log_entries'),
      entriesMax: config.number('osd_max_pg_log_entries'),
      entriesPerOsd: config.number('osd_target_pg_log_entries_per_osd'),
      bytesMax: config.number('osd_max_pg_log_bytes'),
      stride: config.number('osd_pg_log_trim_min'),
      strideMax: config.number('osd_pg_log_trim_max'),
      remembered: config.number('osd_pg_log_dups_tracked'),
    }),
    listMax: config.number('osd_backfill_scan_max'),
    graceSeconds: config.number('osd_heartbeat_grace'),
    memoryTargetBytes: config.number('osd_memory_target'),
    storeDirect: (config.get('osd_store_direct')?.value ?? 'auto') as DirectMode,
    scrub: Object.freeze(scrubSettings(config)),
    history: Object.freeze(historySettings(config)),
    recovery: Object.freeze(recoverySettings(config, rotates, isHybrid)),
    compression: Object.freeze(compressionDefaults(config, rotates)),
  });
}

function historySettings(config: OsdConfig): HistorySettings {
  return {
    size: config.number('osd_op_history_size'),
    keepMs: 1000 * config.number('osd_op_history_duration'),
    slowSize: config.number('osd_op_history_slow_op_size'),
    slowMs: 1000 * config.number('osd_op_history_slow_op_threshold'),
    complaintMs: 1000 * config.number('osd_op_complaint_time'),
  };
}

/** Less would be many messages for nothing, and none would never end. */
const CHUNK_LEAST = 65_536;

/** Of _max_active and _sleep the general one counts unless it is 0, then that of the device. */
function recoverySettings(
  config: OsdConfig,
  rotates: boolean,
  isHybrid: boolean,
): RecoverySettings {
  const number = (name: string): number => config.number(name);
  const device = rotates ? 'hdd' : 'ssd';
  return {
    bounds: {
      backfills: number('osd_max_backfills'),
      lowestPriority: number('osd_min_recovery_priority'),
      active: number('osd_recovery_max_active') || number(`osd_recovery_max_active_${device}`),
      opPriority: number('osd_recovery_op_priority'),
      clientPriority: number('osd_client_op_priority'),
      together: number('osd_recovery_max_single_start'),
      sleepMs:
        1000 *
        (number('osd_recovery_sleep') ||
          number(`osd_recovery_sleep_${isHybrid ? 'hybrid' : device}`)),
    },
    retryMs: {
      recovery: 1000 * number('osd_recovery_retry_interval'),
      backfill: 1000 * number('osd_backfill_retry_interval'),
    },
    chunkBytes: Math.max(CHUNK_LEAST, number('osd_recovery_max_chunk')),
  };
}
