import { compareHObject, type HObject } from '../../wire/index.ts';
import type { ListedObjects } from './import.ts';

/** A stretch of the order of objects: from `from` on, up to but without `end`. */
export interface Stretch {
  readonly from: HObject;
  readonly end: HObject;
}

/** Pages that lie ready, and questions under way, at most: however far one source lags behind the others. */
const AHEAD_MAX = 16;

/**
 * Who is asked to list which stretch of a PG's objects, so that all sources list at once: each gets the first stretch that
 * nobody was asked for, and pages wait here until the frontier has come to them. The frontier still moves page by page
 * in the order of objects, as if one source had listed all of them. That is safe although a page is old when it is taken:
 * what it says of an object that has been changed since is not looked at, as the member was told of that object before.
 *
 * One that had nothing to say, or has not answered, is a last resort: it is asked only for what comes next, where nobody
 * else is left. Pure.
 */
export class ListingPlan {
  private readonly asked = new Map<number, Stretch>();
  private held: ListedObjects[] = [];
  private readonly lastResorts = new Set<number>();
  private readonly endOf: (from: HObject) => HObject;

  /** @param endOf where a stretch is to end that begins there: about a page of objects further */
  constructor(endOf: (from: HObject) => HObject) {
    this.endOf = endOf;
  }

  /** Nothing is under way, and nothing is known of anybody. */
  clear(): void {
    this.asked.clear();
    this.held = [];
    this.lastResorts.clear();
  }

  isAsked(source: number): boolean {
    return this.asked.has(source);
  }

  /**
   * Gives stretches to sources that have none.
   * @param cursor the frontier
   * @param sources the best first
   */
  assign(cursor: HObject, sources: readonly number[]): [source: number, stretch: Stretch][] {
    const out: [number, Stretch][] = [];
    for (;;) {
      const stretch = this.firstGap(cursor);
      if (!stretch) return out;
      const isNext = compareHObject(stretch.from, cursor) === 0;
      // What comes next is always asked for, since all else waits for it.
      if (!isNext && this.asked.size + this.held.length >= AHEAD_MAX) return out;
      const free = sources.filter((osd) => !this.asked.has(osd));
      const source =
        free.find((osd) => !this.lastResorts.has(osd)) ?? (isNext ? free[0] : undefined);
      if (source === undefined) return out;
      this.asked.set(source, stretch);
      out.push([source, stretch]);
    }
  }

  /** A source has not answered in time: others are asked. */
  overdue(source: number): void {
    this.asked.delete(source);
    this.lastResorts.add(source);
  }

  /**
   * A source lists.
   * @returns whether that was its answer, and it had nothing to say
   */
  listed(source: number, cursor: HObject, page: ListedObjects): boolean {
    const asked = this.asked.get(source);
    const isAnswer = asked !== undefined && compareHObject(asked.from, page.from) === 0;
    if (isAnswer) this.asked.delete(source);
    if (compareHObject(page.next, page.from) <= 0) {
      if (isAnswer) this.lastResorts.add(source);
      return isAnswer;
    }
    this.lastResorts.delete(source);
    const isNext = compareHObject(page.from, cursor) <= 0;
    if (isNext || this.held.length < AHEAD_MAX) {
      this.held.push(page);
      this.held.sort((a, b) => compareHObject(a.from, b.from));
    }
    return false;
  }

  /** Takes out the page that goes on from the frontier, if it lies here. */
  take(cursor: HObject): ListedObjects | undefined {
    for (;;) {
      const first = this.held[0];
      if (!first || compareHObject(first.from, cursor) > 0) return undefined;
      this.held.shift();
      if (compareHObject(first.next, cursor) > 0) return first;
    }
  }

  /** The first stretch that is not here, and that nobody was asked for. */
  private firstGap(cursor: HObject): Stretch | undefined {
    const pages = this.held.map((p): Stretch => ({ from: p.from, end: p.next }));
    const covered = [...this.asked.values(), ...pages];
    covered.sort((a, b) => compareHObject(a.from, b.from));
    let at = cursor;
    for (const { from, end } of covered) {
      if (compareHObject(from, at) > 0) return { from: at, end: from };
      if (compareHObject(end, at) > 0) at = end;
    }
    return at.max ? undefined : { from: at, end: this.endOf(at) };
  }
}
