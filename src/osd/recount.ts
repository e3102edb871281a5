import { CephError, DecodeError } from '../errors/index.ts';
import type { Timer } from '../runtime/index.ts';
import type { Collection, ObjectStore } from '../store/index.ts';
import { compareHObject, HOBJECT_MAX, type HObject } from '../wire/index.ts';
import { firstObject } from './import.ts';
import type { OpPipeline } from './op-pipeline.ts';
import { decodeObjectInfo, INFO_ATTR, OBJECT_FLAG, type ObjectInfo } from './ops/index.ts';
import type { PgHost } from './pg-host.ts';
import { listObjects, type PgState } from './pg-state.ts';

/** Objects looked at in one turn, and the time between: nobody waits for the result. */
const PAGE = 256;
const PAUSE_MS = 5;

/** What a recount sees of its PG. */
export interface RecountScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly pipeline: OpPipeline;
}

/**
 * Counts what a PG holds that was split, since its totals are a share of its parent's until then. Clients go on: what they
 * change behind the place that is reached is added to what was counted, the rest is counted as it is found. In Ceph
 * the next scrub counts (stats_invalid of pg_stat_t, 16.2).
 */
export class Recount {
  private readonly scope: RecountScope;
  private timer: Timer | undefined;
  private unwatch: () => void = () => {};
  private cursor: HObject = HOBJECT_MAX;
  private counts = { objects: 0, bytes: 0, dirty: 0, omapObjects: 0 };

  constructor(scope: RecountScope) {
    this.scope = scope;
  }

  /** As primary, when nothing is missing here. Does nothing if the totals are right, or it is under way. */
  start(): void {
    const { state, pipeline } = this.scope;
    if (!state.info.isEstimated || this.timer) return;
    this.cursor = firstObject(state.pgid.pool);
    this.counts = { objects: 0, bytes: 0, dirty: 0, omapObjects: 0 };
    this.unwatch = pipeline.watch((oid, by) => {
      if (compareHObject(oid, this.cursor) >= 0) return;
      this.add(by.numObjects, by.numBytes, by.numObjectsDirty, by.numObjectsOmap);
    });
    this.next();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.unwatch();
  }

  private next(): void {
    this.timer = this.scope.host.clock.setTimer(PAUSE_MS, () => this.page());
  }

  private page(): void {
    const { host, state } = this.scope;
    const { objects, next } = listObjects(host.store, state.pgid, this.cursor, PAGE);
    for (const oid of objects) {
      const info = infoOf(host.store, state.c, oid);
      if (!info) continue;
      const { size, flags } = info;
      const has = (bit: number): number => ((flags & bit) === 0 ? 0 : 1);
      this.add(1, size, has(OBJECT_FLAG.dirty), has(OBJECT_FLAG.omap));
    }
    this.cursor = next ?? HOBJECT_MAX;
    if (next) this.next();
    else this.finish();
  }

  private finish(): void {
    const { host, state } = this.scope;
    this.stop();
    state.stand({ ...state.totals, ...this.counts }, false);
    void host.submit([state.saveInfo()]);
    host.statsChanged();
  }

  private add(objects: number, bytes: number, dirty: number, omapObjects: number): void {
    const { counts } = this;
    counts.objects += objects;
    counts.bytes += bytes;
    counts.dirty += dirty;
    counts.omapObjects += omapObjects;
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
