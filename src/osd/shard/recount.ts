import { CephError, DecodeError } from '../../errors/index.ts';
import type { Timer } from '../../runtime/index.ts';
import type { Collection, ObjectStore } from '../../store/index.ts';
import { HOBJECT_MAX, type HObject } from '../../wire/index.ts';
import { decodeObjectInfo, INFO_ATTR, type ObjectInfo } from '../ops/index.ts';
import { type ChangeSource, ObjectCount } from '../pg/object-count.ts';
import { listObjects } from '../pg/pg-collection.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';

/** Objects looked at in one turn, and the time between: nobody waits for the result. */
const PAGE = 256;
const PAUSE_MS = 5;

/** What a recount sees of its PG. */
export interface RecountScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly pipeline: ChangeSource;
}

/**
 * Counts what a PG holds that was split, page by page, since its totals are a share of its parent's until then. In Ceph the
 * next scrub counts (stats_invalid of pg_stat_t, 16.2).
 */
export class Recount {
  private readonly scope: RecountScope;
  private timer: Timer | undefined;
  private count: ObjectCount | undefined;

  constructor(scope: RecountScope) {
    this.scope = scope;
  }

  /** As primary, when nothing is missing here. Does nothing if the totals are right, or it is under way. */
  start(): void {
    const { state, pipeline } = this.scope;
    if (!state.info.isEstimated || this.timer) return;
    this.count = new ObjectCount(pipeline, state.pgid.pool);
    this.next(this.count);
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.count?.end();
  }

  private next(count: ObjectCount): void {
    this.timer = this.scope.host.clock.setTimer(PAUSE_MS, () => this.page(count));
  }

  private page(count: ObjectCount): void {
    const { host, state } = this.scope;
    const { objects, next } = listObjects(host.store, state.pgid, count.reached, PAGE);
    for (const oid of objects) {
      const info = infoOf(host.store, state.c, oid);
      if (info) count.add(info);
    }
    count.reach(next ?? HOBJECT_MAX);
    if (next) this.next(count);
    else this.finish(count);
  }

  private finish(count: ObjectCount): void {
    const { host, state } = this.scope;
    this.stop();
    state.stand({ ...state.totals, ...count.totals }, false);
    void host.submit([state.saveInfo()]);
    host.statsChanged();
  }
}

/** An object's info; undefined when it cannot be read, which the next scrub finds. */
function infoOf(store: ObjectStore, c: Collection, oid: HObject): ObjectInfo | undefined {
  try {
    const attr = store.getattr(c, oid, INFO_ATTR);
    return attr && decodeObjectInfo(attr);
  } catch (e) {
    if (e instanceof CephError || e instanceof DecodeError) return undefined;
    throw e;
  }
}
