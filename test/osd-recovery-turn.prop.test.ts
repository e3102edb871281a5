// A PG's way to its turn, with members that grant, refuse, take back, and a map that changes its mind.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type RecoveryNeed,
  stepTurn,
  type TurnInput,
  type TurnState,
} from '../src/osd/recovery/recovery-turn.ts';

const IDLE: TurnState = { name: 'idle' };
const need = (targets: number[], priority = 180): RecoveryNeed => ({
  kind: 'recovery',
  priority,
  targets,
});

const anyNeed = fc.record({
  kind: fc.constantFrom('recovery' as const, 'backfill' as const),
  priority: fc.integer({ min: 100, max: 255 }),
  targets: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }).map((t) => t.sort()),
});
const input: fc.Arbitrary<TurnInput> = fc.oneof(
  fc.record({ kind: fc.constant('need' as const), need: fc.option(anyNeed, { nil: undefined }) }),
  fc.record({ kind: fc.constant('granted' as const), hasRoom: fc.boolean() }),
  fc.record({ kind: fc.constant('preempted' as const) }),
  fc.record({
    kind: fc.constant('answer' as const),
    from: fc.integer({ min: 1, max: 4 }),
    word: fc.constantFrom('granted' as const, 'full' as const, 'revoked' as const),
  }),
  fc.record({ kind: fc.constant('retry' as const) }),
);

it('holds exactly the places that its state says, and leaves none behind', () => {
  fc.assert(
    fc.property(fc.array(input, { maxLength: 50 }), (inputs) => {
      let s: TurnState = IDLE;
      let own = false;
      const asked = new Set<number>();
      const feed = (i: TurnInput): void => {
        // Only who has the place can lose it.
        if (i.kind === 'preempted') {
          if (s.name !== 'remote' && s.name !== 'granted') return;
          own = false;
        }
        const { next, effects } = stepTurn(s, i);
        for (const e of effects) {
          if (e.kind === 'reserve') {
            expect(own).toBe(false);
            own = true;
          } else if (e.kind === 'release') own = false;
          else if (e.kind === 'ask') {
            expect(asked.has(e.osd)).toBe(false);
            asked.add(e.osd);
          } else if (e.kind === 'releaseAt') expect(asked.delete(e.osd)).toBe(true);
        }
        s = next;
        expect(own).toBe(s.name !== 'idle' && s.name !== 'full');
        const held = s.name === 'remote' ? s.asked : s.name === 'granted' ? s.need.targets : [];
        expect([...asked].sort()).toEqual([...held].sort());
      };
      for (const i of inputs) feed(i);
      feed({ kind: 'need', need: undefined });
      expect([s, own, asked.size]).toEqual([IDLE, false, 0]);
    }),
  );
});

it('asks members one after the other, in ascending order, and begins when all have granted', () => {
  let { next, effects } = stepTurn(IDLE, { kind: 'need', need: need([2, 5]) });
  expect(effects).toEqual([{ kind: 'reserve', priority: 180 }]);
  ({ next, effects } = stepTurn(next, { kind: 'granted', hasRoom: true }));
  expect(effects.map((e) => e.kind === 'ask' && e.osd)).toEqual([2]);
  // Who was not asked has nothing to say.
  expect(stepTurn(next, { kind: 'answer', from: 5, word: 'granted' }).effects).toEqual([]);
  ({ next, effects } = stepTurn(next, { kind: 'answer', from: 2, word: 'granted' }));
  expect(effects.map((e) => e.kind === 'ask' && e.osd)).toEqual([5]);
  ({ next, effects } = stepTurn(next, { kind: 'answer', from: 5, word: 'granted' }));
  expect([next.name, effects]).toEqual(['granted', [{ kind: 'begin' }]]);
  // One member is whole: its place is free for others, the turn goes on.
  ({ next, effects } = stepTurn(next, { kind: 'need', need: need([5]) }));
  expect([next.name, effects]).toEqual(['granted', [{ kind: 'releaseAt', osd: 2 }]]);
});

it('goes away for a while when a member is full, and comes back', () => {
  let { next, effects } = stepTurn(IDLE, { kind: 'need', need: need([2, 5]) });
  ({ next } = stepTurn(next, { kind: 'granted', hasRoom: true }));
  ({ next } = stepTurn(next, { kind: 'answer', from: 2, word: 'granted' }));
  ({ next, effects } = stepTurn(next, { kind: 'answer', from: 5, word: 'full' }));
  expect(next.name).toBe('full');
  expect(effects).toEqual([
    { kind: 'release' },
    { kind: 'releaseAt', osd: 2 },
    { kind: 'releaseAt', osd: 5 },
    { kind: 'retryLater', of: 'recovery' },
  ]);
  ({ next, effects } = stepTurn(next, { kind: 'retry' }));
  expect([next.name, effects]).toEqual(['local', [{ kind: 'reserve', priority: 180 }]]);
  ({ next, effects } = stepTurn(next, { kind: 'granted', hasRoom: false }));
  expect([next.name, effects[0]]).toEqual(['full', { kind: 'release' }]);
});

it('stands in line again when a place is taken back', () => {
  let { next, effects } = stepTurn(IDLE, { kind: 'need', need: need([2]) });
  ({ next } = stepTurn(next, { kind: 'granted', hasRoom: true }));
  ({ next } = stepTurn(next, { kind: 'answer', from: 2, word: 'granted' }));
  ({ next, effects } = stepTurn(next, { kind: 'answer', from: 2, word: 'revoked' }));
  expect([next.name, effects.map((e) => e.kind)]).toEqual([
    'local',
    ['release', 'releaseAt', 'reserve'],
  ]);
});
