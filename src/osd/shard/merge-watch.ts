import { type OSDMap, parentSeed } from '../../maps/index.ts';
import type { Clock, Timer } from '../../runtime/index.ts';
import type { PgId } from '../../wire/index.ts';
import type { MonWish } from '../pg/mon-wishes.ts';
import type { Pg } from '../pg/pg.ts';

/** Clients of both PGs wait meanwhile: a merge that is not ready by then is called off, and announced again later. */
const PATIENCE_MS = 5000;

/** What is watched. */
export interface MergeWatchScope {
  readonly clock: Clock;
  readonly map: OSDMap | undefined;
  pg(pgid: PgId): Pg | undefined;
  /** It will be here, when its turn to be split or merged has come. */
  isLate(pgid: PgId): boolean;
  askMon(wish: MonWish): void;
}

/**
 * While a pool's last PG is to be merged, the primary of it and of its target tells the monitor when all members of both
 * are clean: then nobody writes to either, and nobody lacks anything. Source: OSDService::send_ready_to_merge, 16.2.
 */
export class MergeWatch {
  private readonly scope: MergeWatchScope;
  /** Since when pools wait, and of which map that is. */
  private readonly waiting = new Map<number, { readonly epoch: number; readonly timer: Timer }>();

  constructor(scope: MergeWatchScope) {
    this.scope = scope;
  }

  /** A map came, or a PG is in another state. */
  look(): void {
    const { map } = this.scope;
    for (const [id, { epoch, timer }] of this.waiting) {
      if (map?.pool(id)?.lastChange === epoch) continue;
      timer.cancel();
      this.waiting.delete(id);
    }
    for (const [id, pool] of map?.data.pools ?? []) {
      if (pool.pgNumPending >= pool.pgNum) continue;
      const seed = pool.pgNum - 1;
      const into = { pool: id, seed: parentSeed(seed) };
      const source = this.scope.pg({ pool: id, seed });
      const target = this.scope.pg(into);
      if (!source?.isPrimary) continue;
      if (this.scope.isLate(into)) this.wait(id, pool.lastChange, source.pgid);
      else if (!target?.isPrimary || isShort(source) || isShort(target))
        this.say(source, target, false);
      else if (source.isClean && target.isClean) this.say(source, target, true);
      else this.wait(id, pool.lastChange, source.pgid);
    }
  }

  stop(): void {
    for (const { timer } of this.waiting.values()) timer.cancel();
    this.waiting.clear();
  }

  private wait(pool: number, epoch: number, source: PgId): void {
    if (this.waiting.has(pool)) return;
    const timer = this.scope.clock.setTimer(PATIENCE_MS, () => {
      this.waiting.delete(pool);
      const pg = this.scope.pg(source);
      if (pg?.isPrimary && pg.view.isMerging) this.say(pg, undefined, false);
    });
    this.waiting.set(pool, { epoch, timer });
  }

  private say(source: Pg, target: Pg | undefined, isReady: boolean): void {
    const { epoch } = this.scope.map!;
    const { info, log } = source.state;
    const other = target?.state ?? source.state;
    const word = {
      epoch,
      acting: [...source.view.acting],
      source: source.pgid,
      sourceVersion: log.head,
      targetVersion: other.log.head,
      lastEpochStarted: Math.max(info.lastEpochStarted, other.info.lastEpochStarted),
      lastEpochClean: Math.min(info.clean, other.info.clean),
      isReady,
    };
    this.scope.askMon({ kind: 'merge', word });
  }
}

function isShort({ view }: Pg): boolean {
  return view.acting.length < view.size;
}
