// Several sources list one PG at the same time; pages come late, twice, in any order, or never.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeAt, shareBefore } from '../src/osd/recovery/hash-order.ts';
import { firstObject, type ListedObjects } from '../src/osd/recovery/import.ts';
import { ListingPlan, type Stretch } from '../src/osd/recovery/listing-plan.ts';
import {
  compareHObject,
  HOBJECT_MAX,
  type HObject,
  reverseBits32,
  SNAP_HEAD,
} from '../src/wire/index.ts';

const PGID = { pool: 1, seed: 0 };
const START = firstObject(1);
const PAGE = 3;

/** The n-th of `of` objects whose hashes are even. */
function oid(n: number, of: number): HObject {
  const hash = reverseBits32(Math.floor((n * 2 ** 32) / of));
  return { ...START, name: `o${n}`, snap: SNAP_HEAD, hash };
}

const isBefore = (a: HObject, b: HObject): boolean => compareHObject(a, b) < 0;
const least = (...all: HObject[]): HObject => all.reduce((a, b) => (isBefore(b, a) ? b : a));

/** What one source can say: up to `end`, and nothing from the object `hole` on until behind it is asked. */
interface Source {
  readonly end: HObject;
  readonly hole: HObject | undefined;
}

function pageOf(objects: readonly HObject[], s: Source, { from, end }: Stretch): ListedObjects {
  const rest = objects.filter((o) => !isBefore(o, from));
  const stops = [end, s.end, rest[PAGE] ?? HOBJECT_MAX];
  if (s.hole && !isBefore(s.hole, from)) stops.push(s.hole);
  const next = least(...stops);
  if (!isBefore(from, next)) return { from, objects: [], next: from };
  const need = { epoch: 1, version: 1n };
  return {
    from,
    objects: rest.filter((o) => isBefore(o, next)).map((o) => ({ oid: o, need })),
    next,
  };
}

/** What happens: which question or page, and what becomes of it. */
interface Step {
  readonly at: number;
  readonly what: number;
}

interface Asked {
  readonly source: number;
  readonly stretch: Stretch;
  isOverdue: boolean;
}

/** A source that was late is asked once more, and what it said at first comes a second time. */
const FORMER_ANSWER: [number, { end: number; hole: number }[], number, Step[]] = [
  0,
  Array.from({ length: 3 }, () => ({ end: 0, hole: 0 })),
  21,
  [0, 0, 0x66, 0x28, 0, 0x10].map((n) => ({ at: n >> 4, what: n & 15 })),
];

it('takes every part once and in order, whoever lists it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.array(fc.record({ end: fc.nat(60), hole: fc.nat(120) }), { minLength: 0, maxLength: 3 }),
      // How many objects the totals speak of, right or not.
      fc.integer({ min: 1, max: 120 }),
      fc.array(fc.record({ at: fc.nat(9), what: fc.nat(9) }), { maxLength: 120 }),
      (count, others, believed, steps) => {
        const objects = Array.from({ length: count }, (_, n) => oid(n, Math.max(1, count)));
        const place = (n: number): HObject => objects[n] ?? HOBJECT_MAX;
        // One of them knows everything; it need not be the first.
        const sources: Source[] = others.map(({ end, hole }) => ({
          end: place(end),
          hole: hole < count ? place(hole) : undefined,
        }));
        sources.push({ end: HOBJECT_MAX, hole: undefined });
        const plan = new ListingPlan((from) => {
          const end = placeAt(PGID, 1, shareBefore(PGID, 1, from) + PAGE / believed);
          return isBefore(from, end) ? end : HOBJECT_MAX;
        });
        let cursor = START;
        const taken: string[] = [];
        let tried = new Set<number>();
        let asked: Asked[] = [];
        const old: { source: number; page: ListedObjects }[] = [];
        const assign = (): void => {
          const free = sources.map((_, i) => i).filter((i) => !tried.has(i));
          for (const [source, stretch] of cursor.max ? [] : plan.assign(cursor, free)) {
            expect(asked.some((a) => a.source === source && !a.isOverdue)).toBe(false);
            expect(isBefore(stretch.from, stretch.end)).toBe(true);
            asked.push({ source, stretch, isOverdue: false });
          }
        };
        const hear = (source: number, page: ListedObjects): void => {
          // Said of the place that is asked for now, it is as good as the answer; that one comes on top of it.
          for (const a of asked) {
            if (a.source === source && compareHObject(a.stretch.from, page.from) === 0) {
              a.isOverdue = true;
            }
          }
          if (plan.listed(source, cursor, page) && compareHObject(page.from, cursor) === 0) {
            tried.add(source);
          }
          for (let p = plan.take(cursor); p; p = plan.take(cursor)) {
            expect(isBefore(cursor, p.from)).toBe(false);
            expect(isBefore(cursor, p.next)).toBe(true);
            const news = p.objects.filter((o) => !isBefore(o.oid, cursor));
            taken.push(...news.map((o) => o.oid.name));
            cursor = p.next;
            tried = new Set();
          }
        };
        const answer = (a: Asked): void => {
          asked = asked.filter((other) => other !== a);
          const page = pageOf(objects, sources[a.source]!, a.stretch);
          old.push({ source: a.source, page });
          hear(a.source, page);
        };
        assign();
        for (const { at, what } of steps) {
          const one = asked[at % Math.max(1, asked.length)];
          if (what < 6) {
            if (one) answer(one);
          } else if (what < 8) {
            if (one && !one.isOverdue) {
              one.isOverdue = true;
              plan.overdue(one.source);
              tried.add(one.source);
            }
          } else {
            const again = old[at % Math.max(1, old.length)];
            if (again) hear(again.source, again.page);
          }
          assign();
        }
        for (let i = 0; i < 500 && !cursor.max; i++) {
          const one = asked.find((a) => !a.isOverdue);
          if (one) answer(one);
          else tried = new Set();
          assign();
        }
        expect(cursor.max).toBe(true);
        expect(taken).toEqual(objects.map((o) => o.name));
      },
    ),
    { examples: [FORMER_ANSWER], numRuns: 1000 },
  );
});

describe('a plan', () => {
  const objects = Array.from({ length: 24 }, (_, n) => oid(n, 24));
  const make = () =>
    new ListingPlan((from) => placeAt(PGID, 1, shareBefore(PGID, 1, from) + PAGE / 24));
  const all: Source = { end: HOBJECT_MAX, hole: undefined };

  it('asks all sources at once, each for the stretch behind that of the one before', () => {
    const asked = make().assign(START, [7, 8, 9]);
    expect(asked.map(([source]) => source)).toEqual([7, 8, 9]);
    expect(asked[1]![1].from).toEqual(asked[0]![1].end);
    expect(asked[2]![1].from).toEqual(asked[1]![1].end);
  });

  it('does not run ahead without bounds of a source that does not answer', () => {
    const plan = make();
    const first = plan.assign(START, [7, 8]);
    const queue = first.filter(([source]) => source === 8);
    let count = 0;
    for (let ask = queue.shift(); ask; ask = queue.shift()) {
      plan.listed(8, START, pageOf(objects.slice(0, 0), { ...all, hole: undefined }, ask[1]));
      count++;
      queue.push(...plan.assign(START, [7, 8]));
    }
    expect(count).toBeLessThanOrEqual(16);
    expect(plan.take(START)).toBeUndefined();
  });

  it('asks one that had nothing to say only where nobody else is left', () => {
    const plan = make();
    const [[, stretch]] = plan.assign(START, [7]) as [[number, Stretch]];
    expect(plan.listed(7, START, { from: stretch.from, objects: [], next: stretch.from })).toBe(
      true,
    );
    const next = plan.assign(START, [7, 8]);
    expect(next.map(([source]) => source)).toEqual([8]);
    plan.overdue(8);
    expect(plan.assign(START, [7, 8]).map(([source]) => source)).toEqual([7]);
  });
});

it('places of a PG are in the order of its objects', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.nat(39),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (pgCount, n, share) => {
        const pgid = { pool: 1, seed: n % pgCount };
        const place = placeAt(pgid, pgCount, share);
        expect(shareBefore(pgid, pgCount, place)).toBeCloseTo(share, 4);
        expect(placeAt(pgid, pgCount, 1)).toEqual(HOBJECT_MAX);
        expect(isBefore(placeAt(pgid, pgCount, share / 2), place) || share < 1e-5).toBe(true);
      },
    ),
  );
});
