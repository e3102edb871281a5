// When a PG is scrubbed, how deep, and how a scrub goes its way: pure decisions.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import { isTimeToScrub, type ScrubScene, scrubDue, scrubTimes } from '../src/osd/scrub/schedule.ts';
import { joinedHistory, newestHistory, scrubbedAtBirth } from '../src/osd/scrub/scrub-history.ts';
import {
  SCRUB_IDLE,
  type ScrubEffect,
  type ScrubInput,
  type ScrubState,
  SELF,
  stepScrub,
} from '../src/osd/scrub/scrub-machine.ts';
import { PostedScrubPlaces, ScrubClerk, ScrubPlaces } from '../src/osd/scrub/scrub-places.ts';
import { requestedPlan } from '../src/osd/scrub/scrub-plan.ts';
import { scrubSettings } from '../src/osd/scrub/scrub-settings.ts';
import { HOBJECT_MAX, HOBJECT_MIN } from '../src/wire/index.ts';

const SETTINGS = scrubSettings(new OsdConfig());
const ORDERS = {
  noscrub: false,
  nodeepScrub: false,
  minIntervalSeconds: 0,
  maxIntervalSeconds: 0,
  deepIntervalSeconds: 0,
};
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A Monday, 00:00 UTC. */
const MONDAY = 4 * DAY + 1000 * 7 * DAY;
const scene = (afterMs: number, more: Partial<ScrubScene> = {}): ScrubScene => ({
  nowMs: MONDAY + afterMs,
  history: scrubbedAtBirth(MONDAY),
  settings: SETTINGS,
  orders: ORDERS,
  chance: 0,
  deepChance: 0.9,
  ...more,
});

describe('a PG is scrubbed', () => {
  it('when its least interval and a part of it that chance says are over', () => {
    expect(scrubDue(scene(DAY - 1))).toBeUndefined();
    expect(scrubDue(scene(DAY))).toMatchObject({ deep: false, repair: false, required: false });
    expect(scrubTimes(scene(0, { chance: 0.5 })).dueMs).toBe(MONDAY + DAY * 1.25);
    expect(scrubDue(scene(DAY, { chance: 0.5 }))).toBeUndefined();
  });

  it('by the intervals of its pool rather than the options', () => {
    const orders = { ...ORDERS, minIntervalSeconds: 60, deepIntervalSeconds: 120 };
    expect(scrubDue(scene(61_000, { orders }))).toMatchObject({ deep: false });
    expect(scrubDue(scene(121_000, { orders }))).toMatchObject({ deep: true });
  });

  it('deep after a week, when errors of deep scrubs are left, and now and then by chance', () => {
    expect(scrubDue(scene(7 * DAY))).toMatchObject({ deep: true });
    expect(scrubDue(scene(DAY, { deepChance: 0.1 }))).toMatchObject({ deep: true });
    const history = { ...scrubbedAtBirth(MONDAY), deepErrors: 1 };
    expect(scrubDue(scene(DAY, { history }))).toMatchObject({ deep: true });
  });

  it('never against the flags', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.boolean(),
        fc.nat(30 * DAY),
        fc.nat(2),
        (noscrub, nodeepScrub, after, deepErrors) => {
          const history = { ...scrubbedAtBirth(MONDAY), deepErrors };
          const orders = { ...ORDERS, noscrub, nodeepScrub };
          const plan = scrubDue(scene(after, { orders, history, deepChance: 0 }));
          if (plan?.deep) expect(nodeepScrub).toBe(false);
          else if (plan) expect(noscrub).toBe(false);
        },
      ),
    );
  });

  it('in its hours and on its days only, until its longest interval is over', () => {
    const settings = { ...SETTINGS, beginHour: 22, endHour: 6, beginWeekDay: 1, endWeekDay: 6 };
    const at = (day: number, hour: number): boolean =>
      isTimeToScrub(MONDAY + day * DAY + hour * HOUR, settings);
    expect([at(0, 23), at(1, 5), at(1, 6), at(1, 21)]).toEqual([true, true, false, false]);
    expect([at(4, 23), at(5, 23), at(6, 23)]).toEqual([true, false, false]);
    expect(scrubDue(scene(DAY + 12 * HOUR, { settings }))).toBeUndefined();
    expect(scrubDue(scene(DAY + 23 * HOUR, { settings }))).toBeDefined();
    expect(scrubDue(scene(7 * DAY + 12 * HOUR, { settings }))).toBeDefined();
    expect(isTimeToScrub(MONDAY, SETTINGS)).toBe(true);
  });
});

it('the newest history of several counts, and the most repairs', () => {
  const old = { ...scrubbedAtBirth(MONDAY), objectsRepaired: 3 };
  const young = { ...scrubbedAtBirth(MONDAY + DAY), shallowErrors: 1, objectsRepaired: 1 };
  expect(newestHistory([old, young])).toEqual({ ...young, objectsRepaired: 3 });
  expect(newestHistory([young])).toBe(young);
});

it('PGs that become one were scrubbed when the one was that waits longer, and keep all errors', () => {
  const old = { ...scrubbedAtBirth(MONDAY), deepErrors: 2 };
  const young = { ...scrubbedAtBirth(MONDAY + DAY), shallowErrors: 1 };
  const both = { ...old, shallowErrors: 1 };
  expect([joinedHistory(old, young), joinedHistory(young, old)]).toEqual([both, both]);
});

describe('a scrub', () => {
  const start: ScrubInput = {
    kind: 'start',
    plan: requestedPlan({ deep: true, repair: false }),
    members: [1, 2],
    from: HOBJECT_MIN,
    preemptions: 2,
  };
  const range = { from: HOBJECT_MIN, to: HOBJECT_MAX };
  const all = { objects: [], to: HOBJECT_MAX };
  const HALF = { ...HOBJECT_MIN, pool: 1, hash: 7 };
  /** Anything that may happen, sensible or not. */
  const input: fc.Arbitrary<ScrubInput> = fc.oneof(
    fc.constant(start),
    fc.boolean().map((isGiven): ScrubInput => ({ kind: 'place', isGiven })),
    fc
      .tuple(fc.constantFrom(1, 2, 7), fc.integer({ min: 0, max: 9 }))
      .map(([from, n]): ScrubInput => ({ kind: 'answer', from, isGiven: n > 0 })),
    fc.boolean().map((isLast): ScrubInput => ({ kind: 'chosen', chunk: { range, isLast } })),
    fc.constantFrom<ScrubInput>({ kind: 'quiet' }, { kind: 'wanted' }, { kind: 'rested' }),
    fc
      .tuple(fc.constantFrom(1, 2, SELF), fc.integer({ min: 1, max: 3 }), fc.boolean())
      .map(([from, number, isCut]): ScrubInput => {
        return { kind: 'map', from, number, seen: isCut ? { ...all, to: HALF } : all };
      }),
    fc.constant<ScrubInput>({ kind: 'stop' }),
  );

  it('holds writes only while it has its places, lets them go whatever happens, and gives every place back', () => {
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
        let state: ScrubState = SCRUB_IDLE;
        let isHeld = false;
        let hasPlace = false;
        let compared = 0;
        const check = (e: ScrubEffect): void => {
          if (e.kind === 'takePlace') {
            expect(hasPlace).toBe(false);
            hasPlace = true;
          } else if (e.kind === 'release') hasPlace = false;
          else if (e.kind === 'hold') {
            expect([hasPlace, isHeld]).toEqual([true, false]);
            isHeld = true;
          } else if (e.kind === 'letGo') {
            expect(isHeld).toBe(true);
            isHeld = false;
          } else if (e.kind === 'compare') {
            // All members, once each, and nobody writes meanwhile.
            expect([isHeld, [...e.maps.keys()].sort()]).toEqual([true, [SELF, 1, 2]]);
            compared++;
          } else if (e.kind === 'finish') expect(compared).toBeGreaterThan(0);
        };
        for (const i of [...inputs, { kind: 'stop' } as const]) {
          const { next, effects } = stepScrub(state, i);
          state = next;
          for (const e of effects) check(e);
          expect(hasPlace).toBe(state.name !== 'idle');
          expect(isHeld).toBe(state.name === 'holding' || state.name === 'mapping');
        }
        expect([state.name, hasPlace, isHeld]).toEqual(['idle', false, false]);
      }),
      { numRuns: 2000 },
    );
  });

  it('goes through place, members, chunk after chunk, to its end', () => {
    let state: ScrubState = SCRUB_IDLE;
    const seen: string[] = [];
    const say = (i: ScrubInput): void => {
      const { next, effects } = stepScrub(state, i);
      state = next;
      seen.push(...effects.map((e) => e.kind));
    };
    say(start);
    say({ kind: 'place', isGiven: true });
    say({ kind: 'answer', from: 2, isGiven: true });
    say({ kind: 'answer', from: 1, isGiven: true });
    for (const [number, isLast] of [
      [1, false],
      [2, true],
    ] as const) {
      say({ kind: 'chosen', chunk: { range, isLast } });
      say({ kind: 'quiet' });
      for (const from of [SELF, 1, 2]) say({ kind: 'map', from, number, seen: all });
      if (!isLast) say({ kind: 'rested' });
    }
    const chunk = ['hold', 'scan', 'compare', 'letGo'];
    expect(seen).toEqual(
      ['takePlace', 'ask', 'begin', 'choose', ...chunk, 'rest', 'choose', ...chunk].concat([
        'release',
        'finish',
      ]),
    );
  });

  it('ends a chunk where a member could not look further, and goes on from there', () => {
    let state: ScrubState = SCRUB_IDLE;
    let effects: readonly ScrubEffect[] = [];
    const say = (i: ScrubInput): void => {
      ({ next: state, effects } = stepScrub(state, i));
    };
    say(start);
    say({ kind: 'place', isGiven: true });
    for (const from of [1, 2]) say({ kind: 'answer', from, isGiven: true });
    say({ kind: 'chosen', chunk: { range, isLast: true } });
    say({ kind: 'quiet' });
    say({ kind: 'map', from: 1, number: 1, seen: { objects: [], to: HALF } });
    for (const from of [2, SELF]) say({ kind: 'map', from, number: 1, seen: all });
    expect(effects.map((e) => e.kind)).toEqual(['compare', 'letGo', 'rest']);
    const [compare] = effects as [Extract<ScrubEffect, { kind: 'compare' }>];
    expect(compare.chunk.range).toEqual({ from: HOBJECT_MIN, to: HALF });
    say({ kind: 'rested' });
    expect(effects).toEqual([{ kind: 'choose', from: HALF, divisor: 1 }]);
  });

  it('is broken off by a write to its chunk so often as it may, each time for a smaller one', () => {
    let state: ScrubState = SCRUB_IDLE;
    const divisors: number[] = [];
    let letGo = 0;
    const say = (i: ScrubInput): void => {
      const { next, effects } = stepScrub(state, i);
      state = next;
      for (const e of effects) {
        if (e.kind === 'choose') divisors.push(e.divisor);
        if (e.kind === 'letGo') letGo++;
      }
    };
    say(start);
    say({ kind: 'place', isGiven: true });
    for (const from of [1, 2]) say({ kind: 'answer', from, isGiven: true });
    for (let i = 0; i < 4; i++) {
      say({ kind: 'chosen', chunk: { range, isLast: false } });
      say({ kind: 'quiet' });
      say({ kind: 'wanted' });
      say({ kind: 'rested' });
    }
    expect([divisors, letGo, state.name]).toEqual([[1, 2, 4], 2, 'mapping']);
  });
});

describe('places', () => {
  const turn = (): Promise<void> => new Promise((go) => setImmediate(go));

  it('are as many as the option says, here and on other threads together', async () => {
    let most = 2;
    const places = new ScrubPlaces(() => most);
    const posted: PostedScrubPlaces = new PostedScrubPlaces((ask) => clerk.asked(ask));
    const clerk = new ScrubClerk(places, (answer) => posted.answered(answer));
    const given: boolean[] = [];
    const take = (from: ScrubPlaces | PostedScrubPlaces) => from.take((is) => given.push(is));
    const first = take(places);
    const second = take(posted);
    take(places);
    take(posted);
    await turn();
    expect([...given].sort()).toEqual([false, false, true, true]);
    second.release();
    second.release();
    first.release();
    given.length = 0;
    take(posted);
    most = 1;
    const late = take(posted);
    late.release();
    await turn();
    expect(given).toEqual([true]);
  });
});
