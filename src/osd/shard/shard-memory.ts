import type { BufferPool, Clock, ProcessMemory } from '../../runtime/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import { type LogBounds, LogBudget } from '../log/log-bounds.ts';
import type { Pg } from '../pg/pg.ts';
import { MemoryKeeper } from './memory-keeper.ts';
import { type Mempools, sumOf } from './mempools.ts';
import type { Standing } from './standing.ts';

/** What holds a shard's memory. */
export interface ShardMemoryScope {
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly pool: BufferPool;
  /** See Runtime. */
  readonly memory: ProcessMemory | undefined;
  readonly standing: Standing;
  /** Shards of the OSD. */
  readonly shards: number;
  readonly pgs: { readonly size: number; all(): Iterable<Pg> };
}

/** Divides what memory a shard has for logs and contexts among its PGs. */
export class ShardMemory {
  private readonly scope: ShardMemoryScope;
  private readonly keeper: MemoryKeeper;
  private readonly logBudget = new LogBudget();
  /** PGs that we are primary of: the others have no contexts. */
  private primaries = 0;

  constructor(scope: ShardMemoryScope) {
    const { clock, store, pool, memory, shards, pgs, standing } = scope;
    this.scope = scope;
    const logs = () => {
      const all = [...pgs.all()].map((pg) => pg.state.log);
      return {
        entries: sumOf(all.map((log) => log.held)),
        dups: sumOf(all.map((log) => log.dups.held)),
      };
    };
    const contexts = () => [...pgs.all()].reduce((n, pg) => n + pg.pipeline.contextCount, 0);
    this.keeper = new MemoryKeeper(
      { clock, store, pool, memory, shards, logs, contexts },
      standing.settings.memoryTargetBytes,
    );
  }

  /** See PgHost. */
  get logBounds(): LogBounds {
    const { shards, pgs, standing } = this.scope;
    const count = Math.max(1, pgs.size);
    // The logs of all PGs share what memory there is for them.
    const inMemory = Math.floor(this.keeper.logEntries / count);
    return this.logBudget.of(standing.settings.logs, inMemory, count * shards);
  }

  /** See PgHost. */
  get contextsMax(): number {
    return Math.floor(this.keeper.contexts / Math.max(1, this.primaries));
  }

  /** What this shard holds, by Ceph's names. */
  mempools(): Mempools {
    return this.keeper.mempools();
  }

  /** Maps came: we may be primary of other PGs. */
  afterMaps(): void {
    this.primaries = 0;
    for (const pg of this.scope.pgs.all()) if (pg.isPrimary) this.primaries++;
  }

  /** Options have changed. */
  configChanged(): void {
    this.keeper.setTarget(this.scope.standing.settings.memoryTargetBytes);
  }

  stop(): void {
    this.keeper.stop();
  }
}
