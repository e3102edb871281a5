import { compareEVersion, type EVersion, type HObject } from '../../wire/index.ts';
import type { ObjectState } from '../requests/object-states.ts';
import { isInRange, type ScrubRange } from './scrub-map.ts';

/** What who holds writes hears. */
export interface HoldNews {
  /** All writes to the range from before are durable everywhere. Once. */
  quiet(): void;
  /** A write waits for the range. */
  wanted(): void;
}

/** Writes to a range of a PG's objects that wait while members look at it; reads do not. */
export class WriteHold {
  /** Objects whose next request is such a write. */
  readonly waiting = new Set<ObjectState>();
  private readonly range: ScrubRange;
  private readonly news: HoldNews;
  /** The newest change when it began. */
  private readonly upTo: EVersion | undefined;
  private isQuiet = false;

  constructor(range: ScrubRange, news: HoldNews, upTo: EVersion | undefined) {
    this.range = range;
    this.news = news;
    this.upTo = upTo;
  }

  covers(oid: HObject): boolean {
    return isInRange(oid, this.range);
  }

  add(object: ObjectState): void {
    this.waiting.add(object);
    this.news.wanted();
  }

  /**
   * Something has ended.
   * @param oldest change that is not durable everywhere
   * @param executing objects of writes that are not yet changes
   */
  look(
    oldest: EVersion | undefined,
    executing: Iterable<{ oid: HObject; mayWrite: boolean }>,
  ): void {
    if (this.isQuiet) return;
    if (oldest && this.upTo && compareEVersion(oldest, this.upTo) <= 0) return;
    for (const { oid, mayWrite } of executing) if (mayWrite && this.covers(oid)) return;
    this.isQuiet = true;
    this.news.quiet();
  }
}
