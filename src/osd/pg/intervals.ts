import { bool, s32, struct, u32, type ValueOf, vec } from '../../codec/index.ts';

/** Who serves a PG, as one OSDMap says it. */
export interface PgView {
  readonly epoch: number;
  readonly up: readonly number[];
  readonly upPrimary: number;
  readonly acting: readonly number[];
  /** -1: nobody. */
  readonly primary: number;
  readonly size: number;
  readonly minSize: number;
  /** PGs of the pool. */
  readonly pgCount: number;
  /** How many low bits of its objects' hashes the PG's seed is: more when it is split, fewer when it is merged into. */
  readonly bits: number;
  /** It is to be merged, or merged into, with one of the next maps: nobody is served until then. */
  readonly isMerging: boolean;
  /** up_from of the acting members in their order: a restarted member begins a new interval. */
  readonly upFrom: readonly number[];
  /** up_thru of the primary: newest epoch in which it was seen alive because it asked for that. */
  readonly upThru: number;
}

/** A stretch of epochs in which a PG's members did not change. */
export const Interval = struct('Interval', {
  first: u32,
  last: u32,
  /** Start of the first interval with these members that this entry stands for. */
  oldest: u32,
  acting: vec(s32),
  primary: s32,
  /**
   * Enough members to have accepted a write, and a primary that the map knew to be alive in it; whether they did is
   * unknown to those who were not there.
   */
  maybeWritten: bool,
});
export type Interval = ValueOf<typeof Interval>;

/** Is it one interval? Clients send again what they sent in another one: PastIntervals::is_new_interval, 16.2. */
export function sameMembers(a: PgView, b: PgView): boolean {
  return (
    a.primary === b.primary &&
    a.upPrimary === b.upPrimary &&
    a.minSize === b.minSize &&
    a.size === b.size &&
    a.bits === b.bits &&
    a.isMerging === b.isMerging &&
    sameList(a.acting, b.acting) &&
    sameList(a.up, b.up) &&
    sameList(a.upFrom, b.upFrom)
  );
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

/** Could a write have been answered under this view? */
export function mayWrite(v: PgView): boolean {
  return v.primary >= 0 && v.acting.length > 0 && v.acting.length >= v.minSize;
}

/**
 * An interval that has ended. A primary serves only once the map shows it alive in the interval: else an OSD that died
 * soon after it became the primary, without ever serving, would be waited for.
 * Source: PastIntervals::check_new_interval, src/osd/osd_types.cc, 16.2.
 * @param isVouchedFor the map's up_thru of the primary reached `first`, or that is not known
 */
export function closeInterval(
  view: PgView,
  first: number,
  last: number,
  isVouchedFor: boolean,
): Interval {
  const { acting, primary } = view;
  const maybeWritten = mayWrite(view) && isVouchedFor;
  return { first, last, oldest: first, acting: [...acting], primary, maybeWritten };
}

/**
 * Adds an interval to a history. Only those that may hold writes matter, and of several with the same members only the
 * newest: any one of its members knows what the older ones saw, so the history stays small however often OSDs restart.
 */
export function addInterval(history: readonly Interval[], next: Interval): Interval[] {
  if (!next.maybeWritten) return [...history];
  const members = memberKey(next);
  const others = history.filter((i) => memberKey(i) !== members);
  const same = history.filter((i) => memberKey(i) === members);
  const oldest = Math.min(next.oldest, ...same.map((i) => i.oldest));
  return [...others, { ...next, oldest }].sort((a, b) => a.first - b.first);
}

function memberKey(i: Interval): string {
  return [...i.acting].sort((a, b) => a - b).join();
}

/** Everything any of the histories knows. */
export function joinHistories(histories: Iterable<readonly Interval[]>): Interval[] {
  const all = [...histories].flat().sort((a, b) => a.last - b.last);
  let out: Interval[] = [];
  for (const i of all) out = addInterval(out, i);
  return out;
}

/** Who must be asked, and which intervals nobody alive can speak for. */
export interface PriorSet {
  readonly ask: ReadonlySet<number>;
  /** Members of such intervals that are down, whether or not others can speak for them. */
  readonly down: ReadonlySet<number>;
  /** Members of intervals that may hold writes of which not one can speak: one of each must come back, or all be lost. */
  readonly blockedBy: ReadonlySet<number>;
}

/** What the map says of those who were members once. */
export interface Others {
  isUp(osd: number): boolean;
  /**
   * Up to which epoch nothing that the OSD had is waited for: an operator gave it up (`osd lost`), or it was removed
   * (then for ever). 0: all of it counts.
   */
  lostAt(osd: number): number;
}

/**
 * A write was answered only when every acting member of its interval had it, so one member of each interval is enough.
 * Intervals that ended before `started` (all members of a later one had the whole history) no longer count, nor those
 * of which all members were given up. In Ceph one that was given up is enough; here the others are still waited for.
 * Source of the idea: PastIntervals::PriorSet, src/osd/osd_types.h, 16.2.
 */
export function priorSet(
  view: PgView,
  history: readonly Interval[],
  started: number,
  others: Others,
  isWitness: (osd: number, interval: Interval) => boolean,
): PriorSet {
  const isUp = (osd: number): boolean => others.isUp(osd);
  const ask = new Set<number>([...view.acting, ...view.up].filter((o) => o >= 0 && isUp(o)));
  const blockedBy = new Set<number>();
  const down = new Set<number>();
  for (const i of history) {
    if (i.last < started || !i.maybeWritten) continue;
    const alive = i.acting.filter(isUp);
    for (const osd of alive) ask.add(osd);
    for (const osd of i.acting) if (!isUp(osd) && others.lostAt(osd) <= i.first) down.add(osd);
    if (alive.some((osd) => isWitness(osd, i))) continue;
    for (const osd of i.acting) if (others.lostAt(osd) <= i.first) blockedBy.add(osd);
  }
  return { ask, down, blockedBy };
}
