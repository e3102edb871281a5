// The checker of what clients saw of one object.
import { expect, it } from 'vitest';
import { checkObject, type Done } from '../sim/linearizable.ts';
import { ABSENT, ABSENT_PRINT, applySteps, fingerprint, type Step } from '../sim/object-model.ts';
import { versionsGoneBack } from '../sim/versions.ts';

const full = (text: string): Step => ({ do: 'writeFull', data: Buffer.from(text) });
const LOST = Number.POSITIVE_INFINITY;

function write(at: [number, number], version: number | undefined, ...steps: Step[]): Done {
  const [calledAt, returnedAt] = at;
  const result = returnedAt === LOST ? '' : 'ok';
  const v = version === undefined ? undefined : BigInt(version);
  return { who: 'w', calledAt, returnedAt, steps, result, version: v };
}

/** A read that saw the object as these steps leave it. */
function read(at: [number, number], ...steps: Step[]): Done {
  const state = steps.length > 0 ? applySteps(ABSENT, steps) : ABSENT;
  if (typeof state === 'string') throw new Error(state);
  const [calledAt, returnedAt] = at;
  const result = steps.length > 0 ? fingerprint(state) : ABSENT_PRINT;
  return { who: 'r', calledAt, returnedAt, steps: undefined, result, version: undefined };
}

const verdict = (...history: Done[]): string => checkObject(history).kind;

it('takes what can be put in order', () => {
  expect(verdict(write([0, 9], 1, full('a')), read([1, 2]), read([3, 4], full('a')))).toBe(
    'linearizable',
  );
});

it('finds an acknowledged write that is not read, and a removed object that is', () => {
  expect(verdict(write([0, 1], 1, full('a')), read([2, 3]))).toBe('not linearizable');
  const removed = write([2, 3], 2, { do: 'remove' });
  expect(verdict(write([0, 1], 1, full('a')), removed, read([4, 5], full('a')))).toBe(
    'not linearizable',
  );
});

it('lets what nobody was told of happen late or never, but once', () => {
  const lost = write([0, LOST], undefined, full('a'));
  expect(verdict(lost, read([2, 3]), read([4, 5], full('a')))).toBe('linearizable');
  expect(verdict(lost, read([2, 3], full('a')), read([4, 5]))).toBe('not linearizable');
  const other = write([3, 4], 2, full('b'));
  expect(verdict(lost, read([1, 2], full('a')), other, read([5, 6], full('a')))).toBe(
    'not linearizable',
  );
});

it('finds versions that go back', () => {
  expect(verdict(write([0, 1], 2, full('a')), write([2, 3], 1, full('b')))).toBe(
    'versions out of order',
  );
});

it('knows that what changes nothing answers with the version before', () => {
  const clear = write([0, 5], 1, { do: 'clearOmap' });
  expect(verdict(clear, write([1, 2], 1, full('a')), read([6, 7], full('a')))).toBe('linearizable');
});

it('finds answers that are older than answers of before, also of reads', () => {
  const seen = (at: [number, number], version: number): Done => ({
    ...read(at, full('a')),
    version: BigInt(version),
  });
  const first = write([0, 1], 5, full('a'));
  expect(versionsGoneBack([first, seen([2, 3], 5), write([4, 5], 6, full('b'))])).toEqual([]);
  // One that was asked for before the other had its answer may be older.
  expect(versionsGoneBack([first, seen([0, 9], 4), seen([8, 9], 5)])).toEqual([]);
  expect(versionsGoneBack([first, seen([2, 3], 4)])).toEqual(['r: version 4, after 5 of w']);
  expect(versionsGoneBack([first, seen([2, 3], 7), seen([4, 5], 6)])).toHaveLength(1);
});
