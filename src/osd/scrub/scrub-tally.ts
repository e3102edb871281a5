import type { ObjectCount, ObjectTotals } from '../pg/object-count.ts';
import type { ScrubbedObject } from './scrub-map.ts';
import type { ScrubSettings } from './scrub-port.ts';
import type { Verdict } from './verdict.ts';

/** What one scrub has found so far. */
export class ScrubTally {
  shallowErrors = 0;
  deepErrors = 0;
  /** Objects that some member lacks, or has wrong, and of which a right copy is known. */
  missing = 0;
  inconsistent = 0;
  /** Copies that repairs replace. */
  fixed = 0;
  /** Objects whose info is to be written anew when all members have them again. */
  postponed = 0;
  /** Objects that were being brought to some member, or of which nobody knows what they are. */
  uncounted = 0;
  largeOmapObjects = 0;
  omapBytes = 0;
  omapKeys = 0;
  /** What the PG's own totals are held against. */
  private readonly count: ObjectCount;

  constructor(count: ObjectCount) {
    this.count = count;
  }

  /** Objects that can be repaired. */
  get repairable(): number {
    return this.missing + this.inconsistent;
  }

  /** @param primary the primary's own copy, whose omap counts */
  add(v: Verdict, primary: ScrubbedObject | undefined, settings: ScrubSettings): void {
    this.shallowErrors += v.shallowErrors;
    this.deepErrors += v.deepErrors;
    if (v.good.length > 0) {
      if (v.missing.length > 0) this.missing++;
      if (v.inconsistent.length > 0) this.inconsistent++;
    }
    if (primary) {
      this.omapBytes += primary.omapBytes;
      this.omapKeys += primary.omapKeys;
      if (isLarge(primary, settings)) this.largeOmapObjects++;
    }
    if (v.info) this.count.add(v.info);
    else this.uncounted++;
  }

  /**
   * What the PG counts wrongly of itself, in the words of PrimaryLogScrub::_scrub_finish (src/osd/PrimaryLogScrub.cc,
   * 16.2); undefined when it is right, or nobody can tell.
   */
  mismatch(totals: ObjectTotals): string | undefined {
    const { objects, bytes, dirty, omapObjects } = this.count.totals;
    const isRight =
      objects === totals.objects &&
      bytes === totals.bytes &&
      dirty === totals.dirty &&
      omapObjects === totals.omapObjects;
    if (isRight || this.uncounted > 0) return undefined;
    return (
      `stat mismatch, got ${objects}/${totals.objects} objects, 0/0 clones, ` +
      `${dirty}/${totals.dirty} dirty, ${omapObjects}/${totals.omapObjects} omap, 0/0 pinned, ` +
      `0/0 hit_set_archive, 0/0 whiteouts, ${bytes}/${totals.bytes} bytes, ` +
      '0/0 manifest objects, 0/0 hit_set_archive bytes.'
    );
  }

  /** As the PG should count itself. */
  get right(): ObjectTotals {
    return this.count.totals;
  }
}

export function isLarge(o: ScrubbedObject, settings: ScrubSettings): boolean {
  return o.omapKeys > settings.largeOmapKeys || o.omapBytes > settings.largeOmapBytes;
}
