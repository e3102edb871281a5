import { compareHObject, type HObject } from '../../wire/index.ts';
import type { PgTotals } from '../log/log-entry.ts';
import { OBJECT_FLAG, type ObjectInfo, type StatsDelta } from '../ops/index.ts';
import { firstObject } from '../recovery/import.ts';
import type { ChangeWatch } from '../requests/write-path.ts';

/** What is told of objects as they are; the rest of a PG's totals is of what was done. */
export type ObjectTotals = Pick<PgTotals, 'objects' | 'bytes' | 'dirty' | 'omapObjects'>;

/** Where changes of objects are heard of. */
export interface ChangeSource {
  /** @param watcher hears of each change from now on. @returns ends that */
  watch(watcher: ChangeWatch): () => void;
}

/**
 * Counts the objects of a PG from the first to the last while clients go on: what they change behind the place that is
 * reached is added to what was counted, the rest is counted as it is found.
 */
export class ObjectCount {
  private readonly counts = { objects: 0, bytes: 0, dirty: 0, omapObjects: 0 };
  private readonly unwatch: () => void;
  private place: HObject;

  constructor(pipeline: ChangeSource, pool: number) {
    this.place = firstObject(pool);
    this.unwatch = pipeline.watch((oid, by) => {
      if (compareHObject(oid, this.place) < 0) this.changed(by);
    });
  }

  get totals(): ObjectTotals {
    return { ...this.counts };
  }
  /** What is below is counted. */
  get reached(): HObject {
    return this.place;
  }

  add({ size, flags }: Pick<ObjectInfo, 'size' | 'flags'>): void {
    const { counts } = this;
    counts.objects++;
    counts.bytes += size;
    if ((flags & OBJECT_FLAG.dirty) !== 0) counts.dirty++;
    if ((flags & OBJECT_FLAG.omap) !== 0) counts.omapObjects++;
  }

  /** Everything below has been added, in the same turn in which it was looked at or while nobody could change it. */
  reach(place: HObject): void {
    this.place = place;
  }

  /** Changes are not heard of any more. */
  end(): void {
    this.unwatch();
  }

  private changed(by: StatsDelta): void {
    const { counts } = this;
    counts.objects += by.numObjects;
    counts.bytes += by.numBytes;
    counts.dirty += by.numObjectsDirty;
    counts.omapObjects += by.numObjectsOmap;
  }
}
