import type { Clock, Logger } from '../../runtime/index.ts';
import type { Collection, ObjectStore, Transaction } from '../../store/index.ts';
import type { RecoveryKind } from '../recovery/recovery-priority.ts';
import { PoolCompression } from './pool-compression.ts';
import { Room } from './room.ts';
import type { Standing } from './standing.ts';
import { type LatencySum, StoreLatency } from './store-latency.ts';

/** mon_osd_backfillfull_ratio and mon_osd_full_ratio of 16.2, for maps without them. */
const BACKFILL_FULL = 0.9;
const FULL = 0.95;

/** What a shard's store is joined to. */
export interface ShardStoreOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly standing: Standing;
  fatal(error: unknown): void;
}

/** How a shard uses its store: as options and the map's pools say, within its room, and as if it never failed. */
export class ShardStore {
  private readonly o: ShardStoreOptions;
  private readonly room: Room;
  private readonly compression: PoolCompression;
  private readonly times = new StoreLatency();
  private readonly durable = (): void => this.times.ended(this.o.clock.monotonicMs());
  private readonly failed = (error: unknown): Promise<void> => {
    // Peers may have this change, or the log here lacks it: going on would be a lie.
    if (this.o.standing.phase !== 'stopped') this.o.fatal(error);
    return new Promise<void>(() => {});
  };

  constructor(options: ShardStoreOptions) {
    this.o = options;
    this.room = new Room(options.store, options.clock);
    this.compression = new PoolCompression(options.store);
    this.setDirect();
  }

  /** See PgHost. */
  submit(txn: Transaction, applied?: () => void): Promise<void> {
    this.times.begun(this.o.clock.monotonicMs());
    return this.o.store.submit(txn, applied).then(this.durable, this.failed);
  }

  /** How long transactions took that have become durable since the last call. */
  takeLatency(): LatencySum {
    return this.times.take(this.o.clock.monotonicMs());
  }

  /** See PgHost. */
  hasRoom(bytes: number): boolean {
    return this.room.has(bytes);
  }

  /** See PgHost. */
  reserve(c: Collection, bytes: number, kind: RecoveryKind): boolean {
    const { fullRatio, backfillfullRatio } = this.o.standing.map?.data ?? {};
    const share = kind === 'backfill' ? backfillfullRatio || BACKFILL_FULL : fullRatio || FULL;
    return this.room.reserve(c, bytes, share);
  }

  /** Options have changed. */
  configChanged(): void {
    this.setDirect();
    this.mapChanged();
  }

  /** A map came, whose pools may be compressed in another way. */
  mapChanged(): void {
    const { map, settings } = this.o.standing;
    if (map) this.compression.update(map, settings.compression);
  }

  private setDirect(): void {
    const { store, standing, log } = this.o;
    try {
      store.setDirect?.(standing.settings.storeDirect);
    } catch (error) {
      log('warn', 'osd_store_direct stays as it was', { error });
    }
  }
}
